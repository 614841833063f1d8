"""Running a model's jobs from the command line, on the same persistent Dagster instance that the UI shows.

Runs happen in this process (no start-up per run); sensors are asked exactly as the daemon asks them.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from retrain_assets.cli.shared import login
from retrain_assets.dagster_glue.crashed_runs import alive, fail_crashed
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.pools import waking
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import cause_of
from retrain_assets.dagster_glue.tags import KEPT, KIND_TAG, MODEL_TAG, OUTCOME_TAG, TRIGGER_TAG
from retrain_assets.dagster_glue.undecided import reason_in
from retrain_assets.definitions import bound
from retrain_assets.pipeline import frame_of
from retrain_assets.production.jobs import job_name
from retrain_assets.registry.storage.disk import exclusive
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import retrain_home
from retrain_assets.validation.checks import recorded
from retrain_assets.verdict import CHECKS, Verdict

_SHIPPED_FOLDER = Path(".retrain/dagster")
"""Where the shipped settings keep the run history."""


@dataclass(frozen=True)
class RunEnd:
    """How a run ended: its outcome tag, or `crash` with the cause; of a candidate that was kept out, why."""

    run_id: str
    success: bool
    outcome: str
    cause: str

    @property
    def agreed(self) -> bool:
        """Whether what was asked for was done; a retrain that kept the live version ended well, the answer is no."""
        return self.success and self.outcome not in KEPT


def prepare_instance(home: Path) -> dg.DagsterInstance:
    """The instance under `home`, made once from the shipped `dagster.yaml`; sets DAGSTER_HOME for child processes."""
    folder = home / "dagster"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(f"RETRAIN_HOME={home}: {error.strerror}. Name a folder that can be written.") from None
    config = _in_folder(yaml.safe_load((Path(__file__).parent.parent / "dagster.yaml").read_text()), folder)
    _write(folder / "dagster.yaml", yaml.safe_dump(config, sort_keys=False), home)
    os.environ["DAGSTER_HOME"] = str(folder)
    # Two processes that open a fresh SQLite home together can leave it broken, so every table is made here, by one.
    with exclusive(folder / "open.lock"):
        instance = dg.DagsterInstance.get()
        instance.get_runs(limit=1)
        instance.event_log_storage.get_pool_config()
        instance.all_instigator_state()
    return instance


def _in_folder(value: object, folder: Path) -> object:
    """The shipped settings with every path under `.retrain/dagster` under another folder.

    >>> _in_folder({"logs": {"base_dir": ".retrain/dagster/logs"}, "limit": 1}, Path("/home/dagster"))
    {'logs': {'base_dir': '/home/dagster/logs'}, 'limit': 1}
    """
    if isinstance(value, dict):
        return {name: _in_folder(one, folder) for name, one in value.items()}
    if isinstance(value, list):
        return [_in_folder(one, folder) for one in value]
    if isinstance(value, str) and Path(value).is_relative_to(_SHIPPED_FOLDER):
        return str(folder / Path(value).relative_to(_SHIPPED_FOLDER))
    return value


def _write(path: Path, text: str, home: Path) -> None:
    """Write a file that does not hold this text yet.

    Raises:
        OSError: The home cannot be written.
    """
    if path.exists() and path.read_text() == text:
        return
    try:
        path.write_text(text)
    except OSError as error:
        raise OSError(
            f"RETRAIN_HOME={home}: {path}: {error.strerror}. Free some space there, or make it writable for this user."
        ) from None


class Runner:
    """One model's jobs and trigger sensor on one instance."""

    def __init__(self, spec: ModelSpec, instance: dg.DagsterInstance) -> None:
        self.spec = spec
        self.instance = instance
        self.defs = bound()
        self._cursors: dict[str, str | None] = {}

    @property
    def frame(self) -> Frame:
        """What the model's assets share."""
        return frame_of(self.spec)

    def run(
        self,
        job: str,
        period: str | None,
        *,
        at: datetime | None = None,
        tags: Mapping[str, str] | None = None,
        config: Mapping[str, Any] | None = None,
        assets: Sequence[str] = (),
    ) -> RunEnd:
        """Run `monitor`, `retrain` or `rollback`, and wait for its end.

        Args:
            job: Which of them.
            period: Its partition.
            at: The time that the run's clock tells; the wall clock's without it.
            tags: Further tags.
            config: Run configuration, as a sensor gives it.
            assets: Those of the job that are to be materialized; all of them where none is named.
        """
        quiet: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        clock = {"resources": {"clock": {"config": {"replay_at": at.isoformat()}}}} if at else {}
        fail_crashed(self.instance)
        with alive(self.instance) as living, waking(self.instance):
            result = self.defs.resolve_job_def(job_name(self.spec.name, job)).execute_in_process(
                instance=self.instance,
                partition_key=period,
                asset_selection=[self.frame.key(asset) for asset in assets] or None,
                run_config=quiet | clock | dict(config or {}),
                tags={**(tags or {}), "dagster/user": actor(at), **living},
                raise_on_error=False,
            )
        if any(_interrupted(event.step_failure_data.error) for event in result.all_events if event.is_step_failure):
            raise KeyboardInterrupt
        causes = [cause_of(event.step_failure_data.error) for event in result.all_events if event.is_step_failure]
        run = self.instance.get_run_by_id(result.run_id)
        assert run is not None
        outcome = run.tags.get(OUTCOME_TAG, "done" if result.success else "crash")
        if result.success and outcome in KEPT:
            causes = [reason for event in result.all_events if (reason := reason_in(event, self.frame))]
        return RunEnd(result.run_id, result.success, outcome, "; ".join(causes))

    def shows_checks(self, period: str) -> bool:
        """Whether the run records hold every check of a period's report; those of another machine's runs are not here.

        A report that is made again is the stored verdict, at no charge.
        """
        report = Home(path=str(retrain_home())).store(self.spec.name).read_json("validation_report", period)
        return report is None or len(recorded(self.instance, self.frame, Verdict.from_dict(report))) == len(CHECKS)

    def broken_off(self, period: str) -> dict[str, str] | None:
        """What asked for the last retrain of a period, as tags, where its process was killed; None where it ended.

        The trigger does not ask again on the same evidence, so whoever goes on with a replay has to.
        """
        fail_crashed(self.instance)
        job = job_name(self.spec.name, "retrain")
        last = self.instance.get_runs(dg.RunsFilter(job_name=job, tags={"dagster/partition": period}), limit=1)
        if not last or last[0].status is not dg.DagsterRunStatus.FAILURE or OUTCOME_TAG in last[0].tags:
            return None
        return {tag: last[0].tags[tag] for tag in (TRIGGER_TAG, KIND_TAG, MODEL_TAG) if tag in last[0].tags}

    def ask_trigger(self, at: datetime | None = None) -> tuple[dg.RunRequest | None, str]:
        """Evaluate the retrain trigger sensor: the run it requests, or why it does not."""
        return self._ask("retrain_trigger", at)

    def ask_rollback(self, at: datetime | None = None) -> tuple[dg.RunRequest | None, str]:
        """Evaluate the rollback sensor: the run it requests, or why it does not."""
        return self._ask("rollback_trigger", at)

    def _ask(self, name: str, at: datetime | None) -> tuple[dg.RunRequest | None, str]:
        sensor = self.defs.resolve_sensor_def(f"{self.spec.name}__{name}")
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self._cursors.get(name),
            definitions=self.defs,
            sensor_name=sensor.name,
            resources={
                "home": Home(path=str(retrain_home())),
                "clock": Clock(replay_at=at.isoformat() if at else None),
            },
        ) as context:
            tick = sensor.evaluate_tick(context)
        self._cursors[name] = tick.cursor or self._cursors.get(name)
        requests = list(tick.run_requests or ())
        return (requests[0], "") if requests else (None, tick.skip_message or "")


def _interrupted(error: Any) -> bool:
    while error is not None:
        if error.cls_name == "DagsterExecutionInterruptedError":
            return True
        error = error.cause
    return False


def actor(at: datetime | None = None) -> str:
    """Name who types; that a past moment is replayed is said with it, for the journal then tells the replay's time."""
    name = login() or "cli"
    return name if at is None else f"{name} in a replay"
