"""What the live model earns or costs: declared expressions over rows and outcomes, measured like any other series.

The grammar stands in `expression`. A row without a value takes no part in the sum, mean or share that needs it.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from retrain_assets.documents.units import amount
from retrain_assets.monitoring.performance.expression import OURS, Expression, called, cost_expression, parse
from retrain_assets.monitoring.performance.report import ALPHA, FEWEST_BLOCKS, Quality
from retrain_assets.monitoring.policy import BusinessMetric
from retrain_assets.statistics.day_blocks import block_ids
from retrain_assets.store import Json, own

Values = NDArray[Any]
Columns = Mapping[str, Values]

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ROW_FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": np.abs, "min": np.minimum, "max": np.maximum}


def parsed_metrics(
    metrics: Sequence[BusinessMetric], numeric: Sequence[str], categorical: Sequence[str], threshold: float
) -> tuple[tuple[BusinessMetric, Expression], ...]:
    """Every declared metric with its parsed expression; `threshold` turns a binary score into a decision."""
    texts = [one.expression or cost_expression(one.cost_matrix or (), threshold) for one in metrics]
    return tuple((one, parse(text, numeric, categorical)) for one, text in zip(metrics, texts, strict=True))


@dataclass(frozen=True)
class BusinessMeasurement:
    """One business metric on the outcomes that arrived in a period.

    Attributes:
        value: In the metric's unit; None without rows or where it is undefined, like 0 / 0.
        low: Lower one-sided 95 % limit from the delete-one-block jackknife; None below 4 blocks, like `high`.
        outcome: WARN when the whole interval is beyond the threshold, QUIET when the value is not, else INSUFFICIENT.
        periods: For how many periods in a row, this one included, it has been WARN.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    threshold: float
    rows: int
    outcome: Quality
    sentence: str
    periods: int = 0

    @classmethod
    def from_dict(cls, record: Json) -> BusinessMeasurement:
        """Read what `dataclasses.asdict` gave, also after JSON."""
        return cls(**{**record, "outcome": Quality(record["outcome"])})


def measure_business(
    metric: BusinessMetric, expression: Expression, rows: Columns, time: Values, block_days: int
) -> BusinessMeasurement:
    """Measure one metric with the interval that its blocks of days allow.

    Args:
        metric: What is declared.
        expression: Its parsed expression.
        rows: Outcome and score (`store.own` of "label" and "score") and the expression's columns, shape (n,) each;
            missing as NaN or None.
        time: When each row happened, shape (n,).
        block_days: Days in an independent unit; 0 takes rows as independent.

    >>> late = BusinessMetric(name="late", expression="share(label > 30)", unit="share", better="lower", threshold=0.2)
    >>> days = np.repeat(np.arange("2019-01-01", "2019-01-11", dtype="datetime64[D]"), 10)
    >>> rows = {own("label"): np.tile(np.arange(25.0, 35.0), 10), own("score"): np.zeros(100)}
    >>> found = measure_business(late, parse(late.expression, [], []), rows, days, 1)
    >>> found.value, found.outcome
    (0.4, <Quality.WARN: 'warn'>)
    """
    total = len(time)
    block = block_ids(time, block_days) if block_days else np.arange(total)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.atleast_1d(_Totals(rows, expression.columns, block, total).of(expression.tree))
    value, low, high = _limits(found)
    outcome = _outcome(metric, value, low, high)
    low_high = (known(low), known(high))
    sentence = _sentence(metric, total, outcome, known(value), *low_high)
    return BusinessMeasurement(
        metric.name, metric.unit, known(value), *low_high, metric.threshold, total, outcome, sentence
    )


class _Totals:
    """Walks a checked tree: the totals of all rows first, then those without each block, shape (blocks + 1,)."""

    def __init__(self, rows: Columns, columns: Sequence[str], block: NDArray[np.int64], total: int) -> None:
        self.rows, self.columns, self.block, self.total = rows, columns, block, total

    def of(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.BinOp):
            return _ARITHMETIC[type(node.op)](self.of(node.left), self.of(node.right))
        if isinstance(node, ast.UnaryOp):
            return np.negative(self.of(node.operand))
        assert isinstance(node, ast.Call)
        name = called(node)
        if name == "count":
            return self._sums(np.ones(self.total))
        values = np.broadcast_to(np.asarray(self._row(node.args[0]), dtype=float), self.total)
        usable = np.isfinite(values)
        sums = self._sums(np.where(usable, values, 0.0))
        return sums if name == "sum" else np.divide(sums, self._sums(usable.astype(float)))

    def _sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        by_block = np.bincount(self.block, weights=values)
        whole = by_block.sum()
        return np.concatenate([[whole], whole - by_block])

    def _row(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return self.rows[node.id if node.id in self.columns else own(node.id)]
        if isinstance(node, ast.BinOp):
            return _ARITHMETIC[type(node.op)](self._row(node.left), self._row(node.right))
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.BoolOp):
            combine = np.minimum if isinstance(node.op, ast.And) else np.maximum
            return combine.reduce([self._row(part) for part in node.values])
        if isinstance(node, ast.UnaryOp):
            inner = self._row(node.operand)
            return 1.0 - inner if isinstance(node.op, ast.Not) else np.negative(inner)
        if called(node) in OURS:
            return self.rows[own(called(node))]
        return _ROW_FUNCTIONS[called(node)](*(self._row(part) for part in node.args))  # type: ignore[attr-defined]

    def _compared(self, node: ast.Compare) -> NDArray[np.float64]:
        """1 where it holds, 0 where not, NaN where a side is missing."""
        left, right = self._row(node.left), self._row(node.comparators[0])
        truth = np.asarray(_COMPARISONS[type(node.ops[0])](left, right), dtype=float)
        return np.where(_missing(left) | _missing(right), np.nan, truth)


def _missing(values: Any) -> Any:
    array = np.asarray(values)
    if array.dtype != object:
        return array != array
    return np.array([value is None or value != value for value in array.ravel()], dtype=bool).reshape(array.shape)


def _limits(found: NDArray[np.float64]) -> tuple[float, float, float]:
    """The value, and its limits by the delete-one-block jackknife.

    sd² = (q − 1)/q · Σ (θ₋ᵦ − mean θ₋ᵦ)²; t with q − 1 degrees of freedom.
    """
    value, without = float(found[0]), found[1:]
    blocks = without.size
    if blocks < FEWEST_BLOCKS or not np.isfinite(found).all():
        return value, math.nan, math.nan
    error = math.sqrt((blocks - 1) / blocks * float(np.square(without - without.mean()).sum()))
    reach = -float(special.stdtrit(blocks - 1, ALPHA)) * error
    return value, value - reach, value + reach


def known(value: float) -> float | None:
    """A number, or None when it is none.

    >>> known(2.0), known(math.nan)
    (2.0, None)
    """
    return value if math.isfinite(value) else None


def _outcome(metric: BusinessMetric, value: float, low: float, high: float) -> Quality:
    good = value >= metric.threshold if metric.better == "higher" else value <= metric.threshold
    surely_bad = high < metric.threshold if metric.better == "higher" else low > metric.threshold
    if good:
        return Quality.QUIET
    return Quality.WARN if surely_bad else Quality.INSUFFICIENT


def _sentence(
    metric: BusinessMetric, rows: int, outcome: Quality, value: float | None, low: float | None, high: float | None
) -> str:
    if value is None:
        return f"{metric.name} cannot be measured on {rows:,} rows."
    worse = "below" if metric.better == "higher" else "above"
    words = {
        Quality.QUIET: "within the limit of",
        Quality.WARN: f"{worse} the limit of",
        Quality.INSUFFICIENT: f"{worse} the limit, but not beyond chance:",
    }
    between = ""
    if low is not None and high is not None:
        between = f" ({amount(low, metric.unit)} to {amount(high, metric.unit)} with 95 % confidence each)"
    limit = amount(metric.threshold, metric.unit)
    return f"{metric.name} was {amount(value, metric.unit)}{between}, {words[outcome]} {limit}."
