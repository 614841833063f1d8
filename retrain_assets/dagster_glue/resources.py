"""What assets need from outside: the home folder and the clock as Dagster resources, and what a model's assets share.

The resources hand out plain objects (`PeriodStore`, `Registry`, `datetime`); nothing below the glue knows Dagster.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.executor import end_with_the_run
from retrain_assets.store import retrain_home

if TYPE_CHECKING:
    from retrain_assets.model import PeriodAccess
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore


class Home(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder that holds every model's data, reports and registry (RETRAIN_HOME)."""

    path: str

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Refuse a run whose config names another folder: it would begin a second history there.

        What carries out a step asks for this first, so it is also where a step begins to end with its run.

        Raises:
            dagster.Failure: It does.
        """
        end_with_the_run()
        resources = context.run.run_config.get("resources") if context.run else None
        if isinstance(resources, Mapping) and "home" in resources:
            raise dg.Failure(
                "run config names resources.home: a run works in the home of its deployment, which RETRAIN_HOME names, "
                "and in no other. Take it out of the config.",
                allow_retries=False,
            )

    def store(self, model: str) -> "PeriodStore":
        """The files of one model."""
        from retrain_assets.store import PeriodStore

        return PeriodStore(Path(self.path) / "data" / model)

    def registry(self, model: str) -> "Registry":
        """The versions and the journal of one model."""
        from retrain_assets.registry.registry import Registry

        return Registry(Path(self.path) / "registry", model)

    def at(self, model: str, period: str) -> "PeriodAccess":
        """One period of a model."""
        from retrain_assets.model import PeriodAccess

        return PeriodAccess(self.store(model), self.registry(model), period)


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Tells the time. With `replay_at` (ISO 8601) it stands still there, for replaying history, never the future."""

    replay_at: str | None = None

    def now(self) -> datetime:
        """Wall-clock time without a zone, like the periods' bounds.

        Raises:
            dagster.Failure: `replay_at` lies in the future, where holds that stand today would have ended.
        """
        present = datetime.now().replace(microsecond=0)
        if self.replay_at is None:
            return present
        moment = datetime.fromisoformat(self.replay_at)
        if moment > present:
            raise dg.Failure(
                f"replay_at {self.replay_at} lies in the future: a run cannot act as if a hold that stands today had "
                f"ended. Leave it out, or name a time before {present:%Y-%m-%d %H:%M}.",
                allow_retries=False,
            )
        return moment


def usual_resources() -> dict[str, Home | Clock]:
    """What a model's pipeline needs: RETRAIN_HOME (`.retrain` where it is not set) and the clock on the wall.

    The same objects whenever it is asked for, so that the pipelines of several models merge.
    """
    return {"home": _home(str(retrain_home())), "clock": _clock()}


@cache
def _home(path: str) -> Home:
    return Home(path=path)


@cache
def _clock() -> Clock:
    return Clock()
