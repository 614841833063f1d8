"""The period t, against statsmodels and simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from statsmodels.stats.multitest import multipletests

from retrain_assets.monitoring.drift.statistics.moderated_variance import moderated
from retrain_assets.monitoring.drift.statistics.prediction_t import prediction_t
from retrain_assets.statistics.multiple_testing import holm


@pytest.mark.parametrize("periods", [4, 12, 26])
def test_prediction_t_is_that_of_a_dummy_for_the_new_period_in_a_regression(periods):
    values = np.random.default_rng(periods).normal(5, 2, periods + 1)
    dummy = np.eye(1, periods + 1, periods).ravel()
    fit = sm.OLS(values, sm.add_constant(dummy)).fit()
    t, p = prediction_t(values[:-1], values[-1])
    assert (t, p) == (pytest.approx(fit.tvalues[1]), pytest.approx(fit.pvalues[1]))


@pytest.mark.parametrize("tests", [1, 2, 30])
def test_holm_is_that_of_statsmodels(tests):
    p_values = np.random.default_rng(tests).beta(0.3, 1, tests)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_unknown_p_value_is_not_counted_as_a_test():
    assert holm([0.01, np.nan, 0.04]).tolist()[::2] == pytest.approx([0.02, 0.04])
    assert holm([]).size == 0


@pytest.mark.parametrize(
    ("reference", "current"), [([1.0, 2.0, 3.0], 9.0), ([1.0] * 5, np.nan), ([1, 2, 3, np.nan], 2.0)]
)
def test_too_few_periods_or_an_unknown_number_give_no_answer(reference, current):
    assert np.isnan(prediction_t(reference, current)).all()


def test_periods_that_agree_by_luck_are_taken_as_scattered_as_their_sampling_error():
    t, _ = prediction_t([0.5] * 12, 0.51, noise=[0.01**2] * 12, current_noise=0.01**2)
    assert t == pytest.approx(1 / np.sqrt(1 + 1 / 12))


def test_without_any_scatter_a_change_is_certain_and_no_change_is_none():
    assert prediction_t([2.0] * 5, 2.0) == (0.0, 1.0)
    assert prediction_t([2.0] * 5, 1.0) == (-np.inf, 0.0)


def test_a_small_period_is_not_called_strange_for_its_own_sampling_error():
    rng = np.random.default_rng(8)
    false = 0
    for _ in range(2000):
        reference = rng.normal(0, 1 / np.sqrt(10_000), 12)
        false += (
            prediction_t(reference, rng.normal(0, 1 / np.sqrt(50)), noise=[1e-4] * 12, current_noise=1 / 50)[1] < 0.05
        )
    assert false / 2000 < 0.05


def test_moderation_finds_the_variances_prior():
    rng = np.random.default_rng(6)
    prior_df, prior, df = 8, 2.0, 11
    true = prior * prior_df / rng.chisquare(prior_df, 4000)
    own = true * rng.chisquare(df, 4000) / df
    found = moderated(own, 12)
    assert found[0].df == pytest.approx(df + prior_df, abs=1)
    weight = prior_df / (prior_df + df)
    assert found[0].variance == pytest.approx(weight * prior + (1 - weight) * own[0], rel=0.05)


def test_a_moderated_t_keeps_its_level_where_columns_differ_in_scatter():
    rng = np.random.default_rng(9)
    p_values = []
    for _ in range(300):
        sd = np.exp(rng.uniform(np.log(0.01), np.log(0.3), 20))
        values = rng.normal(0, sd, (13, 20))
        scatters = moderated(values[:-1].var(axis=0, ddof=1), 12)
        p_values += [prediction_t(values[:-1, n], values[-1, n], scatter=scatters[n])[1] for n in range(20)]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.01)


def test_moderation_buys_power_where_columns_are_alike():
    rng = np.random.default_rng(10)
    values = rng.normal(0, 1, (12, 100))
    scatters = moderated(values.var(axis=0, ddof=1), 12)
    assert scatters[0].df > 4 * 11
    assert [s.variance for s in scatters] == pytest.approx([1] * 100, abs=0.35)


def test_few_periods_or_columns_borrow_nothing():
    for variances, periods in (([1.0, 2.0, 3.0, 9.0], 11), ([1.0, 2.0], 20)):
        assert [(s.variance, s.df) for s in moderated(variances, periods)] == [(v, periods - 1) for v in variances]


def test_a_number_that_never_moved_lends_and_borrows_nothing():
    still = moderated([0.0, 1.0, 1.2, 0.9], 12)[0]
    assert (still.variance, still.df) == (0.0, 11)


def test_p_values_are_uniform_when_nothing_changed():
    rng = np.random.default_rng(5)
    found = [prediction_t(row[:-1], row[-1])[1] for row in rng.normal(size=(2000, 6))]
    assert stats.kstest(found, "uniform").pvalue > 0.01
