"""What `retrain check` looks at before anything runs: data contract, labels, suite rows, length of the probation."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.production.probation.anytime_valid import enough_blocks
from retrain_assets.production.probation.trial import closed_in
from retrain_assets.raw.contract import Checked
from retrain_assets.raw.ingest import peek
from retrain_assets.raw.labels import check_labels
from retrain_assets.raw.sources import describe, read_outcomes
from retrain_assets.spec import ModelSpec
from retrain_assets.statistics.day_blocks import LENGTHS_DAYS
from retrain_assets.validation.suite.cases import load_suite


def label_problems(spec: ModelSpec, first: Checked) -> tuple[list[str], bool]:
    """What is wrong with the outcomes of the first period's rows, and whether any of it would stop the model.

    Args:
        spec: Of the model.
        first: The first period's rows, as the contract lets them in.
    """
    source = spec.source
    start, end = spec.period.bounds(spec.period.first)
    keys = first.table.select([source.key, source.time])
    matured = start if source.known_at else start + source.label_delay
    arrived = read_outcomes(source, matured, end + source.label_delay, keys).table
    where = f"{describe(source.outcomes or source.features)}, {spec.period.first}"
    labels, problems = check_labels(arrived, spec.intake, where)
    sentences = [problem.sentence for problem in problems]
    useless = any(problem.blocking for problem in problems)
    if not labels.num_rows and source.known_at:
        sentences.append(f"{where}: no outcome became known in the first period. Fine if they come later than that.")
    elif not labels.num_rows:
        sentences.append(f"{where}: no row has an outcome. Check source.label, source.outcomes and source.label_delay.")
        useless = True
    return sentences, useless


def absent_cases(spec: ModelSpec) -> Iterator[str]:
    """One sentence per period in which the source does not give a case's row; the file is named."""
    path = Path(spec.validation.regression_suite.path)
    cases = load_suite(path, spec.validation.regression_suite.optional)
    for period in sorted({case.period for case in cases}):
        absent = absent_rows(spec, period, [case.id for case in cases if case.period == period])
        if absent:
            yield f"{path}: {absent}. Correct their id or period, or let them expire."


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


def short_probation(spec: ModelSpec, first: Checked) -> Iterator[str]:
    """One sentence when the declared periods end before probation can rule out harm, one when it never can.

    Args:
        spec: Of the model.
        first: The first period's rows, as the contract lets them in; further periods are taken to be like it.
    """
    needed = {days: blocks for days, blocks in _periods_needed(spec).items() if blocks > spec.probation.periods}
    every, effect = spec.period.every, spec.probation.rules_out
    harm = f"a harm of {effect:g} standard deviation{'s' * (effect != 1)} between blocks"
    if needed:
        goes_on = ", ".join(f"{periods} {every}s with blocks of {days} days" for days, periods in needed.items())
        yield (
            f"probation.periods: {spec.probation.periods} {every}s end before {harm} can be ruled out, so that a "
            f"probation goes on beyond them unless a version proves itself, at the least: {goes_on}."
        )
    days, longest = _days_with_rows(spec, first), spec.probation.periods
    enough = enough_blocks(LENGTHS_DAYS[0], spec.probation.alpha, effect)
    if days * longest < enough and not needed:
        yield (
            f"probation.periods: the rows of {spec.period.first} are of {days} day(s), so that {longest} {every}s give "
            f"at most {days * longest} blocks where {enough} are needed to rule out {harm}: only a version that proves "
            "itself is confirmed. Raise probation.periods or probation.rules_out."
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


def _days_with_rows(spec: ModelSpec, first: Checked) -> int:
    return len(pc.unique(first.table[spec.source.time].cast(pa.timestamp("us")).cast(pa.date32(), safe=False)))


def _texts(rows: pa.Table, key: str) -> set[str]:
    return set(rows[key].cast(pa.string()).to_pylist()) if key in rows.column_names else set()
