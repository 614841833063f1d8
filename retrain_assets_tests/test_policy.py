"""What every stage's policy has in common: frozen, finite, of known keys, with lengths of time as people write them."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from retrain_assets.periods import Length
from retrain_assets.policy import Duration, LengthsPolicy, Policy, PositiveLength


class Patience(LengthsPolicy):
    """A policy with two lengths, one of which may be counted in periods."""

    rest: PositiveLength = Length.parse("2w")
    rest_periods: int | None = None
    delay: Duration = timedelta(0)
    share: float = 0.5


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"shares": 0.1}, "Extra inputs are not permitted"),
        ({"share": float("inf")}, "finite number"),
        ({"share": float("nan")}, "finite number"),
        ({"rest": "0w"}, "0m must be longer than nothing|0w must be longer than nothing"),
        ({"rest": "2w", "rest_periods": 1}, "rest and rest_periods say the same. Keep rest"),
        ({"rest": "soon"}, "'soon' is no length of time"),
        ({"rest_periods": 10**9}, r"rest_periods: 1e\+09 periods are more than [\d,]+. Write how many you mean"),
    ],
)
def test_what_a_policy_does_not_know_or_cannot_mean_is_refused(given, why):
    with pytest.raises(ValidationError, match=why):
        Patience(**given)


@pytest.mark.parametrize(("written", "delay"), [("36h", timedelta(hours=36)), ("0d", timedelta(0)),
                                                ("90m", timedelta(minutes=90))])  # fmt: skip
def test_a_duration_is_a_number_and_a_unit(written, delay):
    assert Patience(delay=written).delay == delay


@pytest.mark.parametrize("written", ["1.5d", "-1d", "2 d", "d", "1y", 7])
def test_any_other_text_is_no_duration(written):
    with pytest.raises(ValidationError, match="is no duration: write a number and m, h, d or w, like 36h or 2d"):
        Patience(delay=written)


def test_periods_stand_for_the_length_they_count():
    assert Patience(rest_periods=3).rest == Length(periods=3)
    assert Patience().rest == Length.parse("2w")


def test_a_policy_is_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        Policy.model_validate({}).anything = 1
    with pytest.raises(ValidationError, match="frozen"):
        Patience().share = 0.1
