import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.policies.feature_drift import (
    TEXTBOOK,
    CalibratedDrift,
    ConfirmedDrift,
    FeatureIntervals,
    TextbookDrift,
)
from retrain_assets.backtest.policies.path import walk
from retrain_assets.candidates.strategies import TrainingRows
from retrain_assets.monitoring.drift.column_change import measure
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets_tests.backtest.worlds import FIRST, WEEK, ageing, matrix_of

BEFORE, ORIGINS, A_DAY = 8, 10, 40
CONTRACT = FeatureContract(("miles", "zone"), {"miles": "numeric", "zone": "categorical"}, {"zone": ("EWR", "JFK")})


def history(moved_from=ORIGINS, by=0.0, gap=ORIGINS):
    """Rows of eight weeks before the first origin and of ten after it but for a gap; miles grow from one week on."""
    rng = np.random.default_rng(4)
    days = 7 * (BEFORE + ORIGINS)
    start = FIRST - BEFORE * WEEK
    time = np.repeat(start + np.timedelta64(1, "D") * np.arange(days), A_DAY)
    time = time[(time < FIRST + gap * WEEK) | (time >= FIRST + (gap + 1) * WEEK)]
    miles = rng.gamma(3, 1, time.size) + by * (time >= FIRST + moved_from * WEEK)
    zone = pa.array(rng.integers(0, 2, time.size), pa.int16())
    rows = TrainingRows(
        pa.table({"miles": miles, "zone": zone}),
        pa.chunked_array([np.zeros(time.size)]),
        pa.chunked_array([pa.array(time)]),
        pa.chunked_array([np.arange(time.size)]),
        pa.chunked_array([np.zeros(time.size, dtype=bool)]),
    )
    return EncodedHistory(rows, CONTRACT, None)


@pytest.fixture(scope="module")
def matrix():
    return matrix_of(ageing(ORIGINS))


def intervals(matrix, **moved):
    return FeatureIntervals.of(history(**moved), matrix.moments, BEFORE)


def test_the_interval_of_an_origin_ends_with_its_decision(matrix):
    found = intervals(matrix)
    assert len(found.profiles) == BEFORE + ORIGINS - 1
    assert {one.rows for one in found.profiles} == {7 * A_DAY}
    assert found.interval(0, ORIGINS) == BEFORE - 1
    sizes = found.sizes(found.interval(0, ORIGINS), found.interval(3, ORIGINS))
    assert sizes["miles"] == measure([*found.profiles[:BEFORE], found.profiles[BEFORE + 2]], "miles").sizes


@pytest.mark.parametrize("distance", TEXTBOOK)
def test_a_move_of_a_standard_deviation_is_found_both_ways(matrix, distance):
    found = intervals(matrix, moved_from=4, by=1.7)
    textbook = walk(TextbookDrift(found, distance), matrix, matrix.whole)
    assert 5 in textbook.retrains, "the first interval with such rows ends with origin 5's decision"
    calibrated = walk(CalibratedDrift(found, distance), matrix, matrix.whole)
    assert 6 in calibrated.retrains, "and it has to come again"
    assert 5 not in calibrated.retrains


def test_quiet_weeks_do_not_ask_what_is_calibrated(matrix):
    found = intervals(matrix)
    for distance in TEXTBOOK:
        assert walk(CalibratedDrift(found, distance), matrix, matrix.whole).count == 0
    assert walk(ConfirmedDrift(found, DriftPolicy()), matrix, matrix.whole).count == 0


def test_the_products_report_asks_at_once_for_what_is_beyond_doubt(matrix):
    found = intervals(matrix, moved_from=4, by=1.7)
    assert 5 in walk(ConfirmedDrift(found, DriftPolicy()), matrix, matrix.whole).retrains


@pytest.mark.parametrize("distance", TEXTBOOK)
def test_a_week_without_rows_is_no_second_time(matrix, distance):
    found = intervals(matrix, moved_from=4, by=1.7, gap=5)
    assert walk(CalibratedDrift(found, distance), matrix, matrix.whole).retrains[1] == 8
