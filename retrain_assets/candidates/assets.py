"""The two strategies and the better of them, as assets."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.resources import Frame, Home, period_of, table

STRATEGIES = {
    "recent": "the last periods only, unweighted: quick to follow an abrupt change",
    "history": "all history, weighted by recency with a half-life: keeps what is seasonal or rare",
}


def candidate_assets(frame: Frame, loss: str, training: Callable[[], Any]) -> list[dg.AssetsDefinition]:
    """One asset per strategy, and the choice between them; `training()` does the work."""
    strategies = [_strategy(frame, loss, training, name, text) for name, text in STRATEGIES.items()]
    return [*strategies, _choice(frame, training)]


def _strategy(frame: Frame, loss: str, training: Callable[[], Any], strategy: str, text: str) -> dg.AssetsDefinition:
    @frame.asset(
        f"candidate_{strategy}",
        deps=("feature_windows",),
        description=(
            f"A model trained on {text}. Its number of rounds and its selection loss come from rolling origins that "
            "precede the gate window; the model itself is trained on everything up to the gate."
        ),
        kinds={"lightgbm"},
    )
    def candidate(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        period = period_of(context)
        record = training().train(home.store(frame.model), strategy, period)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(record["digest"]),
            metadata={
                "digest": record["digest"],
                "rounds": record["rounds"],
                "dagster/row_count": record["rows"],
                "effective_rows": record["effective_rows"],
                "training_seconds": record["seconds"],
                f"selection_{loss}": record["selection_loss"],
                "selection": table(record["origins"]),
                "importance": table(
                    [{"feature": name, "share_of_gain": share} for name, share in record["importance"].items()]
                ),
                "summary": dg.MetadataValue.md(
                    f"**{record['rows']:,}** rows (worth {record['effective_rows']:,.0f} after weighting), "
                    f"**{record['rounds']}** rounds. {record['reason']}"
                ),
            },
        )

    return candidate


def _choice(frame: Frame, training: Callable[[], Any]) -> dg.AssetsDefinition:
    @frame.asset(
        "candidate_model",
        deps=tuple(f"candidate_{strategy}" for strategy in STRATEGIES),
        description=(
            "The strategy with the lower loss on the selection periods; a tie goes to the live model's strategy. Only "
            "this one meets the gate window."
        ),
        kinds={"lightgbm"},
    )
    def candidate_model(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        period = period_of(context)
        record = training().choose(home.store(frame.model), home.registry(frame.model), period)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(record["digest"]),
            metadata={
                "digest": record["digest"],
                "strategy": record["strategy"],
                "rounds": record["rounds"],
                "comparison": table(record["comparison"]),
                "summary": dg.MetadataValue.md(f"**{record['strategy']}** goes to the gate. {record['reason']}"),
                **{f"selection_{name}": loss for name, loss in record["losses"].items() if loss is not None},
            },
        )

    return candidate_model
