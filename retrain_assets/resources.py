"""What assets need from outside: the home folder and the clock as Dagster resources, and what a model's assets share.

The resources hand out plain objects (`PeriodStore`, `Registry`, `datetime`); nothing below the glue knows Dagster.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from retrain_assets.windows.periods import Calendar

MODEL_TAG = "retrain/model"
TRIGGER_TAG = "retrain/trigger_id"
KIND_TAG = "retrain/trigger"
EVENT_TAG = "retrain/event"
"""On a run that moved the live pointer, the number of its event in the journal."""
OUTCOME_TAG = "retrain/outcome"


class Home(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder that holds every model's data, reports and registry (RETRAIN_HOME)."""

    path: str

    def store(self, model: str) -> Any:
        """The files of one model, as a `PeriodStore`."""
        from retrain_assets.store import PeriodStore

        return PeriodStore(Path(self.path) / "data" / model)

    def registry(self, model: str) -> Any:
        """The versions and the journal of one model, as a `Registry`."""
        from retrain_assets.registry.registry import Registry

        return Registry(Path(self.path) / "registry", model)


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Tells the time. With `replay_at` (ISO 8601) it stands still there, for replaying history."""

    replay_at: str | None = None

    def now(self) -> datetime:
        """Wall-clock time without a zone, like the periods' bounds."""
        return datetime.fromisoformat(self.replay_at) if self.replay_at else datetime.now().replace(microsecond=0)


@dataclass(frozen=True)
class Frame:
    """What all assets of one model share: key prefix, group, partitions, owners and tags."""

    model: str
    owners: tuple[str, ...]
    calendar: Calendar

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
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        """`dg.asset` with everything that the model's assets share."""
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            key=self.key(name),
            group_name=self.model,
            partitions_def=self.partitions,
            owners=list(self.owners),
            tags={MODEL_TAG: self.model},
            deps=[self.key(dep) for dep in deps],
            description=description,
            kinds=kinds,
            metadata=dict(metadata or {}),
            **options,
        )
        return decorator


def refused(context: Any, sentence: str) -> dg.Failure:
    """The end of a run that asked for something it may not have: tagged, so that it is no crash, and never retried."""
    context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "refused"})
    return dg.Failure(sentence, allow_retries=False)


def cause_of(error: Any) -> str:
    """What went wrong in a failed step: the innermost error's message, without the path of its class."""
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "unknown"
    message = str(error.message).strip().removeprefix("dagster._core.definitions.events.Failure: ")
    return re.sub(r"^(\w+\.)+(\w+: )", r"\2", message)


def period_of(context: dg.AssetExecutionContext) -> str:
    """The period a run is for.

    Raises:
        dagster.Failure: The run has no partition key; Dagster would treat the asset as unpartitioned.
    """
    if not context.has_partition_key:
        raise dg.Failure(
            f"{context.asset_key.to_user_string()} belongs to a period: launch it with a partition key "
            "(--partition PERIOD, or pick one in the launch dialog).",
            allow_retries=False,
        )
    return str(context.partition_key)


def column_schema(columns: Mapping[str, tuple[str, str]]) -> dg.TableSchema:
    """Dagster's column schema from name -> (type, description)."""
    return dg.TableSchema(
        columns=[dg.TableColumn(name, type=kind, description=text) for name, (kind, text) in columns.items()]
    )


def table(records: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Records as an inline table; an empty list shows one row that says so."""
    rows = [{key: _cell(value) for key, value in record.items()} for record in records] or [{"rows": "none"}]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema=_schema(rows))


def pick(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of a record's entries.

    A table on an asset page has room for about five narrow columns; a wider one pushes everything there off the edge.
    """
    return {name: record[name] for name in names}


def markdown_table(records: Sequence[Mapping[str, Any]]) -> str:
    """Records of the same keys as a Markdown table, for the window that a page opens, where there is room.

    >>> print(markdown_table([{"check": "fairness", "rows": 9545}]))
    | check | rows |
    |---|---|
    | fairness | 9545 |
    """
    if not records:
        return "none"
    rows = [[str(_cell(value)).replace("|", "\\|") for value in record.values()] for record in records]
    head = [" | ".join(records[0]), "|".join(["---"] * len(records[0]))]
    return "\n".join([f"| {head[0]} |", f"|{head[1]}|", *(f"| {' | '.join(row)} |" for row in rows)])


def short(digest: str | None) -> str:
    """The start of a digest, as the `retrain` command quotes it; a whole one is wider than the page."""
    return digest[:12] if digest else "none"


def _cell(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(f"{value:.5g}")
    return value if isinstance(value, str | int | bool) else "" if value is None else str(value)


def _schema(rows: list[dict[str, Any]]) -> dg.TableSchema:
    kinds = {bool: "bool", int: "int", float: "float"}
    return dg.TableSchema([dg.TableColumn(name, kinds.get(type(value), "string")) for name, value in rows[0].items()])
