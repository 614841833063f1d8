"""What Dagster's run history says of a model whose registry holds no history: that there was one, and it is lost."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


EVENTS = "events"
"""Metadata of `production_model`: how many events the journal held after the decision."""
_AT_ONCE = 100


def refuse_forgotten(instance: dg.DagsterInstance, registry: "Registry") -> None:
    """Refuse to begin a history where the run history shows a decision of an earlier one.

    Raises:
        IntegrityError: It does.
    """
    if registry.head() is None:
        registry.refuse_forgotten(decided_in_runs(instance, registry.model))


def decided_in_runs(instance: dg.DagsterInstance, model: str) -> str | None:
    """The sentence on the newest decision in the run history; None where there is none.

    A run that came too early for a first model decided nothing: its journal held no event. What does not say how many
    there were counts as a decision.
    """
    key, cursor, more = dg.AssetKey([model, "production_model"]), None, True
    while more:
        found = instance.fetch_materializations(key, limit=_AT_ONCE, cursor=cursor)
        for record in found.records:
            shown = record.asset_materialization
            events = shown.metadata.get(EVENTS) if shown else None
            if events is None or events.value != 0:
                return f"run {record.run_id[:8]} in the run history decided {record.partition_key or 'a period'}."
        cursor, more = found.cursor, found.has_more
    return None
