"""How much of history each purpose gets: lengths of time, or periods as older specs count them."""

import pytest
from pydantic import ValidationError

from retrain_assets.periods import Length
from retrain_assets.windows.policy import WindowsPolicy


@pytest.mark.parametrize(
    ("declared", "gate", "selection"),
    [
        ({}, "2w", "4w"),
        ({"gate": "1w"}, "1w", "4w"),
        ({"recent_periods": 3}, "1 periods", "1 periods"),
        ({"recent_periods": 3, "gate": "2w"}, "2w", "4w"),
        ({"gate_periods": 2}, "2 periods", "1 periods"),
        ({"gate_periods": 2, "selection": "1w"}, "2 periods", "1w"),
    ],
)
def test_a_spec_that_counts_periods_means_a_gate_of_one_where_it_says_none(declared, gate, selection):
    policy = WindowsPolicy(**declared)
    assert (str(policy.gate), str(policy.selection_length)) == (gate, selection)


def test_every_length_may_be_counted_in_periods():
    counted = WindowsPolicy(recent_periods=3, half_life_periods=2.5, gate_periods=1, min_train_periods=8)
    assert [counted.recent, counted.half_life, counted.gate, counted.min_train] == [
        Length(periods=number) for number in (3, 2.5, 1, 8)
    ]


@pytest.mark.parametrize(
    "declared", [{"gate": "0w"}, {"recent_periods": 0}, {"selection_origins": 0}, {"gate": "1w", "gate_periods": 1}]
)
def test_a_window_of_nothing_or_of_two_lengths_is_refused(declared):
    with pytest.raises(ValidationError, match=next(iter(declared))):
        WindowsPolicy(**declared)
