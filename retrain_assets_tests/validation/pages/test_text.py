"""A verdict in words: the decision, each check with its answer, and what was lacking."""

from dataclasses import asdict, replace

import pytest

from retrain_assets.validation.pages.page import (
    insufficient_rows,
    report,
)
from retrain_assets.validation.pages.text import (
    about,
    checks_of,
    decision_lines,
    decision_sentence,
    in_order,
    lacking,
    summaries,
    verdict_words,
)
from retrain_assets.verdict import CHECKS, Decision, Finding, Outcome
from retrain_assets_tests.validation.pages.reports import passing, verdict


@pytest.mark.parametrize(
    ("findings", "changes", "decision", "said"),
    [
        ([passing(c) for c in CHECKS], {}, Decision.PROMOTE, "May be promoted: the candidate passed every check"),
        ([passing(c) for c in CHECKS], {"champion_digest": None}, Decision.PROMOTE, "as the first live model"),
        ([Finding("fairness", Outcome.FAIL, "JFK worse")], {}, Decision.REJECT, "failed a check. Fairness: JFK worse."),
        (
            [Finding("significance", Outcome.FAIL, "the new model was not better, MAE 2 against 1", role="primary")],
            {},
            Decision.REJECT,
            "Not promoted, because the new model was not better. MAE 2 against 1.",
        ),
        ([passing("guardrails")], {}, Decision.INSUFFICIENT, "it is not known whether"),
        ([passing("hard")], {"identical": True}, Decision.IDENTICAL, "there is nothing to gain"),
    ],
)
def test_the_decision_is_one_sentence_for_each_kind(findings, changes, decision, said):
    made = verdict(*findings, **changes)

    assert made.decision is decision
    assert said in decision_sentence(made)
    assert decision_sentence(made).endswith(".")
    assert "\n" not in decision_sentence(made)


def test_a_candidate_tested_while_a_column_was_broken_is_not_said_to_be_good_without_that():
    made = verdict(*(passing(check) for check in CHECKS), evidence={"broken": ["miles"]})
    first, second = decision_lines(made)
    assert first == (
        "May be promoted: the candidate passed every check against the live model, on rows whose miles broke."
    )
    assert second.endswith("tested while miles was broken, so not known for rows once it is mended.")
    assert report(made).tone == "unknown"
    assert report(replace(made, evidence={})).tone == "well"


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("zone=a",), "check that could be judged against the live model; 1 group is too small and is watched after"),
        (("zone=a", "zone=b", "zone=b"), "judged against the live model; 2 groups are too small and are watched after"),
    ],
)
def test_groups_that_could_not_be_judged_are_not_said_to_have_passed(names, said):
    watched = [Finding("fairness", Outcome.WATCHED, "few", group=name, metric="mae") for name in names]
    made = verdict(*(passing(check) for check in CHECKS), *watched)
    assert made.decision is Decision.PROMOTE
    assert said in decision_lines(made)[0]
    first = decision_sentence(replace(made, champion_digest=None))
    assert first.startswith(
        "May be promoted as the first live model: the candidate passed every check that could be ju"
    )


def undecided(*names):
    return [asdict(Finding("guardrails", Outcome.INSUFFICIENT, "few", group=name, metric="mae")) for name in names]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("zone=a",), "slices insufficient, which stops nothing: zone=a (mae)."),
        ((f"zone={n}" for n in range(5)), "stops nothing: zone=0 (mae), zone=1 (mae), zone=2 (mae) and 2 more."),
    ],
)
def test_slices_that_could_not_be_decided_are_named_in_the_sentence(names, said):
    found = [passing(check) for check in CHECKS]
    made = verdict(*found, evidence={"undecided_slices": undecided(*names)})
    assert made.decision is Decision.PROMOTE
    assert decision_sentence(made).endswith(said)


def test_a_check_that_was_never_asked_is_insufficient_and_says_so():
    unasked = summaries(verdict(Finding("hard", Outcome.FAIL, "the candidate gives all rows the same score")))

    assert unasked[0].check == "hard"
    assert {(each.check, each.outcome.value) for each in unasked[1:]} == {(check, "insufficient") for check in CHECKS}
    assert {each.counts for each in unasked[1:]} == {"not asked"}
    assert "same score" in unasked[1].reason


def test_each_check_counts_its_answers_and_quotes_the_worst():
    found = [passing("fairness"), Finding("fairness", Outcome.INSUFFICIENT, "41 rows"), passing("fairness")]

    summary = next(each for each in summaries(verdict(*found)) if each.check == "fairness")

    assert (summary.outcome, summary.counts, summary.reason) == (
        Outcome.INSUFFICIENT,
        "1 insufficient, 2 pass",
        "41 rows",
    )


@pytest.mark.parametrize(
    ("outcome", "rows", "needed", "lacks"),
    [
        (Outcome.INSUFFICIENT, 41, 200, 159),
        (Outcome.INSUFFICIENT, 300, 200, None),
        (Outcome.INSUFFICIENT, 41, None, None),
        (Outcome.PASS, 41, 200, None),
    ],
)
def test_only_what_is_undecided_for_want_of_rows_lacks_rows(outcome, rows, needed, lacks):
    assert lacking(Finding("fairness", outcome, "so", rows=rows, rows_needed=needed)) == lacks


def test_the_words_hold_every_finding_and_what_was_lacking(judged):
    words = "\n".join(verdict_words(judged, "ride"))

    assert all(f"[{finding.outcome.value}] {finding.said}" in words for finding in judged.findings)
    for row in insufficient_rows(judged):
        assert row["lacks"] is None or f"{row['lacks']:,} rides more than the {row['rows']:,} there" in words


def test_what_was_not_asked_is_said_once_with_its_reason():
    asked = verdict(*map(passing, CHECKS), Finding("slices", Outcome.NOT_ASKED, "not asked: no slice is declared"))
    (summary,) = [each for each in summaries(asked) if each.check == "slices"]
    assert summary.reason == "no slice is declared"
    assert "not asked: " not in "\n".join(verdict_words(asked))


def test_what_a_finding_is_about_is_named_by_the_most_that_is_known():
    plain = Finding("fairness", Outcome.PASS, "ok")
    assert about(plain) == "fairness"
    assert about(replace(plain, role="floor")) == "floor"
    assert about(replace(plain, metric="tpr", group="sex=F", against="v1")) == "TPR, sex=F, against v1"


def test_findings_stand_in_the_order_of_decisions_whatever_order_they_came_in():
    made = verdict(*[passing(check) for check in reversed(CHECKS)], passing("hard"))
    assert [finding.check for finding in in_order(made)] == list(checks_of(made))
    assert checks_of(made)[0] == "hard"
    assert set(checks_of(made)) == {"hard", *CHECKS}
