"""Paired proportions against published examples and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.proportion import proportion_confint

from retrain_assets.validation.comparison.paired_proportions import (
    agresti_min_limit,
    drop_limits,
    exact_limit,
    exact_mcnemar,
    mid_p_mcnemar,
    rows_to_exclude_drop,
    score_limit,
)


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
    found = -agresti_min_limit(20, 40, 160, alpha=0.025), agresti_min_limit(40, 20, 160, alpha=0.025)
    assert found == pytest.approx((0.03089632, 0.21601726), abs=1e-8)


def test_score_limits_are_the_published_ones_of_tango():
    """Tango (1998), section 6.1: of 44 lens wearers one changed; and `scoreci.mp(25, 28, 618, 0.9)` of PropCIs."""
    assert score_limit(1, 0, 44, alpha=0.05) == pytest.approx(0.096, abs=5e-4)
    assert score_limit(25, 28, 618, alpha=0.05) == pytest.approx(0.0148, abs=5e-5)
    assert -score_limit(28, 25, 618, alpha=0.05) == pytest.approx(-0.0247, abs=5e-5)


@pytest.mark.parametrize(
    ("b", "c", "n"), [(7, 1, 21), (1, 0, 44), (0, 0, 30), (0, 5, 30), (10, 10, 20), (19, 1, 20), (40, 20, 160)]
)
def test_a_score_limit_is_where_the_score_test_with_a_likelihood_maximised_numerically_stops_rejecting(b, c, n):
    limit = score_limit(b, c, n, alpha=0.025)

    def unlikelihood(other):
        shares = np.array([other + limit, other, 1 - 2 * other - limit])
        return -stats.multinomial.logpmf([b, c, n - b - c], n, shares / shares.sum())

    room = (1 - limit) / 2
    other = optimize.minimize_scalar(unlikelihood, bounds=(0, room), method="bounded", options={"xatol": 1e-13}).x
    if unlikelihood(0.0) <= unlikelihood(other):
        other = 0.0
    spread = np.sqrt(n * (2 * other + limit * (1 - limit)))
    assert (b - c - n * limit) / spread == pytest.approx(stats.norm.ppf(0.025), abs=1e-4)


@pytest.mark.parametrize(("b", "n"), [(0, 30), (3, 60), (30, 30), (29, 30)])
def test_exact_limits_are_those_of_clopper_and_pearson_in_statsmodels(b, n):
    assert exact_limit(b, n, alpha=0.05) == pytest.approx(proportion_confint(b, n, alpha=0.1, method="beta")[1])


def passed(n, margin, alpha, limit, lost, gained):
    """The exact probability that a limit of n rows lies below the margin, over every table of changes."""
    b, c = (table.ravel() for table in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
    b, c = b[b + c <= n], c[b + c <= n]
    chance = stats.multinomial.pmf(np.column_stack([b, c, n - b - c]), n, [lost, gained, 1 - lost - gained])
    likely = np.flatnonzero(chance > 1e-7)
    return sum(chance[i] for i in likely if limit(int(b[i]), int(c[i]), n, alpha) < margin)


@pytest.mark.parametrize(
    ("n", "margin", "alpha", "gained"),
    [
        *((100, 0.05, 0.05, gained) for gained in (0.0, 0.002, 0.01, 0.03)),
        (40, 0.1, 0.05, 0.0), (40, 0.1, 0.05, 0.03), (200, 0.1, 0.05, 0.01), (200, 0.05, 0.02, 0.0),
        (200, 0.05, 0.02, 0.002),
    ],
)  # fmt: skip
def test_a_drop_of_exactly_the_margin_passes_no_more_often_than_the_level_whichever_way_decisions_flip(
    n, margin, alpha, gained
):
    share = passed(n, margin, alpha, lambda *counts: drop_limits(*counts)[1], margin + gained, gained)
    assert share <= alpha + 0.0015


def test_the_limit_of_agresti_and_min_alone_lets_such_a_drop_through_twice_as_often():
    assert passed(100, 0.05, 0.05, agresti_min_limit, 0.05, 0.0) == pytest.approx(0.118, abs=0.001)


def test_without_a_drop_the_stricter_limit_passes_large_groups_as_often():
    for n, least in ((200, 0.98), (400, 0.99)):
        assert passed(n, 0.05, 0.05, lambda *counts: drop_limits(*counts)[1], 0.01, 0.01) >= least


def test_drop_limits_are_never_inside_those_of_agresti_and_min_and_hold_without_a_row():
    for b, c, n in ((0, 0, 0), (0, 0, 1), (5, 5, 10), (0, 3, 3), (3, 0, 3), (12, 2, 90), (2, 12, 90)):
        low, high = drop_limits(b, c, n, 0.05)
        assert -1 <= low <= -agresti_min_limit(c, b, n, 0.05) <= agresti_min_limit(b, c, n, 0.05) <= high <= 1


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
