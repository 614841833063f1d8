"""Calibration and values out of range, measured period by period."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from retrain_assets.monitoring.drift.report import Drift, FurtherInputs, drift
from retrain_assets.monitoring.drift.serving_series import (
    CALIBRATION,
    OUT_OF_RANGE,
    ServingNumbers,
    calibration,
    out_of_range,
    served_series,
)
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets_tests.monitoring.drift.normal_rows import EDGES, NAMES, POLICY, rows


def test_calibration_is_the_residuals_mean_and_the_regression_slope():
    rng = np.random.default_rng(5)
    score = rng.random(3000)
    label = (rng.random(3000) < 0.1 + 0.7 * score).astype(float)
    found, fit = calibration(label, score), stats.linregress(score, label)
    assert found.gap == pytest.approx((label - score).mean())
    assert found.slope == pytest.approx(fit.slope)
    assert found.slope_noise**0.5 == pytest.approx(fit.stderr, rel=0.1)
    assert calibration([0, 1] * 10, [0.1, 0.9] * 10) is None
    assert calibration([1] * 100, rng.random(100)) is None


def test_a_model_that_loses_its_calibration_warns_and_missing_outcomes_do_not():
    rng = np.random.default_rng(6)

    def record(shift=0.0, outcomes=True):
        score = rng.uniform(0.2, 0.6, 4000)
        known = calibration((rng.random(4000) < score + shift).astype(float), score) if outcomes else None
        return ServingNumbers(out_of_range(profile(rows(rng, 500), EDGES)), known)

    before = [record() for _ in range(10)]
    scores = {f"{n:02}": profile(rows(rng, 500), EDGES) for n in range(10)}
    for current, warned in ((record(), ()), (record(0.15), (CALIBRATION,)), (record(outcomes=False), ())):
        report = drift(
            POLICY, scores, profile(rows(rng, 500), EDGES), "99", None, FurtherInputs(served_series([*before, current]))
        )
        assert report.warned == warned
    assert next(c for c in report.columns if c.column == CALIBRATION).outcome is Drift.INSUFFICIENT
    far = ServingNumbers(out_of_range(profile(pa.table({name: np.full(500, 50.0) for name in NAMES}), EDGES)))
    report = drift(
        POLICY, scores, profile(rows(rng, 500), EDGES), "99", None, FurtherInputs(served_series([*before, far]))
    )
    assert report.warned == (OUT_OF_RANGE,)
