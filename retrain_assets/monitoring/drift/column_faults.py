"""What is wrong with a column of a period as a whole, in a name and a sentence, before its numbers are compared.

`profile` says what one window shows by itself; here it is held against the reference, which may have been so all along.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrain_assets.documents.units import amount
from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.profiles.profile import ColumnProblem, ColumnProfile, Profile

BROKEN = ("vanished", "appeared", "emptied", "wrong_type", "infinite", "identifier")
"""Problems that cannot happen by chance; a constant or an all-missing column can, in a small period."""

TO_MEND = tuple(kind for kind in BROKEN if kind != "appeared")
"""Of these, what a repair of the source mends; of values that appeared a retrain learns."""

LEAST_VALUES = 100
"""Fewer categories than these can all differ in any column, and fewer rows than these all lack a value."""

MOST_ALIKE = 0.05
"""Up to this share of an identifier's values may repeat one that was there before."""


def problems_of(reference: Sequence[Profile], current: Profile) -> dict[str, ColumnProblem]:
    """The problem of each troubled column: those that no reference period shows, and identifiers in any case.

    A categorical column is an identifier when at least 100 values are there, and at most one in twenty repeats another
    or is known to the reference. What the reference has shown already is told and is no news. Without a reference
    nothing is known to have been otherwise.

    >>> import pyarrow as pa
    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> orders = [pa.table({"order": [f"A{at}" for at in range(300 * n, 300 * (n + 1))]}) for n in range(5)]
    >>> edges = reference_edges(pa.concat_tables(orders[:4]), [], ["order"])
    >>> *before, now = (profile(table, edges) for table in orders)
    >>> problems_of(before, now)["order"].kind, problems_of(before, now)["order"].news
    ('identifier', False)
    """
    found = dict(current.problems)
    known = {(name, problem.kind) for one in reference for name, problem in one.problems.items()} if found else ()
    found = {name: problem for name, problem in found.items() if (name, problem.kind) not in known}
    for name, column in current.columns.items() if reference else ():
        before = [one.columns[name] for one in reference]
        problem = _appeared(before, column) or _emptied(before, column, found.get(name)) or _identifier(before, column)
        if problem is not None:
            found[name] = problem
    return found


def comparable_part(one: Measured, problem: ColumnProblem | None) -> Measured:
    """What of a column can be compared: of an identifier only whether its values are there."""
    if problem is None or problem.kind != "identifier":
        return one
    sizes = one.sizes if problem.news else Sizes(missing_shift=one.sizes.missing_shift)
    return replace(one, sizes=sizes, summaries=tuple(one for one in one.summaries if one.what == "missing"))


def _appeared(reference: Sequence[ColumnProfile], column: ColumnProfile) -> ColumnProblem | None:
    if any(one.valid for one in reference) or not column.valid:
        return None
    return ColumnProblem(
        "appeared", f"{column.valid:,} values, where the reference has none: the live model learnt nothing of it"
    )


def _emptied(
    reference: Sequence[ColumnProfile], column: ColumnProfile, problem: ColumnProblem | None
) -> ColumnProblem | None:
    """A column without any value is broken where that is no chance: of many rows, of which most had one before."""
    if problem is None or problem.kind != "all_missing" or column.rows < LEAST_VALUES:
        return problem
    if any(2 * one.valid <= one.rows for one in reference):
        return problem
    lacking = sum(one.unusable for one in reference) / max(1, sum(one.rows for one in reference))
    return ColumnProblem("emptied", f"{problem.sentence}, where the reference lacks {amount(lacking, 'share')}")


def _identifier(reference: Sequence[ColumnProfile], column: ColumnProfile) -> ColumnProblem | None:
    if column.kind != "categorical" or column.valid < LEAST_VALUES:
        return None
    unlisted = column.unseen + column.rest
    all_along = _never_repeats(reference) and _nearly_all(unlisted, column.valid)
    if not all_along and not _nearly_all(_different_new(column), column.valid):
        return None
    advice = "take an identifier out of the columns, a model learns nothing from it"
    became = "" if all_along else ", where the reference has values that repeat"
    nearly = f"nearly all of {column.valid:,} values stand once and were never there before"
    return ColumnProblem("identifier", f"{nearly}{became}: {advice}", news=not all_along)


def _never_repeats(reference: Sequence[ColumnProfile]) -> bool:
    """Whether hardly a listed category of the reference stands twice; of more than are listed, the largest are."""
    counts = [sum(cells) for cells in zip(*(one.counts for one in reference), strict=True)]
    rows = sum(counts)
    return rows >= LEAST_VALUES and _nearly_all(sum(count > 0 for count in counts), rows)


def _different_new(column: ColumnProfile) -> float:
    """How many different new categories there are, judged by the alphabetically first that a profile keeps."""
    kept = sum(column.new.values())
    return column.unseen * len(column.new) / kept if kept else 0.0


def _nearly_all(part: float, whole: float) -> bool:
    return part >= (1 - MOST_ALIKE) * whole
