"""Metrics that carry their direction and unit, and the row values whose mean they are.

Every metric is written as the mean of one **row value** per row. A mean loss has its losses; for the others (AUC, RMSE,
ratios) the row value is the metric plus the row's influence on it, so that the mean is the metric exactly and the
spread is the metric's own sampling error, to first order. Two models on the same rows then give paired differences,
and one t test serves every metric (see `validation.significance`). No test and no threshold of a policy stands here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.delong import placements
from retrain_assets.metrics.row_values import (
    calibration,
    in_slices,
    mean_over_classes,
    of_class,
    pinball,
    priced,
    unless_unknown,
)
from retrain_assets.statistics.codes import Codes, narrow, sums

Array = npt.NDArray[np.float64]
RowValues = Callable[..., Array]
"""One value per row from labels, scores and threshold; of a metric `by_part` from the number of each row's part too."""

SMALLEST_PROBABILITY = 1e-15
"""Probabilities are clipped to [1e-15, 1 - 1e-15] in the log loss: one certain and wrong row costs 34.5 nats."""

_SLICE_ROWS = 1 << 14


@dataclass(frozen=True)
class Metric:
    """One metric: a name, a direction, a unit, and the row values whose mean it is.

    `unit` is what a margin of it is written in, empty for a pure number. `counts_flips` marks metrics of decisions at a
    threshold, which change by whole rows; `row_losses` exists only for means of a loss. `column` names the amounts that
    price the rows, to be bound by `on`. `whole` is a function of all rows that stands in place of row values.

    >>> loss = metric("log_loss")
    >>> loss.higher_is_better, loss.unit, sorted(loss.tasks)
    (False, 'nats', ['binary', 'multiclass'])
    >>> round(loss.improvement(champion=0.40, candidate=0.37), 2)
    0.03
    """

    name: str
    higher_is_better: bool
    unit: str
    tasks: frozenset[str]
    counts_flips: bool = False
    column: str = ""
    whole: Callable[[Array, Array], float] | None = field(default=None, repr=False)
    _rows: RowValues = field(repr=False, kw_only=True)
    _support: RowValues = field(repr=False, kw_only=True)
    _is_mean_loss: bool = field(default=False, repr=False, kw_only=True)
    _one_class: RowValues | None = field(default=None, repr=False, kw_only=True)
    _by_part: bool = field(default=False, repr=False, kw_only=True)
    _rests_on_classes: bool = field(default=False, repr=False, kw_only=True)
    _number: int = field(default=1, repr=False, kw_only=True)

    @property
    def is_mean_loss(self) -> bool:
        """Whether it is the mean of a loss that every row has by itself, whatever other rows there are."""
        return self._is_mean_loss

    @property
    def by_part(self) -> bool:
        """Whether `row_values` and `supports` can be asked about several parts of the rows at once."""
        return self._is_mean_loss or self._by_part

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        return "higher is better" if self.higher_is_better else "lower is better"

    def value(self, label: npt.ArrayLike, scores: npt.ArrayLike, threshold: float = 0.5) -> float:
        """The metric of one model; NaN where it is undefined, like the AUC of rows of one class.

        Args:
            label: Outcomes, shape (n,); classes as 0, 1, ... k - 1.
            scores: Shape (n,): the value, or the probability of class 1; shape (n, k) for several classes.
            threshold: From which score on a binary row counts as predicted positive.

        >>> metric("auc").value([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
        >>> metric("auc").value([1, 1], [0.1, 0.4])
        nan
        """
        if self.whole is not None:
            outcomes, predicted = _checked(label, scores)
            return self.whole(outcomes, predicted) if outcomes.size else float("nan")
        rows = self.row_values(label, scores, threshold)
        return float(rows.mean()) if rows.size else float("nan")

    def on(self, amounts: Mapping[str, Array]) -> Metric:
        """The metric bound to the amounts of the rows it is about to be computed on; itself when nothing prices it.

        Raises:
            DataError: The amounts lack the metric's column.

        >>> lost = cost("lost", "USD", "regression", pinball(0.5), column="fare")
        >>> lost.on({"fare": np.array([10.0, 1.0])}).value([0.0, 0.0], [1.0, 1.0])
        2.75
        """
        if not self.column:
            return self
        if self.column not in amounts:
            raise DataError(f"metric {self.name}: the rows carry no amounts {self.column!r}. Load that column.")
        return replace(self, column="", _rows=priced(self._rows, amounts[self.column]))

    def improvement(self, *, champion: float, candidate: float) -> float:
        """How much better the candidate's value is, in the metric's unit; above 0 is better, whatever the metric."""
        return (candidate - champion) * self._sign

    def row_losses(self, label: npt.ArrayLike, scores: npt.ArrayLike) -> Array:
        """One loss per row, shape (n,), of a metric that is the mean of a loss.

        A model of several classes gave probability 0 to a class that it has no score for (one that it never saw).

        Raises:
            TypeError: The metric is no mean loss, so that a single row has none.

        >>> metric("mae").row_losses([10.0, 12.0], [11.0, 12.5])
        array([1. , 0.5])
        """
        if not self.is_mean_loss:
            losses = ", ".join(name for name, known in METRICS.items() if known._is_mean_loss)
            raise TypeError(f"{self.name} is no mean of row losses. Take one of {losses}.")
        outcomes, predicted = np.asarray(label, dtype=np.float64), np.asarray(scores, dtype=np.float64)
        if predicted.ndim == 2 and outcomes.ndim == 1 and len(outcomes) == len(predicted):
            outcomes, predicted = _with_unscored(outcomes, predicted)
        return self.row_values(outcomes, predicted)

    def one_by_one(self, classes: int) -> tuple[Metric, ...]:
        """Metrics of one class against the others whose mean it is, for labels 0 or 1 and one column of the scores.

        Empty where it is no such mean, or of a single column.

        >>> len(metric("auc").one_by_one(3)), len(metric("auc").one_by_one(1)), len(metric("log_loss").one_by_one(3))
        (3, 0, 0)
        """
        if self._one_class is None or classes < 2:
            return ()
        return (replace(self, _rows=self._one_class, _one_class=None),) * classes

    def row_values(
        self, label: npt.ArrayLike, scores: npt.ArrayLike, threshold: float = 0.5, part: Codes | None = None
    ) -> Array:
        """One value per row, shape (n,), whose mean is the metric and whose spread is its sampling error.

        theta + (influence of row i on theta); all NaN where the metric is undefined.

        Args:
            label: Outcomes, shape (n,).
            scores: Shape (n,) or (n, k).
            threshold: From which score on a binary row counts as predicted positive.
            part: The number of each row's part, shape (n,), of a metric `by_part`: the values are then those that the
                rows of each part have by themselves.

        >>> metric("rmse").row_values([0.0, 0.0], [3.0, 4.0]).round(3)
        array([3.041, 4.031])
        >>> metric("rmse").row_values([0.0, 0.0, 0.0], [3.0, 4.0, 7.0], part=np.array([0, 0, 1])).round(3)
        array([3.041, 4.031, 7.   ])
        """
        if self.whole is not None:
            raise TypeError(f"{self.name} is a function of all rows: no single row has a value. Compare it by block.")
        if self.column:
            raise TypeError(f"{self.name} is priced by the column {self.column}: bind the rows' amounts with on().")
        outcomes, predicted = _checked(label, scores)
        if part is None or self._is_mean_loss:
            return self._rows(outcomes, predicted, threshold)
        if not self._by_part:
            raise TypeError(f"{self.name} cannot be asked by part: give it the rows of each part.")
        return self._rows(outcomes, predicted, threshold, part)

    def support(self, label: npt.ArrayLike, scores: npt.ArrayLike, threshold: float = 0.5) -> float:
        """How many rows the value rests on: the positives for TPR, the scarcer class for AUC, all rows for a loss.

        >>> metric("tpr").support([1, 0, 0, 0], [0.9, 0.2, 0.1, 0.7])
        1.0
        """
        outcomes, predicted = _checked(label, scores)
        if self._support is _every or not outcomes.size:
            return float(outcomes.size)
        return float(self._support(outcomes, predicted, threshold).sum(dtype=np.float64))

    def supports(self, label: npt.ArrayLike, scores: npt.ArrayLike, threshold: float, part: Codes) -> Array:
        """The same for each part of the rows, shape (parts,), of a metric `by_part`.

        >>> metric("auc").supports([1, 0, 0, 1, 1], [0.9, 0.2, 0.1, 0.7, 0.3], 0.5, np.array([0, 0, 0, 1, 1]))
        array([1., 0.])
        """
        outcomes, predicted = _checked(label, scores)
        return sums(part, None if self._support is _every else self._support(outcomes, predicted, threshold, part))

    def parts(self, label: Array, columns: int) -> Codes | None:
        """The class of each row, shape (n,), where the metric rests on each class by itself; else None.

        An AUC of `columns` > 1 columns of scores is a mean over all classes; AUC, TPR and FPR of one column (or of one
        class) ask about one class against the others.

        >>> metric("tpr[2]").parts(np.array([0.0, 2.0, 1.0]), 3), metric("log_loss").parts(np.zeros(3), 1)
        (array([0, 1, 0], dtype=uint8), None)
        """
        if not self._rests_on_classes:
            return None
        if columns > 1 and self._one_class is not None:
            return narrow(label.astype(np.int64))
        return np.equal(label, self._number).view(np.uint8)

    @property
    def _sign(self) -> float:
        return 1.0 if self.higher_is_better else -1.0


def metric(name: str) -> Metric:
    """The metric of that name; `pinball[0.9]` has a quantile, `tpr[2]` is of class 2 against all others.

    Raises:
        SpecError: There is none; the message lists the known names.

    >>> metric("pinball[0.9]").value([10.0], [8.0]), sorted(metric("tpr[2]").tasks)
    (1.8, ['multiclass'])
    >>> metric("gini")
    Traceback (most recent call last):
    retrain_assets.errors.SpecError: unknown metric 'gini'. Take one of accuracy, auc, brier, calibration_error, f1, \
fpr, log_loss, mae, mse, precision, rmse, tpr, wape, pinball[q], auc[k], f1[k], fpr[k], precision[k], tpr[k].
    """
    if name in METRICS:
        return METRICS[name]
    family = re.fullmatch(r"(\w+)\[([0-9.]+)\]", name)
    if family and family[1] == "pinball" and 0 < _quantile(family[2]) < 1:
        return _loss(name, "label units", _VALUES, pinball(_quantile(family[2])))
    if family and family[1] in OF_CLASS and family[2].isdecimal():
        return _of_class(name, METRICS[family[1]], int(family[2]))
    known = (*sorted(METRICS), "pinball[q]", *(f"{binary}[k]" for binary in OF_CLASS))
    raise SpecError(f"unknown metric {name!r}. Take one of {', '.join(known)}.")


def cost(name: str, unit: str, task: str, rows: RowValues, column: str = "") -> Metric:
    """A declared cost: the mean of what each row's error costs, in `unit`, priced by a column where one is named."""
    return replace(_loss(name, unit, frozenset({task}), rows), column=column)


def custom(name: str, higher_is_better: bool, unit: str, whole: Callable[[Array, Array], float]) -> Metric:
    """A function of all labels and scores; it has no row values, so it is compared block by block.

    >>> bias = custom("bias", False, "minutes", lambda label, scores: abs(float((scores - label).mean())))
    >>> bias.value([1.0, 2.0], [2.0, 4.0])
    1.5
    """
    return Metric(name, higher_is_better, unit, _CLASSES | _VALUES, whole=whole, _rows=_every, _support=_every)


def predicted_class(scores: Array, threshold: float) -> npt.NDArray[np.int64]:
    """The class each row is given: 1 from the threshold on, or the most probable of several classes.

    >>> predicted_class(np.array([0.2, 0.5]), 0.5), predicted_class(np.array([[0.2, 0.3, 0.5]]), 0.5)
    (array([0, 1]), array([2]))
    """
    if scores.ndim == 2:
        return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)
    return np.asarray(scores >= threshold, dtype=np.int64)


def _checked(label: npt.ArrayLike, scores: npt.ArrayLike) -> tuple[Array, Array]:
    outcomes, predicted = np.asarray(label), np.asarray(scores, dtype=np.float64)
    if outcomes.dtype != np.uint8:  # classes as small numbers stay small: a column less for a million rows
        outcomes = outcomes.astype(np.float64, copy=False)
    if outcomes.ndim != 1 or predicted.ndim not in (1, 2) or len(predicted) != len(outcomes):
        raise DataError(
            f"labels of shape {outcomes.shape} do not fit scores of shape {predicted.shape}. "
            "Give (n,) labels with (n,) scores, or (n, k) scores for k classes."
        )
    if predicted.ndim == 2 and outcomes.size and not _are_classes(outcomes, predicted.shape[1]):
        odd = outcomes[~np.isin(outcomes, np.arange(predicted.shape[1]))]
        raise DataError(
            f"{len(odd)} labels, the first {odd[0]:g}, are none of the {predicted.shape[1]} classes that have a score. "
            "Write classes as 0, 1, ... k - 1."
        )
    return outcomes, predicted


def _are_classes(label: Array, count: int) -> bool:
    """Whether every label is one of 0 .. `count` - 1; NaN is none."""
    whole = label.dtype == np.uint8 or all(
        bool((part == np.floor(part)).all()) for part in np.array_split(label, len(label) // _SLICE_ROWS + 1)
    )
    return bool(whole and label.min() >= 0 and label.max() < count)


def _with_unscored(label: Array, scores: Array) -> tuple[Array, Array]:
    """The same rows with one more class, of probability 0, that stands for every class without a score."""
    unscored = np.isfinite(label) & ~np.isin(label, np.arange(scores.shape[1]))
    if not unscored.any():
        return label, scores
    return np.where(unscored, scores.shape[1], label), np.column_stack([scores, np.zeros(len(scores))])


def _log_loss(label: Array, scores: Array, _: float) -> Array:
    if scores.ndim == 2:
        given = scores[np.arange(len(label)), label.astype(np.int64)]
    else:
        given = np.where(label == 1, scores, 1 - scores)
    np.clip(given, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY, out=given)
    return np.negative(np.log(given, out=given), out=given)


def _brier(label: Array, scores: Array, _: float) -> Array:
    if scores.ndim == 2:
        wrong = scores.copy()
        wrong[np.arange(len(label)), label.astype(np.int64)] -= 1
        return np.asarray(np.einsum("ij,ij->i", wrong, wrong), dtype=np.float64)
    return (scores - label) ** 2


def _absolute_error(label: Array, scores: Array, _: float) -> Array:
    return np.abs(scores - label)


def _squared_error(label: Array, scores: Array, _: float) -> Array:
    return (scores - label) ** 2


def _root_mean_square(label: Array, scores: Array, _: float, part: Codes | None = None) -> Array:
    squares = in_slices(_squared_error)(label, scores, _)
    root = np.sqrt(_totals(squares, part) / _sizes(len(label), part))
    scale = np.divide(0.5, root, out=np.zeros(root.size), where=root > 0)
    for rows, own in _slices(len(label), part):
        squares[rows] *= scale[own]
        squares[rows] += root[own] / 2
    return squares


def _slices(rows: int, part: Codes | None) -> Iterator[tuple[slice, Codes | int]]:
    """Some thousand rows at a time, with the numbers of their parts, or 0 where all rows are one."""
    for first in range(0, rows, _SLICE_ROWS):
        own = slice(first, first + _SLICE_ROWS)
        yield own, 0 if part is None else part[own]


def _totals(values: npt.NDArray[Any], part: Codes | None, of: npt.NDArray[np.bool_] | None = None) -> Array:
    """Sum of the values in each part, of the rows `of` only where they are given."""
    total = np.zeros(1 if part is None else int(part.max(initial=0)) + 1)
    for rows, own in _slices(len(values), part):
        chosen = values[rows] if of is None else values[rows] * of[rows]
        total += chosen.sum(dtype=np.float64) if part is None else np.bincount(own, chosen, total.size)
    return total


def _sizes(rows: int, part: Codes | None) -> Array:
    """Rows in each part; 1 where there is none, by which nothing is divided."""
    found = np.array([float(rows)]) if part is None else sums(part)
    return np.where(found > 0, found, 1.0)


def _area_under_curve(label: Array, scores: Array, _: float, part: Codes | None = None) -> Array:
    """The share of pairs of a positive and a negative that the scores put in their order, from DeLong's placements."""
    if not np.isfinite(scores).all():
        return np.full(len(label), np.nan)
    positive = _binary(label)
    values = placements(positive, scores, np.broadcast_to(np.uint8(0), len(label)) if part is None else part)
    rows_of, positives = _sizes(len(label), part), _totals(positive.view(np.uint8), part)
    known = (positives > 0) & (positives < rows_of)
    area = _totals(values, part, positive)
    area = np.divide(area, positives, out=np.full(area.size, np.nan), where=known)
    weight, other = (
        np.divide(rows_of, of, where=known, out=np.ones(area.size)) for of in (positives, rows_of - positives)
    )
    for rows, own in _slices(len(label), part):
        values[rows] -= area[own]
        values[rows] *= np.where(positive[rows], weight[own], other[own])
        values[rows] += area[own]
    return values


def _binary(label: Array) -> npt.NDArray[np.bool_]:
    """Which labels are 1: labels of one byte that are 0 or 1 are that already."""
    if label.dtype == np.uint8 and label.max(initial=0) < 2:
        return label.view(np.bool_)
    return np.asarray(label == 1)


def _ratio_of(numerator: RowValues, denominator: RowValues) -> RowValues:
    """Row values of sum(numerator)/sum(denominator): R + (num - R·den)/mean(den).

    Both are values that a row has by itself.
    """

    def rows(label: Array, scores: Array, threshold: float, part: Codes | None = None) -> Array:
        bottom = _totals(in_slices(denominator)(label, scores, threshold), part)
        top = in_slices(numerator)(label, scores, threshold)
        known = bottom > 0
        ratio = np.divide(_totals(top, part), bottom, where=known, out=np.full(bottom.size, np.nan))
        scale = np.divide(_sizes(len(label), part), bottom, where=known, out=np.ones(bottom.size))
        for own, of in _slices(len(label), part):
            top[own] -= ratio[of] * denominator(label[own], scores[own], threshold)
            top[own] *= scale[of]
            top[own] += ratio[of]
        return top

    return rows


def _quantile(text: str) -> float:
    return float(text) if re.fullmatch(r"\d*\.?\d+", text) else float("nan")


def _of_class(name: str, binary: Metric, number: int) -> Metric:
    rows, support = (of_class(part, number, decided=binary.counts_flips) for part in (binary._rows, binary._support))
    return replace(
        binary,
        name=name,
        tasks=frozenset({"multiclass"}),
        _rows=rows,
        _support=support,
        _one_class=None,
        _number=number,
    )


def _every(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    return np.ones(len(label))


def _selected(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    return unless_unknown(scores >= threshold, scores)


def _correct(label: Array, scores: Array, threshold: float) -> Array:
    return unless_unknown(predicted_class(scores, threshold) == label, scores)


def _positive(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    return np.asarray(label == 1, dtype=np.float64)


def _negative(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    return np.asarray(label != 1, dtype=np.float64)


def _scarcer_class(label: Array, scores: Array, threshold: float, part: Codes | None = None) -> Array:
    """Rows of the class that is scarcest in their part; of two equally scarce ones the positives."""
    given, classes = (label, scores.shape[1]) if scores.ndim == 2 else (label != 1, 2)
    counts = [_totals(np.asarray(given == number, dtype=np.float64), part) for number in range(classes)]
    scarcest = np.argmin(counts, axis=0)
    return np.asarray(given == (scarcest[0] if part is None else scarcest[part]), dtype=np.float64)


def _true_positive(label: Array, scores: Array, threshold: float) -> Array:
    hits = _selected(label, scores, threshold)
    hits *= label == 1
    return hits


def _false_positive(label: Array, scores: Array, threshold: float) -> Array:
    alarms = _selected(label, scores, threshold)
    alarms *= label != 1
    return alarms


def _mean_of_precision_and_recall_rows(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    mean = _selected(label, scores, threshold)
    mean += label == 1
    mean /= 2
    return mean


def _size(label: Array, scores: Array, threshold: float) -> Array:
    return np.abs(label)


_BINARY, _CLASSES, _VALUES = frozenset({"binary"}), frozenset({"binary", "multiclass"}), frozenset({"regression"})


def _loss(name: str, unit: str, tasks: frozenset[str], rows: RowValues) -> Metric:
    return Metric(name, False, unit, tasks, _rows=in_slices(rows), _support=_every, _is_mean_loss=True)


def _rate(
    name: str, higher_is_better: bool, numerator: RowValues, denominator: RowValues, *, of_one_class: bool = False
) -> Metric:
    rows = _ratio_of(numerator, denominator)
    return Metric(
        name,
        higher_is_better,
        "share",
        _BINARY,
        counts_flips=True,
        _rows=rows,
        _support=denominator,
        _rests_on_classes=of_one_class,
        _by_part=True,
    )


_ALL = (
    _loss("log_loss", "nats", _CLASSES, _log_loss),
    _loss("brier", "", _CLASSES, _brier),
    _loss("mae", "label units", _VALUES, _absolute_error),
    _loss("mse", "squared label units", _VALUES, _squared_error),
    Metric("rmse", False, "label units", _VALUES, _rows=_root_mean_square, _support=_every, _by_part=True),
    Metric("wape", False, "share", _VALUES, _rows=_ratio_of(_absolute_error, _size), _support=_every, _by_part=True),
    Metric("calibration_error", False, "share", _CLASSES, _rows=calibration, _support=_every),
    Metric(
        "auc",
        True,
        "",
        _CLASSES,
        _rows=mean_over_classes(_area_under_curve),
        _support=_scarcer_class,
        _one_class=_area_under_curve,
        _by_part=True,
        _rests_on_classes=True,
    ),
    Metric(
        "accuracy",
        True,
        "share",
        _CLASSES,
        counts_flips=True,
        _rows=in_slices(_correct),
        _support=_every,
        _by_part=True,
    ),
    _rate("tpr", True, _true_positive, _positive, of_one_class=True),
    _rate("fpr", False, _false_positive, _negative, of_one_class=True),
    _rate("precision", True, _true_positive, _selected),
    _rate("f1", True, _true_positive, _mean_of_precision_and_recall_rows),
)
METRICS = {known.name: known for known in _ALL}
"""Every metric without a parameter, by name."""

OF_CLASS = ("auc", "f1", "fpr", "precision", "tpr")
"""Binary metrics that several classes have one by one, like `tpr[2]`."""
