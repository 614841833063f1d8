"""Holm's adjustment."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from retrain_assets.statistics.multiple_testing import holm


@pytest.mark.parametrize("tests", [1, 2, 30])
def test_holm_is_that_of_statsmodels(tests):
    p_values = np.random.default_rng(tests).beta(0.3, 1, tests)
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_an_unknown_p_value_is_not_counted_as_a_test():
    assert holm([0.01, np.nan, 0.04]).tolist()[::2] == pytest.approx([0.02, 0.04])
    assert holm([]).size == 0
