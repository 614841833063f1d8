"""A refitted model takes the tested one's place only while it is still that model."""

import numpy as np
import pytest

from retrain_assets.candidates.policy import RefitPolicy
from retrain_assets.validation.criteria.refit_agreement import agreement
from retrain_assets.verdict import Outcome

TESTED = np.array([0.1, 0.4, 0.5, 0.9])


@pytest.mark.parametrize(
    ("refitted", "outcome"),
    [
        (TESTED, Outcome.PASS),
        (TESTED + 0.02, Outcome.PASS),
        (TESTED + 0.03, Outcome.FAIL),
        (0.45 + 0.01 * np.array([1.0, -1.0, 1.0, -1.0]), Outcome.FAIL),
        (np.full(4, 0.5), Outcome.FAIL),
        (np.array([0.1, 0.4, 0.5, np.nan]), Outcome.FAIL),
        (np.array([0.1, 0.4, 0.5, np.inf]), Outcome.FAIL),
    ],
)
def test_scores_agree_within_the_tolerance_and_when_they_move_together(refitted: np.ndarray, outcome: Outcome) -> None:
    assert agreement(TESTED, refitted, TESTED, RefitPolicy(tolerance=0.025)).outcome is outcome


def test_the_correlation_is_numpys() -> None:
    random = np.random.default_rng(1)
    one = random.normal(size=500)
    other = one + random.normal(size=500)
    exact = np.corrcoef(one, other)[0, 1]
    for limit, outcome in ((exact - 1e-9, Outcome.PASS), (exact + 1e-9, Outcome.FAIL)):
        assert agreement(one, other, one, RefitPolicy(tolerance=9, min_correlation=limit)).outcome is outcome


@pytest.mark.parametrize(
    ("refitted", "outcome"),
    [(TESTED + 0.09, Outcome.PASS), (TESTED + 0.11, Outcome.FAIL), (TESTED * np.nan, Outcome.FAIL)],
)
def test_without_a_tolerance_the_refit_must_lie_closer_to_the_tested_model_than_the_live_one(
    refitted: np.ndarray, outcome: Outcome
) -> None:
    assert agreement(TESTED, refitted, reference=TESTED - 0.1).outcome is outcome
