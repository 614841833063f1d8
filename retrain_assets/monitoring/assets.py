"""`predictions`, `drift_report` and `performance_report` of a period."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import column_schema, pick, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import MonitoringPolicy
from retrain_assets.raw.policy import Columns

if TYPE_CHECKING:
    from retrain_assets.monitoring.records.performance_record import PerformanceRecord

SHOWN = 20


def monitoring_assets(
    frame: Frame, model: Model, columns: Columns, policy: MonitoringPolicy
) -> list[dg.AssetsDefinition]:
    """The three assets that watch the live model."""
    return [
        _predictions(frame, model),
        _drift_report(frame, model, columns, policy),
        _performance_report(frame, model, columns, policy),
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
        metadata={
            "dagster/column_schema": column_schema(
                {
                    model.key: ("key", "Which row"),
                    model.time: ("timestamp", "When the row happened"),
                    "version": ("category", "The version that scored it"),
                    "score": ("float64", "Predicted value, or probability of the positive class"),
                }
            )
        },
    )
    def predictions(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.predictions import predict_period

        period = period_of(context)
        predicted = predict_period(model, home.at(model.name, period))
        if predicted.version is None or predicted.table is None:
            return _no_model(period)
        scores = [name for name in predicted.table.column_names if name.startswith("score")]
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(
                    f"**{predicted.version.name}**, live since {predicted.version.period}, scored "
                    f"**{predicted.table.num_rows:,}** rows of {period}."
                ),
                "scores": table([_score_row(name, predicted.table[name]) for name in scores]),
                "version": predicted.version.number,
                **{f"mean_{name}": _mean(predicted.table[name]) for name in scores},
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
    def drift_report(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.drift_step import drift_step
        from retrain_assets.monitoring.pages.page import column_rows, drift_document, drift_lead

        at = home.at(model.name, period_of(context))
        record = drift_step(model, at, columns, monitoring.drift)
        if record.version is None or record.features is None:
            return _no_model(at.period)
        found, document = record.columns, drift_document(model.name, at.store, at.registry, at.period)
        return dg.MaterializeResult(
            metadata={
                "summary": _paragraphs(drift_lead(record)),
                **_kept(at.store, model.name, "drift_report", at.period, document),
                "columns": table([_drift_row(row) for row in column_rows(record)[:SHOWN]]),
                "warned": len(record.warned),
                "confirmed": sum(column.confirmed for column in found),
                "triggers": record.triggers,
                "smallest_p_value": min((c.p_value for c in found if c.p_value is not None), default=1.0),
                "largest_psi": max((c.psi for c in found if c.psi is not None), default=0.0),
                "largest_missing_shift": max((abs(c.missing_shift or 0.0) for c in found), default=0.0),
                "largest_new_share": max((c.new_share for c in found), default=0.0),
                "reference_periods": record.features.reference_periods,
                "version": int(record.version.removeprefix("v")),
            }
        )

    return drift_report


def _performance_report(
    frame: Frame, model: Model, columns: Columns, monitoring: MonitoringPolicy
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
    def performance_report(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.drift.label_drift import Labels, hold_on_jump
        from retrain_assets.monitoring.estimation.label_free import EstimationPolicy
        from retrain_assets.monitoring.pages.page import loss_rows, performance_document, performance_lead
        from retrain_assets.monitoring.performance.business_metrics import declared
        from retrain_assets.monitoring.performance_step import PerformancePolicy, performance_step

        at = home.at(model.name, period_of(context))
        texts = sorted({*columns.categorical, *columns.groups} - set(columns.numeric))
        policy = PerformancePolicy(
            columns.groups,
            declared(monitoring.business, list(columns.numeric), texts, monitoring.threshold),
            EstimationPolicy(monitoring.threshold, monitoring.costs),
            Labels(model.task, monitoring.drift, monitoring.labels),
        )
        record = performance_step(model, at, policy)
        hold_on_jump(at.registry, at.period, record.label_jump, clock.now())
        if record.version is None:
            return _no_model(at.period)
        document = performance_document(
            model.name, at.store, at.registry, at.period, model.loss, monitoring.retrain_cost
        )
        by_group = record.report.by_group if record.report else ()
        return dg.MaterializeResult(
            metadata={
                "summary": _paragraphs(performance_lead(record)),
                **_kept(at.store, model.name, "performance_report", at.period, document),
                "losses": table([pick(row, "loss", "rows", "a row", "low", "high") for row in loss_rows(record)]),
                "by_group": table([pick(asdict(row), "group", "value", "rows", "loss") for row in by_group[:SHOWN]]),
                **_series(record),
                "version": int(record.version.removeprefix("v")),
            }
        )

    return performance_report


def _no_model(period: str) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        metadata={"summary": dg.MetadataValue.md(f"No model was live in {period}, or nothing arrived that it scored.")}
    )


def _paragraphs(sentences: Sequence[str]) -> Any:
    """Sentences that may quote the data, one paragraph each."""
    from retrain_assets.documents.page import text

    return dg.MetadataValue.md("\n\n".join(text(sentence) for sentence in sentences))


def _kept(store: Any, model: str, asset: str, period: str, document: str) -> dict[str, Any]:
    """The document's picture and its text, once it is written beside the record as one HTML file.

    Two windows, because the UI opens a long one at its end.
    """
    from retrain_assets.monitoring.pages.page import monitoring_html

    path = store.write_bytes(asset, period, "html", monitoring_html(model, period, document))
    found = re.search(r"!\[[^]]*]\(data:image/png;base64,[^)]*\)", document)
    picture = found[0] if found else ""
    words = document.replace(picture, "(the picture stands above)") if picture else document
    return {
        "picture": dg.MetadataValue.md(picture),
        "report": dg.MetadataValue.md(f"{words}\nThis page as one HTML file: `{path}`."),
    }


def _series(record: "PerformanceRecord") -> dict[str, Any]:
    """What Dagster draws as series: measured, estimated and business numbers, each only where there is one."""
    report, estimated = record.report, record.estimated.estimate if record.estimated else None
    loss = record.loss
    found: dict[str, Any] = {"accumulated_excess": record.accumulated_excess}
    if report:
        found |= {loss: report.loss, f"{loss}_low": report.low, f"{loss}_high": report.high}
        found |= {"baseline": report.baseline, "excess_per_row": report.excess_per_row}
        found |= {"outcome": str(report.outcome), "dagster/row_count": report.rows}
    if estimated:
        found |= {f"{loss}_estimated": estimated.loss, "estimated_rows": estimated.rows}
        found |= {f"{loss}_estimated_low": estimated.low, f"{loss}_estimated_high": estimated.high}
    found |= {one.name: one.value for one in record.business}
    return {name: value for name, value in found.items() if value is not None}


def _drift_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """One column in a line that fits the page; what moved says how sure it is, the whole report has the distances."""
    weight = {"weight": f"{row['weight']:.2g}" if row["weight"] is not None else ""} if "weight" in row else {}
    return {**pick(row, "column", "outcome", "what moved"), **weight}


def _score_row(name: str, scores: Any) -> dict[str, Any]:
    import pyarrow.compute as pc

    low, middle, high = pc.quantile(scores, [0.05, 0.5, 0.95]).to_pylist()
    return {"score": name, "5 %": low, "median": middle, "95 %": high}


def _mean(column: Any) -> float:
    import pyarrow.compute as pc

    return float(pc.mean(column).as_py())
