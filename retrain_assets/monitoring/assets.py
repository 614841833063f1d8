"""`predictions`, `drift_report` and `performance_report` of a period."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import dagster as dg

from retrain_assets.monitoring.policy import BusinessMetric, DriftPolicy, TriggerPolicy
from retrain_assets.raw.policy import Columns, Source
from retrain_assets.resources import Frame, Home, column_schema, markdown_table, period_of, pick, table

SHOWN = 20
NUMBERS = (
    "column", "outcome", "summary", "p_value", "psi", "ks", "wasserstein", "total_variation", "missing_shift",
    "new_share", "confirmed",
)  # fmt: skip


def monitoring_assets(
    frame: Frame,
    task: Any,
    source: Source,
    columns: Columns,
    drift: DriftPolicy,
    loss: str,
    triggers: TriggerPolicy,
    business: Sequence[BusinessMetric],
    threshold: float,
) -> list[dg.AssetsDefinition]:
    """The three assets that watch the live model; `threshold` turns a binary score into a decision."""
    return [
        _predictions(frame, source),
        _drift_report(frame, task, source, columns, drift),
        _performance_report(frame, source, columns, loss, triggers.retrain_cost, business, threshold),
    ]


def _predictions(frame: Frame, source: Source) -> dg.AssetsDefinition:
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
                    source.key: ("key", "Which row"),
                    source.time: ("timestamp", "When the row happened"),
                    "version": ("category", "The version that scored it"),
                    "score": ("float64", "Predicted value, or probability of the positive class"),
                }
            )
        },
    )
    def predictions(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.predictions import predict_period

        period = period_of(context)
        registry = home.registry(frame.model)
        predicted = predict_period(home.store(frame.model), registry, period, source.key, source.time)
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


def _drift_report(
    frame: Frame, task: Any, source: Source, columns: Columns, policy: DriftPolicy
) -> dg.AssetsDefinition:
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
        from retrain_assets.monitoring.plot import columns_of, drift_picture
        from retrain_assets.monitoring.reports import drift_step

        period = period_of(context)
        store, registry = home.store(frame.model), home.registry(frame.model)
        record = drift_step(store, registry, policy, columns, task, period, frame.calendar, source.key, source.time)
        if record["version"] is None:
            return _no_model(period)
        found = columns_of(record)
        numbers = markdown_table([pick(asdict(column), *NUMBERS) for column in found])
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(record["sentence"]),
                "picture": dg.MetadataValue.md(f"{drift_picture(store, registry, period)}\n\n{numbers}"),
                "columns": table([_drift_row(column) for column in found[:SHOWN]]),
                "warned": len(record["warned"]),
                "confirmed": sum(column.confirmed for column in found),
                "triggers": record["triggers"],
                "smallest_p_value": min((c.p_value for c in found if c.p_value is not None), default=1.0),
                "largest_psi": max((c.psi for c in found if c.psi is not None), default=0.0),
                "reference_periods": record["features"]["reference_periods"],
                "version": int(record["version"].removeprefix("v")),
            }
        )

    return drift_report


def _performance_report(
    frame: Frame,
    source: Source,
    columns: Columns,
    loss: str,
    retrain_cost: float,
    business: Sequence[BusinessMetric],
    threshold: float,
) -> dg.AssetsDefinition:
    groups = columns.groups
    texts = sorted({*columns.categorical, *groups} - set(columns.numeric))

    @frame.asset(
        "performance_report",
        deps=("outcomes", "predictions"),
        description=(
            "How good the live model was on the outcomes that arrived in the period, against the baseline it showed on "
            "the gate rows that promoted it. The excess loss summed since the last attempt is what asks for a retrain."
        ),
        kinds={"scipy"},
    )
    def performance_report(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.business import declared
        from retrain_assets.monitoring.plot import performance_history, performance_picture
        from retrain_assets.monitoring.reports import performance_step, read_performance

        period = period_of(context)
        store, registry = home.store(frame.model), home.registry(frame.model)
        earned = declared(business, list(columns.numeric), texts, threshold)
        record = performance_step(store, registry, frame.calendar, loss, source.key, groups, period, earned)
        report = read_performance(record)
        if report is None:
            return _no_model(period)
        picture = performance_picture(*performance_history(store, registry, period), loss, retrain_cost)
        by_group = [dict(row) for row in report.by_group]
        business_rows = record.get("business", [])
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(
                    "\n\n".join([report.sentence, *(one["sentence"] for one in business_rows)])
                ),
                "picture": dg.MetadataValue.md(f"{picture}\n\n{markdown_table(by_group)}"),
                "by_group": table([pick(row, "group", "value", "rows", "loss") for row in by_group[:SHOWN]]),
                loss: report.loss,
                f"{loss}_low": report.low,
                f"{loss}_high": report.high,
                "baseline": report.baseline,
                "excess_per_row": report.excess_per_row,
                "accumulated_excess": report.accumulated_excess,
                "outcome": str(report.outcome),
                **{one["name"]: one["value"] for one in business_rows if one["value"] is not None},
                "version": int(report.version.removeprefix("v")),
                "dagster/row_count": report.rows,
            }
        )

    return performance_report


def _no_model(period: str) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        metadata={"summary": dg.MetadataValue.md(f"No model was live in {period}, or nothing arrived that it scored.")}
    )


def _drift_row(column: Any) -> dict[str, Any]:
    """One column in a line that fits the page."""
    p_value, psi = (f"{x:.2g}" if x is not None else "" for x in (column.p_value, column.psi))
    return {"column": column.column, "outcome": column.outcome, "what": column.summary, "p": p_value, "psi": psi}


def _score_row(name: str, scores: Any) -> dict[str, Any]:
    import pyarrow.compute as pc

    low, middle, high = pc.quantile(scores, [0.05, 0.5, 0.95]).to_pylist()
    return {"score": name, "5 %": low, "median": middle, "95 %": high}


def _mean(column: Any) -> float:
    import pyarrow.compute as pc

    return float(pc.mean(column).as_py())
