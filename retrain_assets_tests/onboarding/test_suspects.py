"""What a careful person would not train on is named with its reason."""

import numpy as np
import pandas as pd
import pytest

from retrain_assets.onboarding.columns import facts_of
from retrain_assets.onboarding.roles import Named, find_roles
from retrain_assets.onboarding.suspects import suspects_of
from retrain_assets.onboarding.table import read_table

ROWS = 400
RANDOM = np.random.default_rng(1)
LABEL = RANDOM.integers(0, 2, ROWS)
TABLE = pd.DataFrame(
    {
        "id": range(ROWS),
        "at": pd.date_range("2024-01-01", periods=ROWS, freq="h"),
        "honest": LABEL + RANDOM.normal(0, 2, ROWS),
        "label": LABEL,
    }
)


def reasons(tmp_path, **columns):
    TABLE.assign(**columns).to_csv(tmp_path / "rows.csv", index=False)
    table = read_table(str(tmp_path / "rows.csv"))
    facts = {name: facts_of(table, name) for name in table.rows.column_names}
    found = suspects_of(table, facts, find_roles(table, None, facts, Named(key="id", time="at", label="label")))
    return {one.name: one.reason for one in found}


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (2 * LABEL + RANDOM.normal(0, 0.1, ROWS), "leak"),
        (np.where(LABEL == 1, "paid", "open"), "leak"),
        (np.where(LABEL == 1, RANDOM.normal(0, 1, ROWS), np.nan), "leak"),
        ([f"C{number}" for number in range(ROWS)], "identifier"),
        (["same"] * ROWS, "constant"),
        (["2024-05-01", "2024-05-02"] * (ROWS // 2), "date"),
        (np.arange(ROWS) // 100 + 2020, "clock"),
        ([np.nan] * ROWS, "empty"),
    ],
)
def test_a_suspect_is_named_with_its_reason(tmp_path, values, reason):
    assert reasons(tmp_path, odd=values) == {"odd": reason}


def test_a_column_that_is_there_only_for_one_outcome_is_a_leak(tmp_path):
    cancelled = pd.Series(np.where(LABEL == 1, "2025-01-01", None))
    assert reasons(tmp_path, cancelled_on=cancelled) == {"cancelled_on": "leak"}


def test_a_protected_attribute_is_told_by_its_name(tmp_path):
    assert reasons(tmp_path, customer_gender=RANDOM.choice(["F", "M"], ROWS)) == {"customer_gender": "protected"}


def test_a_good_feature_is_no_suspect(tmp_path):
    assert reasons(tmp_path) == {}


def test_a_column_that_follows_a_number_exactly_is_a_leak(tmp_path):
    value = RANDOM.gamma(2, 3, ROWS)
    assert reasons(tmp_path, label=value, twin=value * 1.2) == {"twin": "leak"}


def test_a_number_that_is_the_same_wherever_it_is_there_follows_no_other_number(tmp_path):
    there = np.where(RANDOM.random(ROWS) < 0.5, 1.0, np.nan)
    assert reasons(tmp_path, label=RANDOM.gamma(2, 3, ROWS), bonus=there) == {}


def test_a_number_of_a_few_rows_counts_no_time(tmp_path):
    assert reasons(tmp_path, count=[*(n // 2 for n in range(8)), *[np.nan] * (ROWS - 8)]) == {}


def test_a_date_that_many_rows_have_in_words_is_a_date_and_no_leak(tmp_path):
    asked = [f"2024-06-{n % 28 + 1:02}" if n % 2 else "not yet" for n in range(ROWS)]
    assert reasons(tmp_path, asked_on=asked) == {"asked_on": "date"}


def test_free_text_is_no_feature(tmp_path):
    rows = pd.concat([TABLE] * 3, ignore_index=True).assign(id=range(3 * ROWS))
    rows.assign(note=["same"] * 100 + [f"note{n}" for n in range(1_100)]).to_csv(tmp_path / "rows.csv", index=False)
    table = read_table(str(tmp_path / "rows.csv"))
    facts = {name: facts_of(table, name) for name in table.rows.column_names}
    (found,) = suspects_of(table, facts, find_roles(table, None, facts, Named(key="id", time="at", label="label")))
    assert (found.name, found.sentence) == ("note", "free text, 1,101 different values")
