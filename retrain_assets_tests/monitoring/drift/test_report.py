"""The drift verdict in worlds where the truth is known."""

import json

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.report import Drift, DriftReport, drift
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.drift.worlds import (
    EVERY_SIZE,
    NUMERIC,
    POLICY,
    World,
    at,
    more_missing,
    moved_mass,
    moved_mean,
    new_category,
    replaced,
)


@pytest.fixture(scope="module")
def restless():
    return World(seed=1, rows=1000, effect_sd=0.1)


@pytest.mark.parametrize("periods", [4, 12, 26])
def test_periods_that_swing_without_drift_rarely_warn(restless, periods):
    reports = [restless.report(EVERY_SIZE, periods) for _ in range(150)]
    assert np.mean([bool(report.warned) for report in reports]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert sum(report.triggers for report in reports) <= 2


def test_the_same_swing_alarms_a_test_that_takes_rows_as_independent(restless):
    alarms = 0
    for _ in range(50):
        one, two = restless.rng.permutation(len(restless.tables))[:2]
        p_values = [
            stats.ks_2samp(restless.tables[one][name].to_numpy(), restless.tables[two][name].to_numpy()).pvalue
            for name in NUMERIC[1:]  # x0 has gaps
        ]
        alarms += min(p_values) * len(p_values) < 0.05
    assert alarms / 50 > 0.5


def test_independent_rows_rarely_warn(large):
    warned = [bool(large.report(EVERY_SIZE).warned) for _ in range(120)]
    assert np.mean(warned) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_a_thousand_equally_common_levels_do_not_warn():
    rng = np.random.default_rng(3)
    names = np.array([f"N{number:04}" for number in range(1000)])
    reports = []
    for _ in range(25):
        tables = [pa.table({"c": pa.array(rng.choice(names, 1000)).dictionary_encode()}) for _ in range(13)]
        edges = reference_edges(pa.concat_tables(tables[:-1]).unify_dictionaries(), [], ["c"])
        seen = {f"{n:02}": profile(table, edges) for n, table in enumerate(tables)}
        reports.append(drift(EVERY_SIZE, {k: v for k, v in seen.items() if k != "12"}, seen["12"], "12", None))
    assert sum(bool(report.warned) for report in reports) <= 4


def wider(rng, table):
    return replaced(table, "x3", pa.array(table["x3"].to_numpy() * 1.15))


CHANGES = {
    "mean +.25 sd": (moved_mean, "x3", {"mean"}),
    "sd +15 %": (wider, "x3", {"standard deviation", "share up to"}),
    "missing 2 -> 7 %": (more_missing, "x0", {"missing share"}),
    "5 % of the mass": (moved_mass, "c1", {"share of 'L0'", "share of 'L11'"}),
    "new category 1 %": (new_category, "c1", {"share of new categories"}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_matters_is_found_and_named_in_95_of_100_reports(large, name):
    change, column, summaries = CHANGES[name]
    reports = [large.report(change=change) for _ in range(40)]
    assert np.mean([column in report.warned for report in reports]) >= 0.95
    top = reports[0].columns[0]
    assert (top.column, top.outcome) == (column, Drift.WARN)
    assert any(top.summary.startswith(summary) for summary in summaries)
    assert reports[0].sentence.startswith("999: 1 of 8 columns drifted. " + column)


def test_a_quarter_sd_in_one_of_twenty_columns_is_found_among_swinging_weeks():
    rng, found = np.random.default_rng(5), 0
    names = [f"x{number}" for number in range(20)]
    for _ in range(12):
        weeks = [rng.normal(rng.normal(0, 0.1 / np.sqrt(7), 20), 1, (7000, 20)) for _ in range(13)]
        weeks[-1][:, 0] += 0.25
        tables = [pa.table(dict(zip(names, week.T, strict=True))) for week in weeks]
        edges = reference_edges(tables[0], names, [])
        seen = [profile(table, edges) for table in tables]
        report = drift(POLICY, {f"{n:02}": one for n, one in enumerate(seen[:-1])}, seen[-1], "99", None)
        found += "x0" in report.warned
    assert found >= 10


def test_a_certain_change_below_the_smallest_that_counts_is_small_and_does_not_warn():
    rng = np.random.default_rng(6)
    tables = [pa.table({"x": rng.normal(0.03 * (n == 12), 1, 200_000)}) for n in range(13)]
    edges = reference_edges(tables[0], ["x"], [])
    seen = [profile(table, edges) for table in tables]
    report = drift(POLICY, {f"{n:02}": one for n, one in enumerate(seen[:-1])}, seen[-1], "12", None)
    assert report.columns[0].outcome is Drift.SMALL
    assert report.columns[0].p_value < 0.001
    assert (report.warned, report.triggers) == ((), False)
    assert "too small to count" in report.columns[0].sentence


@pytest.mark.parametrize("periods", [0, 1, 3])
def test_fewer_than_four_reference_periods_are_insufficient_never_quiet(restless, periods):
    report = restless.report(periods=periods, change=moved_mean)
    assert {column.outcome for column in report.columns} == {Drift.INSUFFICIENT}
    assert all(column.p_value is None for column in report.columns)
    assert (report.warned, report.triggers, report.reference_periods) == ((), False, periods)
    assert f"from {periods} reference period{'s' * (periods != 1)}, 4 are needed" in report.sentence


def confirmed(report):
    return [column.column for column in report.columns if column.confirmed]


def test_a_warning_triggers_once_the_next_period_confirms_it(large):
    slow = POLICY.model_copy(update={"immediate_alpha": 1e-300})
    first = at(large, moved_mean(None, large.tables[13]), policy=slow)
    assert (first.warned, confirmed(first), first.triggers) == (("x3",), [], False)
    again = at(large, moved_mean(None, large.tables[14]), first, slow)
    assert (confirmed(again), again.triggers) == (["x3"], True)
    assert "1 as in the period before" in again.sentence
    back = at(large, large.tables[15], again, slow)
    assert "x3" not in confirmed(back)


def test_another_column_does_not_confirm_a_warning(large):
    slow = POLICY.model_copy(update={"immediate_alpha": 1e-300})
    first = at(large, moved_mean(None, large.tables[13]), policy=slow)
    other = at(large, moved_mass(np.random.default_rng(1), large.tables[14]), first, slow)
    assert (other.warned, other.triggers) == (("c1",), False)


def test_a_change_beyond_doubt_triggers_at_once(large):
    report = at(large, moved_mean(None, large.tables[13]))
    assert report.columns[0].p_value < POLICY.immediate_alpha
    assert report.triggers


def rain(rng, least):
    """Rows of a week that are mostly one small value."""
    return pa.table({"rain": np.maximum(rng.normal(-1, 1, 1000), 0) + least})


def test_a_common_value_that_crosses_a_point_warns_and_triggers_only_when_it_stays():
    rng = np.random.default_rng(8)
    weeks = [rain(rng, least) for least in rng.normal(0, 0.1, 12)]
    edges = reference_edges(rain(rng, 0), ["rain"], [])
    reference = {f"{n:02}": profile(week, edges) for n, week in enumerate(weeks)}
    crossed = profile(rain(rng, 0.4), edges)
    first = drift(POLICY, reference, crossed, "12", None)
    assert (first.warned, first.columns[0].summary[:11], first.triggers) == (("rain",), "share up to", False)
    assert abs(first.columns[0].statistic) > 20
    assert drift(POLICY, reference, crossed, "13", first).triggers
    assert drift(POLICY, reference, profile(rain(rng, 3), edges), "12", None).triggers


def test_an_empty_period_is_insufficient(large):
    report = at(large, large.tables[0].slice(0, 0))
    assert {column.outcome for column in report.columns} == {Drift.INSUFFICIENT}
    assert not report.triggers


def test_the_latest_reference_periods_are_used_and_never_the_period_itself(large):
    few = POLICY.model_copy(update={"reference_periods": 5})
    shifted = [profile(moved_mean(None, table), large.edges) for table in large.tables[:8]]
    reference = {f"{n:03}": one for n, one in enumerate([*shifted, *large.profiles[8:13]])}
    current = profile(moved_mean(None, large.tables[13]), large.edges)
    report = drift(few, {**reference, "013": current}, current, "013", None)
    assert (report.reference_periods, report.warned) == (5, ("x3",))


def test_profiles_with_other_edges_are_refused_by_period(large, restless):
    with pytest.raises(DataError, match="profiles of 003 and 004 have different edges"):
        drift(POLICY, {"003": restless.profiles[0]}, large.profiles[0], "004", None)


def test_the_report_survives_json_and_puts_first_what_matters(large):
    report = large.report(change=moved_mean)
    assert DriftReport.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False))) == report
    p_values = [column.p_value for column in report.columns[1:]]
    assert p_values == sorted(p_values)
    assert report.tests == 6 * 5 + 1 + 2 * 9


def test_a_period_of_few_rows_says_that_its_quiet_says_little(large):
    report = at(large, large.tables[13].slice(0, 1))
    assert not report.warned
    assert report.sentence.endswith("Only 1 row: nothing but a large change could show.")
    assert "row(s)" not in at(large, large.tables[13]).sentence


def test_a_value_as_long_as_a_book_is_cut_where_a_sentence_shows_it(large):
    table = large.tables[13]
    books = pa.DictionaryArray.from_arrays(np.zeros(table.num_rows, np.int8), ["x" * 300_000])
    odd = table.set_column(table.schema.get_field_index("c1"), "c1", books)
    report = at(large, odd)
    assert "c1" in report.warned
    assert len(json.dumps(report.to_dict())) < 50_000
