"""What the asset pages of the two reports show without a click: the answer in a few sentences, and small tables.

Dagster shows Markdown of fewer than 1,000 characters as it stands and folds a longer one behind "[Show Markdown]".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrain_assets.documents.page import text
from retrain_assets.documents.units import amount, counted, first_few, plural
from retrain_assets.model import Model
from retrain_assets.monitoring.drift.report import Drift, DriftReport
from retrain_assets.monitoring.pages.drift_plot import what_moved
from retrain_assets.monitoring.pages.performance_text import performance_sentences
from retrain_assets.monitoring.performance.report import PerformanceReport
from retrain_assets.monitoring.records.drift_record import DriftRecord
from retrain_assets.monitoring.records.performance_record import PerformanceRecord

FOLDED_AT = 1000
"""Characters of Markdown from which on Dagster 1.13 shows a link in its place (`MarkdownMetadataEntry` of its UI)."""

MORE = "More under “report” below."
MOVED = 3
"""Columns whose change is said in words where nothing is known of its impact."""


def summary(paragraphs: Sequence[str], limit: int = FOLDED_AT) -> str:
    r"""Sentences as Markdown that Dagster does not fold, the first in bold; whole sentences are left out at the end.

    >>> summary(["It broke. Nobody knows why."], limit=60)
    '**It broke.** Nobody knows why.'
    >>> summary(["It broke.", "x" * 50], limit=60)
    '**It broke.**\n\nMore under “report” below.'
    """
    said = [[part for part in re.split(r"(?<=[.!?]) ", one) if part] for one in paragraphs]
    if len(shown := _markdown(said)) < limit:
        return shown
    kept: list[list[str]] = []
    for sentences in said:
        kept.append([])
        for sentence in sentences:
            kept[-1].append(sentence)
            if len(_markdown(kept)) + len(MORE) + 2 >= limit:
                if len(kept) == len(kept[0]) == 1:
                    kept[0][0] = f"{sentence[: limit // 3]}…"  # the escapes of a text at most double it
                else:
                    kept[-1].pop()
                return "\n\n".join(part for part in (_markdown(kept), MORE) if part)
    return _markdown(kept)


def _markdown(paragraphs: Sequence[Sequence[str]]) -> str:
    """Escaped paragraphs, the first sentence in bold."""
    written = [[text(sentence) for sentence in sentences] for sentences in paragraphs if sentences]
    if written:
        written[0][0] = f"**{written[0][0]}**"
    return "\n\n".join(" ".join(sentences) for sentences in written)


def drift_summary(model: Model, record: DriftRecord) -> list[str]:
    """The verdict of a drift record, then what changed, since when and at what cost."""
    warned = [column for column in record.columns if column.outcome is Drift.WARN]
    moved = "; ".join(f"{one.column}: {what_moved(one)}" for one in warned[:MOVED])
    parts = [drift_verdict(model, record), record.impact_sentence or (f"{moved}." if moved else "")]
    return [part for part in parts if part]


def drift_verdict(model: Model, record: DriftRecord) -> str:
    """What broke, then how many features and score properties drifted in a period, and what that asks for."""
    columns, when = record.columns, model.calendar.during(record.period)
    if not record.warned:
        told = [
            counted(number, what)
            for what, report in _parts(record)
            if (number := len(report.columns) - _untold(report))
        ]
        if not told:
            return f"Drift cannot be told yet {when}: too few periods to compare with."
        unclear = [counted(number, what) for what, report in _parts(record) if (number := _untold(report))]
        rest = f"; {' and '.join(unclear)} cannot be told yet" if unclear else ""
        return f"No drift {when}: {' and '.join(told)} as in training{rest}."
    again = [column.column for column in columns if column.confirmed]
    running = f", {first_few(again)} as in the {model.calendar.every} before" if again else ""
    asks = (
        "It asks for a retrain where the spec lets drift ask."
        if record.triggers
        else "It asks for no retrain by itself."
    )
    if record.broken:
        return f"{_broke(record, f' {when}')}. Mend the source before you retrain. {_drifted(record)}{running}."
    return f"{_drifted(record)} {when}{running}. {asks}"


def drift_fact(record: DriftRecord) -> str:
    """What somebody should hear of a drift record, in a line."""
    if record.broken:
        return f"{_broke(record)}; {_drifted(record)}."
    asks = "a retrain is asked for where the spec lets drift ask" if record.triggers else "no retrain is asked for"
    return f"{_drifted(record)}: {first_few(record.warned)}; {asks}."


def _broke(record: DriftRecord, when: str = "") -> str:
    """Which columns broke, and how the first one did."""
    first, *others = record.broken
    more = f" and {counted(len(others), 'more column')}" if others else ""
    return f"{first.column}{more} broke{when}: {first.fault}"


def _untold(report: DriftReport) -> int:
    """Of how many columns nothing can be said yet."""
    return sum(column.outcome is Drift.INSUFFICIENT for column in report.columns)


def _parts(record: DriftRecord) -> list[tuple[str, DriftReport]]:
    """The reports of a record that watch something, by what they watch."""
    parts = (("feature", record.features), ("score property", record.scores))
    return [(what, report) for what, report in parts if report is not None and report.columns]


def _drifted(record: DriftRecord) -> str:
    """How many features, and how many score properties, drifted, where some did."""
    warned = [(what, len(report.warned), len(report.columns)) for what, report in _parts(record) if report.warned]
    return " and ".join(f"{drifted} of {counted(of, what)}" for what, drifted, of in warned) + " drifted"


def performance_summary(record: PerformanceRecord, harm: str = "") -> list[str]:
    """What a performance record says, without the reason why nothing is estimated.

    Args:
        record: Of the period.
        harm: What the probation of the version found against it; empty for nothing.
    """
    unestimated = record.estimated.sentence if record.estimated and not record.estimated.estimate else None
    business = [one.sentence for one in record.business if one.sentence]
    first, *others = performance_sentences(record)
    return [said for said in (first, harm, *others, *business) if said and said != unestimated]


def loss_table(model: Model, record: PerformanceRecord) -> list[dict[str, str]]:
    """What was measured and what is estimated, with their unit."""
    estimate = record.estimate
    found = [(how, one) for how, one in (("measured", record.report), ("estimated", estimate)) if one is not None]
    return [
        {
            f"loss {model.units.each}": how,
            "mean": _said(model, one.loss),
            "at least": _said(model, max(one.low, 0.0) if one.low is not None else None),
            "at most": _said(model, one.high),
            plural(model.row_name): f"{one.rows:,}",
        }
        for how, one in found
    ]


def group_table(model: Model, report: PerformanceReport | None, most: int) -> list[dict[str, str]]:
    """The costliest groups, with their unit; none that is only counted."""
    found = [one for one in report.by_group if one.loss is not None][:most] if report else []
    several = len({one.group for one in found}) > 1
    return [
        {
            "group": f"{one.group} {one.value}" if several else one.value,
            model.units.each: _said(model, one.loss),
            "excess": model.units.total(max(one.excess_sum, 0.0)),
            plural(model.row_name): f"{one.rows:,}",
        }
        for one in found
    ]


def _said(model: Model, value: float | None) -> str:
    return "" if value is None else amount(value, model.units.loss)
