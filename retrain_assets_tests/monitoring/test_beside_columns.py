"""What the verdict looks at beside columns: joint drift, calibration, range, season, precedents, and one-shot tests."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.domain_classifier import JOINT, joint_series, tell_apart
from retrain_assets.monitoring.drift.period_tests import _alone_p, as_odd_before
from retrain_assets.monitoring.drift.reference_periods import comparable, kept_periods
from retrain_assets.monitoring.drift.report import Drift, drift
from retrain_assets.monitoring.drift.serving_series import (
    CALIBRATION,
    OUT_OF_RANGE,
    calibration,
    out_of_range,
    served_series,
)
from retrain_assets.monitoring.drift.statistics.prediction_t import prediction_t
from retrain_assets.monitoring.drift.summaries import Summary
from retrain_assets.monitoring.drift.two_tables import ASSUMES, one_shot
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets.periods import Calendar

POLICY = DriftPolicy()
NAMES = [f"x{n}" for n in range(6)]
EDGES = reference_edges(pa.table({name: np.random.default_rng(0).normal(size=4000) for name in NAMES}), NAMES, [])


def rows(rng, count=3000, correlation=0.0):
    values = rng.normal(size=(len(NAMES), count))
    values[1] = correlation * values[0] + np.sqrt(1 - correlation**2) * values[1]
    return pa.table(dict(zip(NAMES, values, strict=True)))


@pytest.fixture(scope="module")
def months():
    rng = np.random.default_rng(1)
    return {f"{n:02}": rows(rng) for n in range(6)}


@pytest.fixture(scope="module")
def told(months):
    """The joint column and the report of a month like the others, and of one whose correlation changed."""
    rng, profiles = np.random.default_rng(2), {key: profile(table, EDGES) for key, table in months.items()}
    found, known = {}, None
    for correlation in (0.0, 0.5):
        current = rows(rng, correlation=correlation)
        column, known = joint_series(months, current, [], 0, known)
        found[correlation] = column, drift(POLICY, profiles, profile(current, EDGES), "99", None, [column])
    return found


def test_a_changed_correlation_is_told_by_the_classifier_alone_and_named(told):
    column, report = told[0.5]
    assert report.warned == (JOINT,)
    assert {column.example.split()[0], column.example.split(", ")[1].split()[0]} == {"x0", "x1"}
    assert "mostly by x" in report.sentence
    assert told[0.0][1].warned == ()


def test_reference_aucs_are_remembered_and_the_same_seed_gives_the_same_answer(months):
    current = rows(np.random.default_rng(3))
    first, aucs = joint_series(months, current, [], 0)
    again, _ = joint_series(months, current, [], 0, aucs)
    assert np.array_equal(first.summaries[0].values, again.summaries[0].values)
    one = tell_apart(months["00"], current, [], 0)
    assert one == tell_apart(months["00"], current, [], 0)
    assert one.auc == pytest.approx(0.5, abs=4 * one.noise**0.5)


def test_too_few_rows_give_no_joint_answer(months):
    column, _ = joint_series(months, rows(np.random.default_rng(4), 100), [], 0)
    report = drift(POLICY, {k: profile(t, EDGES) for k, t in months.items()}, profile(months["00"], EDGES), "99", None,
                   [column])  # fmt: skip
    assert next(c for c in report.columns if c.column == JOINT).outcome is Drift.INSUFFICIENT


def test_a_series_of_another_length_is_refused(months, told):
    few = {key: profile(months[key], EDGES) for key in list(months)[:5]}
    with pytest.raises(DataError, match=r"\(joint\) has 6 reference values for 5 periods"):
        drift(POLICY, few, profile(months["05"], EDGES), "99", None, [told[0.0][0]])


def test_calibration_is_the_residuals_mean_and_the_regression_slope():
    rng = np.random.default_rng(5)
    score = rng.random(3000)
    label = (rng.random(3000) < 0.1 + 0.7 * score).astype(float)
    found, fit = calibration(label, score), stats.linregress(score, label)
    assert found["gap"] == pytest.approx((label - score).mean())
    assert found["slope"] == pytest.approx(fit.slope)
    assert found["slope_noise"] ** 0.5 == pytest.approx(fit.stderr, rel=0.1)
    assert calibration([0, 1] * 10, [0.1, 0.9] * 10) is None
    assert calibration([1] * 100, rng.random(100)) is None


def test_a_model_that_loses_its_calibration_warns_and_missing_outcomes_do_not():
    rng = np.random.default_rng(6)

    def record(shift=0.0, outcomes=True):
        score = rng.uniform(0.2, 0.6, 4000)
        known = calibration((rng.random(4000) < score + shift).astype(float), score) if outcomes else None
        return {"calibration": known, "out_of_range": out_of_range(profile(rows(rng, 500), EDGES))}

    before = [record() for _ in range(10)]
    scores = {f"{n:02}": profile(rows(rng, 500), EDGES) for n in range(10)}
    for current, warned in ((record(), ()), (record(0.15), (CALIBRATION,)), (record(outcomes=False), ())):
        report = drift(POLICY, scores, profile(rows(rng, 500), EDGES), "99", None, served_series(before, current))
        assert report.warned == warned
    assert next(c for c in report.columns if c.column == CALIBRATION).outcome is Drift.INSUFFICIENT
    far = {"out_of_range": out_of_range(profile(pa.table({name: np.full(500, 50.0) for name in NAMES}), EDGES))}
    report = drift(POLICY, scores, profile(rows(rng, 500), EDGES), "99", None, served_series(before, far))
    assert report.warned == (OUT_OF_RANGE,)


@pytest.mark.parametrize(
    ("every", "period", "wanted"),
    [
        ("month", "2020-01", ["2018-01", "2018-02", "2018-12", "2019-01", "2019-02"]),
        ("day", "2020-03-10", ["2019-02-26", "2019-03-05", "2019-03-12", "2019-03-19", "2019-03-26"]),
    ],
)
def test_the_same_season_is_that_of_earlier_years_and_the_same_weekday(every, period, wanted):
    calendar = Calendar(every=every, start="2018-01-01")
    policy = DriftPolicy(reference="same_season")
    known = calendar.between(calendar.first, calendar.shift(period, 3))
    assert comparable(policy, calendar, known, period)[-5:] == wanted
    remembered = known[-3 - kept_periods(policy, calendar) : -3]
    assert set(comparable(policy, calendar, remembered, period)) >= set(wanted[-3:])


def test_each_period_against_the_others_is_the_prediction_t():
    rng = np.random.default_rng(7)
    values, noise = rng.normal(size=9), rng.uniform(0, 0.5, 9)
    [found] = _alone_p(values[None], noise[None])
    for at in range(9):
        others = np.arange(9) != at
        _, p = prediction_t(values[others], values[at], noise=noise[others], current_noise=noise[at])
        assert found[at] == pytest.approx(p)


def test_the_current_period_is_the_oddest_as_often_as_chance_says_whatever_the_tails():
    rng, without = np.random.default_rng(8), 0
    for _ in range(300):
        one = Summary("mean", "", rng.standard_t(1.5, 13), np.zeros(13), 0, 0)
        without += as_odd_before([[one]]) == 0
    assert without / 300 == pytest.approx(1 / 13, abs=0.05)


def test_one_shot_is_scipy_with_benjamini_hochberg_and_says_what_it_assumes():
    rng = np.random.default_rng(9)
    before = pa.table({"a": rng.normal(size=300), "b": rng.normal(size=300), "c": rng.choice(["u", "v"], 300)})
    after = pa.table({"a": rng.normal(0.4, 1, 200), "b": rng.normal(size=200), "c": rng.choice(["u", "v"], 200)})
    found = {one.column: one for one in one_shot(before, after, ["a", "b"], ["c"])}
    assert found["a"].p_value == pytest.approx(stats.ks_2samp(before["a"], after["a"]).pvalue)
    counts = [[sum(np.array(t["c"].to_pylist()) == level) for level in "uv"] for t in (before, after)]
    assert found["c"].p_value == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)
    adjusted = multipletests([found[name].p_value for name in "abc"], method="fdr_bh")[1]
    assert [found[name].adjusted for name in "abc"] == pytest.approx(adjusted)
    assert {one.label for one in found.values()} == {ASSUMES}
    assert (found["a"].differs, hasattr(found["a"], "triggers")) == (True, False)


def test_one_shot_compares_missing_values_and_names_what_it_cannot_read():
    before, after = pa.table({"a": [1.0] * 99 + [None]}), pa.table({"a": [1.0] * 60 + [None] * 40})
    assert next(one for one in one_shot(before, after, ["a"], []) if one.test == "missing").differs
    with pytest.raises(DataError, match="current table has no rows"):
        one_shot(before, after.slice(0, 0), ["a"], [])
    with pytest.raises(DataError, match="lacks z"):
        one_shot(before, after, ["z"], [])
    with pytest.raises(DataError, match="name it under categorical"):
        one_shot(pa.table({"a": ["x"]}), pa.table({"a": ["y"]}), ["a"], [])
