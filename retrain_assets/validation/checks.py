"""The four checks of `validation_report`: declared with it, yielded in its step, and read back by `production_model`.

They show the verdict. What promotes or refuses is the registry, which computes the decision by itself.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import dagster as dg

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import table
from retrain_assets.documents.page import text
from retrain_assets.metrics.names import metric_words
from retrain_assets.verdict import CHECKS, Finding, Outcome, Verdict, combine

QUESTIONS = {
    "significance": (
        "Is the candidate significantly better than the live model (or, of an aged one or where retraining is shown to "
        "work and the spec lets that count, no worse)?"
    ),
    "guardrails": "Is it shown to be no worse than the declared margin on every guardrail, and no slice harmed?",
    "fairness": "Is it shown that no protected group is worse off by more than the margin?",
    "regression_suite": "Does it keep every known hard case?",
}
NAMED = 3
"""Findings that stand in the way whose sentences a check shows; its table has them all."""
VERDICT = "verdict"
"""The key under which a check result names the verdict that it shows, by its digest."""
PAGE = 50
"""How many results of one check are read at a time."""
_SEVERITY = {
    outcome: place
    for place, outcome in enumerate(
        (Outcome.FAIL, Outcome.INSUFFICIENT, Outcome.WATCHED, Outcome.PASS, Outcome.NOT_ASKED)
    )
}


def check_specs(frame: Frame) -> list[dg.AssetCheckSpec]:
    """The checks that `validation_report` yields; none blocks, for an honest refusal is no fault of the run."""
    key = frame.key("validation_report")
    return [dg.AssetCheckSpec(name, asset=key, blocking=False, description=QUESTIONS[name]) for name in CHECKS]


def shown(verdict: Verdict, name: str, row: str = "row", label_unit: str = "") -> dg.AssetCheckResult:
    """One check of a verdict as Dagster shows it: the sentence first, the deciding numbers as series.

    A fail is an error; what could not be decided, or is left to probation, a warning. What makes every question
    pointless (unusable scores, missing outcomes) is shown with the first of them.
    """
    outcome = outcome_of(verdict, name)
    asked = verdict.of(name) + (verdict.of("hard") if name == CHECKS[0] else ())
    findings = sorted(asked, key=lambda finding: _SEVERITY[finding.outcome])
    sentences = _said(findings) or f"not asked: {verdict.reason}"
    answer, unknown = f"{outcome.value}: ", outcome in (Outcome.INSUFFICIENT, Outcome.WATCHED)
    return dg.AssetCheckResult(
        check_name=name,
        passed=outcome in (Outcome.PASS, Outcome.NOT_ASKED),
        severity=dg.AssetCheckSeverity.WARN if unknown else dg.AssetCheckSeverity.ERROR,
        description=text(sentences if sentences.startswith(answer) else f"{answer}{sentences}"),  # shown as Markdown
        metadata={
            "outcome": outcome.value,
            "findings": table([_row(finding, label_unit) for finding in findings], row),
            **(_numbers(findings[0]) if findings else {}),
            VERDICT: verdict.digest,
        },
    )


def _said(findings: Sequence[Finding]) -> str:
    """What decided a check: every finding that does not pass, the first few by name; of passes the first."""
    if not findings:
        return ""
    worst = [finding for finding in findings if finding.outcome is findings[0].outcome]
    named = worst[: NAMED if worst[0].outcome is not Outcome.PASS else 1]
    others = Counter(finding.outcome.value for finding in findings) - Counter(each.outcome.value for each in named)
    more = ", ".join(f"{number} {outcome}" for outcome, number in others.items())
    return "; ".join(finding.reason for finding in named) + (f". Besides: {more}." if more else "")


def _row(finding: Finding, label_unit: str) -> dict[str, object]:
    """A finding in a line that fits the page of a check."""
    from retrain_assets.validation.pages.text import margin_told, told, told_apart

    since = f"since {finding.against}" if finding.against else ""
    about = " ".join(part for part in (metric_words(finding.metric), finding.group, since) if part) or finding.role
    before, after = told_apart((finding.champion_value, finding.candidate_value), finding.metric, label_unit)
    return {
        "about": about,
        "answer": finding.outcome,
        "live": before,
        "candidate": after,
        "at least": told(finding.low, finding.metric, label_unit, change=True),
        "margin": margin_told(finding, label_unit),
        "rows": finding.rows,
    }


def outcome_of(verdict: Verdict, name: str) -> Outcome:
    """What one check shows: its findings together; of the first one also what makes every question pointless."""
    asked = verdict.of(name) + (verdict.of("hard") if name == CHECKS[0] else ())
    return combine(asked) if verdict.of(name) else Outcome.INSUFFICIENT


def recorded(instance: dg.DagsterInstance, frame: Frame, verdict: Verdict) -> dict[str, bool]:
    """What the run records say of each check of this very report: whether it stops nothing; one without is absent.

    A result counts when it was yielded in the step that made the report: it names the verdict, and the run that
    materialized the report. A result of another report, or one that somebody reported from outside a run, does not.
    """
    found = {
        name: _passed(instance, dg.AssetCheckKey(frame.key("validation_report"), name), verdict) for name in CHECKS
    }
    return {name: passed for name, passed in found.items() if passed is not None}


def _passed(instance: dg.DagsterInstance, key: dg.AssetCheckKey, verdict: Verdict) -> bool | None:
    for result, run_id in _results(instance, key):
        made = result.target_materialization_data
        named = result.metadata.get(VERDICT)
        own = bool(run_id) and made is not None and made.run_id == run_id
        if own and named is not None and named.value == verdict.digest:
            outcome = result.metadata.get("outcome")
            warned = result.severity is dg.AssetCheckSeverity.WARN
            return result.passed or (warned and outcome is not None and outcome.value == Outcome.WATCHED)
    return None


def _results(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> Iterator[tuple[dg.AssetCheckEvaluation, str]]:
    """Every result of a check with the id of its run, the newest first."""
    cursor = None
    while records := instance.event_log_storage.get_asset_check_execution_history(key, limit=PAGE, cursor=cursor):
        for record in records:
            event = record.event.dagster_event if record.event else None
            if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
                yield event.asset_check_evaluation_data, record.run_id
        cursor = records[-1].id


def _numbers(finding: Finding) -> dict[str, float]:
    tested = ("improvement", "low", "high", "margin", "alpha", "p_value", "p_level", "rows", "units", "design_effect")
    names = (*tested, "history_days", "variance_ratio", "degrees")
    return {name: float(f"{value:.4g}") for name in names if (value := getattr(finding, name)) is not None}
