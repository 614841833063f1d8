"""Which rows are independent of which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.statistics.daily_differences import DifferenceHistory, daily_differences
from retrain_assets.validation.comparison.estimate import estimate
from retrain_assets.validation.comparison.units import MISSING, GateRows, Units, coded, units_of
from retrain_assets_tests.validation.worlds import gate_rows


def year_of_days(per_day: int, autocorrelation: float, seed: int = 1, days: int = 365):
    """Row values whose day means follow an AR(1) process with little noise inside a day."""
    rng = np.random.default_rng(seed)
    level = [rng.normal()]
    for _ in range(days - 1):
        level.append(autocorrelation * level[-1] + np.sqrt(1 - autocorrelation**2) * rng.normal())
    day = np.repeat(np.arange(days), per_day)
    time = np.datetime64("2023-01-01", "us") + day.astype("m8[D]")
    return np.array(level)[day] + rng.normal(0, 0.1, days * per_day), gate_rows(np.zeros(days * per_day), time=time)


def test_days_are_the_units_and_a_day_without_rows_is_none():
    _, rows = year_of_days(5, 0.38)
    units = units_of("auto", rows.where(rows.day % 2 == 0))
    assert (units.name, units.count, units.in_time) == ("day", 183, True)
    assert set(units.sizes) == {5.0}
    assert np.array_equal(units.of_row, np.repeat(np.arange(183), 5))


def test_all_rows_and_every_part_of_them_know_what_history_tells_of_a_metric():
    psi, rows = year_of_days(5, 0.6, days=84)
    past = daily_differences("gate", "mae", psi, rows.time)
    rows = replace(rows, history=DifferenceHistory((past,), "mae"))
    known = rows.by_day("auc").known
    assert known == rows.history.dependence("mae", 84)
    few = rows.where(rows.day < 14)
    assert few.by_day("mae").known == rows.history.dependence("mae", 14)
    assert rows.by_day("mae").sizes is rows.by_day("auc").sizes, "days are numbered once"
    found = estimate(psi, rows.by_day("mae"))
    assert found.by_day.history_days == 84
    assert found.standard_error > estimate(psi, Units.days(rows.day, rows.rows_of_day)).standard_error / 3


def test_a_single_day_is_one_unit_and_not_as_many_as_it_has_rows():
    rows = gate_rows(np.zeros(500), time=np.full(500, np.datetime64("2024-01-01T12", "us")))
    assert units_of("auto", rows).count == 1


def test_a_column_gives_one_unit_per_value_and_missing_is_a_value():
    cluster = np.array(["b", "a", None, "b", None], dtype=object)
    units = units_of("shop", gate_rows(np.zeros(5), cluster=cluster))
    assert (units.count, units.name) == (3, "shop")
    assert units.of_row[0] == units.of_row[3]
    assert units.of_row[2] == units.of_row[4]


def test_a_unit_column_that_was_not_loaded_is_refused():
    with pytest.raises(DataError, match="validation.unit is 'shop', but the gate rows carry no such column"):
        units_of("shop", gate_rows(np.zeros(5)))


def test_gate_rows_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="groups.sex has 2 entries and label 3"):
        GateRows(np.arange(3), np.zeros(3), np.zeros(3, "M8[us]"), {"sex": np.array(["F", "M"], dtype=object)})


@pytest.mark.parametrize("label", [np.array(["0", "1"]), np.array([0.0, 1.0], dtype=object)])
def test_labels_that_are_no_numbers_are_refused_with_their_type(label):
    with pytest.raises(DataError, match=r"labels are of type .*, not numbers. Write classes as 0, 1"):
        GateRows(np.arange(2), label, np.zeros(2, "M8[us]"), {})


def test_codes_are_the_places_of_the_sorted_texts_however_many_rows_there_are():
    rng = np.random.default_rng(6)
    values = rng.choice(np.array(["b", "a", 3, 2.5, "é"], dtype=object), 150_000)
    values[-1000:][::7] = None
    values[-5] = float("nan")
    names, code = coded(values)
    text = [MISSING if value is None or value != value else str(value) for value in values]
    wanted, inverse = np.unique(text, return_inverse=True)
    assert names == wanted.tolist()
    assert np.array_equal(code, inverse)
    assert code.dtype == np.uint8


def test_codes_of_texts_numbers_and_nothing():
    assert coded(np.array(["x", "y", "x"]))[1].tolist() == [0, 1, 0]
    assert coded(np.array([2.0, np.nan, 1.0]))[0] == [MISSING, "1.0", "2.0"]
    assert coded(np.array([], dtype=object))[0] == []
