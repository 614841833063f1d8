"""`raw_data` with the data contract as checks, and `outcomes`: what arrived in a period."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, column_schema, pick, sentence, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.documents.page import text
from retrain_assets.documents.units import called, counted, percent, plural
from retrain_assets.raw.policy import Columns, Source
from retrain_assets.store import KNOWN_AT, OUTCOME, OUTCOME_TIME

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain_assets.raw.contract import Checked, ColumnSummary, ContractProblem, Intake

CONTRACT_CHECKS = {
    "schema": "Every declared column is there and has the declared type.",
    "keys": "No key stands twice.",
    "period": "Every row's time lies in the period.",
    "ranges": "Impossible values are rare enough, and so are the rows they take out.",
    "nulls": "No new column is empty, none has more missing values than declared.",
    "volume": "The period holds enough rows, or none at all.",
}


def raw_assets(
    frame: Frame, source: Source, columns: Columns, intake: "Callable[[], Intake]"
) -> list[dg.AssetsDefinition]:
    """The two assets that take data in; `intake()` gives what the model declares."""
    return [_raw_data(frame, source, columns, intake), _outcomes(frame, source, intake)]


def _raw_data(frame: Frame, source: Source, columns: Columns, intake: "Callable[[], Intake]") -> dg.AssetsDefinition:
    @frame.asset(
        "raw_data",
        description=(
            "The period's rows as one Parquet file, typed by the contract. A period that breaks the contract is "
            "refused as a whole and the earlier file stays; single impossible rows are set aside with their reason. "
            "A period without rows is a gap, of which nothing is stored."
        ),
        kinds={"parquet", "arrow"},
        metadata={"dagster/column_schema": _schema(source, columns, frame.row_name)},
        check_specs=_contract_checks(frame),
    )
    def raw_data(
        context: dg.AssetExecutionContext, home: Home, clock: Clock
    ) -> Iterator[dg.AssetCheckResult | Materialized]:
        from retrain_assets.errors import DataError
        from retrain_assets.raw.ingest import ingest
        from retrain_assets.raw.served import served_kinds

        period = period_of(context)
        declared, store = intake(), home.store(frame.model)
        longest = declared.contract.max_delay
        late = longest is not None and clock.now() - frame.calendar.bounds(period)[1] > longest
        try:
            checked = ingest(declared, store, period, served_kinds(home.registry(frame.model), period), late)
        except DataError as error:
            yield dg.AssetCheckResult(check_name="schema", passed=False, description=text(str(error)))
            raise dg.Failure(f"{error} The earlier data stays.", allow_retries=False) from None
        for name in CONTRACT_CHECKS:
            yield _check_result(name, [one for one in checked.problems if one.check == name], frame.row_name)
        blocking = [problem.sentence for problem in checked.problems if problem.blocking]
        if blocking:
            raise dg.Failure("; ".join(blocking) + " The earlier data stays.", allow_retries=False)
        yield dg.MaterializeResult(
            data_version=dg.DataVersion(checked.sha256),
            metadata={
                "summary": sentence(*_summary(period, checked, frame.row_name)),
                "columns": table([_column_row(column) for column in checked.summary]),
                "rows": checked.table.num_rows,
                "rejected_rows": checked.rejected.num_rows,
                "findings": len(checked.problems),
                "dagster/row_count": checked.table.num_rows,
                "dagster/uri": str(home.store(frame.model).path("raw_data", period)),
            },
        )

    return raw_data


def _outcomes(frame: Frame, source: Source, intake: "Callable[[], Intake]") -> dg.AssetsDefinition:
    @frame.asset(
        "outcomes",
        deps=("raw_data",),
        description=(
            "The outcomes that arrived in the period, for rows of this period and of earlier ones. A decision as of a "
            "period reads these files up to that period and so never sees an outcome before it was known."
        ),
        kinds={"parquet", "arrow"},
        metadata={
            "dagster/column_schema": column_schema(
                {
                    source.key: ("key", f"Which {frame.row_name}"),
                    OUTCOME: ("float64", f"{source.label}, the outcome"),
                    OUTCOME_TIME: ("timestamp", f"When the {frame.row_name} happened"),
                    KNOWN_AT: ("timestamp", "When its outcome became known"),
                }
            )
        },
    )
    def outcomes(context: dg.AssetExecutionContext, home: Home) -> Materialized:
        from retrain_assets.errors import DataError
        from retrain_assets.raw.ingest import ingest_outcomes

        period = period_of(context)
        store = home.store(frame.model)
        arrived, problems = ingest_outcomes(intake(), store, period)
        blocking = [problem.sentence for problem in problems if problem.blocking]
        if blocking:
            raise DataError("; ".join(blocking) + " The earlier outcomes stay.")
        start = frame.calendar.bounds(period)[0]
        late = sum(moment < start for moment in arrived[OUTCOME_TIME].to_pylist())
        return dg.MaterializeResult(
            metadata={
                "summary": sentence(
                    "**{}** outcomes became known in {}, {} of them for {} of earlier periods. {}",
                    f"{arrived.num_rows:,}",
                    period,
                    f"{late:,}",
                    plural(frame.row_name),
                    " ".join(problem.sentence for problem in problems),
                ),
                "outcomes": arrived.num_rows,
                "of_earlier_periods": late,
                "mean_label": _mean(arrived),
                "dagster/row_count": arrived.num_rows,
            }
        )

    return outcomes


def _contract_checks(frame: Frame) -> list[dg.AssetCheckSpec]:
    key, row = frame.key("raw_data"), frame.row_name
    return [
        dg.AssetCheckSpec(name, asset=key, blocking=True, description=called(asked, row))
        for name, asked in CONTRACT_CHECKS.items()
    ]


def _summary(period: str, checked: "Checked", row: str) -> tuple[str, ...]:
    """The rows that came in, and what was odd about them: a template and its values."""
    odd = [problem.sentence for problem in checked.problems]
    told = "\n- {}" * len(odd) if odd else " Nothing odd about them."
    if not checked.table.num_rows:
        return f"**No {plural(row)}** of {{}}: a gap. Monitor it again when they have come.{told}", period, *odd
    refused = f", {checked.rejected.num_rows:,} set aside" if checked.rejected.num_rows else ""
    return f"**{{}}** of {{}}{{}}.{told}", counted(checked.table.num_rows, row), period, refused, *odd


def _column_row(column: "ColumnSummary") -> dict[str, object]:
    """One column in a line that fits the page."""
    shown = pick(asdict(column), "column", "missing", "impossible", "min", "mean", "max")
    return {**shown, "missing": f"{percent(column.missing, 2)}"}


def _check_result(name: str, problems: "Sequence[ContractProblem]", row: str) -> dg.AssetCheckResult:
    blocking = any(problem.blocking for problem in problems)
    return dg.AssetCheckResult(
        check_name=name,
        passed=not blocking,
        severity=dg.AssetCheckSeverity.ERROR,
        description=text(" ".join(problem.sentence for problem in problems) or called(CONTRACT_CHECKS[name], row)),
        metadata={"problems": len(problems), "count": sum(problem.count for problem in problems)},
    )


def _schema(source: Source, columns: Columns, row: str) -> dg.TableSchema:
    described: dict[str, tuple[str, str]] = {
        source.key: ("key", f"Identifies the {row}"),
        source.time: ("timestamp", f"When the {row} happened; decides its period"),
    }
    for name, rule in columns.numeric.items():
        low, high = ("" if limit is None else f"{limit:g}" for limit in (rule.min, rule.max))
        described[name] = ("number", f"feature{f', possible {low}..{high}' if low or high else ''}")
    described |= dict.fromkeys(columns.categorical, ("category", "feature"))
    described |= dict.fromkeys(columns.amounts, ("number", "amount that prices errors, not a feature"))
    for name in columns.groups:
        kind, said = described.get(name, ("category", ""))
        described[name] = (kind, f"{said}, group" if said else "group, not a feature")
    return column_schema(described)


def _mean(arrived: "pa.Table") -> float:
    import pyarrow.compute as pc

    return float(pc.mean(arrived[OUTCOME]).as_py()) if arrived.num_rows else float("nan")
