from retrain_assets.backtest.pages.text import (
    HEAD,
    best_words,
    cost_words,
    gate_words,
    rows_of,
    saving_words,
    shown_policies,
    span_words,
)
from retrain_assets.backtest.saving import Saving
from retrain_assets.documents.units import LossUnits
from retrain_assets_tests.backtest.by_hand import backtest_record, result

RIDES = LossUnits("ride", "USD")


def test_the_cheapest_stands_first_and_hindsight_last():
    names = [one.name for one in shown_policies(backtest_record())]
    assert names == ["a clock of 8 weeks", "your triggers", "never", "hindsight"]


def test_what_the_first_half_did_not_choose_is_shown_only_on_demand():
    record = backtest_record()
    record = backtest_record(policies=(*record.policies, result("a clock of 2 weeks", chosen=False)))
    assert "a clock of 2 weeks" not in [one.name for one in shown_policies(record)]
    assert "a clock of 2 weeks" in [one.name for one in shown_policies(record, every=True)]


def test_a_row_says_what_it_costs_and_the_recommended_one_is_marked():
    record = backtest_record()
    rows = rows_of(record, RIDES, shown_policies(record))
    assert rows[0] == HEAD
    assert rows[1] == ("→ a clock of 8 weeks", "2", "$1.50", "$900", "$450", "$5.00 saved (-$1.00 to $11.00)")
    assert rows[-1][-1] == "-"


def test_a_loss_that_is_certain_says_so():
    assert saving_words(Saving(-5.0, -9.0, -1.0, 80), RIDES) == "$5.00 worse, surely ($1.00 to $9.00)"
    assert saving_words(Saving(-5.0, None, None, 3), RIDES) == "$5.00 worse, no limits"
    assert saving_words(Saving(0.0, 0.0, 0.0, 80), RIDES) == "the same"


def test_span_cost_and_ranges():
    record = backtest_record()
    assert span_words(record, RIDES) == (
        "2 weeks from 1 January 2018 to 30 December 2018, 1,000 rides; the second half begins on 2 July 2018"
    )
    assert cost_words(record, RIDES) == "A retrain costs $100 (triggers.retrain_cost)"
    assert gate_words(record, RIDES) == [
        "your triggers: 2 of 3 attempts promoted, $1,040 ($40.00 more than without a gate)"
    ]
    assert best_words(record, RIDES) == ["from $0 to $500: a clock of 8 weeks", "from $500 on: never"]
