"""What a verdict says of itself."""

from dataclasses import replace
from datetime import datetime

import pytest

from retrain_assets.statistics.long_run_variance import MOST_RATIO
from retrain_assets.verdict import CEILING, Finding, GateWindow, Outcome, Verdict


def undecided(days: int) -> Verdict:
    finding = Finding(
        "fairness", Outcome.INSUFFICIENT, "pickup_borough=Bronx: 41 rows", rows=4_711, rows_needed=135_222
    )
    window = GateWindow(("2019-02",), "2019-02-01", "2019-03-01", 9_870, "00")
    lacking = {"days": days, "rows": "rides", "next_decision": "2019-03-15"}
    return Verdict("taxi", "2019-02", (finding,), window, "aa", "bb", "cc", "1", evidence={"not_yet": lacking})


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (1, "not yet: 1 more day of rides like these would tell; next decision on 15 March 2019"),
        (11, "not yet: 11 more days of rides like these would tell; next decision on 15 March 2019"),
        (
            12_964,
            "by the spread of these rides about 135,000 would be needed, more than a year brings; next decision on 15 "
            "March 2019",
        ),
    ],
)
def test_an_undecided_verdict_says_how_many_days_would_tell_or_that_no_gate_can(days, said):
    assert undecided(days).reason == f"fairness: pickup_borough=Bronx: 41 rows; {said}"


def test_a_primary_that_failed_says_why_without_the_name_of_its_check():
    reason = "the new model was not better, average error 52.0 against 51.7 minutes on 360 fresh parcels"
    failed = Finding("significance", Outcome.FAIL, reason, role="primary", metric="mae")
    guard = Finding("guardrails", Outcome.FAIL, "RMSE rose", role="guardrail", metric="rmse")
    window = GateWindow(("2019-02",), "2019-02-01", "2019-03-01", 9_870, "00")

    def said(found: Finding) -> str:
        return Verdict("taxi", "2019-02", (found,), window, "aa", "bb", "cc", "1").reason

    assert said(failed) == reason
    assert said(guard) == "guardrails: RMSE rose"


def test_a_verdict_says_how_far_its_version_saw_and_what_stands_behind_it_or_that_the_record_does_not():
    silent = undecided(1)
    assert (silent.trained_until, silent.fallback) == (None, None)
    told = replace(silent, evidence={"trained_until": "2019-01-31T00:00:00", "fallback": "9f"})
    assert (told.trained_until, told.fallback) == (datetime(2019, 1, 31), "9f")


def test_the_ceiling_of_the_noise_is_that_of_the_statistics_and_is_called_so():
    assert CEILING == MOST_RATIO
    known = Finding("significance", Outcome.PASS, "", degrees=5.0, variance_ratio=MOST_RATIO, history_days=157)
    assert "the ceiling and not learnt" in known.noise
    assert "ceiling" not in replace(known, variance_ratio=8.9).noise


def test_rows_that_the_reason_names_already_are_not_named_twice():
    many = undecided(400)
    named = replace(many.findings[0], reason="RMSE rose; 41 rides, about 135,000 needed")
    assert replace(many, findings=(named,)).reason == (
        "fairness: RMSE rose; 41 rides, about 135,000 needed; that is by the spread of these rides, and more than a "
        "year brings; next decision on 15 March 2019"
    )
