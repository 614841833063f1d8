"""The two strategies and the better of them, as assets.

Each strategy reads only its own window. The recent periods are therefore read twice in a retrain, a small share of its
work, and each strategy can be looked at and rerun by itself.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, sentence, short, table
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.undecided import keep_live
from retrain_assets.documents.units import amount, called
from retrain_assets.model import Model

if TYPE_CHECKING:
    from retrain_assets.candidates.coverage import Coverage
    from retrain_assets.candidates.rolling_origins import OriginLoss
    from retrain_assets.candidates.strategies import Trained
    from retrain_assets.candidates.strategy_record import StrategyRecord
    from retrain_assets.candidates.training import Training

STRATEGIES = {
    "recent": "the last weeks only, unweighted: quick to follow an abrupt change",
    "history": "all history, weighted by recency with a half-life: keeps what is seasonal or rare",
}
SHOWN_FEATURES = 15


def candidate_assets(frame: Frame, model: Model, training: Callable[[], "Training"]) -> list[dg.AssetsDefinition]:
    """Define one asset per strategy, and the choice between them; `training` is built when a run asks for it."""
    strategies = [_strategy(frame, model, training, name) for name in STRATEGIES]
    return [*strategies, _choice(frame, training)]


def _strategy(frame: Frame, model: Model, training: Callable[[], "Training"], strategy: str) -> dg.AssetsDefinition:
    @frame.asset(
        f"candidate_{strategy}",
        deps=("feature_windows",),
        description=(
            f"A model trained on {STRATEGIES[strategy]}. Its number of rounds and its selection loss come from rolling "
            "origins that precede the gate window; the model itself is trained on everything up to the gate."
        ),
        kinds={"lightgbm"},
    )
    def candidate(context: dg.AssetExecutionContext, home: Home) -> Materialized:
        access = home.at(frame.model, period_of(context))
        record = training().train(access, strategy)
        if record.trained is None:
            problems = "; ".join(record.coverage.problems)
            return dg.MaterializeResult(
                data_version=dg.DataVersion("not eligible"),
                metadata={
                    "summary": sentence("**Not eligible**, not trained: {}.", problems),
                    "coverage": table(_covered(record.coverage), model.row_name),
                },
            )
        trained = record.trained
        shares = [(name, amount(share, "share")) for name, share in trained.importance.items()][:SHOWN_FEATURES]
        return dg.MaterializeResult(
            data_version=dg.DataVersion(trained.digest),
            metadata={
                "summary": sentence(*_summary(model, record, trained)),
                "selection": table([_origin(origin) for origin in record.origins]),
                "coverage": table(_covered(record.coverage), model.row_name),
                "importance": table([{"feature": name, "share of gain": share} for name, share in shares]),
                f"selection_{model.loss}": record.selection_loss,
                "rounds": trained.rounds,
                "effective_rows": trained.effective_rows,
                "training_seconds": record.seconds,
                "digest": short(trained.digest),
                "dagster/row_count": trained.rows,
            },
        )

    return candidate


def _choice(frame: Frame, training: Callable[[], "Training"]) -> dg.AssetsDefinition:
    @frame.asset(
        "candidate_model",
        deps=tuple(f"candidate_{strategy}" for strategy in STRATEGIES),
        description=(
            "The eligible strategy with the lowest loss on the selection periods, their average included where it is "
            "declared; the live model's strategy stays unless beaten by a declared share. Only this one meets the gate "
            "window. None goes there while no strategy's training window covers what it must."
        ),
        kinds={"lightgbm"},
        output_required=False,
    )
    def candidate_model(context: dg.AssetExecutionContext, home: Home) -> Iterator[Materialized]:
        from retrain_assets.errors import NotCovered

        access = home.at(frame.model, period_of(context))
        try:
            record = training().choose(access)
        except NotCovered as lack:
            keep_live(context, frame, home, str(lack))
            return
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(record.digest),
            metadata={
                "summary": sentence("**{}** goes to the gate. {}", record.strategy, record.reason),
                "comparison": table([{**_origin(origin), "strategy": origin.strategy} for origin in record.comparison]),
                "strategy": record.strategy,
                "eligible": ", ".join(record.eligible),
                "rounds": record.rounds,
                "digest": short(record.digest),
                **{f"selection_{name}": loss for name, loss in record.losses.items()},
            },
        )

    return candidate_model


def _origin(origin: "OriginLoss") -> dict[str, object]:
    return {
        "origin": origin.origin,
        "loss": origin.loss,
        "rounds": origin.rounds,
        "train_rows": origin.train_rows,
    }


def _covered(found: "Coverage") -> list[dict[str, object]]:
    """List what the training window holds of what it may be asked for."""
    lines = [{"of": "periods", "rows": found.periods, "note": "in the training window"}]
    lines += [{"of": rare, "rows": rows, "note": "rare"} for rare, rows in found.rare.items()]
    unheld = {name: rows for name, rows in found.unheld.items() if rows}
    return lines + [
        {"of": name, "rows": rows, "note": "at the gate, of unknown level"} for name, rows in unheld.items()
    ]


def _summary(model: Model, record: "StrategyRecord", trained: "Trained") -> tuple[str, ...]:
    """Say what it was trained on, and how it did at the rolling origins: a template and its values."""
    weighted = f" (worth {trained.effective_rows:,.0f} after weighting)"
    worth = weighted if round(trained.effective_rows) < trained.rows else ""
    said = called("Trained on **{}** rows{} in **{}** rounds. ", model.row_name)
    values = (f"{trained.rows:,}", worth, f"{trained.rounds}")
    if record.selection_loss is None:
        return f"{said}There are too few periods to rehearse it.", *values
    mean = f"{record.selection_loss:.4g}"
    return f"{said}Mean {{}} **{{}}** over {{}} selection periods.", *values, model.loss, mean, f"{len(record.origins)}"
