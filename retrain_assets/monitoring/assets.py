"""`predictions`, `drift_report` and `performance_report` of a period."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, Metadata, column_schema, pick, sentence, table
from retrain_assets.dagster_glue.reports import kept
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.stored_tables import KEY
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import MonitoringPolicy
from retrain_assets.raw.policy import Columns

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain_assets.monitoring.records.performance_record import PerformanceRecord
    from retrain_assets.store import PeriodStore

SHOWN = 20


def monitoring_assets(
    frame: Frame,
    model: Model,
    columns: Columns,
    policy: MonitoringPolicy,
    harm: "Callable[[PeriodStore, str], str]",
) -> list[dg.AssetsDefinition]:
    """The three assets that watch the live model; `harm()` gives what its probation found against it in a period."""
    return [
        _predictions(frame, model),
        _drift_report(frame, model, columns, policy),
        _performance_report(frame, model, columns, policy, harm),
    ]


def _predictions(frame: Frame, model: Model) -> dg.AssetsDefinition:
    @frame.asset(
        "predictions",
        deps=("raw_data",),
        description=(
            "The scores that the model in charge of the period gives its rows. Which version was in charge is read "
            "from the registry's journal, so that a period scored again gets the same scores."
        ),
        kinds={"lightgbm", "parquet"},
        io_manager_key=KEY,
        metadata={
            "dagster/column_schema": column_schema(
                {
                    model.key: ("key", f"Which {model.row_name}"),
                    model.time: ("timestamp", f"When the {model.row_name} happened"),
                    "version": ("category", "The version that scored it"),
                    "score": ("float64", "Predicted value, or probability of the positive class"),
                }
            )
        },
    )
    def predictions(context: dg.AssetExecutionContext, home: Home) -> Materialized:
        from retrain_assets.monitoring.predictions import predict_period
        from retrain_assets.monitoring.served_skew import served_skew

        period = period_of(context)
        predicted = predict_period(model, home.at(model.name, period))
        skew = served_skew(model, home.at(model.name, period), Path(home.path) / "served" / model.name)
        if predicted.version is None or predicted.table is None:
            return _no_model(model, period)
        scores = [name for name in predicted.table.column_names if name.startswith("score")]
        return dg.MaterializeResult(
            metadata={
                "summary": sentence(
                    "**{} scored {} of {}.** It is live since the decision of {}. {} {}",
                    predicted.version.name,
                    model.units.rows(predicted.table.num_rows),
                    model.calendar.words(period),
                    model.calendar.words(predicted.version.period),
                    predicted.remark or "",
                    skew.sentence(frame.row_name) if skew is not None else "",
                ),
                "scores": table([_score_row(name, predicted.table[name]) for name in scores]),
                "version": predicted.version.name,
                **{f"mean_{name}": _rounded(_mean(predicted.table[name])) for name in scores},
                "dagster/row_count": predicted.table.num_rows,
            }
        )

    return predictions


def _drift_report(frame: Frame, model: Model, columns: Columns, monitoring: MonitoringPolicy) -> dg.AssetsDefinition:
    @frame.asset(
        "drift_report",
        deps=("raw_data", "predictions", "outcomes"),
        description=(
            "Has the world moved away from what the live model was trained on? Every column against the champion's own "
            "training periods, with the period as the unit of evidence: a false alarm in at most one report in twenty."
        ),
        kinds={"scipy"},
    )
    def drift_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Materialized:
        from retrain_assets.monitoring.drift_step import drift_step
        from retrain_assets.monitoring.pages.page import column_rows, drift_document
        from retrain_assets.monitoring.pages.summary import drift_summary, summary

        at = home.at(model.name, period_of(context))
        record = drift_step(model, at, columns, monitoring.drift, f"{clock.now():%Y-%m-%d}")
        if record.version is None or record.features is None:
            return _no_model(model, at.period)
        found = record.columns
        document, pictures = drift_document(model, at.store, at.registry, at.period)
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(summary(drift_summary(model, record))),
                **kept(at, "drift_report", document, pictures),
                "columns": table([_drift_row(row) for row in column_rows(record)[:SHOWN]]),
                "warned": len(record.warned),
                "confirmed": sum(column.confirmed for column in found),
                "largest_psi": _rounded(max((c.psi for c in found if c.psi is not None), default=0.0)),
                "asks_for_a_retrain": "yes" if record.triggers else "no",
                "compared_with": f"{record.features.reference_periods} periods that {record.version} was trained on",
            }
        )

    return drift_report


def _performance_report(
    frame: Frame,
    model: Model,
    columns: Columns,
    monitoring: MonitoringPolicy,
    harm: "Callable[[PeriodStore, str], str]",
) -> dg.AssetsDefinition:
    @frame.asset(
        "performance_report",
        deps=("outcomes", "predictions", "drift_report"),
        description=(
            "How good the live model was on the outcomes that arrived in the period, against the baseline it showed on "
            "the gate rows that promoted it, and how good it is expected to be on rows whose outcomes are still out. "
            "The excess loss summed since the last attempt is what asks for a retrain."
        ),
        kinds={"scipy"},
    )
    def performance_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Materialized:
        from retrain_assets.monitoring.drift.label_drift import Labels, hold_on_jump
        from retrain_assets.monitoring.estimation.estimator import EstimationPolicy
        from retrain_assets.monitoring.pages.page import performance_document
        from retrain_assets.monitoring.pages.summary import group_table, loss_table, performance_summary, summary
        from retrain_assets.monitoring.performance.business_metrics import parsed_metrics
        from retrain_assets.monitoring.performance_step import PerformancePolicy, performance_step

        at = home.at(model.name, period_of(context))
        texts = sorted({*columns.categorical, *columns.groups} - set(columns.numeric))
        policy = PerformancePolicy(
            columns.groups,
            parsed_metrics(monitoring.business, list(columns.numeric), texts, monitoring.threshold),
            EstimationPolicy(monitoring.threshold, monitoring.costs),
            Labels(model.task, monitoring.drift, monitoring.labels),
            monitoring.group_minimum,
        )
        record = performance_step(model, at, policy, f"{clock.now():%Y-%m-%d}")
        hold_on_jump(at.registry, at.period, record.label_jump, clock.now())
        if record.version is None:
            return _no_model(model, at.period)
        harmed = harm(at.store, at.period)
        cost = monitoring.retrain_cost
        document, pictures = performance_document(model, at.store, at.registry, at.period, cost, harmed)
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(summary(performance_summary(record, harmed))),
                **kept(at, "performance_report", document, pictures),
                "losses": table(loss_table(model, record)),
                "by_group": table(group_table(model, record.report, SHOWN)),
                **_series(record),
                "version": record.version,
            }
        )

    return performance_report


def _no_model(model: Model, period: str) -> Materialized:
    when = model.calendar.during(period)
    said = sentence("**No model was live {}, so there is nothing to watch yet.**", when)
    return dg.MaterializeResult(metadata={"summary": said})


def _series(record: "PerformanceRecord") -> Metadata:
    """What Dagster draws as series: the loss as measured, promised and estimated, what piled up, business metrics."""
    report, estimated = record.report, record.estimate
    loss = record.loss
    found: dict[str, float | None] = {"accumulated_excess": record.accumulated_excess}
    if report:
        found |= {loss: report.loss, "baseline": report.baseline, "dagster/row_count": report.rows}
    if estimated:
        found |= {f"{loss}_estimated": estimated.loss}
    found |= {one.name: one.value for one in record.business}
    series: Metadata = {name: _rounded(value) for name, value in found.items() if value is not None}
    return series | {"outcome": report.outcome.value} if report else series


def _rounded(value: float) -> float:
    """Four digits that count; a whole number stays one."""
    return value if isinstance(value, int) else float(f"{value:.4g}")


def _drift_row(row: Mapping[str, object]) -> dict[str, object]:
    """One column in a line that fits the page; what moved says how sure it is, the whole report has the distances."""
    from retrain_assets.monitoring.pages.page import share_words

    found = row.get("weight")
    weight = {"weight": share_words(found) if isinstance(found, float) else ""} if "weight" in row else {}
    return {**pick(row, "column", "outcome", "what moved"), **weight}


def _score_row(name: str, scores: "pa.ChunkedArray") -> dict[str, object]:
    import pyarrow.compute as pc

    low, middle, high = pc.quantile(scores, [0.05, 0.5, 0.95]).to_pylist()
    shares = {"5 % are below": low, "half are below": middle, "95 % are below": high}
    return {"score": name, **{words: _rounded(value) for words, value in shares.items()}}


def _mean(column: "pa.ChunkedArray") -> float:
    import pyarrow.compute as pc

    return float(pc.mean(column).as_py())
