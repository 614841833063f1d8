"""The validation report as a document: what was decided and why, for a reader who answers for it.

Made from the verdict alone, so that the asset page, the HTML file and the command line say the same, and say it again
for an old verdict. Pure: the same verdict gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from retrain_assets.documents.page import (
    PICTURE,
    Document,
    Drawing,
    Part,
    Tone,
    fact_rows,
    figure,
    html_page,
    marked,
    table,
    text,
)
from retrain_assets.documents.units import amount, certainty, counted, plural, rounded_p
from retrain_assets.errors import NotFound
from retrain_assets.metrics.names import metric_words
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.events import Event
from retrain_assets.statistics.long_run_variance import level_share
from retrain_assets.store import PeriodStore
from retrain_assets.validation.criteria.detectability import PartDetectability, found_detectability
from retrain_assets.validation.pages.evidence import ComparedAnchor, Evidence
from retrain_assets.validation.pages.forest_plot import ASKED_FIRST, forest_drawing
from retrain_assets.validation.pages.group_parts import reported_part, undecided_part, watched_part
from retrain_assets.validation.pages.text import (
    CheckSummary,
    about,
    answered,
    checks_of,
    decision_lines,
    in_order,
    lacking,
    margin_told,
    summaries,
    told,
    told_apart,
)
from retrain_assets.verdict import Decision, Finding, Outcome, Verdict

PICTURED = """Each line is one finding. Shape and colour tell its answer: ● pass, ✖ fail, ◇ not known, □ watched. The
middle line is "like the live model", to its right is better. A line that has a margin is drawn in units of it, and the
dotted mark at -1 is "worse by the whole margin": a guardrail passes when its whole interval lies to the right of that
mark. A line without a margin has a scale of its own and must lie to the right of the middle. An arrow means that the
interval goes on beyond the edge, or lies there as a whole."""

REFITTED = "the candidate's refit, which must agree with it and is not judged itself"

LEVELS = """The level stands in brackets. Where several primary metrics are asked together the p-value is adjusted
(Holm) and held against the whole level, and the interval is at the level of its own step."""

STRICTER = """Below four weeks of days without history of earlier ones a test is made at half its level: the p-value is
doubled before it is held against the whole level, and the interval is at half of it. Both say the same."""

NUMBERS = ("p-value", "level", "Holm", "independent units", "design effect", "noise", "detectable", "rows needed")
"""Terms of the columns of the tables with every number."""

_ROWS_ALONE = ("", "row", "case")
"""Units of findings that take nothing together."""

SMALL_P_SHOWS: Mapping[str, str] = {
    "primary": "a gain",
    "procedure": "a gain",
    "guardrail": "a loss below the margin",
    "floor": "beyond the limit, on its good side",
    "slice": "harm",
    "fairness": "harm",
    "regression": "more lost than won",
}
"""What is shown where the p-value of a finding lies below its level, by the finding's role."""

SEEN = """The smallest change that these rows would show with the declared power, four times in five where the spec does
not say otherwise. Primary metrics and guardrails share that power: each is shown more often, so that all together are
answered so often. A group or a slice has it by itself, and so has each question to a first model; of a group that is
watched it is the change for which all groups together are answered so often."""

_RARE = 0.001
"""Shares below this are not told apart."""


TONES: Mapping[Decision, Tone] = {Decision.PROMOTE: "well", Decision.INSUFFICIENT: "unknown"}
"""How the answer's box looks; a candidate that is refused because it failed a check is the gate's work well done."""


def report(verdict: Verdict, row: str = "row", label_unit: str = "", dated: str = "") -> Document:
    """The whole report; its picture is named `picture:forest`.

    Args:
        verdict: What was judged.
        row: What the spec calls a row.
        label_unit: What the label is counted in; empty where the spec does not say it.
        dated: As of when it is; empty where that is not said.
    """
    evidence = Evidence.from_dict(verdict.evidence)
    decided = [_decisive(finding, label_unit) for finding in decisive(verdict)]
    picture = f"![every finding of {text(verdict.model)} {text(verdict.period)}]({PICTURE}forest)"
    parts = [
        Part(
            "The checks",
            table([_check(summary) for summary in summaries(verdict)]),
            ("candidate", "live model", "gate", "pass, fail, insufficient", *_named(verdict)),
        ),
        *_insufficient(verdict, row),
        Part("Every finding at a glance", picture, ("improvement", "interval", "margin"), PICTURED),
        Part("What decided it", table(decided, row), _terms(verdict, "primary metric", "guardrail")),
        *_procedure(verdict, evidence),
        *watched_part(verdict, row, label_unit),
        *undecided_part(evidence, row, label_unit),
        Part(
            "Every finding with every number",
            _evidence(verdict, row, label_unit),
            _terms(verdict, *NUMBERS),
            _levels(verdict),
            folded=True,
        ),
        Part("What the gate could see", _seen(verdict, row, label_unit), ("detectable",), folded=True),
        Part("Known hard cases", _cases(evidence), ("regression suite", "negative flip"), folded=not evidence.flips),
        reported_part(verdict, evidence, row, label_unit),
        *_since_anchor(verdict, evidence.anchor, label_unit),
        Part("Windows and digests", table(_facts(verdict, evidence, row)), ("gate rows", "refit"), folded=True),
    ]
    title = f"Validation report: {verdict.model} {verdict.period}"
    return Document(title, decision_lines(verdict), tuple(parts), _tone(verdict), row, dated)


def _tone(verdict: Verdict) -> Tone:
    """How the box looks: a candidate that passed on rows of which a column broke is not known to be good on others."""
    return "unknown" if verdict.broken else TONES.get(verdict.decision, "note")


def report_markdown(verdict: Verdict, row: str = "row", label_unit: str = "") -> str:
    """The whole report as Markdown."""
    return report(verdict, row, label_unit).markdown


def report_html(
    verdict: Verdict, row: str = "row", label_unit: str = "", drawn: Drawing | None = None, dated: str = ""
) -> bytes:
    """The whole report as one HTML file, with the forest plot inside it: the one that is `drawn`, else drawn here."""
    document = report(verdict, row, label_unit, dated)
    picture = forest_drawing(verdict, label_unit) if drawn is None else drawn
    return html_page(document.title, document, pictures={"forest": picture})


def judged_on(calendar: Calendar, events: Iterable[Event], verdict: Verdict) -> str:
    """As of when a report is: its period, and the day on which the journal has its verdict."""
    days = (f"{event.at:%Y-%m-%d}" for event in events if event.evidence == verdict.digest)
    return calendar.dated(verdict.period, next(days, ""))


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


def _terms(verdict: Verdict, *names: str) -> tuple[str, ...]:
    """Terms of a part; that rows resemble each other is told only where something else is counted instead."""
    alone = all(finding.unit in _ROWS_ALONE for finding in verdict.findings)
    return tuple(name for name in names if not (alone and name in ("independent units", "noise")))


def _levels(verdict: Verdict) -> str:
    """How the levels are to be read, with what a test without history does where there is one."""
    strict = any(
        found.history_days == 0 and found.unit == "day" and level_share(found.units, known=False) < 1
        for found in verdict.findings
    )
    return f"{LEVELS}\n{STRICTER}" if strict else LEVELS


def _named(verdict: Verdict) -> list[str]:
    """The answers besides the three that some finding has, as the glossary calls them."""
    given = {finding.outcome for finding in verdict.findings}
    return [kind.value for kind in (Outcome.WATCHED, Outcome.NOT_ASKED) if kind in given]


def decisive(verdict: Verdict) -> list[Finding]:
    """The findings that a first look needs: what a promotion hangs on by itself, and what stands in its way."""
    against = (Outcome.FAIL, Outcome.INSUFFICIENT)
    return [found for found in in_order(verdict) if found.role in ASKED_FIRST or found.outcome in against]


def _decisive(finding: Finding, label_unit: str) -> dict[str, object]:
    """A finding in a few numbers."""
    return {
        "answer": answered(finding),
        "about": about(finding),
        "asked as": finding.role,
        **_values(finding, label_unit),
        "better by": told(finding.improvement, finding.metric, label_unit, change=True),
        "interval": _interval(finding, label_unit),
        "margin or limit": margin_told(finding, label_unit),
        "rows": finding.rows,
    }


def _values(finding: Finding, label_unit: str) -> dict[str, object]:
    """What both models reach."""
    both = told_apart((finding.champion_value, finding.candidate_value), finding.metric, label_unit)
    return dict(zip(("live", "candidate"), both, strict=True))


def _interval(finding: Finding, label_unit: str) -> str:
    """Both limits of the improvement; empty where none is measured."""
    low, high = (told(side, finding.metric, label_unit, change=True) for side in (finding.low, finding.high))
    return f"{low} to {high}" if finding.low is not None else ""


def _check(summary: CheckSummary) -> dict[str, object]:
    return {
        "answer": marked(summary.outcome.value),
        "check": summary.check.replace("_", " "),
        "asks": summary.question,
        "what decided it": summary.reason,
        "findings": summary.counts,
    }


def _insufficient(verdict: Verdict, row: str) -> list[Part]:
    rows = insufficient_rows(verdict)
    return [Part("What was not known", table(rows, row), ("rows needed",))] if rows else []


def _procedure(verdict: Verdict, evidence: Evidence) -> list[Part]:
    """Figures P and S: what fresh models gain over aged ones, and this candidate over the live model."""
    found = evidence.procedure or evidence.procedure_shown
    primary = next((each for each in verdict.findings if each.role == "primary" and each.champion_value), None)
    if found is None or primary is None or not primary.champion_value:
        return []
    surely = None if primary.low is None else primary.low / primary.champion_value
    gain = None if primary.improvement is None else primary.improvement / primary.champion_value
    rows = [
        {
            "figure": "P",
            "compares": f"fresh models with ones {counted(found.interval, found.unit)} older",
            "better by": _share(found.share) if found.origins else "",
            "at least": _share(found.low),
            "certainty": certainty(found.alpha),
            "on": f"{counted(found.days, 'day')} of {counted(found.origins, found.unit)}",
        },
        {
            "figure": "S",
            "compares": "this candidate with the live model",
            "better by": _share(gain),
            "at least": _share(surely),
            "certainty": certainty(primary.alpha or 0),
            "on": f"{primary.units:,} × {primary.unit}",
        },
    ]
    decides = (
        "The spec declares evidence: procedure. Where this candidate is not shown to be better, P above 0 and S above "
        "minus the margin together stand in for it; everything else must pass as ever."
        if evidence.procedure
        else "P is that of the last backtest. Nothing is decided by these figures: the spec asks whether this very "
        "candidate is better."
    )
    words = f"{text(found.sentence)}\n\n{table(rows)}\n\n{decides}"
    return [Part("Does retraining work?", words, ("P and S",), folded=True)]


def _share(value: float | None) -> str:
    """A share in words; empty where it is not known."""
    return "" if value is None else amount(value, "share", 2)


def _evidence(verdict: Verdict, row: str, label_unit: str) -> str:
    parts: list[str] = []
    for check in checks_of(verdict):
        rows = [_line(finding, row, label_unit) for finding in verdict.of(check)]
        parts += [f"### {text(check.replace('_', ' ')).capitalize()}", table(rows, row) if rows else "Not asked."]
    return "\n\n".join(parts)


def _line(finding: Finding, row: str, label_unit: str) -> dict[str, object]:
    between = _interval(finding, label_unit)
    return {
        "answer": answered(finding),
        "about": about(finding),
        **_values(finding, label_unit),
        "improvement": told(finding.improvement, finding.metric, label_unit, change=True),
        "interval (level)": between and _at(between, finding.alpha),
        "margin or limit": margin_told(finding, label_unit),
        "p (level)": "" if finding.p_value is None else _at(rounded_p(finding.p_value), finding.p_level),
        "a small p shows": "" if finding.p_value is None else SMALL_P_SHOWS.get(finding.role, ""),
        "rows": finding.rows,
        "units": _units(finding, row),
        "design effect": finding.design_effect,
        "noise": finding.noise,
        "detectable": told(finding.minimum_detectable, finding.metric, label_unit, change=True),
        "rows needed": finding.rows_needed,
    }


def _at(said: str, level: float | None) -> str:
    """A figure with the level it belongs to."""
    return said if level is None else f"{said} ({figure(level)})"


def _units(finding: Finding, row: str) -> str:
    """The independent observations, like `4 × 7-day block`; single rows are counted already."""
    return finding.unit and (plural(row) if finding.unit == "row" else f"{finding.units:,} × {finding.unit}")


def _cases(evidence: Evidence) -> str:
    cases, lost = evidence.cases, evidence.flips
    if not cases:
        return "No case was scored; the regression suite's findings above say what that means."
    wrong = [case for case in cases if not case.candidate_right and case not in lost]
    said = f"{counted(len(cases), 'case')} scored. Negative flips (right before, wrong now): {len(lost)}."
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


def _seen(verdict: Verdict, row: str, label_unit: str) -> str:
    """For each part the smallest change it would have found, and how often it leaves equal models undecided."""
    rows = [
        {
            "part": each.check.replace("_", " "),
            "about": ", ".join(part for part in (metric_words(each.metric), each.group, _against(each)) if part),
            "rows": each.rows,
            "smallest change": told(each.smallest, each.metric, label_unit, change=True),
            "margin": told(each.margin, each.metric, label_unit, change=True),
            "undecided": _undecided(each),
            "can never decide": each.never or ("watched if it is promoted" if each.watched else ""),
        }
        for each in found_detectability(verdict)
    ]
    return f"{SEEN}\n\n{table(rows, row)}" if rows else "Nothing was compared."


def _against(part: PartDetectability) -> str:
    return f"against {part.against}" if part.against else ""


def _undecided(part: PartDetectability) -> str:
    """How often equal models stay undecided; a group that no gate can tell about is not decided at all."""
    if part.watched:
        return "cannot be decided"
    share = part.undecided
    return f"under {_share(_RARE)}" if share is not None and 0 < share < _RARE else _share(share)


def _since_anchor(verdict: Verdict, anchor: ComparedAnchor | None, label_unit: str) -> list[Part]:
    """How far every guarded metric and group has come since the version that a person approved, on the same rows."""
    if anchor is None:
        return []
    version, fault = anchor.version, anchor.fault
    title = f"Since the anchor {version}"
    if fault:
        lost = f"Not asked: {text(version)} can no longer be scored ({text(fault)}). Approve a newer anchor."
        return [Part(title, lost, ("anchor",))]
    live = {(each.metric, each.group): each.champion_value for each in verdict.findings if not each.against}
    rows = [
        {
            "answer": answered(each),
            "about": ", ".join(part for part in (metric_words(each.metric), each.group) if part),
            **dict(
                zip(
                    (version, "live", "candidate"),
                    told_apart(
                        (each.champion_value, live.get((each.metric, each.group)), each.candidate_value),
                        each.metric,
                        label_unit,
                    ),
                    strict=True,
                )
            ),
            "improvement": told(each.improvement, each.metric, label_unit, change=True),
            "margin": margin_told(each, label_unit),
        }
        for each in verdict.findings
        if each.against
    ]
    return [Part(title, table(rows), ("anchor",), folded=True)]


def _facts(verdict: Verdict, evidence: Evidence, row: str) -> list[dict[str, object]]:
    gate = verdict.gate
    facts = {
        "gate window": f"{gate.start.replace('T', ' ')} to {gate.end.replace('T', ' ')}",
        "gate periods": ", ".join(gate.periods),
        f"gate {plural(row)}": f"{gate.rows:,}",
        f"gate {plural(row)}, SHA-256 of keys": gate.rowset_sha256,
        "strategy": evidence.strategy,
        **_versions(verdict, evidence),
        "live model": verdict.champion_digest or "none: this is the first",
        "rules, SHA-256": verdict.policy_sha256,
        "this verdict, SHA-256": verdict.digest,
        "code version": verdict.code_version,
    }
    return fact_rows(facts)


def _versions(verdict: Verdict, evidence: Evidence) -> dict[str, object]:
    """The candidate as it was judged, and the refit that goes live in its place without being judged itself."""
    refit = verdict.refit
    if refit is None or not refit.allowed:
        until = evidence.trained_until
        return {
            "candidate, as judged": verdict.candidate_digest,
            "candidate trained until": until.replace("T", " "),
        }
    return {
        "candidate, as judged": verdict.candidate_digest,
        "candidate trained until": f"the gate begins, {verdict.gate.start.replace('T', ' ')}, or earlier",
        "version that goes live": f"{refit.digest}, {REFITTED}",
        "refit trained until": refit.trained_until.replace("T", " "),
    }
