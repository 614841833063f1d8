"""Joint drift: a changed correlation that no single column shows."""

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.domain_classifier import JOINT, joint_series, tell_apart
from retrain_assets.monitoring.drift.report import Drift, FurtherInputs, drift
from retrain_assets.monitoring.profiles.profile import profile
from retrain_assets_tests.monitoring.drift.normal_rows import EDGES, POLICY, rows


@pytest.fixture(scope="module")
def months():
    rng = np.random.default_rng(1)
    return {f"{n:02}": rows(rng) for n in range(6)}


@pytest.fixture(scope="module")
def told(months):
    """The joint column and the report of a month like the others, and of one whose correlation changed."""
    rng, profiles = np.random.default_rng(2), {key: profile(table, EDGES) for key, table in months.items()}
    found, known = {}, None
    for correlation in (0.0, 0.5):
        current = rows(rng, correlation=correlation)
        column, known = joint_series(months, current, [], 0, known)
        found[correlation] = (
            column,
            drift(POLICY, profiles, profile(current, EDGES), "99", None, FurtherInputs([column])),
        )
    return found


def test_a_changed_correlation_is_told_by_the_classifier_alone_and_named(told):
    column, report = told[0.5]
    assert report.warned == (JOINT,)
    assert {column.example.split()[0], column.example.split(", ")[1].split()[0]} == {"x0", "x1"}
    assert "mostly by x" in report.sentence
    assert told[0.0][1].warned == ()


def test_reference_aucs_are_remembered_and_the_same_seed_gives_the_same_answer(months):
    current = rows(np.random.default_rng(3))
    first, aucs = joint_series(months, current, [], 0)
    again, _ = joint_series(months, current, [], 0, aucs)
    assert np.array_equal(first.summaries[0].values, again.summaries[0].values)
    one = tell_apart(months["00"], current, [], 0)
    assert one == tell_apart(months["00"], current, [], 0)
    assert one.auc == pytest.approx(0.5, abs=4 * one.noise**0.5)


def test_too_few_rows_give_no_joint_answer(months):
    column, _ = joint_series(months, rows(np.random.default_rng(4), 100), [], 0)
    report = drift(POLICY, {k: profile(t, EDGES) for k, t in months.items()}, profile(months["00"], EDGES), "99", None,
                   FurtherInputs([column]))  # fmt: skip
    assert next(c for c in report.columns if c.column == JOINT).outcome is Drift.INSUFFICIENT


def test_a_series_of_another_length_is_refused(months, told):
    few = {key: profile(months[key], EDGES) for key in list(months)[:5]}
    with pytest.raises(DataError, match=r"\(joint\) has 6 reference values for 5 periods"):
        drift(POLICY, few, profile(months["05"], EDGES), "99", None, FurtherInputs([told[0.0][0]]))
