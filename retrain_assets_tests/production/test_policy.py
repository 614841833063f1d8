"""Hard limits of the mean score: what they hold, and which of them are refused."""

import math

import pytest
from pydantic import ValidationError

from retrain_assets.production.policy import ScoreRate


def test_the_mean_score_is_held_to_its_limits_and_nan_is_outside():
    limits = ScoreRate(at_least=1.0, at_most=2.0)
    assert [limits.holds(value) for value in (0.99, 1.0, 2.0, 2.01, math.nan)] == [False, True, True, False, False]
    assert ScoreRate(at_most=2.0).holds(-1e9)


@pytest.mark.parametrize("limits", [{}, {"at_least": 2.0, "at_most": 1.0}, {"at_least": 1.0, "at_most": 1.0}])
def test_limits_that_say_nothing_or_exclude_everything_are_refused(limits):
    with pytest.raises(ValidationError, match="score_rate"):
        ScoreRate(**limits)
