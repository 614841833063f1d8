"""Load the regression suite's cases that are known as of a period, with their rows and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError, SpecError
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.periods import Calendar
from retrain_assets.validation.suite.cases import SuiteCase, load_suite
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window


def live_cases(path: Path, period: str, calendar: Calendar, optional: bool = False) -> tuple[SuiteCase, ...]:
    """The cases of a suite file that were added by the end of a period and have not expired.

    Raises:
        SpecError: A case's period is none of the model's calendar.
    """
    cases, today = load_suite(path, optional), calendar.bounds(period)[1].date()
    for case in cases:
        try:
            calendar.bounds(case.period)
        except ValueError as error:
            raise SpecError(f"{path}: case {case.id}: {error}") from None
    return tuple(case for case in cases if case.period <= period and case.added <= today and not case.expired(today))


def suite_rows(
    model: Model, access: PeriodAccess, cases: Sequence[SuiteCase], columns: Sequence[str]
) -> pa.Table | None:
    """The rows and outcomes of the cases known as of a period; None when no case is known yet.

    Raises:
        DataError: A case's row is not in the period that the suite names.
    """
    store, key, tables = access.store, model.key, []
    for home in sorted({case.period for case in cases}):
        wanted = {case.id for case in cases if case.period == home}
        if home not in store.periods("raw_data"):
            continue
        rows = load_window(store, model, Span((home,), datetime.min, datetime.max), columns, access.period)
        ids = rows[key].cast(pa.string())
        tables.append(rows.filter(pc.is_in(ids, pa.array(sorted(wanted)))))
        absent = wanted - set(store.require_table("raw_data", home, [key])[key].cast(pa.string()).to_pylist())
        if absent:
            raise DataError(
                f"regression suite: no {model.row_name} of {home} is {', '.join(sorted(absent))}. Correct the id or "
                "the period of the case."
            )
    return pa.concat_tables(tables, promote_options="permissive") if tables else None
