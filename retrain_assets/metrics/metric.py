"""Metrics that carry their direction and unit, and the row values whose mean they are.

Every metric is written as the mean of one **row value** per row. A mean loss has its losses; for the others (AUC, RMSE,
ratios) the row value is the metric plus the row's influence on it, so that the mean is the metric exactly and the
spread is the metric's own sampling error, to first order. Two models on the same rows then give paired differences,
and one t test serves every metric (see `validation.significance`). No test and no threshold of a policy stands here;
the row values themselves are in `formulas` and, of metrics that have a parameter, in `row_values`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from retrain_assets.errors import DataError, SpecError
from retrain_assets.metrics.formulas import (
    absolute_error,
    area_under_curve,
    brier,
    correct_rows,
    every_row,
    false_positive_rows,
    label_size,
    log_loss,
    mean_of_precision_and_recall_rows,
    negative_rows,
    positive_rows,
    ratio_of,
    root_mean_square,
    scarcer_class_rows,
    selected_rows,
    squared_error,
    true_positive_rows,
)
from retrain_assets.metrics.row_values import calibration, in_slices, mean_over_classes, of_class, pinball, priced
from retrain_assets.statistics.codes import Codes, narrow, sums

Array = npt.NDArray[np.float64]
RowValues = Callable[..., Array]
"""One value per row from labels, scores and threshold; of a metric `by_part` from the number of each row's part too."""

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
        if self._support is every_row or not outcomes.size:
            return float(outcomes.size)
        return float(self._support(outcomes, predicted, threshold).sum(dtype=np.float64))

    def supports(self, label: npt.ArrayLike, scores: npt.ArrayLike, threshold: float, part: Codes) -> Array:
        """The same for each part of the rows, shape (parts,), of a metric `by_part`.

        >>> metric("auc").supports([1, 0, 0, 1, 1], [0.9, 0.2, 0.1, 0.7, 0.3], 0.5, np.array([0, 0, 0, 1, 1]))
        array([1., 0.])
        """
        outcomes, predicted = _checked(label, scores)
        return sums(part, None if self._support is every_row else self._support(outcomes, predicted, threshold, part))

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
    return Metric(name, higher_is_better, unit, _CLASSES | _VALUES, whole=whole, _rows=every_row, _support=every_row)


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


_BINARY, _CLASSES, _VALUES = frozenset({"binary"}), frozenset({"binary", "multiclass"}), frozenset({"regression"})


def _loss(name: str, unit: str, tasks: frozenset[str], rows: RowValues) -> Metric:
    return Metric(name, False, unit, tasks, _rows=in_slices(rows), _support=every_row, _is_mean_loss=True)


def _rate(
    name: str, higher_is_better: bool, numerator: RowValues, denominator: RowValues, *, of_one_class: bool = False
) -> Metric:
    rows = ratio_of(numerator, denominator)
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
    _loss("log_loss", "nats", _CLASSES, log_loss),
    _loss("brier", "", _CLASSES, brier),
    _loss("mae", "label units", _VALUES, absolute_error),
    _loss("mse", "squared label units", _VALUES, squared_error),
    Metric("rmse", False, "label units", _VALUES, _rows=root_mean_square, _support=every_row, _by_part=True),
    Metric(
        "wape", False, "share", _VALUES, _rows=ratio_of(absolute_error, label_size), _support=every_row, _by_part=True
    ),
    Metric("calibration_error", False, "share", _CLASSES, _rows=calibration, _support=every_row),
    Metric(
        "auc",
        True,
        "",
        _CLASSES,
        _rows=mean_over_classes(area_under_curve),
        _support=scarcer_class_rows,
        _one_class=area_under_curve,
        _by_part=True,
        _rests_on_classes=True,
    ),
    Metric(
        "accuracy",
        True,
        "share",
        _CLASSES,
        counts_flips=True,
        _rows=in_slices(correct_rows),
        _support=every_row,
        _by_part=True,
    ),
    _rate("tpr", True, true_positive_rows, positive_rows, of_one_class=True),
    _rate("fpr", False, false_positive_rows, negative_rows, of_one_class=True),
    _rate("precision", True, true_positive_rows, selected_rows),
    _rate("f1", True, true_positive_rows, mean_of_precision_and_recall_rows),
)
METRICS = {known.name: known for known in _ALL}
"""Every metric without a parameter, by name."""

OF_CLASS = ("auc", "f1", "fpr", "precision", "tpr")
"""Binary metrics that several classes have one by one, like `tpr[2]`."""
