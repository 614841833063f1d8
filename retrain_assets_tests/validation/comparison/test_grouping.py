"""How rows are split into groups: every row in exactly one, small values together, missing ones apart."""

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.validation.comparison.grouping import BETWEEN, groups, groups_of
from retrain_assets_tests.validation.worlds import gate_rows, people, policy


def test_small_values_are_judged_together_and_missing_ones_by_themselves():
    rows, *_ = people(1)
    rows.groups["race"][:40] = "d, mixed"
    found = {group.name: group.rows for group in groups(policy(fairness={"groups": ["race"]}).fairness, rows)}
    assert list(found) == ["race=(missing)", "race=a", "race=b", "race=(pooled: c | d, mixed)"]
    assert sum(found.values()) == 3000
    assert found["race=(missing)"] == sum(value is None for value in rows.groups["race"])


def test_every_row_is_in_exactly_one_group_of_its_own_value():
    rows, *_ = people(2)
    parts = list(groups_of("race", rows, pool_below=100))
    assert np.sum([group.mask for group in parts], axis=0).tolist() == [1] * 3000
    for group in parts:
        assert group.mask.sum() == group.rows
    assert set(rows.groups["race"][parts[1].mask]) == {"a"}
    pooled = parts[-1]
    assert set(pooled.value.removeprefix("(pooled: ").removesuffix(")").split(BETWEEN)) == {"c"}


def test_as_many_rows_as_the_limit_are_no_small_group():
    rows = gate_rows(np.zeros(6), {"sex": np.array(["F", "F", "F", "M", "M", None], object)})
    assert [group.name for group in groups_of("sex", rows, 3)] == ["sex=(missing)", "sex=F", "sex=(pooled: M)"]


def test_an_attribute_that_was_not_loaded_is_refused():
    with pytest.raises(DataError, match="gate rows: no column 'age'. Load it into groups."):
        list(groups_of("age", gate_rows(np.zeros(3)), 1))
