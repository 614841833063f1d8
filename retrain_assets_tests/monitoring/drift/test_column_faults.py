"""A broken column is one finding, and the report goes on."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from retrain_assets.monitoring.drift.report import Drift, drift
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.drift.worlds import NAMES, NUMERIC, POLICY, at, replaced


def broken(table, name):
    rows = len(table)
    infinite = np.where(np.arange(rows) < 5, np.inf, table["x1"].to_numpy())
    return {
        "vanished": table.drop_columns(["x1"]),
        "emptied": replaced(table, "x1", pa.nulls(rows)),
        "wrong_type": replaced(table, "x1", pa.array(["oops"] * rows)),
        "infinite": replaced(table, "x1", pa.array(infinite)),
        "constant": replaced(table, "x1", pa.array([0.25] * rows)),
    }[name]


@pytest.mark.parametrize("name", ["vanished", "emptied", "wrong_type", "infinite", "constant"])
def test_a_broken_column_is_one_finding_and_asks_for_a_repair_before_a_retrain(large, name):
    first = at(large, broken(large.tables[13], name))
    assert first.warned == ("x1",)
    assert first.columns[0].problem == name
    assert not first.triggers
    assert at(large, broken(large.tables[14], name), first).triggers


def test_a_column_of_ten_thousand_unknown_names_is_one_finding(large):
    names = pa.array([f"id{number}" for number in range(large.rows)])
    report = at(large, replaced(large.tables[13], "c0", names))
    assert report.warned == ("c0",)
    assert report.columns[0].new_share == 1.0


def test_what_was_broken_in_the_reference_already_is_no_news(large):
    tables = [replaced(table, "x1", pa.nulls(len(table))) for table in large.tables[:14]]
    seen = [profile(table, large.edges) for table in tables]
    report = drift(POLICY, {f"{n:03}": one for n, one in enumerate(seen[:12])}, seen[12], "012", None)
    column = next(column for column in report.columns if column.column == "x1")
    assert (column.outcome, column.problem, report.warned) == (Drift.QUIET, "", ())


def emptied(large, rows, before=lambda table: table, periods=12):
    """The finding of a period without any value of a column, after some periods."""
    tables = [before(table) for table in large.tables[:periods]]
    reference = {f"{n:03}": profile(table, large.edges) for n, table in enumerate(tables)}
    now = large.tables[13].slice(0, rows)
    report = drift(POLICY, reference, profile(replaced(now, "x1", pa.nulls(rows)), large.edges), "013", None)
    return next(column for column in report.columns if column.column == "x1")


def test_a_column_that_lost_all_its_values_warns_however_few_periods_there_are(large):
    """With fewer than four no number is tested, and it would be called unknown."""
    found = emptied(large, 300, periods=3)
    assert (found.problem, found.outcome, found.broken) == ("emptied", Drift.WARN, True)
    assert found.sentence == "x1: all 300 values are missing, where the reference lacks 0 %"


def test_few_rows_or_a_column_that_mostly_had_no_value_may_lack_all_by_chance(large):
    assert emptied(large, 99, periods=3).problem == "all_missing"
    assert emptied(large, 99, periods=3).outcome is Drift.INSUFFICIENT

    def half(table):
        gone = pa.array(np.arange(len(table)) % 2 == 0)
        return replaced(table, "x1", pc.if_else(gone, pa.scalar(None, pa.float64()), table["x1"].combine_chunks()))

    assert emptied(large, 300, half, periods=3).problem == "all_missing"


def test_a_value_where_the_reference_had_none_is_a_finding(large):
    tables = [replaced(table, "x1", pa.nulls(len(table))) for table in large.tables[:12]]
    edges = reference_edges(pa.concat_tables(tables).unify_dictionaries(), NUMERIC, NAMES)
    reference = {f"{n:03}": profile(table, edges) for n, table in enumerate(tables)}
    report = drift(POLICY, reference, profile(large.tables[12], edges), "012", None)
    assert report.warned == ("x1",)
    assert report.columns[0].missing_shift == -1.0
    assert not report.columns[0].broken, "no repair: a retrain learns of it"
