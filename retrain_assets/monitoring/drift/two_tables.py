"""Two tables without a time column: a comparison for people, which never triggers anything.

Without periods nothing says how much the world swings by itself, so the tests take every row as independent. Rows that
share days, customers or devices make them alarm at nothing; use `drift` wherever periods are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from retrain_assets.errors import DataError

ASSUMES = "assumes independent rows"


@dataclass(frozen=True)
class Compared:
    """One column of two tables.

    Attributes:
        test: `ks` (values), `chi2` (categories, missing among them) or `missing` (χ² of the shares of missing values).
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
) -> list[Compared]:
    """Kolmogorov-Smirnov and χ² tests of every column, adjusted by Benjamini-Hochberg; smallest p-value first.

    Args:
        reference: Rows to compare with.
        current: Rows to ask about.
        numeric: Columns compared by their values; the share of missing ones is a test of its own.
        categorical: Columns compared by their categories; a missing value counts as one.
        alpha: Accepted share of false findings among all findings.

    Raises:
        DataError: A table has no rows, or a column is missing or of the wrong kind.

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
    found += [(name, "chi2", *_chi2(_texts(reference, name), _texts(current, name))) for name in categorical]
    adjusted = stats.false_discovery_control([p for *_, p in found]) if found else []
    compared = [Compared(*test, float(q), bool(q < alpha)) for test, q in zip(found, adjusted, strict=True)]
    return sorted(compared, key=lambda one: (one.p_value, one.column))


def _numeric(name: str, reference: pa.Table, current: pa.Table) -> list[tuple[str, str, float, float]]:
    before, after = _numbers(reference, name), _numbers(current, name)
    tests = []
    usable = [values[np.isfinite(values)] for values in (before, after)]
    if all(values.size for values in usable):
        found = stats.ks_2samp(*usable)
        tests.append((name, "ks", float(found.statistic), float(found.pvalue)))
    gaps = [np.isnan(values) for values in (before, after)]
    if any(gap.any() for gap in gaps):
        tests.append((name, "missing", *_chi2(*gaps)))
    return tests


def _numbers(table: pa.Table, name: str) -> NDArray[np.float64]:
    try:
        return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=float)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"column {name!r} is {table[name].type}, no numbers: name it under categorical.") from error


def _texts(table: pa.Table, name: str) -> NDArray[np.str_]:
    return np.array(["(missing)" if value is None else str(value) for value in table[name].to_pylist()])


def _chi2(before: NDArray[np.generic], after: NDArray[np.generic]) -> tuple[float, float]:
    codes = np.unique(np.concatenate([before, after]), return_inverse=True)[1]
    levels = int(codes.max()) + 1
    if levels < 2:
        return 0.0, 1.0
    table = np.stack([np.bincount(part, minlength=levels) for part in np.split(codes, [before.size])])
    found = stats.chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)
