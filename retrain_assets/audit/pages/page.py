"""The status of a model as a document: verdict, answers, timeline, every version, links to the newest reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrain_assets.audit.model_status import (
    AS_EXPECTED,
    BROKEN,
    CONSTANT,
    DAMAGED,
    FAILED,
    FEW_OUTCOMES,
    NEW,
    NO_OUTCOMES,
    NO_ROWS,
    WORSE,
    ModelStatus,
)
from retrain_assets.documents.page import PICTURE, Document, Part, Tone, table, text
from retrain_assets.documents.units import capital, counted, percent
from retrain_assets.monitoring.records.performance_record import read_performance
from retrain_assets.store import PeriodStore

if TYPE_CHECKING:
    from retrain_assets.audit.figures import Figures

REPORTS = ("validation_report", "performance_report", "drift_report", "probation_report")
"""The assets whose newest reports are linked."""

TIMELINE = "timeline"
"""The name of the picture."""

TONES: Mapping[str, Tone] = {
    AS_EXPECTED: "well",
    WORSE: "broken",
    BROKEN: "broken",
    DAMAGED: "broken",
    CONSTANT: "broken",
    FAILED: "broken",
    NEW: "unknown",
    FEW_OUTCOMES: "unknown",
    NO_OUTCOMES: "unknown",
    NO_ROWS: "unknown",
}
"""How the box looks by the health that it tells."""

SHORT = 8
"""Versions that are listed before a reader opens the rest."""


def status_report(
    status: ModelStatus,
    found: Figures,
    rows: Sequence[Mapping[str, object]],
    newest: Mapping[str, str],
    row: str = "row",
) -> Document:
    """The page to open first.

    Args:
        status: Where the model stands.
        found: What came of its attempts so far.
        rows: Its tenures, the newest first.
        newest: The period of the newest report of each kind.
        row: What the spec calls a row.
    """
    latest, older = rows[:SHORT], rows[SHORT:]
    judged = () if found.share_within_objective is None else ("quality objective",)
    parts = [Part("So far", so_far(found), judged)]
    if rows or found.attempts:
        picture = f"![versions and decisions of {text(status.model)}]({PICTURE}{TIMELINE})"
        parts.append(Part("Versions and decisions", picture))
    if rows:
        watched = ("probation",) if any(row["probation"] for row in latest) else ()
        parts.append(Part("Which version was live when", table([_short(row) for row in latest]), watched))
    parts.append(Part("Newest reports", _links(newest)))
    if older:
        parts.append(Part(f"Earlier versions ({len(older)})", table([_short(row) for row in older]), folded=True))
    if rows:
        parts.append(Part("Who put each version there, and why", table([_why(row) for row in rows]), folded=True))
    return Document(f"Status: {status.model}", _box(status), tuple(parts), _tone(status), row)


def _tone(status: ModelStatus) -> Tone:
    """How the box looks; a model that nobody looks after any more does not look well."""
    return "note" if status.unwatched else TONES.get(status.health, "note")


def _box(status: ModelStatus) -> tuple[str, ...]:
    """The verdict, what it rests on, and the answers to the other questions."""
    known = [status.headline, *filter(None, [status.evidence])]
    asked = [(question, answer) for question, answer in status.answers.items() if question != "is it well"]
    return (
        *(f"{_capital(said)}." for said in known),
        *(f"{question.capitalize()}? {_capital(answer)}." for question, answer in asked),
        *(f"{_capital(said)}." for said in filter(None, [status.dated])),
    )


def _capital(answer: str) -> str:
    """An answer as a sentence without its full stop."""
    return capital(answer.rstrip("."))


def newest_reports(store: PeriodStore, period: str) -> dict[str, str]:
    """The period of the newest report of each kind up to a period; monitoring has none to read before a version."""
    newest = {asset: max((p for p in store.periods(asset, "json") if p <= period), default=None) for asset in REPORTS}
    watched = newest["performance_report"]
    performance = read_performance(store, watched) if watched else None
    unserved = performance is not None and performance.version is None
    return {
        asset: found
        for asset, found in newest.items()
        if found is not None and not (unserved and asset != "validation_report")
    }


def so_far(found: Figures) -> str:
    """What came of the candidates, and how long the model kept its promise, as Markdown."""
    if not (found.attempts or found.rollbacks or found.judged_periods or found.blind_periods):
        return "No model was trained yet."
    monitored = found.judged_periods + found.blind_periods
    within = (
        f" Within its quality objective in **{percent(found.share_within_objective)}** of "
        f"{counted(monitored, 'period')}."
        if found.share_within_objective is not None
        else ""
    )
    blind = f" No outcome arrived in {counted(found.blind_periods, 'period')}." if found.blind_periods else ""
    ended = {
        "promoted": found.promoted,
        "rejected": found.rejected,
        "undecided": found.insufficient,
        "identical": found.identical,
    }
    told = ", ".join(f"{number} {how}" for how, number in ended.items() if number) or "none yet"
    return (
        f"{counted(found.attempts, 'candidate')} judged: {told}; {counted(found.rollbacks, 'rollback')}.{within}{blind}"
    )


def _links(newest: Mapping[str, str]) -> str:
    """The newest reports, beside this one on the disk and where they are served."""
    lines = [f"- [{asset.replace('_', ' ')} of {period}](../{asset}/{period}.html)" for asset, period in newest.items()]
    return "\n".join(lines) or "None yet."


def _short(row: Mapping[str, object]) -> dict[str, object]:
    return {
        name: row[name] for name in ("version", "from", "to", "in objective", "no outcomes in", "probation", "left")
    }


def _why(row: Mapping[str, object]) -> dict[str, object]:
    return {name: row[name] for name in ("version", "how", "by", "put there", "because")}
