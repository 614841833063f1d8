"""The validation report as text, Markdown, HTML and JSON: what must stand in it, and what nothing can put into it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from retrain_assets.errors import NotFound
from retrain_assets.periods import Calendar
from retrain_assets.store import PeriodStore
from retrain_assets.validation import checks
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.validation.pages import text
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.page import (
    REFITTED,
    judged_on,
    report_html,
    report_markdown,
    stored_verdict,
)
from retrain_assets.validation.pages.text import decision_lines
from retrain_assets.verdict import Finding, Outcome, Refit, Verdict
from retrain_assets_tests.rendered import LIMIT_BYTES, NASTY, Page
from retrain_assets_tests.validation.pages.reports import GATE, passing, verdict


def test_the_fairness_question_asks_for_proof_on_page_and_asset_check_alike():
    assert text.QUESTIONS["fairness"] == checks.QUESTIONS["fairness"]


# ---- the page


def test_the_page_holds_decision_findings_groups_flips_window_and_digests(judged):
    page = "".join(Page(report_html(judged)).words)

    assert all(sentence in page for sentence in decision_lines(judged))
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
    assert "| below 0.0001 (0.05) |" in tiny
    older = replace(found, p_level=None)
    line = next(line for line in report_markdown(verdict(older)).splitlines() if "0.01 to 0.04" in line)
    assert "| 0.03 |" in line


@pytest.mark.parametrize(
    ("check", "role", "shows"),
    [
        ("significance", "primary", "a gain"),
        ("guardrails", "guardrail", "a loss below the margin"),
        ("fairness", "fairness", "harm"),
        ("guardrails", "slice", "harm"),
        ("regression_suite", "regression", "more lost than won"),
    ],
)
def test_beside_every_p_value_stands_what_a_small_one_shows(check, role, shows):
    page = report_markdown(verdict(passing(check, role=role, p_value=0.031, p_level=0.05)))
    assert f"| 0.031 (0.05) | {shows} |" in page


def test_a_record_without_levels_of_p_values_keeps_its_digest():
    old = verdict(passing("significance", p_value=0.03), passing("guardrails"))
    record = old.to_dict()
    assert not any("p_level" in finding for finding in record["findings"])
    assert Verdict.from_dict(record).digest == old.digest
    new = verdict(passing("significance", p_value=0.03, p_level=0.05), passing("guardrails"))
    assert Verdict.from_dict(new.to_dict()) == new
    assert new.digest != old.digest


def test_the_negative_flips_are_the_cases_right_before_and_wrong_now(judged):
    assert [case.id for case in Evidence.from_dict(judged.evidence).flips] == ["case-1"]


def test_what_was_insufficient_says_how_many_rows_it_lacks():
    short = Finding("fairness", Outcome.INSUFFICIENT, "41 rows", metric="tpr", group="sex=F", rows=41, rows_needed=1241)

    row = next(
        line for line in report_markdown(verdict(short)).splitlines() if line.startswith("| fairness | TPR, sex")
    )

    assert row.startswith("| fairness | TPR, sex=F | 41 | 1,241 | 1,200 |")


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


def test_whether_retraining_works_stands_beside_a_verdict_that_does_not_rest_on_it():
    known = ProcedureEvidence(12, 8, 0.031, 0.02, 1e-4, 84)
    primary = replace(passing("significance", low=-0.01, high=0.04, alpha=0.05), role="primary", champion_value=0.5)
    page = report_markdown(replace(verdict(primary), evidence={"procedure_shown": known.to_dict()}))
    assert "Retraining works: over the last 12 weeks fresh models had 3.1 % less loss than ones 8 weeks older" in page
    assert "-2 %" in page, "S: by how much this candidate may be worse, as a share of the live model's loss"
    assert "Nothing is decided by these figures" in page
    assert "Does retraining work?" not in report_markdown(verdict(primary))


def test_the_page_calls_a_row_what_the_spec_calls_it(judged):
    page = report_markdown(judged, "ride")
    assert "| rides needed |" in page
    assert "- **gate rides**: The rides that a gate judges on." in page
    assert f"| gate rides | {judged.gate.rows:,} |" in page
    assert not re.search(r"\| (gate )?rows", page)


def test_a_command_in_a_sentence_is_set_as_code_and_other_backticks_stay_text():
    said = "no case counts yet, `retrain suite harvest` proposes some, not `this`"
    page = report_html(verdict(passing("fairness"), Finding("regression_suite", Outcome.INSUFFICIENT, said))).decode()
    code = "<code>retrain suite harvest</code> proposes some, not `this`"
    assert f'<td class="words" data-label="what decided it">no case counts yet, {code}</td>' in page
    assert f"o case counts yet, {code}" in page.split("</div>")[1]


def test_what_decided_it_is_told_in_the_unit_of_the_label():
    gained = Finding(
        "significance", Outcome.PASS, "better", metric="mae", role="primary", rows=9, champion_value=1.966,
        candidate_value=1.742, improvement=0.224, low=0.189, high=0.261,
    )  # fmt: skip
    page = report_markdown(verdict(gained, passing("fairness")), "ride", "USD")
    line = next(line for line in page.splitlines() if "| MAE | primary |" in line)
    assert line.replace("\\", "") == "| ✔ pass | MAE | primary | $1.97 | $1.74 | $0.22 | $0.19 to $0.26 |  | 9 |"


def test_every_number_of_every_finding_has_the_unit_of_its_metric():
    dollars = Finding(
        "guardrails", Outcome.PASS, "no worse", metric="rmse", role="guardrail", rows=9, champion_value=3.1,
        candidate_value=3.0, improvement=0.1, low=-0.05, high=0.25, margin=0.5, minimum_detectable=0.2,
    )  # fmt: skip
    share = replace(dollars, metric="wape", champion_value=0.2, candidate_value=0.19, improvement=0.01, low=-0.01)
    limit = replace(share, role="floor", margin=0.3)
    plain = replace(dollars, metric="auc", champion_value=0.71, candidate_value=0.72, improvement=0.01, margin=0.02)
    page = report_markdown(verdict(dollars, share, limit, plain), "ride", "USD")
    every = page.partition("Every finding with every number")[2].replace("\\", "").splitlines()
    rmse, wape, floor, auc = (line for line in every if line.startswith("| ✔ pass |"))
    assert "| RMSE | $3.10 | $3 | $0.10 | -$0.05 to $0.25 | $0.50 |".replace("$3 ", "$3.00 ") in rmse
    assert "| $0.20 |" in rmse
    assert "| WAPE | 20 % | 19 % | 1 point | -1 points to 25 points | 50 points |" in wape
    assert "| 30 % |" in floor
    assert "| AUC | 0.71 | 0.72 | 0.01 | -0.05 to 0.25 | 0.02 |" in auc


def test_a_table_of_facts_has_no_label_before_each_of_them(judged):
    page = report_html(judged).decode()
    assert '<td class="fact">gate window</td>' in page
    assert 'data-label="value"' not in page


def test_a_report_is_dated_by_the_event_of_the_journal_that_has_its_verdict(judged):
    weeks = Calendar(every="month", start="2024-01-01")
    event = SimpleNamespace(evidence=judged.digest, at=datetime(2024, 2, 5))
    other = SimpleNamespace(evidence="else", at=datetime(2024, 2, 1))
    said = "As of January 2024, which ended on 2024-02-01"
    assert judged_on(weeks, [other, event], judged) == f"{said}; written on 2024-02-05."
    assert judged_on(weeks, [other], judged) == f"{said}."


def test_what_the_gate_could_see_names_the_other_version_and_groups_that_nobody_can_tell_about():
    rail = Finding(
        "guardrails", Outcome.PASS, "no worse", metric="rmse", role="guardrail", rows=900, alpha=0.05, margin=1.0,
        minimum_detectable=0.35,
    )  # fmt: skip
    few = replace(rail, check="fairness", role="fairness", group="zone=a", outcome=Outcome.WATCHED, margin=0.1)
    page = report_markdown(verdict(rail, replace(rail, against="v1"), few), "ride", "USD").replace("\\", "")
    seen = page.partition("What the gate could see")[2].partition("\n## ")[0]
    assert "| guardrails | RMSE | 900 | $0.35 | $1.00 | under 0.1 % |" in seen
    assert "| guardrails | RMSE, against v1 | 900 |" in seen
    assert "| fairness | RMSE, zone=a | 900 | $0.35 | $0.10 | cannot be decided | watched if it is promoted |" in seen


def test_two_different_values_side_by_side_are_told_apart():
    found = Finding(
        "significance", Outcome.FAIL, "x", "log_loss", "primary", champion_value=0.45145, candidate_value=0.45102
    )
    assert "| 0.4515 nats | 0.4510 nats |" in report_markdown(verdict(found))


@pytest.mark.parametrize(("history", "days", "told"), [(0, 14, True), (84, 14, False), (0, 28, False)])
def test_a_doubled_p_value_beside_a_halved_level_is_explained_where_there_is_no_history(history, days, told):
    found = passing("significance", unit="day", units=days, variance_ratio=1.0, degrees=9.0, history_days=history)
    assert ("the p-value is\ndoubled" in report_markdown(verdict(found))) is told


def test_a_group_that_is_surely_worse_within_the_margin_has_no_bare_tick():
    fine = passing("fairness", role="fairness", group="sex=F", p_value=0.6, p_level=0.05)
    harmed = replace(fine, reason="harmed", group="sex=M", p_value=0.001)
    page = report_markdown(verdict(fine, harmed))
    assert "| ✔ pass, surely worse within the margin | AUC, sex=M |" in page
    assert "| ✔ pass | AUC, sex=F |" in page
    assert "| harmed | 2 pass, 1 of them surely worse within the margin |" in page
    shown = report_html(verdict(fine, harmed)).decode()
    assert re.search('<td class="pass"[^>]*>✔ pass, surely worse', shown)


@pytest.mark.parametrize(("unit", "told"), [("row", False), ("day", True), ("vehicle", True)])
def test_that_rows_resemble_each_other_is_told_where_they_are_taken_together(unit, told):
    page = report_markdown(verdict(passing("guardrails", role="guardrail", unit=unit, units=20)))
    assert ("resemble each other" in page) is told


def test_the_candidate_as_judged_and_its_refit_that_goes_live_are_told_apart():
    said = (("agreement", "close"), ("regression_suite", "kept"))
    found = tuple(Finding(check, Outcome.PASS, reason) for check, reason in said)
    refit = Refit("e" * 64, "2024-02-01T00:00:00", found)
    judged = verdict(passing("hard"), refit=refit, evidence={"trained_until": refit.trained_until})
    page = report_markdown(judged)
    assert f"| candidate, as judged | {'c' * 64} |" in page
    assert "| candidate trained until | the gate begins, 2024-01-01 00:00:00, or earlier |" in page
    assert f"| version that goes live | {'e' * 64}, {REFITTED} |" in page
    assert "| refit trained until | 2024-02-01 00:00:00 |" in page
    alone = report_markdown(verdict(passing("hard"), evidence={"trained_until": "2023-12-31T00:00:00"}))
    assert "| candidate trained until | 2023-12-31 00:00:00 |" in alone
    assert "goes live" not in alone.partition("## Windows and digests")[2].partition("How to read")[0]
