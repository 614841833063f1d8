"""The suite file and the findings on known hard cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy import stats

from retrain_assets.errors import DataError, SpecError
from retrain_assets.validation.suite.cases import SuiteRows, load_suite, regression_suite
from retrain_assets.verdict import Outcome
from retrain_assets_tests.validation.worlds import VALUE_RULES, case, policy, suite

ENTRY = {
    "id": 4711,
    "period": "2019-02",
    "owner": "team:pricing",
    "added": date(2019, 3, 2),
    "reason": "quoted 12 dollars too low in the surcharge week",
    "severity": "critical",
}


def written(folder: Path, *entries: object) -> Path:
    path = folder / "taxi.suite.yaml"
    path.write_text(yaml.safe_dump({"cases": list(entries)}))
    return path


def test_cases_are_read_with_their_reason_and_dates(tmp_path):
    first, second = load_suite(written(tmp_path, ENTRY, ENTRY | {"id": "x-2", "expires": date(2020, 1, 1)}))
    assert (first.id, first.period, first.severity, first.expires) == ("4711", "2019-02", "critical", None)
    assert first.added == date(2019, 3, 2)
    assert second.expired(date(2020, 1, 2))
    assert not second.expired(date(2020, 1, 1))
    assert not first.expired(date(2099, 1, 1))


def test_an_empty_list_is_a_suite_without_cases(tmp_path):
    assert load_suite(written(tmp_path)) == ()


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({"reason": None}, "entry 2: reason: is required"),
        ({"severity": "high"}, "entry 2: severity: 'high' is not known. Take critical or normal"),
        ({"added": "March"}, "entry 2: added: 'March' is no date. Write it like 2019-04-30"),
        ({"expires": 2020}, "entry 2: expires: 2020 is no date"),
        ({"weight": 3}, "entry 2: weight: unknown key"),
        ({"id": 4711}, "entry 2: id: 4711 stands in entry 1 too"),
    ],
)
def test_a_wrong_entry_is_named_by_file_number_and_key(tmp_path, entry, fault):
    path = written(tmp_path, ENTRY, {**ENTRY, "id": "second", **entry})
    with pytest.raises(SpecError, match="taxi.suite.yaml: " + fault.replace(".", r"\.")):
        load_suite(path)


@pytest.mark.parametrize("text", ["", "[]", "cases: 3", "cases: []\nmore: 1", "cases: [1]", "cases: [", "- a: 1"])
def test_a_file_of_another_shape_is_refused(tmp_path, text):
    path = tmp_path / "odd.suite.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match="odd.suite.yaml: "):
        load_suite(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SpecError, match="No such file or directory"):
        load_suite(tmp_path / "none.yaml")


def test_one_critical_flip_fails_and_is_listed_by_id():
    (finding,) = regression_suite(
        policy(), "binary", suite((1, 0, 1), (0.9, 0.7, 0.8), (0.8, 0.2, 0.3), ("critical",) * 3)
    )
    assert finding.outcome is Outcome.FAIL
    assert finding.reason == "1 of 3 critical cases flipped from right to wrong: case-1"
    assert (finding.champion_value, finding.candidate_value) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_a_critical_case_that_was_wrong_before_may_stay_wrong():
    (finding,) = regression_suite(policy(), "binary", suite((1,), (0.1,), (0.2,)))
    assert finding.outcome is Outcome.PASS


@pytest.mark.parametrize(("lost", "outcome"), [(4, Outcome.PASS), (5, Outcome.FAIL)])
def test_normal_cases_may_flip_as_far_as_chance_allows(lost, outcome):
    candidate = np.r_[np.full(lost, 0.1), np.full(20 - lost, 0.9)]
    (finding,) = regression_suite(policy(), "binary", suite(np.ones(20), candidate, np.full(20, 0.9), ("normal",) * 20))
    assert finding.outcome is outcome
    assert finding.p_value == pytest.approx(0.5**lost)
    assert all(f"case-{place}" in finding.reason for place in range(lost))


def test_repaired_cases_count_against_lost_ones():
    label, candidate = np.ones(12), np.r_[np.full(6, 0.1), np.full(6, 0.9)]
    (finding,) = regression_suite(policy(), "binary", suite(label, candidate, 1 - candidate, ("normal",) * 12))
    assert finding.outcome is Outcome.PASS
    assert "6 of 12 normal cases flipped from right to wrong, 6 the other way" in finding.reason


def test_critical_and_normal_cases_are_two_findings():
    found = regression_suite(policy(), "binary", suite((1, 1), (0.9, 0.9), (0.9, 0.9), ("critical", "normal")))
    assert [finding.outcome for finding in found] == [Outcome.PASS, Outcome.PASS]


def normal_cases(before: str, after: str, **rules: float):
    """The finding on normal cases that the champion and the candidate get right (+) or wrong (-)."""
    scores = [np.where(np.array(list(text)) == "+", 0.9, 0.1) for text in (after, before)]
    (found,) = regression_suite(
        policy(**rules), "binary", suite(np.ones(len(before)), *scores, ("normal",) * len(before))
    )
    return found


@pytest.mark.parametrize(
    ("before", "after"),
    [("++++", "----"), ("+", "-"), ("+++-----------------", "--------------------"), ("++--", "--+-")],
)
def test_where_all_that_could_be_lost_is_lost_and_is_too_little_to_tell_the_answer_is_not_known(before, after):
    found, right = normal_cases(before, after), before.count("+")
    assert found.p_value > 0.05
    assert found.outcome is Outcome.INSUFFICIENT
    assert f"{right} that were right before cannot tell chance from harm, 5 are needed" in found.reason
    assert found.rows_needed >= 5


@pytest.mark.parametrize(
    ("before", "after"),
    [("++++", "++++"), ("++++", "-+++"), ("----", "----"), ("+---", "-+--"), ("+" * 5, "-" * 4 + "+"), ("-", "+")],
)
def test_a_small_suite_of_which_a_case_was_kept_or_as_many_repaired_as_lost_passes(before, after):
    assert normal_cases(before, after).outcome is Outcome.PASS


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.25, 0.125])
def test_from_as_many_flips_on_as_the_level_can_reach_losing_all_of_them_fails(alpha):
    fewest = next(k for k in range(1, 20) if stats.binomtest(k, k, alternative="greater").pvalue < alpha)
    assert normal_cases("+" * fewest, "-" * fewest, alpha=alpha).outcome is Outcome.FAIL
    fewer = normal_cases("+" * (fewest - 1), "-" * (fewest - 1), alpha=alpha)
    assert fewer.outcome is Outcome.INSUFFICIENT
    assert fewer.minimum_detectable is None


def test_a_regression_case_is_right_within_the_tolerance():
    rules = policy(VALUE_RULES)
    for error, outcome in ((1.9, Outcome.PASS), (2.1, Outcome.FAIL)):
        (finding,) = regression_suite(rules, "regression", suite((10.0,), (10.0 + error,), (10.0,)))
        assert finding.outcome is outcome


def test_a_score_that_is_no_number_is_wrong():
    for rules, task in ((policy(), "binary"), (policy(VALUE_RULES), "regression")):
        (finding,) = regression_suite(rules, task, suite((0.0,), (float("nan"),), (0.0,)))
        assert finding.outcome is Outcome.FAIL


def test_a_critical_case_binds_once_the_live_model_gets_it_right():
    for before, outcome in ((0.9, Outcome.FAIL), (0.1, Outcome.PASS)):
        (finding,) = regression_suite(policy(), "binary", suite((1, 1), (0.9, 0.1), (0.9, before), ("critical",) * 2))
        assert finding.outcome is outcome
    (first,) = regression_suite(policy(), "binary", suite((1, 1), (0.9, 0.1), None, ("critical",) * 2))
    assert first.outcome is Outcome.NOT_ASKED


def test_a_suite_without_a_case_that_counts_asks_nothing_and_says_where_cases_come_from():
    (finding,) = regression_suite(policy(), "binary", suite((), (), (), ()))
    assert finding.outcome is Outcome.NOT_ASKED
    assert finding.reason == "not asked: no case counts yet, `retrain suite harvest` proposes some"


def test_several_classes_are_right_when_the_most_probable_one_is():
    rows = SuiteRows((case("a"), case("b")), np.array([2.0, 0.0]), np.eye(3)[[2, 1]], np.eye(3)[[2, 0]])
    (finding,) = regression_suite(policy(), "multiclass", rows)
    assert finding.reason.endswith(": b")


def test_cases_and_scores_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"1 cases with arrays of \[1, 2, 1\] rows"):
        suite((1,), (0.9, 0.8), (0.9,))


def test_every_line_tells_the_design_effect_the_smallest_drop_and_the_cases_it_needs():
    label, before = np.ones(60), np.full(60, 0.9)
    after = np.where(np.arange(60) < 2, 0.1, 0.9)
    cases = suite(label, after, before, ("critical",) * 10 + ("normal",) * 50)
    cases = replace(cases, candidate_scores=np.roll(after, 10))
    critical, normal = regression_suite(policy(), "binary", cases)
    assert (critical.design_effect, critical.minimum_detectable, critical.rows_needed) == (1.0, 0.1, 10)
    assert normal.design_effect == 1.0
    assert normal.minimum_detectable == pytest.approx(5 / 50)
    assert (
        stats.binomtest(5, 5, alternative="greater").pvalue
        < 0.05
        <= stats.binomtest(4, 4, alternative="greater").pvalue
    )
    assert normal.rows_needed >= 5 / (2 / 50)
