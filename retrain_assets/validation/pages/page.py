"""The validation report as a document: what was decided and why, for a reader who answers for it.

Made from the verdict alone, so that the asset page, the HTML file and the command line say the same, and say it again
for an old verdict. Pure: the same verdict gives the same bytes.
"""

from __future__ import annotations

from retrain_assets.documents.page import PICTURE, figure, html_page, marked, table, text
from retrain_assets.errors import NotFound
from retrain_assets.store import PeriodStore
from retrain_assets.validation.criteria.detectability import found_detectability
from retrain_assets.validation.pages.evidence import ComparedAnchor, Evidence
from retrain_assets.validation.pages.group_tables import ROWS, Disparity, GroupValue
from retrain_assets.validation.pages.text import (
    CheckSummary,
    about,
    checks_of,
    decision_sentence,
    in_order,
    lacking,
    summaries,
)
from retrain_assets.verdict import Finding, Outcome, Verdict

READING = """Every check answers pass, fail or insufficient (not known); only a candidate that passes all of them may
be promoted. An improvement above 0 means that the candidate is better. The interval's ends are one-sided confidence
limits at the level in brackets. So is the p-value's level: of several questions that are asked together the p-value
is adjusted (Holm) and must lie below the whole level, while the interval of a primary metric is at the level of its
step. A guardrail passes when the whole interval lies above minus its margin. A group passes when it is certainly not
worse by the margin, and fails when it is not and some harm is certain. Tables of groups and their differences are
reported; they decide nothing, because the largest difference between groups is large by chance alone where groups are
small."""


_SMALLEST = 1e-4
"""Below this a p-value rests on tails that no sample shows."""


def report_markdown(verdict: Verdict) -> str:
    """The whole report as Markdown; its picture is named `picture:forest`."""
    evidence = Evidence.from_dict(verdict.evidence)
    parts = [
        f"# Validation report: {text(verdict.model)} {text(verdict.period)}",
        f"> **{text(decision_sentence(verdict))}**",
        *_section("The checks", table([_check(summary) for summary in summaries(verdict)])),
        *_section("What was insufficient", _insufficient(verdict)),
        *_watched(verdict),
        *_slices(evidence),
        *_section("Every finding", f"![every finding of {verdict.model} {verdict.period}]({PICTURE}forest)"),
        *_evidence(verdict),
        *_section("What the gate could see", _seen(verdict)),
        *_section("Known hard cases", _cases(evidence)),
        *_groups(evidence),
        *_since_anchor(verdict, evidence.anchor),
        *_section("Windows and digests", table(_facts(verdict, evidence))),
        *_section("How to read this", READING),
    ]
    return "\n\n".join(parts) + "\n"


def report_html(verdict: Verdict) -> bytes:
    """The whole report as one HTML file, with the forest plot inside it."""
    from retrain_assets.validation.pages.forest_plot import forest_svg

    title = f"Validation report: {verdict.model} {verdict.period}"
    return html_page(title, report_markdown(verdict), {"forest": forest_svg(verdict)})


def stored_verdict(model: str, store: PeriodStore, period: str | None = None) -> Verdict:
    """The verdict of a period's report, or of the last period that has one.

    Raises:
        NotFound: There is no such report; the message names those that exist.
    """
    known = store.periods("validation_report", "json")
    if not known:
        raise NotFound(f"{model}: no candidate was judged yet. Run `retrain run {model} --period P`.")
    asked = known[-1] if period is None else period
    if asked not in known:
        raise NotFound(f"{model}: no validation report of {asked!r}. Known: {', '.join(known)}.")
    return Verdict.from_dict(store.read_json("validation_report", asked) or {})


def insufficient_rows(verdict: Verdict) -> list[dict[str, object]]:
    """What was not known and why, with the rows that it lacks where that can be said."""
    return [
        {
            "check": finding.check.replace("_", " "),
            "about": about(finding),
            "rows": finding.rows,
            "rows needed": finding.rows_needed,
            "lacks": lacking(finding),
            "why": finding.reason,
        }
        for finding in in_order(verdict)
        if finding.outcome is Outcome.INSUFFICIENT
    ]


def group_rows(evidence: Evidence, attribute: str) -> list[dict[str, object]]:
    """One line for each group of an attribute: its rows, and each metric as `live → candidate`."""
    values = [value for value in evidence.groups if value.attribute == attribute]
    metrics = list(dict.fromkeys(value.metric for value in values if value.metric != ROWS))
    by_group: dict[str, dict[str, GroupValue]] = {}
    for value in values:
        by_group.setdefault(value.group, {})[value.metric] = value
    return [
        {
            "group": group,
            "rows": found[ROWS].rows if ROWS in found else None,
            **{name: _both(found.get(name)) for name in metrics},
        }
        for group, found in by_group.items()
    ]


def _section(title: str, body: str) -> tuple[str, str]:
    return f"## {title}", body


def _check(summary: CheckSummary) -> dict[str, object]:
    return {
        "check": summary.check.replace("_", " "),
        "asks": summary.question,
        "answer": marked(summary.outcome.value),
        "findings": summary.counts,
        "what decided it": summary.reason,
    }


def _insufficient(verdict: Verdict) -> str:
    rows = insufficient_rows(verdict)
    return table(rows) if rows else "Nothing: every question that was asked got an answer."


def _watched(verdict: Verdict) -> list[str]:
    """Groups too small for this gate to judge: what is known of them, and what happens instead."""
    rows = [
        {"about": about(finding), "rows": finding.rows, "margin": finding.margin, "why": finding.reason}
        for finding in in_order(verdict)
        if finding.outcome is Outcome.WATCHED
    ]
    said = (
        "Not passed and not failed: nobody can tell on these rows. After a promotion they are watched in every period, "
        "and a harm beyond the margin that shows then takes the model back."
    )
    return ["## Groups too small to be judged", said, table(rows)] if rows else []


def _slices(evidence: Evidence) -> list[str]:
    """Slices that were too small to tell and hold nothing up; they stand in the evidence, not among the findings."""
    rows = [
        {
            "about": slice_.group,
            "metric": slice_.metric,
            "rows": slice_.rows,
            "design effect": slice_.design_effect,
            "detectable": slice_.minimum_detectable,
            "rows needed": slice_.rows_needed,
            "why": slice_.reason,
        }
        for slice_ in evidence.undecided_slices
    ]
    return ["### Slices too small to tell (they stop nothing)", table(rows)] if rows else []


def _evidence(verdict: Verdict) -> list[str]:
    parts = []
    for check in checks_of(verdict):
        rows = [_line(finding) for finding in verdict.of(check)]
        parts += [f"### {text(check.replace('_', ' ')).capitalize()}", table(rows) if rows else "Not asked."]
    return parts


def _line(finding: Finding) -> dict[str, object]:
    between = f"{figure(finding.low)} to {figure(finding.high)}" if finding.low is not None else ""
    return {
        "answer": marked(finding.outcome.value),
        "about": about(finding),
        "live": finding.champion_value,
        "candidate": finding.candidate_value,
        "improvement": finding.improvement,
        "interval (level)": between and _at(between, finding.alpha),
        "margin or limit": finding.margin,
        "p (level)": "" if finding.p_value is None else _at(_chance(finding.p_value), finding.p_level),
        "rows": finding.rows,
        "units": _units(finding),
        "design effect": finding.design_effect,
        "noise": finding.noise,
        "detectable": finding.minimum_detectable,
        "rows needed": finding.rows_needed,
    }


def _chance(p_value: float) -> str:
    """A p-value as far as its digits mean something."""
    return figure(p_value) if p_value >= _SMALLEST else f"< {_SMALLEST:g}"


def _at(said: str, level: float | None) -> str:
    """A figure with the level it belongs to."""
    return said if level is None else f"{said} ({figure(level)})"


def _units(finding: Finding) -> str:
    """The independent observations, like `4 × 7-day block`; single rows are counted already."""
    return finding.unit and ("rows" if finding.unit == "row" else f"{finding.units:,} × {finding.unit}")


def _cases(evidence: Evidence) -> str:
    cases, lost = evidence.cases, evidence.flips
    if not cases:
        return "No case was scored; the regression suite's findings above say what that means."
    wrong = [case for case in cases if not case.candidate_right and case not in lost]
    said = f"{len(cases)} cases were scored. Negative flips (right before, wrong now): {len(lost)}."
    shown = [("negative flip", case) for case in lost] + [("still wrong", case) for case in wrong]
    rows = [
        {
            "case": case.id,
            "what": what,
            "severity": case.severity,
            "period": case.period,
            "owner": case.owner,
            "reason": case.reason,
        }
        for what, case in shown
    ]
    return f"{said}\n\n{table(rows)}" if rows else said


def _groups(evidence: Evidence) -> list[str]:
    parts = ["## Groups (reported, not judged)"]
    if not evidence.attributes:
        return [*parts, "No table of groups: the scores could not be judged."]
    least = evidence.group_minimum
    small = f" A group of fewer than {least:,} rows is only counted, such a pair of values left out." if least else ""
    parts.append(f"Each metric as live → candidate.{small}")
    for attribute in evidence.attributes:
        parts += [f"### By {text(attribute)}", table(group_rows(evidence, attribute))]
    apart = [_apart(each) for each in evidence.disparities]
    return [*parts, "### Between the groups of one attribute", table(apart)]


def _apart(disparity: Disparity) -> dict[str, object]:
    return {
        "attribute": disparity.attribute,
        "metric": disparity.metric,
        "largest difference, live": disparity.champion_difference,
        "candidate": disparity.candidate_difference,
        "smallest ratio, live": disparity.champion_ratio,
        "ratio, candidate": disparity.candidate_ratio,
    }


def _seen(verdict: Verdict) -> str:
    """For each part the smallest change it would have found, and how often it leaves equal models undecided."""
    rows = [
        {
            "part": each.check.replace("_", " "),
            "about": ", ".join(part for part in (each.metric, each.group) if part),
            "rows": each.rows,
            "smallest change": each.smallest,
            "margin": each.margin,
            "undecided": "" if each.undecided is None else f"{each.undecided:.0%}",
            "can never decide": each.never or ("watched after promotion" if each.watched else ""),
        }
        for each in found_detectability(verdict)
    ]
    return table(rows) if rows else "Nothing was compared."


def _since_anchor(verdict: Verdict, anchor: ComparedAnchor | None) -> list[str]:
    """How far every guarded metric and group has come since the version that a person approved, on the same rows."""
    if anchor is None:
        return []
    version, fault = anchor.version, anchor.fault
    title = f"## Since the anchor {text(version)}"
    if fault:
        return [title, f"Not asked: {text(version)} can no longer be scored ({text(fault)}). Approve a newer anchor."]
    live = {(each.metric, each.group): each.champion_value for each in verdict.findings if not each.against}
    rows = [
        {
            "answer": marked(each.outcome.value),
            "about": ", ".join(part for part in (each.metric, each.group) if part),
            version: each.champion_value,
            "live": live.get((each.metric, each.group)),
            "candidate": each.candidate_value,
            "improvement": each.improvement,
            "margin": each.margin,
        }
        for each in verdict.findings
        if each.against
    ]
    return [
        title,
        "The same margins, against the version that a person approved last: none is spent twice.",
        table(rows),
    ]


def _facts(verdict: Verdict, evidence: Evidence) -> list[dict[str, object]]:
    gate = verdict.gate
    facts = {
        "gate window": f"{gate.start.replace('T', ' ')} to {gate.end.replace('T', ' ')}",
        "gate periods": ", ".join(gate.periods),
        "gate rows": f"{gate.rows:,} rows",
        "gate rows, SHA-256 of keys": gate.rowset_sha256,
        "trained until": evidence.trained_until.replace("T", " "),
        "strategy": evidence.strategy,
        "candidate": verdict.candidate_digest,
        "live model": verdict.champion_digest or "none: this is the first",
        "rules, SHA-256": verdict.policy_sha256,
        "this verdict, SHA-256": verdict.digest,
        "code version": verdict.code_version,
    }
    return [{"what": name, "value": value} for name, value in facts.items()]


def _both(value: GroupValue | None) -> str:
    if value is None or value.candidate_value is None:
        return ""
    before, after = figure(value.champion_value), figure(value.candidate_value)
    return after if value.champion_value is None else f"{before} → {after}"
