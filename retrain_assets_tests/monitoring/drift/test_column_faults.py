"""A broken column is one finding, and the report goes on."""

import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.monitoring.drift.report import Drift, drift
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.drift.worlds import NAMES, NUMERIC, POLICY, at, replaced


def broken(table, name):
    rows = len(table)
    infinite = np.where(np.arange(rows) < 5, np.inf, table["x1"].to_numpy())
    return {
        "vanished": table.drop_columns(["x1"]),
        "all_missing": replaced(table, "x1", pa.nulls(rows)),
        "wrong_type": replaced(table, "x1", pa.array(["oops"] * rows)),
        "infinite": replaced(table, "x1", pa.array(infinite)),
        "constant": replaced(table, "x1", pa.array([0.25] * rows)),
    }[name]


@pytest.mark.parametrize("name", ["vanished", "all_missing", "wrong_type", "infinite", "constant"])
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


def test_a_value_where_the_reference_had_none_is_a_finding(large):
    tables = [replaced(table, "x1", pa.nulls(len(table))) for table in large.tables[:12]]
    edges = reference_edges(pa.concat_tables(tables).unify_dictionaries(), NUMERIC, NAMES)
    reference = {f"{n:03}": profile(table, edges) for n, table in enumerate(tables)}
    report = drift(POLICY, reference, profile(large.tables[12], edges), "012", None)
    assert report.warned == ("x1",)
    assert report.columns[0].missing_shift == -1.0
