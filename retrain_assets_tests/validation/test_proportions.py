"""Paired proportions against published examples and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from retrain_assets.validation.proportions import drop_limits, exact_mcnemar, mid_p_mcnemar, rows_to_exclude_drop


@pytest.mark.parametrize(
    ("b", "c", "exact", "mid_p"),
    [
        pytest.param(7, 1, 0.070, 0.039, id="airway hyper-responsiveness, Bentur et al. 2009"),
        pytest.param(16, 6, 0.052, 0.035, id="complete response, Cavo et al. 2012"),
    ],
)
def test_mcnemar_gives_the_published_two_sided_p_values_of_fagerland_and_others(b, c, exact, mid_p):
    assert 2 * exact_mcnemar(b, c) == pytest.approx(exact, abs=0.0005)
    assert 2 * mid_p_mcnemar(b, c) == pytest.approx(mid_p, abs=0.0005)


@pytest.mark.parametrize(("b", "c"), [(12, 3), (40, 22), (3, 0), (9, 8)])
def test_exact_mcnemar_is_half_the_two_sided_one_of_statsmodels(b, c):
    peer = mcnemar(np.array([[0, b], [c, 0]]), exact=True).pvalue
    assert exact_mcnemar(b, c) == pytest.approx(peer / 2)
    assert mid_p_mcnemar(b, c) == pytest.approx(peer / 2 - stats.binom.pmf(b, b + c, 0.5) / 2)


def test_mid_p_of_both_directions_sums_to_one():
    for b, c in ((0, 0), (3, 5), (11, 2)):
        assert mid_p_mcnemar(b, c) + mid_p_mcnemar(c, b) == pytest.approx(1)


def test_limits_are_the_published_ones_of_the_agresti_min_interval():
    """40 and 20 of 160 pairs: example and output of `diffpropci.mp` in the R package PropCIs."""
    assert drop_limits(40, 20, 160, alpha=0.025) == pytest.approx((0.03089632, 0.21601726), abs=1e-8)


def test_upper_limits_of_the_drop_cover_it_as_often_as_stated():
    rng = np.random.default_rng(1)
    for worse, better in ((0.10, 0.02), (0.05, 0.05), (0.15, 0.10)):
        drawn = rng.multinomial(200, [worse, better, 1 - worse - better], 3000)
        covered = np.mean([drop_limits(int(b), int(c), 200, 0.05)[1] >= worse - better for b, c, _ in drawn])
        assert 0.935 <= covered <= 0.975


def test_rows_needed_without_a_single_disagreement_exclude_a_drop_of_the_margin():
    for margin in (0.02, 0.05, 0.1):
        needed = rows_to_exclude_drop(0, 0, 10_000, margin, alpha=0.05, power=0.8)
        assert (1 - margin) ** needed <= 0.05


def test_rows_needed_grow_with_disagreement_and_shrink_with_the_square_of_the_margin():
    few = rows_to_exclude_drop(10, 10, 500, 0.05, 0.05, 0.8)
    assert rows_to_exclude_drop(40, 40, 500, 0.05, 0.05, 0.8) == pytest.approx(few * 81 / 21, abs=4)
    assert rows_to_exclude_drop(10, 10, 500, 0.025, 0.05, 0.8) == pytest.approx(4 * few, abs=4)
