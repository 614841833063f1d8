import pytest

from retrain_assets.backtest.saving import Saving
from retrain_assets.backtest.sentences import recommended
from retrain_assets.model import Model
from retrain_assets.periods import Calendar
from retrain_assets_tests.backtest.by_hand import result

MODEL = Model(
    "taxi", "regression", 2, Calendar(every="month", start="2018-01-01"), "id", "at", "fare", None, "mae", "USD", "ride"
)


@pytest.mark.parametrize(
    ("name", "saved", "said"),
    [
        (
            "a clock of 3 weeks",
            Saving(412.0, -80.0, 905.0, 217),
            "Retrain on a clock of 3 weeks: over the last 31 weeks that would have cost $412 less than your triggers, "
            "retrains included (95 % limits -$80.00 to $905: not distinguishable from chance).",
        ),
        (
            "never",
            Saving(900.0, 300.0, 1500.0, 217),
            "Do not retrain: over the last 31 weeks never retraining would have cost $900 less than your triggers, "
            "retrains included (95 % limits $300 to $1,500: more than chance explains).",
        ),
        (
            "never",
            Saving(-12.0, -100.0, 80.0, 217),
            "Keep your triggers: what the first half preferred (never) would have cost $12.00 more over the last 31 "
            "weeks.",
        ),
        (
            "your triggers",
            None,
            "Keep your triggers: over the last 31 weeks no policy that a spec can declare was expected to cost less.",
        ),
    ],
)
def test_the_sentence_says_what_to_do_what_it_saves_and_whether_that_is_chance(name, saved, said):
    assert recommended(MODEL, result(name), saved, 31, "week", tuned=False) == said


def test_a_policy_tuned_on_all_of_history_is_called_so():
    said = recommended(MODEL, result("never"), Saving(841.0, None, None, 3), 3, "year", tuned=True)
    assert "over all 3 years" in said
    assert "no limits, 3 days with outcomes are too few: not known whether that is more than chance" in said
    assert said.endswith("It was chosen on the same history, which is too short for two halves.")
    tested = recommended(MODEL, result("never"), Saving(900.0, 300.0, 1500.0, 217), 31, "week", tuned=True)
    assert "(95 % limits $300 to $1,500: no test, for it was chosen on the same days)" in tested
