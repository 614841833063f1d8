"""What drift costs: ordered by what matters to the model, and counted in loss where rows became more frequent."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.report import DriftReport, drift
from retrain_assets.monitoring.impact.cost import (
    Change,
    ColumnCost,
    changed_sentence,
    changes,
    cost_words,
    costs,
)
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.impact.worlds import ROWS, rows_of, watched
from retrain_assets_tests.monitoring.stored import TAXI


def test_columns_are_ordered_by_importance_times_effect():
    found, *_ = watched(rows_of(99, fare=13.0, bike=0.6, missing=0.3))
    assert [one.column for one in found] == ["fare", "vehicle", "weight"]
    assert [one.weight for one in found] == [pytest.approx(one.importance * one.effect) for one in found]
    assert found[1].effect == pytest.approx(0.3, abs=0.03)
    assert found[2].effect == pytest.approx(0.3, abs=0.03)


def test_a_change_dates_from_the_first_warning_of_its_running_series():
    found, *_ = watched(rows_of(99, fare=13.0, bike=0.6), {"fare": "2024-07"})
    assert {one.column: one.since for one in found} == {"fare": "2024-07", "vehicle": "2024-09"}


def test_a_quiet_period_has_no_change():
    assert watched(rows_of(99))[0] == ()


def test_the_cost_is_the_loss_of_the_grown_part_beyond_the_others_in_pandas_too():
    table = rows_of(99, fare=13.0, bike=0.6)
    found, edges, *_ = watched(table)
    frame = table.to_pandas()
    loss = np.random.default_rng(1).exponential(1, ROWS) + 0.5 * (frame["vehicle"] == "bike")
    loss.iloc[5] = np.nan
    costed = costs(found, {name: table[name] for name in table.column_names}, loss, edges)
    assert costed[0].column == "vehicle"
    mean = pd.Series(loss).groupby(frame["vehicle"] == "bike").mean()
    known = int(((frame["vehicle"] == "bike") & loss.notna()).sum())
    assert (costed[0].rows, costed[0].loss, costed[0].rest) == (
        known,
        pytest.approx(mean[True]),
        pytest.approx(mean[False]),
    )
    assert costed[0].excess == pytest.approx(known * (mean[True] - mean[False]))
    assert [one.excess for one in costed] == sorted((one.excess for one in costed), reverse=True)


def test_a_slice_without_other_rows_costs_nothing_that_can_be_told():
    table = rows_of(99, bike=1.0)
    found, edges, *_ = watched(table)
    cost = costs(found, {"vehicle": table["vehicle"]}, np.ones(ROWS), edges)[0]
    assert (cost.rows, cost.loss, cost.rest, cost.excess) == (ROWS, 1.0, None, 0.0)
    assert cost_words(TAXI, [cost], "2024-09") == (
        "Of the rides whose outcomes arrived in September 2024, on the 3,000 with vehicle 'bike' the model was off by "
        "$1.00 a ride on average: too few other rides on the same days to compare with."
    )
    assert cost_words(TAXI, [], "2024-09") == "What it costs cannot be told from these outcomes."
    assert cost_words(TAXI, [], "2024-09", "Later.") == "Later."


def test_a_part_that_is_as_hard_as_the_rest_but_for_noise_costs_nothing_that_is_told():
    table = rows_of(99, bike=0.6)
    found, edges, *_ = watched(table)
    bike = table["vehicle"].to_numpy() == "bike"
    loss = np.random.default_rng(2).exponential(1.7, ROWS)
    loss += bike * (loss[~bike].mean() - loss[bike].mean() + 0.04)
    (cost,) = costs(found, {"vehicle": table["vehicle"]}, loss, edges)
    assert cost.excess == pytest.approx(0.04 * cost.rows)
    assert not cost.shows
    assert cost_words(TAXI, [cost], "2024-09").endswith(": no difference that shows.")
    assert costs(found, {"vehicle": table["vehicle"]}, loss + bike, edges)[0].shows


@pytest.mark.parametrize(
    ("cost", "why"),
    [
        (ColumnCost("fare", "fare 0", 900, 1.61, 1.60, 9.0, -0.01), "no difference that shows"),
        (ColumnCost("fare", "fare 0", 900, 1.611, 1.609, 1.8, 0.001), "no difference that shows"),
        (ColumnCost("fare", "fare 0", 900, 1.5, 1.6, -90.0, -0.2), "no more than elsewhere"),
        (ColumnCost("fare", "fare 0", 900, 1.5, None, 0.0), "too few other rides on the same days to compare with"),
        (ColumnCost("fare", "fare 0", 9, 1.5, None, 0.0), "too few to compare"),
        (ColumnCost("fare", "fare 0", 900, 1.8, 1.6, 180.0, 0.1), ""),
        (ColumnCost("fare", "fare 0", 900, 1.8, 1.6, 180.0), ""),  # written before there were limits
    ],
)
def test_one_rule_says_in_sentence_and_table_why_no_cost_is_told(cost, why):
    assert cost.untold(TAXI.units) == why


def test_a_part_with_nothing_beside_it_is_told_before_the_costliest_one():
    alone = ColumnCost("fare", "fare no value", 9584, 7.25, None, 0.0)
    costly = ColumnCost("vehicle", "vehicle 'bike'", 900, 3.0, 1.0, 1800.0, 0.5)
    assert cost_words(TAXI, [costly, alone], "2024-09") == (
        "Of the rides whose outcomes arrived in September 2024, on the 9,584 with fare no value the model was off by "
        "$7.25 a ride on average: too few other rides on the same days to compare with; on the 900 with vehicle 'bike' "
        "the model was off by $3.00 a ride on average, on the others by $1.00: $1,800 more error together."
    )


def test_losses_of_other_rows_are_refused():
    table = rows_of(99, bike=0.6)
    found, edges, *_ = watched(table)
    with pytest.raises(DataError, match="column vehicle has 3,000 values for 10 losses"):
        costs(found, {"vehicle": table["vehicle"]}, np.ones(10), edges)


def test_the_first_line_says_what_changed_since_when_and_what_it_costs():
    table = rows_of(99, bike=0.6)
    found, edges, *_ = watched(table, {"vehicle": "2024-08"})
    loss = np.where(table["vehicle"].to_numpy() == "bike", 3.0, 1.0)
    words = cost_words(TAXI, costs(found, {"vehicle": table["vehicle"]}, loss, edges), "2024-09")
    sentence = changed_sentence(TAXI, found, words)
    assert sentence.startswith(
        "vehicle (10 % of the model rests on it) has changed since August 2024 (vehicle 'bike': "
    )
    assert " Of the rides whose outcomes arrived in September 2024, on the 1,7" in sentence
    assert " with vehicle 'bike' the model was off by $3.00 a ride on average, on the others by $1.00: $" in sentence
    assert sentence.endswith(" more error together.")


def test_changes_survive_json():
    found, *_ = watched(rows_of(99, fare=13.0, bike=0.6, missing=0.3, zone="D"))
    assert tuple(Change.from_dict(one) for one in json.loads(json.dumps([asdict(one) for one in found]))) == found


def test_the_report_they_come_from_warns():
    report = DriftReport.from_dict(json.loads(json.dumps(drift_of(rows_of(99, bike=0.6)).to_dict())))
    assert report.warned == ("vehicle",)


def drift_of(table):
    _, _, reference, present = watched(table)
    return drift(DriftPolicy(), reference, present, "2024-09", None)


def passengers(seed, zeros=0.01, single=0.7):
    """How many people ride: mostly one, some more, and 0 where the driver entered nothing."""
    random = np.random.default_rng(seed)
    many = random.choice([1.0, 2.0, 3.0, 4.0, 5.0], ROWS, p=[single, *[(1 - single) / 4] * 4])
    return pa.table({"passengers": np.where(random.uniform(size=ROWS) < zeros, 0.0, many)})


@pytest.mark.parametrize(
    ("current", "words", "fault"),
    [
        (passengers(99, zeros=0.16), "passengers 0", True),  # one value in place of all others alike
        (passengers(99, single=0.5), "passengers 2 to 5", False),
        (passengers(99, zeros=0.16, single=0.5), "passengers 0 or 2 to 5", False),
    ],
)
def test_a_value_that_takes_the_place_of_all_others_alike_is_called_a_fault(current, words, fault):
    quiet = {f"2024-{month:02}": passengers(month) for month in range(1, 9)}
    edges = reference_edges(pa.concat_tables(quiet.values()), ["passengers"], [])
    reference, present = {name: profile(table, edges) for name, table in quiet.items()}, profile(current, edges)
    report = drift(DriftPolicy(), reference, present, "2024-09", None)
    (one,) = changes(report, {"passengers": 0.0002}, reference, present)
    assert (one.grown.words, one.grown.filled) == (words, fault)
    said = changed_sentence(TAXI, [one], "no cost")
    assert ("more often a fault in the data than a change of the world" in said) == fault
    assert "under 1 % of the model rests on it" in said


def test_values_that_go_missing_alike_are_a_fault_and_a_column_that_no_tree_asks_is_said_to_be_unused():
    found, *_ = watched(rows_of(99, missing=0.3))
    (weight,) = [one for one in found if one.column == "weight"]
    assert weight.grown.filled
    assert "weight (not used by the model)" in changed_sentence(TAXI, [weight], "no cost")
