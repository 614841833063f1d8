"""A backtest in lines of text, the answer first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from retrain_assets.backtest.record import BacktestRecord, PolicyResult
from retrain_assets.backtest.saving import Saving
from retrain_assets.documents.units import LossUnits, counted

HEAD = ("policy", "retrains", "loss", "cost", "2nd half", "there against a clock with as many")


def shown_policies(record: BacktestRecord, *, every: bool = False) -> list[PolicyResult]:
    """The policies of the table: of each family the one that the first half chose; all of them where that is asked."""
    advised = record.recommendation.policy
    shown = [one for one in record.policies if every or one.chosen or one.hindsight or one.name == advised]
    return sorted(shown, key=lambda one: (one.hindsight, one.cost))


def rows_of(record: BacktestRecord, units: LossUnits, policies: Sequence[PolicyResult]) -> list[tuple[str, ...]]:
    """The table's cells, its head first."""
    rows: list[tuple[str, ...]] = [HEAD]
    for one in policies:
        mark = "→ " if one.name == record.recommendation.policy else "  "
        second = units.total(one.second_half) if one.second_half is not None else "-"
        against = "-" if one.hindsight else saving_words(one.against_clock, units)
        loss = units.a_row(one.mean_loss).split(" a ")[0]
        cells = (f"{mark}{one.name}", str(len(one.retrains)), loss, units.total(one.cost), second, against)
        rows.append(cells)
    return rows


def saving_words(saved: Saving, units: LossUnits) -> str:
    """What is saved, its limits, and whether chance explains it.

    >>> saving_words(Saving(412.0, -80.0, 905.0, 217), LossUnits("ride", "USD"))
    '$412 saved (-$80.00 to $905)'
    >>> saving_words(Saving(-412.0, -905.0, -80.0, 217), LossUnits("ride", "USD"))
    '$412 worse, surely ($80.00 to $905)'
    """
    if saved.total == 0 and not saved.low and not saved.high:
        return "the same"
    word = "saved" if saved.total > 0 else "worse"
    sign = 1 if saved.total > 0 else -1
    total = units.total(abs(saved.total))
    if saved.low is None or saved.high is None:
        return f"{total} {word}, no limits"
    low, high = sorted((sign * saved.low, sign * saved.high))
    surely = ", surely" if saved.distinguishable else ""
    return f"{total} {word}{surely} ({units.total(low)} to {units.total(high)})"


def span_words(record: BacktestRecord, units: LossUnits) -> str:
    """What was replayed."""
    first, middle, last = (date.fromisoformat(day) for day in (record.first_day, record.middle_day, record.last_day))
    decisions = counted(len(record.timeline.starts), record.unit)
    said = f"{decisions} from {_day(first)} to {_day(last)}, {units.rows(record.rows)}"
    return said if record.recommendation.tuned_on_all else f"{said}; the second half begins on {_day(middle)}"


def cost_words(record: BacktestRecord, units: LossUnits) -> str:
    """What a retrain is taken to cost, and where that comes from."""
    half = "all of history" if record.recommendation.tuned_on_all else "the first half"
    usual = f"a tenth of a period's loss in {half}, for want of retrain_cost"
    source = "triggers.retrain_cost" if record.cost_declared else usual
    return f"A retrain costs {units.total(record.retrain_cost)} ({source})"


def procedure_words(record: BacktestRecord) -> list[str]:
    """Whether retraining works at all, where that can be said."""
    return [record.procedure.sentence] if record.procedure else []


def best_words(record: BacktestRecord, units: LossUnits) -> list[str]:
    """Which policy is best at which cost of a retrain, the cheapest retrain first; of equal ones the first listed."""
    ranges: dict[tuple[float, float | None], str] = {}
    for one in record.policies:
        if one.best_from is not None and not one.hindsight and (one.best_to is None or one.best_to > one.best_from):
            ranges.setdefault((one.best_from, one.best_to), one.name)
    lines = []
    for (low, high), name in sorted(ranges.items(), key=lambda item: item[0][0]):
        until = f"to {units.total(high)}" if high is not None else "on"
        lines.append(f"from {units.total(low)} {until}: {name}")
    return lines


def gate_words(record: BacktestRecord, units: LossUnits) -> list[str]:
    """What the spec's own gate costs each policy that it was replayed for."""
    return [
        f"{one.policy}: {one.promoted} of {counted(one.attempts, 'attempt')} promoted, {units.total(one.cost)} "
        f"({units.total(abs(one.premium))} {'more' if one.premium >= 0 else 'less'} than without a gate)"
        for one in record.gated
        if one.declared
    ]


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
