"""The four checks show the verdict: a fail is an error, what could not be decided a warning; each names it."""

from dataclasses import replace

import dagster as dg
import pytest

from benchmarks.worlds.verdicts import candidate, findings, fresh, verdict
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.periods import Calendar
from retrain_assets.validation.checks import check_specs, recorded, shown
from retrain_assets.verdict import CHECKS, Finding, Outcome

FRAME = Frame("taxi_charge", ("team:tests",), Calendar(every="week", start="2019-01-01"))


@pytest.fixture
def passing(tmp_path):
    registry = fresh(tmp_path)
    return verdict(registry, 0, candidate(registry, "a"))


@pytest.mark.parametrize(
    ("check", "outcome", "severity"),
    [
        *((check, Outcome.FAIL, dg.AssetCheckSeverity.ERROR) for check in CHECKS),
        (CHECKS[0], Outcome.INSUFFICIENT, dg.AssetCheckSeverity.WARN),
    ],
)
def test_a_check_shows_the_outcome_of_its_own_findings(passing, check, outcome, severity):
    judged = replace(passing, findings=findings(outcome, check))
    results = {name: shown(judged, name) for name in CHECKS}
    assert [name for name, result in results.items() if not result.passed] == [check]
    assert results[check].severity is severity
    assert results[check].description == f"{outcome.value}: JFK: 41 rows"
    assert {result.metadata["verdict"] for result in results.values()} == {dg.TextMetadataValue(judged.digest)}


def test_a_check_without_a_finding_is_not_decided(passing):
    asked = tuple(finding for finding in passing.findings if finding.check != "fairness")
    result = shown(replace(passing, findings=asked), "fairness")
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.description == "insufficient: not asked: fairness: no finding"


def test_a_check_that_asks_nothing_says_so_once(passing):
    unasked = Finding("regression_suite", Outcome.NOT_ASKED, "not asked: no case counts yet")
    asked = tuple(finding for finding in passing.findings if finding.check != "regression_suite")
    result = shown(replace(passing, findings=(*asked, unasked)), "regression_suite")
    assert (result.passed, result.description) == (True, "not asked: no case counts yet")


def test_what_makes_every_question_pointless_is_shown_with_the_first(passing):
    useless = Finding("hard", Outcome.FAIL, "all scores are NaN", role="hard")
    judged = replace(passing, findings=(useless, *passing.findings))
    assert shown(judged, CHECKS[0]).description.startswith("fail: all scores are NaN")
    assert all(shown(judged, name).passed for name in CHECKS[1:])


def test_no_check_blocks_and_every_one_is_declared():
    specs = check_specs(FRAME)
    assert {spec.name for spec in specs} == set(CHECKS)
    assert not any(spec.blocking for spec in specs)


def test_without_runs_nothing_is_recorded(passing):
    with dg.DagsterInstance.ephemeral() as instance:
        assert recorded(instance, FRAME, passing) == {}
