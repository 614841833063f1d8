"""Sums by code, against NumPy."""

import numpy as np
import pytest

from retrain_assets.statistics.codes import narrow, sums


def test_sums_in_slices_are_those_of_one_pass():
    rng = np.random.default_rng(4)
    code, values = rng.integers(0, 90, 200_000).astype(np.uint8), rng.normal(size=200_000)
    assert sums(code, values) == pytest.approx(np.bincount(code, values))
    assert np.array_equal(sums(code), np.bincount(code))


def test_more_codes_than_a_slice_has_rows_are_added_up_too():
    code = np.arange(200_000)[::-1]
    assert np.array_equal(sums(code, code.astype(float)), np.arange(200_000.0))


def test_codes_are_kept_in_the_smallest_integers_that_hold_them():
    assert [narrow(np.array([0, top])).dtype.name for top in (255, 256, 65_536)] == ["uint8", "uint16", "uint32"]
    assert narrow(np.array([], int)).size == 0
