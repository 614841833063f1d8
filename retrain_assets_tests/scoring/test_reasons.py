"""Reasons for a score: exact Shapley values, told in words."""

import numpy as np

from retrain_assets.scoring.reasons import contributions, reasons
from retrain_assets_tests.serving.world import ROWS


def test_contributions_and_the_expected_value_sum_to_the_score(live):
    encoded, _ = live.scorer.encoded(ROWS)
    expectation = live.scorer.booster.predict(encoded, pred_contrib=True)[:, -1]
    total = contributions(live.scorer, encoded).sum(axis=1) + expectation
    np.testing.assert_allclose(total, live.scorer.scores(ROWS), rtol=1e-9)


def test_each_reason_names_a_feature_its_value_and_its_direction(live):
    encoded, _ = live.scorer.encoded(ROWS)
    found = contributions(live.scorer, encoded)
    first, second = reasons(live.scorer, encoded, ROWS.to_pydict(), 2)
    assert first[0] == f"x=0.5 ({found[0, 0]:+.3g})"
    assert second[2] == f"x=missing ({found[2, 0]:+.3g})" or first[2] == f"x=missing ({found[2, 0]:+.3g})"
    assert len(reasons(live.scorer, encoded, ROWS.to_pydict(), 9)) == 2
