"""What Dagster's run history says of a model whose registry holds no history: that there was one, and it is lost."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry


def refuse_forgotten(instance: dg.DagsterInstance, registry: "Registry") -> None:
    """Refuse to begin a history where the run history shows a decision of an earlier one.

    Raises:
        IntegrityError: It does.
    """
    if registry.head() is None:
        registry.refuse_forgotten(decided_in_runs(instance, registry.model))


def decided_in_runs(instance: dg.DagsterInstance, model: str) -> str | None:
    """The sentence on the newest decision in the run history; None where there is none."""
    decided = instance.get_latest_materialization_event(dg.AssetKey([model, "production_model"]))
    if decided is None:
        return None
    period = decided.asset_materialization.partition if decided.asset_materialization else None
    return f"run {decided.run_id[:8]} in the run history decided {period or 'a period'}."
