import numpy as np
import pytest
from scipy import stats

from retrain_assets.backtest.policies.path import PolicyPath
from retrain_assets.backtest.procedure import ProcedureEvidence, procedure_evidence
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
    assert found.sentence("week").startswith("Retraining works: over the last 12 weeks")


def test_models_that_do_not_age_show_no_certain_gain():
    _, found = evidence(0.0)
    assert found.low < 0
    assert "which may be chance" in found.sentence("week")


def test_a_short_history_says_nothing():
    matrix = matrix_of(ageing(5))
    assert procedure_evidence(matrix, PolicyPath(matrix, matrix.whole, (0,))) is None


def test_one_retrain_is_compared_over_what_history_has():
    matrix = matrix_of(ageing(10))
    found = procedure_evidence(matrix, PolicyPath(matrix, matrix.whole, (0,)))
    assert (found.interval, found.origins) == (4, 6)


def test_it_is_read_back_as_it_was_written():
    found = ProcedureEvidence(12, 4, 0.1, None, None, 3)
    assert ProcedureEvidence.from_dict(found.to_dict()) == found
    assert found.sentence("week").startswith("Whether retraining works is not known")
