"""The two strategies and the better of them, as assets."""

from collections.abc import Callable
from typing import Any

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import pick, short, table
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG

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
        covered = record["coverage"]
        if not covered["eligible"]:
            return dg.MaterializeResult(
                data_version=dg.DataVersion("not eligible"),
                metadata={
                    "summary": dg.MetadataValue.md(f"**Not eligible**, not trained: {'; '.join(covered['problems'])}."),
                    "coverage": table(_covered(covered)),
                },
            )
        origins = record["origins"]
        return dg.MaterializeResult(
            data_version=dg.DataVersion(record["digest"]),
            metadata={
                "summary": dg.MetadataValue.md(_summary(record, loss)),
                "selection": table([pick(origin, "origin", "loss", "rounds", "train_rows") for origin in origins]),
                "coverage": table(_covered(covered)),
                "importance": table(
                    [{"feature": name, "share of gain": share} for name, share in record["importance"].items()][:15]
                ),
                f"selection_{loss}": record["selection_loss"],
                "rounds": record["rounds"],
                "effective_rows": record["effective_rows"],
                "training_seconds": record["seconds"],
                "digest": short(record["digest"]),
                "dagster/row_count": record["rows"],
            },
        )

    return candidate


def _choice(frame: Frame, training: Callable[[], Any]) -> dg.AssetsDefinition:
    @frame.asset(
        "candidate_model",
        deps=tuple(f"candidate_{strategy}" for strategy in STRATEGIES),
        description=(
            "The eligible strategy with the lowest loss on the selection periods, their average included where it is "
            "declared; the live model's strategy stays unless beaten by a declared share. Only this one meets the gate "
            "window. Fails as insufficient while no strategy's training window covers what it must."
        ),
        kinds={"lightgbm"},
    )
    def candidate_model(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.errors import NotCovered

        period = period_of(context)
        try:
            record = training().choose(home.store(frame.model), home.registry(frame.model), period)
        except NotCovered as lack:
            context.instance.add_run_tags(context.run.run_id, {OUTCOME_TAG: "insufficient"})
            raise dg.Failure(f"insufficient: {lack}", allow_retries=False) from lack
        return dg.MaterializeResult(
            data_version=dg.DataVersion(record["digest"]),
            metadata={
                "summary": dg.MetadataValue.md(f"**{record['strategy']}** goes to the gate. {record['reason']}"),
                "comparison": table(
                    [pick(row, "origin", "strategy", "loss", "rounds", "train_rows") for row in record["comparison"]]
                ),
                "strategy": record["strategy"],
                "eligible": ", ".join(record["eligible"]),
                "rounds": record["rounds"],
                "digest": short(record["digest"]),
                **{f"selection_{name}": loss for name, loss in record["losses"].items() if loss is not None},
            },
        )

    return candidate_model


def _covered(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What the training window holds of what it may be asked for, a line each."""
    lines = [{"of": "periods", "rows": record["periods"], "note": "in the training window"}]
    lines += [{"of": rare, "rows": rows, "note": "rare rows"} for rare, rows in record["rare_rows"].items()]
    unheld = {name: rows for name, rows in record["unheld_gate_rows"].items() if rows}
    return lines + [{"of": name, "rows": rows, "note": "gate rows of unknown level"} for name, rows in unheld.items()]


def _summary(record: dict[str, Any], loss: str) -> str:
    """What it was trained on, and how it did in the rehearsals."""
    origins = record["origins"]
    rehearsed = (
        f"Mean {loss} **{record['selection_loss']:.4g}** over {len(origins)} selection periods."
        if origins
        else "There are too few periods to rehearse it."
    )
    weighted = f" (worth {record['effective_rows']:,.0f} after weighting)"
    worth = weighted if round(record["effective_rows"]) < record["rows"] else ""
    return f"Trained on **{record['rows']:,}** rows{worth} in **{record['rounds']}** rounds. {rehearsed}"
