"""What all assets of one model share: key prefix, group, partitions, owners and tags."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dagster as dg

from retrain_assets.dagster_glue.metadata import Metadata
from retrain_assets.dagster_glue.tags import MODEL_TAG
from retrain_assets.documents.units import called
from retrain_assets.periods import Calendar

Step = Callable[..., object]
"""What an asset does; Dagster finds its context and its resources by the names of the parameters."""

FIRST_ASSET = "raw_data"
"""Where a pipeline begins."""


@dataclass(frozen=True)
class Frame:
    """What all assets of one model share: key prefix, group, partitions, owners and tags.

    `upstream` are assets of the team, like `warehouse/churn_rows`, that `raw_data` depends on; `row_name` is what the
    spec calls a row, and so do the descriptions of assets and checks, `label_unit` what its label is counted in.
    """

    model: str
    owners: tuple[str, ...]
    calendar: Calendar
    upstream: tuple[str, ...] = ()
    row_name: str = "row"
    label_unit: str = ""

    @cached_property
    def partitions(self) -> dg.TimeWindowPartitionsDefinition:
        """The calendar as Dagster partitions."""
        calendar = self.calendar
        return dg.TimeWindowPartitionsDefinition(
            start=calendar.start.strftime(calendar.format),
            end=calendar.end.strftime(calendar.format) if calendar.end else None,
            fmt=calendar.format,
            cron_schedule=calendar.cron,
        )

    def key(self, asset: str) -> dg.AssetKey:
        """The key of one of the model's assets."""
        return dg.AssetKey([self.model, asset])

    def asset(
        self,
        name: str,
        *,
        description: str,
        kinds: set[str],
        deps: tuple[str, ...] = (),
        upstream: tuple[str, ...] = (),
        metadata: Metadata | None = None,
        **options: Any,
    ) -> Callable[[Step], dg.AssetsDefinition]:
        """`dg.asset` with everything that the model's assets share; `upstream` are assets of the team besides."""
        team = (*upstream, *(self.upstream if name == FIRST_ASSET else ()))
        decorator: Callable[[Step], dg.AssetsDefinition] = dg.asset(
            key=self.key(name),
            group_name=self.model,
            owners=list(self.owners),
            tags={MODEL_TAG: self.model},
            deps=[*(self.key(dep) for dep in deps), *(dg.AssetKey.from_user_string(key) for key in team)],
            description=called(description, self.row_name),
            kinds=kinds,
            metadata=dict(metadata or {}),
            **{"partitions_def": self.partitions, **options},
        )
        return decorator
