"""Compare two tables that have no time column, for people to read; nothing here triggers anything.

Without periods the variance between periods is unknown, so the tests take every row as independent. Rows that share
days, customers or devices give false alarms; use `drift` wherever periods are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import stats

from retrain_assets.errors import DataError
from retrain_assets.monitoring.profiles.column_reader import NumericPiece, names, numbers
from retrain_assets.monitoring.profiles.value_counts import Tally

ASSUMES = "assumes independent rows"


@dataclass(frozen=True)
class ColumnComparison:
    """One column of two tables.

    Attributes:
        test: `ks` (finite values), `chi2` (categories, missing among them), or `missing` (χ² of how many values are
            finite, missing, infinite or no numbers).
        statistic: Of the test: largest gap of the distribution functions, or χ².
        p_value: If rows are independent.
        adjusted: By Benjamini-Hochberg over all tests of the comparison.
        differs: Whether the adjusted p-value is below the level.
        label: What the answer takes for granted.
    """

    column: str
    test: str
    statistic: float
    p_value: float
    adjusted: float
    differs: bool
    label: str = ASSUMES


def one_shot(
    reference: pa.Table, current: pa.Table, numeric: Sequence[str], categorical: Sequence[str], alpha: float = 0.05
) -> list[ColumnComparison]:
    """Kolmogorov-Smirnov and χ² tests of every column, adjusted by Benjamini-Hochberg; smallest p-value first.

    Args:
        reference: Rows to compare with.
        current: Rows to ask about.
        numeric: Columns compared by their finite values; how many there are of the others is a test of its own.
        categorical: Columns compared by their categories; a missing value counts as one.
        alpha: Accepted share of false findings among all findings.

    Raises:
        DataError: A table has no rows, lacks a column, or a numeric column holds no number in either table.

    Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57.

    >>> before = pa.table({"age": [30, 41, 52, 38, 47] * 40, "plan": ["a", "b"] * 100})
    >>> after = pa.table({"age": [35, 46, 57, 43, 52] * 40, "plan": ["b", "a"] * 100})
    >>> for found in one_shot(before, after, ["age"], ["plan"]):
    ...     print(found.column, found.test, round(found.statistic, 2), found.differs, found.label)
    age ks 0.4 True assumes independent rows
    plan chi2 0.0 False assumes independent rows
    """
    for name, table in (("reference", reference), ("current", current)):
        if not table.num_rows:
            raise DataError(f"the {name} table has no rows: give both tables at least one.")
        absent = [column for column in (*numeric, *categorical) if column not in table.column_names]
        if absent:
            raise DataError(f"the {name} table lacks {', '.join(absent)}: it has {', '.join(table.column_names)}.")
    found = [test for name in numeric for test in _numeric(name, reference, current)]
    found += [(name, "chi2", *_chi2(_levels(reference, name), _levels(current, name))) for name in categorical]
    adjusted = stats.false_discovery_control([p for *_, p in found]) if found else []
    compared = [ColumnComparison(*test, float(q), bool(q < alpha)) for test, q in zip(found, adjusted, strict=True)]
    return sorted(compared, key=lambda one: (one.p_value, one.column))


def _numeric(name: str, reference: pa.Table, current: pa.Table) -> list[tuple[str, str, float, float]]:
    """Compare the finite values, and how many values are finite, missing, infinite or no numbers."""
    before, after = (list(numbers(table, name, in_order=True)) for table in (reference, current))
    values = [_finite(pieces) for pieces in (before, after)]
    wrong = [sum(piece.wrong for piece in pieces) for pieces in (before, after)]
    if all(wrong) and not any(part.size for part in values):
        example = min(piece.example for piece in before if piece.wrong)
        raise DataError(f"column {name!r} holds no numbers, but {example}: name it under categorical.")
    tests = []
    if all(part.size for part in values):
        found = stats.ks_2samp(*values)
        tests.append((name, "ks", float(found.statistic), float(found.pvalue)))
    kinds = [
        {
            "finite": part.size,
            "missing": sum(piece.missing for piece in pieces),
            "infinite": sum(piece.infinite for piece in pieces),
            "wrong": no_numbers,
        }
        for part, pieces, no_numbers in zip(values, (before, after), wrong, strict=True)
    ]
    if any(part.size < table.num_rows for part, table in zip(values, (reference, current), strict=True)):
        tests.append((name, "missing", *_chi2(*kinds)))
    return tests


def _finite(pieces: Sequence[NumericPiece]) -> NDArray[np.float64]:
    parts = [part for piece in pieces if not isinstance(piece.finite, Tally) for part in piece.finite]
    return np.concatenate([np.empty(0), *parts])


def _levels(table: pa.Table, name: str) -> dict[str, int]:
    """Rows of each category; a value that is missing, or that has no text, counts as a category of its own."""
    column = table[name]
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    counts = {"missing": 0, "wrong": 0}
    for piece in names(pa.table({name: column}), name):
        for level, rows in zip(piece.distinct.to_pylist(), piece.counts.tolist(), strict=True):
            counts[repr(level)] = counts.get(repr(level), 0) + rows
        counts["missing"] += piece.missing
        counts["wrong"] += piece.wrong
    return counts


def _chi2(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[float, float]:
    table = np.array([[side.get(level, 0) for level in {**before, **after}] for side in (before, after)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 0.0, 1.0
    found = stats.chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)
