"""Moderated variances keep the level and gain power where columns are alike."""

import numpy as np
import pytest

from retrain_assets.monitoring.drift.statistics.moderated_variance import moderated
from retrain_assets.monitoring.drift.statistics.prediction_t import period_tests


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
        given = np.array([(one.variance, one.df) for one in scatters]).T
        p_values += period_tests(values.T, np.zeros((20, 13)), (given[0], given[1]))[1].tolist()
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
