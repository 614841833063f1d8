"""What a source's findings mean for a model: what stops it, when its first version can come, what will go wrong.

A stop is something without which the model cannot work at all; everything else is worth knowing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import called, counted, difference, percent, plural
from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.names import metric_unit
from retrain_assets.onboarding.survey import PeriodFindings
from retrain_assets.pipeline import watch
from retrain_assets.production.probation.anytime_valid import enough_blocks
from retrain_assets.production.probation.trial import closed_in
from retrain_assets.raw.ingest import peek
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.raw.sources import describe
from retrain_assets.registry.registry import Registry
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.statistics.day_blocks import LENGTHS_DAYS
from retrain_assets.store import LABEL, OUTCOME, PeriodStore
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.criteria.detectability import PartDetectability, detectability
from retrain_assets.validation.suite.cases import load_suite
from retrain_assets.validation.suite.rows import live_cases
from retrain_assets.windows.cut import Span, Wait, Windows
from retrain_assets.windows.rows import load_window, within

_FEW_OUTCOMES = 0.5
_OFTEN_UNDECIDED = 0.25


@dataclass(frozen=True)
class Outlook:
    """What to expect of a model on its data: `stops` without which it cannot work, `warnings`, and when it begins.

    `sees` says of each part of the gate what it would find on rows like those of the first model's gate.
    """

    stops: tuple[str, ...]
    warnings: tuple[str, ...]
    begins: str = ""
    sees: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing stops the model."""
        return not self.stops


def outlook(spec: ModelSpec, store: PeriodStore, registry: Registry, found: Sequence[PeriodFindings]) -> Outlook:
    """Tell what will happen when the model runs on these periods.

    Args:
        spec: Of the model.
        store: Holds the periods as `survey` took them in.
        registry: An empty one.
        found: What `survey` found.
    """
    usable = [one for one in found if not one.stops]
    stops = list(_no_period(spec, found, usable))
    warnings = list(_lost(found)) if usable else []
    begins = ""
    sees: list[str] = []
    if usable:
        stops += _no_outcomes(spec, usable)
        first = _first_windows(spec, store, registry, [one.period for one in usable])
        if isinstance(first, Wait):
            stops.append(
                f"no first model can come from {usable[0].period} to {found[-1].period}: {first.reason}. "
                "Lower windows.min_train, or wait for more periods."
            )
        elif not stops:
            begins, faults = _first_model(spec, store, first)
            stops += faults
            if not faults:
                sees, never = _what_the_gate_sees(spec, store, first)
                stops += never
        warnings += _suite_problems(spec, usable)
        warnings += short_probation(spec, _days_with_rows(spec, store, usable[0].period))
    return Outlook(tuple(stops), tuple(warnings), begins, tuple(sees))


def _no_period(spec: ModelSpec, found: Sequence[PeriodFindings], usable: Sequence[PeriodFindings]) -> Iterator[str]:
    """Why no period at all can be taken in."""
    if not found:
        where = describe(spec.source.features)
        yield f"{where}: no rows from {spec.period.first} on. Correct period.start or the path."
    elif not usable:
        causes = list(dict.fromkeys(cause for one in found for cause in one.stops))
        yield f"none of the {len(found)} periods can be taken in: {causes[0]}"


def _lost(found: Sequence[PeriodFindings]) -> Iterator[str]:
    lost = [one.period for one in found if one.stops]
    if lost:
        shown = ", ".join(lost[:5]) + (", ..." if len(lost) > 5 else "")
        are = "is refused as it is" if len(lost) == 1 else "are refused as they are"
        yield f"{len(lost)} of {len(found)} periods {are} ({shown}): correct the files, or the spec."


def _no_outcomes(spec: ModelSpec, usable: Sequence[PeriodFindings]) -> Iterator[str]:
    """Outcomes that hardly any row has, although their time has come."""
    mature = [one for one in usable if _is_mature(spec, one.period, usable[-1].period)] or usable[:1]
    known = sum(one.outcomes * one.rows for one in mature) / max(sum(one.rows for one in mature), 1)
    if known == 0:
        yield f"no {spec.row_name} has an outcome. Check source.label, source.outcomes and source.key."
    elif known < _FEW_OUTCOMES:
        yield (
            f"only {percent(known)} of the {plural(spec.row_name)} have an outcome, and a gate with more than "
            f"{percent(spec.validation.max_unlabelled_share)} without one never decides. Check source.outcomes and "
            "source.key, or raise validation.max_unlabelled_share if the others never get one."
        )


def _is_mature(spec: ModelSpec, period: str, last: str) -> bool:
    return spec.period.bounds(period)[1] + spec.source.label_delay <= spec.period.bounds(last)[1]


def _first_windows(spec: ModelSpec, store: PeriodStore, registry: Registry, periods: Sequence[str]) -> Windows | Wait:
    """The windows of the first model, as of the first period at which they can be cut and decide."""
    watcher = watch(spec)
    answer: Windows | Wait = Wait(1, "no period is there")
    undecided: Windows | None = None
    for period in periods:
        answer = watcher.windows_at(store, registry, period)
        if not isinstance(answer, Wait):
            if not _first_model(spec, store, answer)[1]:
                return answer
            undecided = undecided or answer
    return undecided or answer


def _first_model(spec: ModelSpec, store: PeriodStore, windows: Windows) -> tuple[str, list[str]]:
    """When the first model can be judged and on what, and why its gate could never decide."""
    trained, _, _ = _labelled(spec, store, windows.history, windows.as_of)
    judged, rows, classes = _labelled(spec, store, windows.gate, windows.as_of)
    begins = (
        f"the first model can be judged as of {windows.as_of}: trained on {counted(trained, spec.row_name)} up to "
        f"{windows.history.end:%Y-%m-%d}, judged on {judged:,} from {windows.gate.start:%Y-%m-%d} to "
        f"{windows.gate.end:%Y-%m-%d}, and again each {spec.period.every} until it surely beats a constant"
    )
    faults = []
    lacking = 1 - judged / rows if rows else 1.0
    if lacking > spec.validation.max_unlabelled_share:
        faults.append(
            f"the gate can never decide: {percent(lacking)} of its {plural(spec.row_name)} have no outcome yet when it "
            f"is asked, {percent(spec.validation.max_unlabelled_share)} may. Set source.label_delay to the time within "
            "which nearly all outcomes come."
        )
    elif spec.task != "regression" and classes < 2:
        faults.append(
            "the gate of the first model holds outcomes of one class only, and can decide nothing. Lengthen the gate."
        )
    return begins, faults


def _what_the_gate_sees(spec: ModelSpec, store: PeriodStore, windows: Windows) -> tuple[list[str], list[str]]:
    """The smallest change that each part of the gate finds on such rows, and which part can never decide."""
    policy, groups = spec.validation, spec.validation.fairness.groups
    table = load_window(store, spec.model, windows.gate, groups, windows.as_of)
    rows = GateRows(
        key=np.asarray(table[spec.source.key].to_pylist(), dtype=object),
        label=table[LABEL].to_numpy(),
        time=table[spec.source.time].to_numpy(),
        groups={name: np.asarray(table[name].cast(pa.string()).to_pylist(), dtype=object) for name in groups},
    )
    sees, never = [], []
    for part in detectability(policy, spec.task, rows, spec.triggers.max_per_year):
        name = f"{part.check}: {part.metric}{f' of {part.group}' if part.group else ''}"
        if part.never:
            never.append(f"{name} can never decide: {never_words(part, spec.row_name)}")
            continue
        unit, on = metric_unit(part.metric, spec.model.label_unit), counted(part.rows, spec.row_name)
        margin = f", margin {difference(part.margin, unit)}" if part.margin is not None else ""
        if part.watched:
            sees.append(f"{name} on {on} is too small to be judged{margin}: watched after a promotion")
            continue
        if part.smallest is None:
            sees.append(f"{name} on {on}: how small a change it finds, the first model tells{margin}")
            continue
        left = f", {percent(part.undecided)} of equal models undecided" if part.undecided else ""
        advice = ": raise its margin, or lengthen windows.gate" if (part.undecided or 0.0) > _OFTEN_UNDECIDED else ""
        found = f"finds a change of {difference(part.smallest, unit)} ({percent(policy.power)} power)"
        sees.append(f"{name} on {on} {found}{margin}{left}{advice}")
    return sees, never


def _labelled(spec: ModelSpec, store: PeriodStore, span: Span, as_of: str) -> tuple[int, int, int]:
    """Rows of a span with an outcome known as of a period, all its rows, and how many classes these outcomes have."""
    key, time = spec.source.key, spec.source.time
    rows = store.read_table("raw_data", list(span.periods), [key, time])
    known = [period for period in store.periods("outcomes") if period <= as_of]
    outcomes = store.read_table("outcomes", known, [key, OUTCOME])
    if rows is None or outcomes is None:
        return 0, 0, 0
    rows = within(rows, span, time)
    wanted, among = comparable_keys(outcomes[key], rows[key])
    inside = outcomes.filter(pc.is_in(wanted, value_set=among))
    return len(pc.unique(inside[key])), rows.num_rows, len(pc.unique(inside[OUTCOME]))


def _suite_problems(spec: ModelSpec, usable: Sequence[PeriodFindings]) -> Iterator[str]:
    suite = spec.validation.regression_suite
    try:
        live_cases(Path(suite.path), usable[-1].period, spec.period, suite.optional)
        yield from absent_cases(spec)
    except SpecError as error:
        yield str(error)


def absent_cases(spec: ModelSpec) -> Iterator[str]:
    """One sentence per period in which the source does not give a case's row; the file is named."""
    suite = spec.validation.regression_suite
    cases = load_suite(Path(suite.path), suite.optional)
    for period in sorted({case.period for case in cases}):
        absent = absent_rows(spec, period, [case.id for case in cases if case.period == period])
        if absent:
            yield f"{suite.path}: {absent}. Correct their id or period, or let them expire."


def absent_rows(spec: ModelSpec, period: str, wanted: Collection[str]) -> str:
    """Which rows the source does not give for a period, or the contract sets aside, in words; empty when none."""
    key, where = spec.source.key, describe(spec.source.features)
    try:
        checked = peek(spec.intake, period)
    except DataError as error:
        return f"{period} cannot be read for {', '.join(sorted(wanted))}: {error}"
    given, aside = _texts(checked.table, key), _texts(checked.rejected, key)
    lacking = sorted(set(wanted) - given)
    if not lacking:
        return ""
    words = [f"{row} (set aside by the data contract)" if row in aside else row for row in lacking]
    return f"{where} has no row of {period} with {key} {', '.join(words)}"


def short_probation(spec: ModelSpec, days: int) -> Iterator[str]:
    """One sentence when the declared periods end before probation can rule out harm, one when it never can.

    Args:
        spec: Of the model.
        days: With rows in a period.
    """
    needed = {length: blocks for length, blocks in _periods_needed(spec).items() if blocks > spec.probation.periods}
    every, effect = spec.period.every, spec.probation.rules_out
    harm = f"a harm of {counted(effect, 'standard deviation')} between blocks"
    if needed:
        goes_on = ", ".join(f"{periods} {every}s with blocks of {length} days" for length, periods in needed.items())
        yield (
            f"probation.length: {spec.probation.periods} {every}s end before {harm} can be ruled out, so that a "
            f"probation goes on beyond them unless a version proves itself, at the least: {goes_on}."
        )
    longest = spec.probation.periods
    enough = enough_blocks(LENGTHS_DAYS[0], spec.probation.alpha, effect)
    if days * longest < enough and not needed:
        yield (
            f"probation.length: a {every}'s {plural(spec.row_name)} are of {counted(days, 'day')}, so that {longest} "
            f"{every}s give at most {days * longest} blocks where {enough} are needed to rule out {harm}: only a "
            "version that proves itself is confirmed. Raise probation.length or probation.rules_out."
        )


def _periods_needed(spec: ModelSpec) -> dict[int, int]:
    """For each block length in days, the periods after a promotion by which enough blocks are due."""
    begun, asked = spec.period.first, spec.probation
    first_day = spec.period.bounds(begun)[1].date()
    ends = {
        days: closed_in(
            spec.period, first_day, days * enough_blocks(days, asked.alpha, asked.rules_out), spec.source.label_delay
        )
        for days in LENGTHS_DAYS
    }
    return {days: spec.period.distance(begun, end) for days, end in ends.items()}


def _days_with_rows(spec: ModelSpec, store: PeriodStore, period: str) -> int:
    rows = store.require_table("raw_data", period, [spec.source.time])
    return len(pc.unique(rows[spec.source.time].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)))


def _texts(rows: pa.Table, key: str) -> set[str]:
    return set(rows[key].cast(pa.string()).to_pylist()) if key in rows.column_names else set()


def never_words(part: PartDetectability, row: str) -> str:
    """Why a part can never decide, with a row called what the spec calls it, and its group what the data call it."""
    group = part.group if part.never.startswith(part.group) else ""
    return f"{group}{called(part.never.removeprefix(group), row)}"
