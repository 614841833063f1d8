"""A verdict in words: the decision in one sentence, what each check asked and answered, and what was not known."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from retrain_assets.documents.page import figure, marked
from retrain_assets.documents.units import amount, amounts, counted, difference, first_few
from retrain_assets.metrics.names import metric_unit, metric_words
from retrain_assets.verdict import NOT_BETTER, STOPS_NOTHING, Decision, Finding, Outcome, Verdict, decisive_first

QUESTIONS = {
    "hard": "Are outcomes and scores usable?",
    "significance": "Is the candidate better on the primary metric, by more than chance?",
    "guardrails": "Is no declared metric worse by its margin?",
    "fairness": "Is it shown that no protected group is worse off by more than the margin?",
    "regression_suite": "Does no known hard case get worse?",
}
"""What each check asks."""

_WORST_FIRST = (Outcome.FAIL, Outcome.INSUFFICIENT, Outcome.WATCHED, Outcome.PASS, Outcome.NOT_ASKED)


@dataclass(frozen=True)
class CheckSummary:
    """One check of a verdict: its question, its answer, how many findings say what, and the sentence that decided."""

    check: str
    question: str
    outcome: Outcome
    counts: str
    reason: str


def in_order(verdict: Verdict) -> list[Finding]:
    """The findings check by check, those that stopped the candidate first."""
    return [finding for check in checks_of(verdict) for finding in verdict.of(check)]


def checks_of(verdict: Verdict) -> tuple[str, ...]:
    """The required checks and the others that have findings: what stopped the candidate first, as they decide."""
    known = decisive_first((*verdict.required, *(finding.check for finding in verdict.findings)))
    return tuple(sorted(known, key=lambda check: verdict.outcome(check) in STOPS_NOTHING))


def decision_lines(verdict: Verdict) -> tuple[str, str]:
    """The decision, and what decided it, each a sentence."""
    first, _, second = decision_sentence(verdict).partition(". ")
    return f"{first}.", second


def decision_sentence(verdict: Verdict) -> str:
    """The decision, then what decided it, for a reader who knows no statistics.

    >>> from retrain_assets.verdict import GateWindow
    >>> window = GateWindow(("2024-01",), "2024-01-01T00:00:00", "2024-02-01T00:00:00", 9, "a" * 64)
    >>> unasked = Verdict("delivery", "2024-01", (), window, "c" * 64, "b" * 64, "p" * 64, "1")
    >>> print(decision_sentence(unasked))
    Not promoted, because it is not known whether the candidate is good enough. Guardrails: no finding.
    """
    small = {finding.group for finding in verdict.findings if finding.outcome is Outcome.WATCHED}
    judged = " that could be judged" if small else ""
    are = "is too small and is" if len(small) == 1 else "are too small and are"
    watched = f"; {counted(len(small), 'group')} {are} watched after promotion" if small else ""
    match verdict.decision:
        case Decision.PROMOTE if verdict.champion_digest:
            broke = f", on rows whose {first_few(verdict.broken)} broke" if verdict.broken else ""
            said = f"May be promoted: the candidate passed every check{judged} against the live model{broke}{watched}"
        case Decision.PROMOTE:
            said = f"May be promoted as the first live model: the candidate passed every check{judged}{watched}"
        case Decision.REJECT:
            said = "Not promoted, because the candidate failed a check"
        case Decision.IDENTICAL:
            said = "Not promoted, because there is nothing to gain"
        case Decision.INSUFFICIENT:
            said = "Not promoted, because it is not known whether the candidate is good enough"
    reason = verdict.reason.rstrip(".")
    if reason.startswith(NOT_BETTER):
        said, _, reason = reason.partition(", ")
        said = f"Not promoted, because {said}"
    return f"{said}. {reason[0].upper()}{reason[1:]}."


def summaries(verdict: Verdict) -> list[CheckSummary]:
    """Each check in the order of the verdict; one that was never asked is INSUFFICIENT and says so."""
    return [_summary(verdict, check) for check in checks_of(verdict)]


def lacking(finding: Finding) -> int | None:
    """How many more rows an undecided finding needs; None where that is not known.

    >>> lacking(Finding("fairness", Outcome.INSUFFICIENT, "41 rows, 200 needed", rows=41, rows_needed=200))
    159
    """
    if finding.outcome is not Outcome.INSUFFICIENT or finding.rows_needed is None:
        return None
    return finding.rows_needed - finding.rows if finding.rows_needed > finding.rows else None


def cases_of(finding: Finding) -> str:
    """Which known hard cases a finding counts; only of normal ones is chance asked. Empty of another finding.

    >>> cases_of(Finding("regression_suite", Outcome.PASS, "kept", metric="share right", role="regression", alpha=0.05))
    'normal cases'
    """
    if finding.role != "regression" or not finding.metric:
        return ""
    return "critical cases" if finding.alpha is None else "normal cases"


def about(finding: Finding) -> str:
    """What a finding is about: its metric, and its group if it has one.

    >>> about(Finding("fairness", Outcome.PASS, "ok", metric="tpr", group="sex=F"))
    'TPR, sex=F'
    """
    against = f"against {finding.against}" if finding.against else ""
    return (
        ", ".join(part for part in (metric_words(finding.metric), cases_of(finding), finding.group, against) if part)
        or finding.role
        or finding.check
    )


def told(value: float | None, name: str, label_unit: str, *, change: bool = False) -> str:
    """A value of a metric, or a change of one, with its unit; four digits where it has none.

    >>> told(1.7421, "mae", "USD"), told(0.0133, "wape", "", change=True), told(0.71234, "auc", "")
    ('$1.74', '1.33 points', '0.7123')
    """
    unit = metric_unit(name, label_unit)
    if value is None or not unit:
        return figure(value)
    return (difference if change else amount)(value, unit)


def told_apart(values: Sequence[float | None], name: str, label_unit: str) -> list[str]:
    """Values of one metric that stand side by side, in as many digits as tell different ones apart.

    >>> told_apart((0.45101, 0.45146), "log_loss", ""), told_apart((None, 1.7421), "mae", "USD")
    (['0.4510 nats', '0.4515 nats'], ['', '$1.74'])
    >>> told_apart((0.981231, 0.981247), "auc", ""), told_apart((0.8801, 0.878), "tpr", "")
    (['0.98123', '0.98125'], ['88.0 %', '87.8 %'])
    """
    known = [value for value in values if value is not None and math.isfinite(value)]
    unit = metric_unit(name, label_unit)
    digits = 3 if unit or max(map(abs, known), default=0.0) >= 1000 else 4  # a pure number as `figure` writes it
    said = iter(amounts(known, unit, digits))
    return ["" if value is None or not math.isfinite(value) else next(said) for value in values]


def surely_worse(finding: Finding) -> bool:
    """Whether a protected group is certainly harmed, by less than the margin, so that its check passes."""
    asked = finding.role == "fairness" and finding.outcome is Outcome.PASS
    return asked and finding.p_value is not None and finding.p_value < (finding.p_level or 0.0)


def answered(finding: Finding) -> str:
    """The answer of a finding with its sign, which no bare tick is where a group is certainly harmed.

    >>> answered(Finding("fairness", Outcome.PASS, "ok", role="fairness", p_value=0.001, p_level=0.05))
    '✔ pass, surely worse within the margin'
    >>> answered(Finding("fairness", Outcome.PASS, "ok", role="fairness", p_value=0.6, p_level=0.05))
    '✔ pass'
    """
    return f"{marked(finding.outcome.value)}{', surely worse within the margin' if surely_worse(finding) else ''}"


def margin_told(finding: Finding, label_unit: str) -> str:
    """The margin of a finding with its unit; of a floor it is a value of the metric, else a change of one.

    >>> floor = Finding("guardrails", Outcome.PASS, "ok", metric="wape", role="floor", margin=0.3)
    >>> margin_told(floor, ""), margin_told(Finding("guardrails", Outcome.PASS, "ok", metric="tpr", margin=0.03), "")
    ('30 %', '3 points')
    """
    return told(finding.margin, finding.metric, label_unit, change=finding.role != "floor")


def verdict_words(verdict: Verdict, row: str = "row") -> list[str]:
    """The whole verdict as lines of plain text: the decision, every check with its findings, and what was lacking.

    Args:
        verdict: What was judged.
        row: What a row is called.
    """
    lines = [decision_sentence(verdict)]
    for summary in summaries(verdict):
        lines += ["", f"{summary.check} ({summary.outcome.value}): {summary.question}"]
        lines += [f"  [{finding.outcome.value}] {finding.said}" for finding in verdict.of(summary.check)]
        if not verdict.of(summary.check):
            lines.append(f"  {summary.reason}")
    short = [(finding, rows) for finding in in_order(verdict) if (rows := lacking(finding)) is not None]
    if short:
        lines += ["", "What was lacking:"]
        lines += [
            f"  {about(finding)}: {counted(rows, row)} more than the {finding.rows:,} there" for finding, rows in short
        ]
    return lines


def _summary(verdict: Verdict, check: str) -> CheckSummary:
    found, outcome = verdict.of(check), verdict.outcome(check)
    said = Counter(finding.outcome for finding in found)
    counts = ", ".join(f"{said[kind]} {kind.value}" for kind in _WORST_FIRST if said[kind]) or "not asked"
    if harmed := sum(map(surely_worse, found)):
        counts += f", {harmed} of them surely worse within the margin"
    ranked = sorted(found, key=lambda finding: (_WORST_FIRST.index(finding.outcome), not surely_worse(finding)))
    worst = ranked[0].said if ranked else ""
    reason = worst or f"not asked: {verdict.reason}"
    return CheckSummary(check, QUESTIONS.get(check, "A further check."), outcome, counts, reason)
