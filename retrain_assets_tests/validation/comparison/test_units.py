"""Which rows are independent of which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.statistics.day_blocks import careful_length_days, fading_autocorrelation, left_over, means_by_day
from retrain_assets.validation.comparison.estimate import estimate
from retrain_assets.validation.comparison.units import MISSING, GateRows, blocks_for, coded, units_of
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


def length_of(psi, rows) -> int:
    """Days in a block, by the name of the unit."""
    name = units_of("auto", psi, rows).name
    return 1 if name == "day" else int(name.removesuffix("-day block"))


@pytest.mark.parametrize(("autocorrelation", "length"), [(0.0, 1), (0.17, 7), (0.38, 7), (0.8, 14)])
def test_blocks_are_as_long_as_the_days_are_autocorrelated(autocorrelation, length):
    lengths = [length_of(psi, rows) for psi, rows in (year_of_days(3, autocorrelation, s) for s in range(15))]
    assert np.median(lengths) == length


def test_blocks_are_made_of_whole_days_and_never_share_one():
    _, rows = year_of_days(5, 0.38)
    units = rows.blocks(7)
    assert units.name == "7-day block"
    assert units.count == 365 // 7
    days = (rows.time.astype("datetime64[D]") - np.datetime64("2023-01-01")).astype(int)
    assert all(len(set(units.of_row[days == day])) == 1 for day in range(365))
    assert set(units.sizes[:-1]) == {35.0}


def test_equal_values_every_day_need_no_longer_blocks():
    psi, rows = year_of_days(2, 0.0)
    assert length_of(np.zeros_like(psi), rows) == 1


def test_a_single_day_is_one_unit_and_not_as_many_as_it_has_rows():
    rows = gate_rows(np.zeros(500), time=np.full(500, np.datetime64("2024-01-01T12", "us")))
    assert units_of("auto", np.arange(500.0), rows).count == 1


def test_a_column_gives_one_unit_per_value_and_missing_is_a_value():
    cluster = np.array(["b", "a", None, "b", None], dtype=object)
    units = units_of("shop", np.zeros(5), gate_rows(np.zeros(5), cluster=cluster))
    assert (units.count, units.name) == (3, "shop")
    assert units.of_row[0] == units.of_row[3]
    assert units.of_row[2] == units.of_row[4]


def test_a_unit_column_that_was_not_loaded_is_refused():
    with pytest.raises(DataError, match="validation.unit is 'shop', but the gate rows carry no such column"):
        units_of("shop", np.zeros(5), gate_rows(np.zeros(5)))


def test_gate_rows_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="groups.sex has 2 entries and label 3"):
        GateRows(np.arange(3), np.zeros(3), np.zeros(3, "M8[us]"), {"sex": np.array(["F", "M"], dtype=object)})


@pytest.mark.parametrize("label", [np.array(["0", "1"]), np.array([0.0, 1.0], dtype=object)])
def test_labels_that_are_no_numbers_are_refused_with_their_type(label):
    with pytest.raises(DataError, match=r"labels are of type .*, not numbers. Write classes as 0, 1"):
        GateRows(np.arange(2), label, np.zeros(2, "M8[us]"), {})


def test_at_a_small_level_the_error_holds_what_neighbouring_blocks_still_share():
    seen = set()
    for seed in range(40):
        psi, rows = year_of_days(20, 0.5, seed, days=56)
        daily = means_by_day(psi, rows.day)
        units = units_of("auto", psi, replace(rows, careful=True))
        length = 1 if units.name == "day" else int(units.name.removesuffix("-day block"))
        found = fading_autocorrelation(daily)
        assert length == careful_length_days(found)
        assert units.inflation == pytest.approx(left_over(found, 56, length) ** 0.5)
        plain = estimate(psi, rows.blocks(length))
        assert estimate(psi, units).standard_error == pytest.approx(plain.standard_error * units.inflation)
        assert estimate(psi, units).design_effect == pytest.approx(plain.design_effect * units.inflation**2)
        assert rows.blocks(length).inflation == 1
        seen.add(length)
    assert seen >= {1, 7}


def test_a_part_of_careful_rows_is_careful():
    psi, rows = year_of_days(4, 0.5)
    assert replace(rows, careful=True).where(psi > 0).careful
    assert not rows.where(psi > 0).careful
    assert blocks_for(np.arange(56.0), rows).inflation == 1


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


def test_blocks_of_one_length_are_made_once_and_parts_have_their_own():
    _, rows = year_of_days(2, 0.0)
    assert rows.blocks(7) is rows.blocks(7)
    assert rows.blocks(7) is not rows.blocks(1)
    assert rows.where(rows.day < 14).blocks(7).count == 2
