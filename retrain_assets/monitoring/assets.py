"""`predictions`, `drift_report` and `performance_report` of a period."""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.raw.policy import Columns, Source
from retrain_assets.resources import Frame, Home, column_schema, period_of, table


def monitoring_assets(
    frame: Frame, task: str, source: Source, columns: Columns, drift: DriftPolicy, loss: str
) -> list[dg.AssetsDefinition]:
    """The three assets that watch the live model."""
    return [
        _predictions(frame, source),
        _drift_report(frame, task, columns, drift),
        _performance_report(frame, source, columns.groups, loss),
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
        if predicted.version is None:
            return _no_model(period)
        scores = [name for name in predicted.table.column_names if name.startswith("score")]
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": predicted.table.num_rows,
                "version": predicted.version.number,
                **{f"mean_{name}": _mean(predicted.table[name]) for name in scores},
                "summary": dg.MetadataValue.md(
                    f"**{predicted.version.name}** scored {predicted.table.num_rows:,} rows of {period}."
                ),
            }
        )

    return predictions


def _drift_report(frame: Frame, task: str, columns: Columns, policy: DriftPolicy) -> dg.AssetsDefinition:
    @frame.asset(
        "drift_report",
        deps=("raw_data", "predictions"),
        description=(
            "Has the world moved away from what the live model was trained on? Every column against the champion's own "
            "training periods, with the period as the unit of evidence: a false alarm in at most one report in twenty."
        ),
        kinds={"scipy"},
    )
    def drift_report(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.drift import DriftReport
        from retrain_assets.monitoring.reports import drift_step

        period = period_of(context)
        store = home.store(frame.model)
        record = drift_step(store, home.registry(frame.model), policy, columns, task, period)
        if record["version"] is None:
            return _no_model(period)
        reports = [DriftReport.from_dict(record[part]) for part in ("features", "scores") if part in record]
        found = [column for report in reports for column in report.columns]
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(" ".join(report.sentence for report in reports)),
                "columns": table([_drift_row(column) for column in found]),
                "warned": sum(len(report.warned) for report in reports),
                "confirmed": sum(len(report.confirmed) for report in reports),
                "triggers": any(report.triggers for report in reports),
                "smallest_p_value": min((c.p_value for c in found if c.p_value is not None), default=1.0),
                "largest_psi": max((c.psi for c in found if c.psi is not None), default=0.0),
                "reference_periods": reports[0].reference_periods,
                "version": record["version"],
            }
        )

    return drift_report


def _performance_report(frame: Frame, source: Source, groups: Sequence[str], loss: str) -> dg.AssetsDefinition:
    @frame.asset(
        "performance_report",
        deps=("outcomes", "predictions"),
        description=(
            "How good the live model was on the outcomes that arrived in the period, against the baseline it showed on "
            "the gate rows that promoted it. The excess loss summed since then is what asks for a retrain."
        ),
        kinds={"scipy"},
    )
    def performance_report(context: dg.AssetExecutionContext, home: Home) -> dg.MaterializeResult[Any]:
        from retrain_assets.monitoring.reports import performance_step, read_performance

        period = period_of(context)
        store, registry = home.store(frame.model), home.registry(frame.model)
        record = performance_step(store, registry, frame.calendar, loss, source.key, groups, period)
        report = read_performance(record)
        if report is None:
            return _no_model(period)
        return dg.MaterializeResult(
            metadata={
                "summary": dg.MetadataValue.md(report.sentence),
                loss: report.loss,
                f"{loss}_low": report.low,
                f"{loss}_high": report.high,
                "baseline": report.baseline,
                "excess_per_row": report.excess_per_row,
                "accumulated_excess": report.accumulated_excess,
                "outcome": str(report.outcome),
                "dagster/row_count": report.rows,
                "version": record["version"],
                "by_group": table([dict(row) for row in report.by_group]),
            }
        )

    return performance_report


def _no_model(period: str) -> dg.MaterializeResult[Any]:
    return dg.MaterializeResult(
        metadata={"summary": dg.MetadataValue.md(f"No model was live in {period}, or nothing arrived that it scored.")}
    )


def _drift_row(column: Any) -> dict[str, Any]:
    shown = (
        "column",
        "outcome",
        "summary",
        "p_value",
        "psi",
        "wasserstein",
        "total_variation",
        "missing_shift",
        "new_share",
    )
    return {name: getattr(column, name) for name in shown} | {"what": column.sentence}


def _mean(column: Any) -> float:
    import pyarrow.compute as pc

    return float(pc.mean(column).as_py())
