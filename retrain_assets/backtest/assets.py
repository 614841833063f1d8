"""`policy_backtest`: what each retraining policy would have cost on this model's own history."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, sentence, table
from retrain_assets.dagster_glue.reports import link
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.tags import MODEL_TAG, TURN_TAG
from retrain_assets.model import Model

if TYPE_CHECKING:
    from retrain_assets.backtest.backtest import Backtest, Incumbent
    from retrain_assets.backtest.record import BacktestRecord

ASSET = "policy_backtest"
SHOWN = 12
SECONDS = 21600


def backtest_assets(frame: Frame, model: Model, backtest: "Callable[[], Backtest]") -> list[dg.AssetsDefinition]:
    """Define the one asset; `backtest()` gives what replays policies."""

    @frame.asset(
        ASSET,
        deps=("raw_data", "outcomes"),
        description=(
            "When should this model have been retrained? A model of every week of its history, trained on what was "
            "known then and scored on every later day, and every retraining policy as a path through these losses. Off "
            "until the first backtest (`retrain backtest NAME`, the job `NAME__backtest`); from then on each "
            "monitoring run adds the models of its own period. Launched for earlier periods it trains theirs only, so "
            "that a backfill shares the work."
        ),
        kinds={"lightgbm", "matplotlib"},
        output_required=False,
    )
    def policy_backtest(context: dg.AssetExecutionContext, home: Home) -> Iterator[Materialized]:
        from retrain_assets.backtest.record import read_backtest
        from retrain_assets.errors import NotEnoughData
        from retrain_assets.monitoring.records.forgone_record import write_forgone

        period, store = period_of(context), home.store(frame.model)
        asked = context.run.job_name != f"{frame.model}__monitor"
        known = read_backtest(store)
        if not asked and known is None:
            context.log.info(f"no backtest yet: `retrain backtest {frame.model}` makes the first")
            return
        stored = store.periods("raw_data")
        if stored and period < stored[-1]:
            fits = backtest().train(store, store, period)
            context.log.info(f"{fits} models of {period} trained; the report is that of {stored[-1]}")
            return
        live = _live(home, model, period)
        try:
            if not asked and known is not None and known.period > period:
                found = backtest().forgone(store, live) if live is not None else None
                record = None
            else:
                found, record = backtest().keep_up(store, live, None if asked else 1)
        except NotEnoughData as lack:
            if asked:
                raise dg.Failure(str(lack), allow_retries=False) from lack
            context.log.info(str(lack))
            return
        if found is not None:
            write_forgone(store, found)
        if record is None:
            context.log.info(f"the backtest as of {known.period if known else period} knows this period already")
            return
        yield _materialized(record, model, home)

    return [policy_backtest]


def backtest_job(frame: Frame) -> UnresolvedAssetJobDefinition:
    """The job that makes a backtest, or shares in one when it is launched as a backfill."""
    return dg.define_asset_job(
        f"{frame.model}__backtest",
        selection=dg.AssetSelection.assets(frame.key(ASSET)),
        description="Replay every retraining policy on the model's own history.",
        tags={MODEL_TAG: frame.model, TURN_TAG: f"{frame.model} backtest", "dagster/max_runtime_seconds": str(SECONDS)},
        executor_def=run_executor(),
    )


def _live(home: Home, model: Model, period: str) -> "Incumbent | None":
    """The live model as of a period; None without one."""
    from retrain_assets.backtest.backtest import Incumbent
    from retrain_assets.monitoring.triggers.accumulated_excess import last_attempt
    from retrain_assets.monitoring.triggers.evidence import trained_until
    from retrain_assets.registry.journal.history import History

    registry = home.registry(model.name)
    live, until = registry.live(), trained_until(registry)
    if live is None or until is None:
        return None
    tried = last_attempt(History(registry.history()), model.calendar.shift(period, 1))
    decided, attempted = (model.calendar.bounds(key)[1] for key in (live.period, max(live.period, tried)))
    return Incumbent(live.name, until, decided, attempted)


def _materialized(record: "BacktestRecord", model: Model, home: Home) -> Materialized:
    from retrain_assets.backtest.pages.page import backtest_html
    from retrain_assets.backtest.pages.plots import timeline, trade_off
    from retrain_assets.backtest.pages.text import cost_words, saving_words, shown_policies, span_words
    from retrain_assets.documents.figure import markdown

    units, store = model.units, home.store(model.name)
    store.write_bytes(ASSET, record.period, "html", backtest_html(record, units))
    pictures = [
        markdown(trade_off(record, units), "loss against retrains"),
        markdown(timeline(record, units), "loss and retrains over time"),
    ]
    rows = [
        {
            "policy": one.name,
            "retrains": len(one.retrains),
            "cost": units.total(one.cost),
            "against its clock": "" if one.hindsight else saving_words(one.against_clock, units),
        }
        for one in shown_policies(record)[:SHOWN]
    ]
    saved = record.recommendation.saving
    return dg.MaterializeResult(
        metadata={
            "summary": sentence("**{}**", record.recommendation.sentence),
            "report": link(home.at(model.name, record.period), ASSET, record.period),
            "basis": sentence("{}. {}.", span_words(record, units), cost_words(record, units)),
            "trade_off": dg.MetadataValue.md(pictures[0]),
            "over_time": dg.MetadataValue.md(pictures[1]),
            "policies": table(rows),
            "saves": float(f"{saved.total:.4g}") if saved else 0.0,
            "models_trained": record.fits,
        }
    )
