"""The t test over units against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from retrain_assets.metrics.metric import metric
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.validation.comparison.estimate import estimate
from retrain_assets.validation.comparison.units import Units, units_of
from retrain_assets_tests.metrics.paired import influence
from retrain_assets_tests.validation.worlds import gate_rows


def rows(n: int) -> Units:
    return Units.rows(n)


def test_rows_as_units_are_clusters_of_one():
    psi = np.random.default_rng(11).gamma(2, 1, 90)
    one, other = estimate(psi, Units.rows(90)), estimate(psi, Units(np.arange(90), "row"))
    assert one.standard_error == pytest.approx(other.standard_error, rel=1e-12)
    assert (one.degrees, one.units, one.unit) == (other.degrees, other.units, other.unit)


def test_rows_as_units_give_the_paired_t_test():
    rng = np.random.default_rng(1)
    champion, candidate = rng.gamma(2, 1, (2, 80))
    found = estimate(champion - candidate, rows(80))
    peer = stats.ttest_rel(champion, candidate, alternative="greater")
    assert found.p_value() == pytest.approx(peer.pvalue)
    assert found.low(0.05) == pytest.approx(peer.confidence_interval(0.95).low)
    assert found.p_worse() == pytest.approx(1 - peer.pvalue)
    assert found.design_effect == pytest.approx(1)


def test_days_give_the_t_test_of_statsmodels_around_a_trend_and_divide_the_level_below_four_weeks():
    rng = np.random.default_rng(2)
    psi = rng.normal(0.1, 1, 14 * 50) + np.repeat(np.tile([0.2, -0.2], 7), 50)
    time = np.repeat(np.arange("2024-01-01", "2024-01-15", dtype="datetime64[D]"), 50).astype("datetime64[us]")
    found = estimate(psi, units_of("auto", gate_rows(psi, time=time)))
    peer = sm.OLS(psi.reshape(14, -1).mean(axis=1), np.column_stack([np.ones(14), np.arange(14) - 6.5])).fit()
    assert (found.units, found.unit, found.degrees) == (14, "day", pytest.approx(12))
    assert (found.improvement, found.standard_error) == pytest.approx((peer.params[0], peer.bse[0]))
    assert found.p_value() == pytest.approx(peer.pvalues[0])  # two-sided there, at half the level here
    assert found.low(0.1) == pytest.approx(peer.conf_int(0.1)[0][0])


def test_equal_clusters_give_the_cluster_t_of_statsmodels():
    cluster = np.repeat(np.arange(15), 8)
    rng = np.random.default_rng(10)
    psi = 1.0 + rng.normal(size=120) + rng.normal(size=15)[cluster]
    peer = sm.OLS(psi, np.ones(120)).fit(cov_type="cluster", cov_kwds={"groups": cluster}, use_t=True)
    found = estimate(psi, Units(cluster, "vehicle"))
    assert found.p_value() == pytest.approx(peer.pvalues[0] / 2)
    assert found.low(0.05) == pytest.approx(peer.conf_int(0.1)[0][0])


@pytest.mark.parametrize("sizes", [[6] * 12, [1, 2, 3, 9, 9, 10, 12, 5]])
def test_clusters_give_the_cluster_robust_error_of_statsmodels(sizes):
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(3)
    psi = rng.normal(size=len(cluster)) + rng.normal(size=len(sizes))[cluster]
    peer = sm.OLS(psi, np.ones_like(psi)).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = estimate(psi, Units(cluster, "vehicle"))
    g, q = len(sizes), found.degrees + 1
    correction = (q / (q - 1)) / (g / (g - 1))
    assert found.standard_error**2 == pytest.approx(peer.bse[0] ** 2 * correction)
    assert q == pytest.approx(sum(sizes) ** 2 / sum(size**2 for size in sizes))
    assert (correction == pytest.approx(1)) == (len(set(sizes)) == 1)


def test_the_design_effect_is_one_plus_the_intraclass_correlation_times_the_size_less_one():
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(4000), 10)
    psi = rng.normal(0, np.sqrt(0.8), 40_000) + rng.normal(0, np.sqrt(0.2), 4000)[cluster]
    assert estimate(psi, Units(cluster, "vehicle")).design_effect == pytest.approx(1 + 9 * 0.2, rel=0.05)


def placements(label, scores):
    """DeLong's V10 and V01, written out pair by pair."""
    won, lost = scores[label == 1][:, None], scores[label == 0]
    kernel = (won > lost) + 0.5 * (won == lost)
    return kernel.mean(axis=1), kernel.mean(axis=0)


def few_positives(seed, positives=12, rows=150):
    rng = np.random.default_rng(seed)
    label = np.r_[np.ones(positives), np.zeros(rows - positives)]
    champion, candidate = np.round(rng.normal(size=(2, rows)) + label, 1)
    return label, champion, candidate


@pytest.mark.parametrize("positives", [2, 12, 75, 140])
def test_an_auc_has_delongs_error_and_the_degrees_of_freedom_of_welch_on_its_placements(positives):
    label, champion, candidate = few_positives(4, positives)
    (v10_a, v01_a), (v10_b, v01_b) = placements(label, champion), placements(label, candidate)
    welch = stats.ttest_ind(v10_b - v10_a, v01_a - v01_b, equal_var=False)
    auc = metric("auc")
    found = estimate(influence(auc, label, champion, candidate), rows(150), parts=auc.parts(label, 1))
    assert found.improvement == pytest.approx(v10_b.mean() - v10_a.mean())
    assert found.standard_error == pytest.approx(2 * found.improvement / welch.statistic)
    assert found.degrees == pytest.approx(welch.df)


@pytest.mark.parametrize(("name", "of"), [("tpr", 1), ("fpr", 0)])
def test_a_rate_of_one_class_is_the_paired_t_test_of_that_class(name, of):
    label, champion, candidate = few_positives(5, 15)
    decided = [(scores[label == of] >= 0.5).astype(float) for scores in (champion, candidate)]
    peer = stats.ttest_rel(*(reversed(decided) if name == "tpr" else decided), alternative="greater")
    known = metric(name)
    found = estimate(influence(known, label, champion, candidate), rows(150), parts=known.parts(label, 1))
    assert found.p_value() == pytest.approx(peer.pvalue)
    assert found.degrees == pytest.approx((label == of).sum() - 1)


def test_days_and_clusters_know_the_error_of_an_auc_no_better_than_its_positives_do():
    label, champion, candidate = few_positives(6)
    auc, day = metric("auc"), Units(np.arange(150) % 50, "day")
    psi, parts = influence(auc, label, champion, candidate), auc.parts(label, 1)
    by_row, by_day, plain = (
        estimate(psi, rows(150), parts=parts),
        estimate(psi, day, parts=parts),
        estimate(psi, day),
    )
    assert by_day.degrees == by_row.degrees < plain.degrees == 49
    assert by_day.standard_error / plain.standard_error == pytest.approx(
        by_row.standard_error / estimate(psi, rows(150)).standard_error
    )
    assert by_day.design_effect == plain.design_effect


def test_the_ranking_of_several_classes_adds_the_variance_between_them_and_of_each():
    rng = np.random.default_rng(7)
    label = np.repeat([0.0, 1.0, 2.0], [12, 30, 400])
    psi = rng.normal([0.1, 0.0, 0.3] @ (label == np.arange(3)[:, None]), 1 + label)
    found = estimate(psi, rows(442), parts=metric("auc").parts(label, 3))
    shares, spread = [12 / 442, 30 / 442, 400 / 442], [psi[label == k].var(ddof=1) for k in range(3)]
    own = [w**2 * s / n for w, s, n in zip(shares, spread, [12, 30, 400], strict=True)]
    between = sum(n * (psi[label == k].mean() - psi.mean()) ** 2 for k, n in enumerate([12, 30, 400])) / 442 / 441
    assert found.standard_error**2 == pytest.approx(sum(own) + between)
    below = sum(v**2 / (n - 1) for v, n in zip(own, [12, 30, 400], strict=True)) + between**2 / 441
    assert found.degrees == pytest.approx((sum(own) + between) ** 2 / below)


def test_many_rows_of_both_classes_are_judged_as_before():
    label, champion, candidate = few_positives(8, 2000, 6000)
    auc = metric("auc")
    psi = influence(auc, label, champion, candidate)
    before, after = estimate(psi, rows(6000)), estimate(psi, rows(6000), parts=auc.parts(label, 1))
    assert after.low(0.05) == pytest.approx(before.low(0.05), abs=1e-3 * before.standard_error)


def test_the_minimum_detectable_effect_is_found_with_the_stated_power():
    psi = np.random.default_rng(5).normal(0, 2, 60)
    found = estimate(psi, rows(60))
    effect = found.minimum_detectable(alpha=0.05, power=0.8)
    power = TTestPower().power(effect / psi.std(ddof=1), nobs=60, alpha=0.05, alternative="larger")
    assert power == pytest.approx(0.8, abs=0.005)


def test_the_rows_needed_are_those_at_which_the_effect_becomes_detectable():
    psi = np.random.default_rng(6).normal(0, 1, 2000)
    needed = estimate(psi, rows(2000)).rows_needed(0.02, alpha=0.05, power=0.9)
    z = stats.norm.ppf(0.95) + stats.norm.ppf(0.9)
    assert needed == pytest.approx(z**2 * psi.var(ddof=1) / 0.02**2, rel=0.005)
    assert estimate(psi, rows(2000)).rows_needed(0.0, alpha=0.05, power=0.9) is None


def test_a_noninferiority_p_value_is_below_alpha_exactly_when_the_limit_clears_the_margin():
    found = estimate(np.random.default_rng(7).normal(-0.1, 1, 200), rows(200))
    for margin in (0.05, 0.15, 0.2, 0.3):
        assert (found.p_value(-margin) < 0.05) == (found.low(0.05) > -margin)


def test_no_difference_at_all_is_certain_for_a_loss_and_one_flip_wide_for_decisions():
    same = np.zeros(50)
    assert estimate(same, rows(50)).low(0.05) == 0
    assert estimate(same, rows(50)).p_value() == 1
    assert estimate(same, rows(50), one_flip=True, support=20).standard_error == 1 / 20


@pytest.mark.parametrize(
    ("psi", "units", "support", "why"),
    [
        (np.ones(3), rows(3), None, "3 rows, 4 needed"),
        (np.arange(30.0), Units(np.repeat([0, 1, 2], 10), "7-day block"), None, "3 blocks of 7 days, 4 needed"),
        (np.arange(30.0), rows(30), 6, "6 rows bear on it, 10 needed"),
        (
            np.arange(30.0),
            Units(np.r_[np.zeros(24), 1:7].astype(int), "shop"),
            None,
            "one shop holds most rows: 1.5 effective units, 3 needed",
        ),
        (np.full(30, np.nan), rows(30), None, "undefined"),
        (np.r_[np.inf, np.zeros(29)], rows(30), None, "undefined"),
    ],
)
def test_too_little_to_say_is_said_with_the_number_that_is_missing(psi, units, support, why):
    assert why in estimate(psi, units, support=support).shortfall()


def test_nothing_is_lacking_with_ten_rows_of_four_units():
    assert estimate(np.arange(12.0), Units(np.arange(12) % 4, "day")).shortfall() == ""


def test_no_row_is_no_estimate():
    found = estimate(np.empty(0), rows(0))
    assert np.isnan(found.low(0.05))
    assert found.shortfall() == "0 rows, 4 needed"


def test_holm_is_that_of_statsmodels_and_leaves_out_what_is_unknown():
    p_values = np.random.default_rng(8).random(20) ** 3
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])
    adjusted = holm([0.01, float("nan"), 0.04])
    assert adjusted[0] == pytest.approx(0.02)
    assert np.isnan(adjusted[1])


def test_what_has_too_few_units_or_supporting_rows_says_how_many_rows_would_do():
    psi = np.random.default_rng(1).normal(size=30)
    days = Units(np.repeat(np.arange(3), 10), "day")
    assert estimate(psi, days).rows_to_answer == 40
    assert estimate(psi, Units.rows(30), support=5).rows_to_answer == 60
    assert estimate(psi, Units.rows(30), support=0).rows_to_answer is None
    assert estimate(psi, Units.rows(30)).rows_to_answer is None
    assert estimate(np.empty(0), Units.rows(0)).rows_to_answer == 10


def test_a_unit_that_is_called_rows_keeps_its_name():
    found = estimate(np.array([]), Units(np.array([]), "rows"))
    assert found.shortfall("ride").startswith("0 values of rows, ")
    assert estimate(np.array([]), Units(np.array([]), "row")).shortfall("ride").startswith("0 rides, ")
