"""The period t, against statsmodels and simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from retrain_assets.monitoring.drift.statistics.prediction_t import prediction_t


@pytest.mark.parametrize("periods", [4, 12, 26])
def test_prediction_t_is_that_of_a_dummy_for_the_new_period_in_a_regression(periods):
    values = np.random.default_rng(periods).normal(5, 2, periods + 1)
    dummy = np.eye(1, periods + 1, periods).ravel()
    fit = sm.OLS(values, sm.add_constant(dummy)).fit()
    t, p = prediction_t(values[:-1], values[-1])
    assert (t, p) == (pytest.approx(fit.tvalues[1]), pytest.approx(fit.pvalues[1]))


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


def test_p_values_are_uniform_when_nothing_changed():
    rng = np.random.default_rng(5)
    found = [prediction_t(row[:-1], row[-1])[1] for row in rng.normal(size=(2000, 6))]
    assert stats.kstest(found, "uniform").pvalue > 0.01
