"""The e-process against its defining integral, and its error rates by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from benchmarks.rollback import ALPHA, simulate
from retrain_assets.production.probation.anytime_valid import (
    PRECISIONS,
    Conclusion,
    confidence_sequence,
    enough_blocks,
    follow,
    log_e_values,
)

REPETITIONS = 1500
ERROR_OF_A_SHARE = 3 * math.sqrt(ALPHA * (1 - ALPHA) / REPETITIONS)


def integral(x: list[float], precision: float) -> float:
    """The scale-invariant likelihood ratio: effects drawn from N(0, 1/c), σ integrated out with dσ/σ on both sides."""
    n, squares = len(x), sum(value**2 for value in x)

    def alternative(effect: float, log_sigma: float) -> float:
        sigma = math.exp(log_sigma)
        distance = sum((value - effect * sigma) ** 2 for value in x) / (2 * sigma**2)
        prior = math.sqrt(precision / (2 * math.pi)) * math.exp(-precision * effect**2 / 2)
        return math.exp(-n * log_sigma - distance) * prior

    def null(log_sigma: float) -> float:
        return math.exp(-n * log_sigma - squares / (2 * math.exp(2 * log_sigma)))

    return integrate.dblquad(alternative, -6, 6, -12, 12)[0] / integrate.quad(null, -6, 6)[0]


@pytest.mark.parametrize("block_days", [1, 7])
def test_the_e_value_is_the_mean_of_three_scale_invariant_likelihood_ratios(block_days):
    x = [0.5, -0.2, 0.9, 1.3]
    expected = np.mean([integral(x, precision / block_days) for precision in PRECISIONS])
    assert math.exp(log_e_values(x, block_days)[-1]) == pytest.approx(expected, rel=1e-5)


def test_the_e_value_does_not_depend_on_the_unit_of_the_loss():
    x = np.random.default_rng(3).normal(0.3, 1, 40)
    assert log_e_values(1000 * x, 3) == pytest.approx(log_e_values(x, 3))


def test_one_block_and_blocks_of_zero_say_nothing():
    assert math.exp(log_e_values([7.0], 1)[0]) == pytest.approx(1.0)
    assert (np.exp(log_e_values([0.0] * 30, 1)) <= 1.0).all()
    assert follow([0.0] * 30, 1, ALPHA).ruling is Conclusion.OPEN


def test_a_block_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="1 of 2 blocks are not finite"):
        log_e_values([1.0, float("nan")], 1)


@pytest.mark.parametrize("block_days", [1, 14])
def test_the_limits_are_the_means_at_which_the_e_value_stands_on_the_line(block_days):
    x = np.random.default_rng(5).normal(0.2, 1, 25)
    low, high = confidence_sequence(x, block_days, ALPHA)
    for limit in (low[-1], high[-1]):
        assert math.exp(log_e_values(x - limit, block_days)[-1]) == pytest.approx(1 / (2 * ALPHA), rel=1e-6)


def test_the_line_is_crossed_exactly_when_the_limit_leaves_zero():
    for seed in range(200):
        x = np.random.default_rng(seed).normal(0.5, 1, 20)
        path = follow(x, 1, ALPHA)
        outside = (path.low > 0) | (path.high < 0)
        assert (outside == (path.e_value >= path.line)).all()


def test_the_first_crossing_decides_and_a_later_return_takes_nothing_back():
    harmed_then_fine = [1.0, 1.2, 0.9, 1.1, 1.0] + [-3.0] * 10
    assert follow(harmed_then_fine, 1, ALPHA).ruling is Conclusion.WORSE
    assert follow([-value for value in harmed_then_fine], 1, ALPHA).ruling is Conclusion.PROVEN


@pytest.mark.parametrize("autocorrelation", [0.0, 0.3, 0.6, 0.9])
def test_an_equal_model_is_rolled_back_within_90_days_at_most_one_time_in_twenty(autocorrelation):
    found = simulate(REPETITIONS, 28, autocorrelation, harm=0.0)
    assert found.rolled_back <= ALPHA + ERROR_OF_A_SHARE


def test_a_harm_of_one_day_sd_is_found_and_half_of_the_time_within_15_days():
    found = simulate(REPETITIONS, 28, 0.0, harm=1.0)
    assert found.rolled_back >= 0.99
    assert found.median_day <= 15


def test_the_confidence_sequence_covers_the_true_mean_at_every_look():
    random = np.random.default_rng(11)
    missed = 0
    for _ in range(400):
        low, high = confidence_sequence(random.normal(0.7, 1, 60), 1, ALPHA)
        missed += bool(((low > 0.7) | (high < 0.7)).any())
    assert missed / 400 <= 2 * ALPHA + 3 * math.sqrt(2 * ALPHA * (1 - 2 * ALPHA) / 400)


def e_value(x: np.ndarray, block_days: int) -> float:
    """The formula of the paper, written out."""
    n, total, squares = len(x), x.sum(), (x**2).sum()
    mixed = [
        np.sqrt(c / (n + c)) * ((n + c) * squares / ((n + c) * squares - total**2)) ** (n / 2)
        for c in (0.3 / block_days, 3 / block_days, 30 / block_days)
    ]
    return float(np.mean(mixed))


@pytest.mark.parametrize(("block_days", "effect"), [(1, 0.7), (3, 1.0), (7, 1.0), (14, 1.0), (14, 2.0), (1, 4.0)])
def test_so_many_blocks_of_an_effect_cross_the_line_and_one_fewer_do_not(block_days, effect):
    enough = enough_blocks(block_days, 0.05, effect)

    def with_effect(blocks):
        x = np.linspace(-1, 1, blocks)
        return effect + x / x.std()

    assert e_value(with_effect(enough), block_days) >= 10 > e_value(with_effect(enough - 1), block_days)
