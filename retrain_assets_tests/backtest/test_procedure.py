from datetime import datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.backtest.procedure import evidence_since, procedure_evidence
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def evidence(slope, origins=24, retrains=5, noise=0.3):
    matrix = matrix_of(ageing(origins, slope))
    matrix.losses[:] += 10 * np.random.default_rng(8).normal(0, noise, matrix.losses.shape)
    usual = PolicyPath(matrix, matrix.whole, tuple(range(0, origins, origins // (retrains + 1)))[: retrains + 1])
    return matrix, procedure_evidence(matrix, usual)


def test_ageing_models_show_that_retraining_works():
    matrix, found = evidence(0.1)
    assert (found.origins, found.interval, found.days) == (12, 4, 84)
    assert found.share == pytest.approx(0.4 / 1.4, abs=0.03)
    gains = np.concatenate([matrix.losses[at - 4, 7 * at : 7 * at + 7] - matrix.losses[at, 7 * at : 7 * at + 7]
                            for at in range(12, 24)])  # fmt: skip
    expected = stats.ttest_1samp(gains, 0, alternative="greater").pvalue
    assert np.log10(found.p_value) == pytest.approx(np.log10(expected), rel=0.1)
    assert found.low > 0
    assert found.sentence.startswith("Retraining works: over the last 12 weeks")


def test_models_that_do_not_age_show_no_certain_gain():
    _, found = evidence(0.0)
    assert found.low < 0
    assert "which may be chance" in found.sentence


def test_a_short_history_says_nothing():
    matrix = matrix_of(ageing(5))
    assert procedure_evidence(matrix, PolicyPath(matrix, matrix.whole, (0,))) is None


def test_one_retrain_is_compared_over_what_history_has():
    matrix = matrix_of(ageing(10))
    found = procedure_evidence(matrix, PolicyPath(matrix, matrix.whole, (0,)))
    assert (found.interval, found.origins) == (4, 6)


def since(week, origins=24, slope=0.1, until=None, aged=4):
    matrix = matrix_of(ageing(origins, slope), delay=timedelta(days=1))
    matrix.losses[:] += 10 * np.random.default_rng(9).normal(0, 0.3, matrix.losses.shape)
    begins, ends = (datetime(2024, 1, 1) + timedelta(weeks=number) for number in (week, until or origins))
    return evidence_since(matrix, begins, timedelta(weeks=aged), ends, 0.02, "week")


def test_only_origins_since_the_commitment_count():
    found = since(14)
    assert (found.origins, found.interval, found.proven, found.alpha) == (10, 4, True, 0.02)
    assert found.since == "2024-04-08T00:00:00"
    few = since(20)
    assert (few.origins, few.proven) == (4, False)
    assert few.sentence.endswith("in 4 weeks since 2024-05-20, 6 are needed.")
    none = since(24)
    assert (none.origins, none.proven) == (0, False)
    assert "no week since 2024-06-17 has outcomes, 6 are needed" in none.sentence


def test_no_day_counts_whose_outcome_was_not_known_at_the_decision():
    found = since(10, until=18)
    assert found.origins == 8
    assert found.days == 8 * 7 - 1, "the last day ended, its outcome comes a day later"


def test_models_older_than_history_are_compared_with_nothing():
    assert since(2, aged=30).origins == 0
