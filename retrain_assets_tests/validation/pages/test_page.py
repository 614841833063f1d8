"""The validation report as text, Markdown, HTML and JSON: what must stand in it, and what nothing can put into it."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from retrain_assets.errors import NotFound
from retrain_assets.store import PeriodStore
from retrain_assets.validation import checks
from retrain_assets.validation.judge import Conditions, GateScores, judge
from retrain_assets.validation.pages import text
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.group_tables import group_report
from retrain_assets.validation.pages.page import (
    READING,
    group_rows,
    insufficient_rows,
    report_html,
    report_markdown,
    stored_verdict,
)
from retrain_assets.validation.pages.schema import PUBLISHED, report_json, report_schema
from retrain_assets.validation.pages.text import decided, lacking, summaries, verdict_words
from retrain_assets.validation.suite.cases import case_results
from retrain_assets.verdict import CHECKS, Decision, Finding, GateWindow, Outcome, Verdict
from retrain_assets_tests.rendered import LIMIT_BYTES, NASTY, Page
from retrain_assets_tests.validation.worlds import classifier, gate_rows, policy, suite

GATE = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 2000, "a" * 64)


def verdict(*findings, **changes):
    made = Verdict("delivery", "2024-01", findings, GATE, "c" * 64, "b" * 64, "d" * 64, "1")
    return replace(made, **changes)


def passing(check, **numbers):
    return Finding(check, Outcome.PASS, f"{check} is fine", metric="auc", **numbers)


@pytest.fixture(scope="module")
def judged():
    """A real verdict on two thousand people: one model a little worse for women, one case lost."""
    rng = np.random.default_rng(3)
    label, champion, candidate = classifier(rng, 2000)
    sex = np.where(rng.random(2000) < 0.5, "F", "M").astype(object)
    race = rng.choice(np.array(["a", "b", "c", None], dtype=object), 2000, p=[0.6, 0.37, 0.01, 0.02])
    rules = policy(fairness={"groups": ["sex", "race"], "pool_below": 100})
    rows = gate_rows(label, {"sex": sex, "race": race})
    cases = suite((1.0, 1.0), (0.9, 0.2), (0.9, 0.8), ("critical", "normal"))
    found = judge(
        rules, "binary", rows, GateScores(candidate, np.full(2000, label.mean()), champion), cases, Conditions(12)
    )
    report = group_report(rules, "binary", rows, champion, candidate)
    return verdict(
        *found.findings,
        evidence={
            "trained_until": "2023-12-31T00:00:00",
            "strategy": "recent",
            "group_minimum": 100,
            "groups": [asdict(value) for value in report.values],
            "disparities": [asdict(each) for each in report.disparities],
            "cases": [asdict(result) for result in case_results(rules, "binary", cases)],
        },
    )


def schema():
    return Draft202012Validator(json.loads(PUBLISHED.read_text()))


# ---- words


@pytest.mark.parametrize(
    ("findings", "changes", "decision", "said"),
    [
        ([passing(c) for c in CHECKS], {}, Decision.PROMOTE, "May be promoted: the candidate passed every check"),
        ([passing(c) for c in CHECKS], {"champion_digest": None}, Decision.PROMOTE, "as the first live model"),
        ([Finding("fairness", Outcome.FAIL, "JFK worse")], {}, Decision.REJECT, "failed a check: fairness: JFK worse."),
        ([passing("guardrails")], {}, Decision.INSUFFICIENT, "it is not known whether"),
        ([passing("hard")], {"identical": True}, Decision.IDENTICAL, "there is nothing to gain"),
    ],
)
def test_the_decision_is_one_sentence_for_each_kind(findings, changes, decision, said):
    made = verdict(*findings, **changes)

    assert made.decision is decision
    assert said in decided(made)
    assert decided(made).endswith(".")
    assert "\n" not in decided(made)


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
    assert decided(made).endswith(said)


def test_the_fairness_question_asks_for_proof_on_page_and_asset_check_alike():
    assert text.QUESTIONS["fairness"] == checks.QUESTIONS["fairness"]
    assert "fails when it is not and some harm is certain" in " ".join(READING.split())


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
    words = "\n".join(verdict_words(judged))

    assert all(f"[{finding.outcome.value}] {finding.reason}" in words for finding in judged.findings)
    for row in insufficient_rows(judged):
        assert row["lacks"] is None or f"{row['lacks']:,} rows more than the {row['rows']:,} there" in words


# ---- the page


def test_the_page_holds_decision_findings_groups_flips_window_and_digests(judged):
    page = "".join(Page(report_html(judged)).words)

    assert decided(judged) in page
    for digest in (judged.digest, judged.candidate_digest, judged.champion_digest, GATE.rowset_sha256, "d" * 64):
        assert digest in page
    for finding in judged.findings:
        assert finding.group in page
    for value in judged.evidence["groups"]:
        assert value["group"] in page
    assert "Negative flips (right before, wrong now): 1" in page
    assert "case-1" in page
    assert "2024-01-01 00:00:00 to 2024-02-01 00:00:00" in page


def test_a_p_value_and_an_interval_each_stand_beside_their_own_level():
    found = passing("significance", low=0.01, high=0.04, alpha=0.025, p_value=0.03, p_level=0.05)
    line = next(line for line in report_markdown(verdict(found)).splitlines() if "0.01 to 0.04" in line)
    assert "0.01 to 0.04 (0.025)" in line
    assert "0.03 (0.05)" in line
    tiny = report_markdown(verdict(replace(found, p_value=1e-103)))
    assert "| < 0.0001 (0.05) |" in tiny
    older = replace(found, p_level=None)
    line = next(line for line in report_markdown(verdict(older)).splitlines() if "0.01 to 0.04" in line)
    assert "| 0.03 |" in line


def test_a_record_without_levels_of_p_values_keeps_its_digest():
    old = verdict(passing("significance", p_value=0.03), passing("guardrails"))
    record = old.to_dict()
    assert not any("p_level" in finding for finding in record["findings"])
    assert Verdict.from_dict(record).digest == old.digest
    new = verdict(passing("significance", p_value=0.03, p_level=0.05), passing("guardrails"))
    assert Verdict.from_dict(new.to_dict()) == new
    assert new.digest != old.digest


def test_the_negative_flips_are_the_cases_right_before_and_wrong_now(judged):
    assert [case.id for case in Evidence.of(judged).flips] == ["case-1"]


def test_what_was_insufficient_says_how_many_rows_it_lacks():
    short = Finding("fairness", Outcome.INSUFFICIENT, "41 rows", metric="tpr", group="sex=F", rows=41, rows_needed=1241)

    row = next(
        line for line in report_markdown(verdict(short)).splitlines() if line.startswith("| fairness | tpr, sex")
    )

    assert row.startswith("| fairness | tpr, sex=F | 41 | 1,241 | 1,200 |")


def test_group_rows_put_both_models_side_by_side(judged):
    rows = {row["group"]: row for row in group_rows(Evidence.of(judged), "sex")}
    value = next(v for v in judged.evidence["groups"] if v["group"] == "sex=F" and v["metric"] == "tpr")

    assert rows["sex=F"]["tpr"] == f"{value['champion_value']:.4g} → {value['candidate_value']:.4g}"
    assert rows["sex=F"]["rows"] + rows["sex=M"]["rows"] == 2000


def test_the_file_needs_nothing_else_and_runs_nothing(judged):
    page = Page(report_html(judged))

    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    for tag, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            address = attributes.get(name)
            assert address is None or address.startswith("#"), (tag, name, address)
        assert not [name for name in attributes if name.startswith("on")]
    assert b"@import" not in report_html(judged)


def test_the_file_is_small_and_the_same_for_the_same_verdict(judged):
    again = Verdict.from_json(judged.to_json())

    assert len(report_html(judged)) < LIMIT_BYTES
    assert report_html(again) == report_html(judged)
    assert report_markdown(again) == report_markdown(judged)


def test_even_four_hundred_findings_stay_under_a_megabyte():
    many = [
        passing("fairness", group=f"town={number}", improvement=0.1, low=0.0, high=0.2, margin=0.5, role="fairness")
        for number in range(400)
    ]

    assert len(report_html(verdict(*many))) < LIMIT_BYTES


def test_nothing_in_names_or_reasons_becomes_markup():
    found = Finding("fairness", Outcome.FAIL, NASTY, metric="tpr", group=f"sex={NASTY}", improvement=0.1)
    values = [
        {"attribute": "sex", "group": f"sex={NASTY}", "metric": "rows", "rows": 9}
        | {"champion_value": None, "candidate_value": None}
    ]
    plain, page = (
        Page(report_html(verdict(passing("fairness")))),
        Page(report_html(verdict(found, evidence={"groups": values}))),
    )

    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"h3", "defs", "path", "use", "g", "style"}
    assert "script" not in {tag for tag, _ in page.tags}
    assert NASTY in "".join(page.words)


def test_a_verdict_with_nothing_but_a_refusal_still_makes_a_page():
    page = "".join(Page(report_html(verdict(Finding("hard", Outcome.FAIL, "scores are no numbers")))).words)

    assert "scores are no numbers" in page
    assert "No table of groups" in page
    assert "".join(Page(report_html(verdict())).words)


def test_a_letter_that_the_font_lacks_is_no_error():
    assert report_html(verdict(passing("fairness", group="stadt=東京", improvement=0.1)))


# ---- the stored report


def test_the_last_report_is_taken_unless_a_period_is_named(tmp_path):
    store = PeriodStore(tmp_path)
    for period in ("2024-01", "2024-02"):
        store.write_json("validation_report", period, verdict(passing("hard"), period=period).to_dict())

    assert stored_verdict("delivery", store).period == "2024-02"
    assert stored_verdict("delivery", store, "2024-01").period == "2024-01"
    with pytest.raises(NotFound, match="no validation report of '2023-01'. Known: 2024-01, 2024-02"):
        stored_verdict("delivery", store, "2023-01")


def test_a_model_that_was_never_judged_says_what_to_run(tmp_path):
    with pytest.raises(NotFound, match="no candidate was judged yet. Run `retrain run delivery --period P`"):
        stored_verdict("delivery", PeriodStore(tmp_path))


# ---- JSON


def test_the_published_schema_is_the_one_that_follows_from_the_records():
    assert json.loads(PUBLISHED.read_text()) == report_schema(), "run retrain_assets.validation.pages.schema.publish()"
    Draft202012Validator.check_schema(report_schema())


def test_a_verdict_and_its_json_report_keep_the_published_schema(judged):
    schema().validate(judged.to_dict())
    schema().validate(report_json(judged))
    assert report_json(judged)["sha256"] == judged.digest
    assert report_json(judged)["decision"] == judged.decision.value


def test_every_field_of_the_records_is_described(judged):
    for name, record in report_schema()["$defs"].items():
        for field, value in record.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
    assert {field.name for field in fields(Finding)} == set(report_schema()["$defs"]["Finding"]["properties"])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda r: r["findings"][0].pop("rows"), "'rows' is a required property"),
        (lambda r: r["findings"][0].update(outcome="maybe"), "'maybe' is not one of"),
        (lambda r: r["gate"].update(rows="many"), "'many' is not of type 'integer'"),
        (lambda r: r.update(blessed=True), "Additional properties are not allowed"),
        (lambda r: r["evidence"]["groups"][0].update(score=1), "Additional properties are not allowed"),
    ],
)
def test_a_record_that_breaks_the_schema_is_told(judged, broken, told):
    record = json.loads(judged.to_json())
    broken(record)

    assert told in " ".join(error.message for error in schema().iter_errors(record))
