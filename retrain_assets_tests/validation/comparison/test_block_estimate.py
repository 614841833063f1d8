"""Functions of whole sets of rows, measured block by block: what a block is, and how sure their mean."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.validation.comparison.block_estimate import block_estimate, block_mean, block_units, by_block
from retrain_assets.validation.comparison.units import Units
from retrain_assets_tests.validation.worlds import gate_rows, value_world


def test_days_that_resemble_each_other_widen_the_error_of_a_function_of_all_rows():
    rng, days = np.random.default_rng(3), 112
    level = np.empty(days)
    level[0] = 0
    for day in range(1, days):
        level[day] = 0.9 * level[day - 1] + rng.normal()
    values = np.repeat(level, 20) + rng.normal(0, 0.1, days * 20)
    time = np.datetime64("2024-01-01", "us") + np.repeat(np.arange(days), 20).astype("m8[D]")
    found = block_estimate(lambda part: float(values[part].mean()), block_units("auto", gate_rows(values, time=time)))
    assert (found.unit, found.units) == ("day", 112)
    assert found.design_effect > 20


def test_clusters_stay_whole_in_the_folds():
    rows, champion, _ = value_world()
    driver = np.arange(3000) % 40
    seen: list[set[int]] = []

    def gain(part):
        seen.append(set(driver[part].tolist()))
        return float(champion[part].mean())

    found = block_estimate(gain, block_units("driver", replace(rows, cluster=driver.astype(str))))
    assert (found.unit, found.units) == ("fold of driver", 16)
    assert sum(len(drivers) for drivers in seen[:16]) == 40
    with pytest.raises(DataError, match="the gate rows carry no such column"):
        block_units("driver", rows)


@pytest.mark.parametrize("unit", ["auto", "row"])
def test_the_mean_of_blocks_has_the_error_of_their_t_test(unit):
    rows, champion, _ = value_world(days=40)
    units = block_units(unit, rows)
    found = block_estimate(lambda part: float(np.median(champion[part])), units)
    medians = by_block(lambda part: float(np.median(champion[part])), units)
    assert found.units == medians.size == (40 if unit == "auto" else 16)
    assert found.improvement == block_mean(lambda part: float(np.median(champion[part])), units) == medians.mean()
    if unit == "row":
        assert found.standard_error == pytest.approx(stats.sem(medians))
        assert (found.degrees, found.design_effect) == (15, 1.0)


def test_each_block_is_measured_on_its_own_rows():
    units = Units(np.array([2, 0, 1, 0, 2]), "vehicle")
    assert by_block(lambda part: float(part.sum()), units).tolist() == [1 + 3, 2, 0 + 4]


def test_a_block_that_cannot_be_measured_leaves_mean_and_error_unknown():
    units = Units(np.arange(3), "vehicle")
    found = block_estimate(lambda part: float("nan") if part[0] == 1 else 1.0, units)
    assert np.isnan(found.improvement)
    assert np.isnan(found.standard_error)
    assert np.isnan(block_mean(lambda part: 1.0, Units(np.empty(0, dtype=np.int64), "vehicle")))
