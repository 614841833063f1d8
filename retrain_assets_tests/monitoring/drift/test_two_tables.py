"""Two tables are compared as scipy does, and no value drops out of the comparison."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.two_tables import ASSUMES, one_shot


def test_one_shot_is_scipy_with_benjamini_hochberg_and_says_what_it_assumes():
    rng = np.random.default_rng(9)
    before = pa.table({"a": rng.normal(size=300), "b": rng.normal(size=300), "c": rng.choice(["u", "v"], 300)})
    after = pa.table({"a": rng.normal(0.4, 1, 200), "b": rng.normal(size=200), "c": rng.choice(["u", "v"], 200)})
    found = {one.column: one for one in one_shot(before, after, ["a", "b"], ["c"])}
    assert found["a"].p_value == pytest.approx(stats.ks_2samp(before["a"], after["a"]).pvalue)
    counts = [[sum(np.array(t["c"].to_pylist()) == level) for level in "uv"] for t in (before, after)]
    assert found["c"].p_value == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue)
    adjusted = multipletests([found[name].p_value for name in "abc"], method="fdr_bh")[1]
    assert [found[name].adjusted for name in "abc"] == pytest.approx(adjusted)
    assert {one.label for one in found.values()} == {ASSUMES}
    assert (found["a"].differs, hasattr(found["a"], "triggers")) == (True, False)


def test_one_shot_compares_missing_values_and_names_what_it_cannot_read():
    before, after = pa.table({"a": [1.0] * 99 + [None]}), pa.table({"a": [1.0] * 60 + [None] * 40})
    assert next(one for one in one_shot(before, after, ["a"], []) if one.test == "missing").differs
    with pytest.raises(DataError, match="current table has no rows"):
        one_shot(before, after.slice(0, 0), ["a"], [])
    with pytest.raises(DataError, match="lacks z"):
        one_shot(before, after, ["z"], [])
    with pytest.raises(DataError, match="name it under categorical"):
        one_shot(pa.table({"a": ["x"]}), pa.table({"a": ["y"]}), ["a"], [])


INF = float("inf")
UNUSABLE = {
    "half infinite": [1.0, 2.0, INF, INF] * 25,
    "all infinite": [INF] * 100,
    "all infinite, either sign": [INF, -INF] * 50,
    "all missing": [None] * 100,
    "half missing": [1.0, 2.0, None, None] * 25,
    "half text": ["1.0", "2.0", "n/a", "none"] * 25,
    "all text": ["n/a"] * 100,
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_values_that_are_no_finite_numbers_differ_from_numbers_in_either_order(case):
    numbers, others = pa.table({"v": [1.0, 2.0] * 50}), pa.table({"v": UNUSABLE[case]})
    for before, after in ((numbers, others), (others, numbers)):
        share = next(one for one in one_shot(before, after, ["v"], []) if one.test == "missing")
        assert share.differs
        lost = sum(value not in (1.0, 2.0, "1.0", "2.0") for value in UNUSABLE[case])
        counts = [[100, 0], [100 - lost, lost]]
        assert share.p_value <= stats.chi2_contingency(counts, correction=False).pvalue * (1 + 1e-9)


def test_infinite_and_missing_values_are_told_apart_and_the_same_of_either_does_not_differ():
    infinite, missing = pa.table({"v": [INF] * 100}), pa.table({"v": pa.nulls(100, pa.float64())})
    assert [one.differs for one in one_shot(infinite, missing, ["v"], [])] == [True]
    for table in (infinite, missing, pa.table({"v": pa.nulls(100)})):
        assert [(one.p_value, one.differs) for one in one_shot(table, table, ["v"], [])] == [(1.0, False)]


def test_a_code_read_as_a_number_with_a_point_is_the_same_category_and_a_missing_one_is_its_own():
    whole, pointed = pa.table({"c": [11, 12] * 50}), pa.table({"c": [11.0, 12.0] * 50})
    assert [one.p_value for one in one_shot(whole, pointed, [], ["c"])] == [1.0]
    gone = pa.table({"c": pa.array([11.0, float("nan")] * 50)})
    said = pa.table({"c": ["11", "missing"] * 50})
    assert one_shot(gone, pa.table({"c": pa.array([11, None] * 50)}), [], ["c"])[0].p_value == 1.0
    assert one_shot(gone, said, [], ["c"])[0].differs
