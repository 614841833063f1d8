"""Row values of metrics that have a parameter: a quantile, a class, a price. `metrics` gives them names and directions.

Every function here makes a function of (labels, scores, threshold) that returns one value per row, shape (n,), whose
mean is the metric and whose spread is its sampling error. Those of a metric that is asked about several parts of the
rows at once (`Metric.by_part`) hand on the number of each row's part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from retrain_assets.statistics.codes import Codes, sums

Array = npt.NDArray[np.float64]
RowValues = Callable[..., Array]

CALIBRATION_BINS = 10
"""Equally wide bins of [0, 1]; their edges are fixed, so that two models are measured by the same ruler."""


_SLICE_ROWS = 1 << 14


def in_slices(rows: RowValues) -> RowValues:
    """The same values, some thousand rows at a time, so that nothing but the result is as long as the rows.

    Only for values that a row has by itself, whatever other rows there are.

    >>> in_slices(pinball(0.5))(np.zeros(3), np.arange(3.0), 0.5)
    array([0. , 0.5, 1. ])
    """

    def sliced(label: Array, scores: Array, threshold: float, *_: Codes) -> Array:
        values = np.empty(len(label))
        for first in range(0, len(label), _SLICE_ROWS):
            part = slice(first, first + _SLICE_ROWS)
            values[part] = rows(label[part], scores[part], threshold)
        return values

    return sliced


def unless_unknown(answers: npt.NDArray[np.bool_], scores: Array) -> Array:
    """Yes and no as 1 and 0; NaN in rows with a score that is not finite.

    >>> unless_unknown(np.array([True, True]), np.array([[0.9, 0.1], [0.9, np.nan]]))
    array([ 1., nan])
    """
    found = answers.astype(np.float64)
    if not np.isfinite(scores).all():
        finite = np.isfinite(scores)
        found[~(finite if scores.ndim == 1 else finite.all(axis=1))] = np.nan
    return found


def pinball(quantile: float) -> RowValues:
    """Loss of a forecast of a quantile: an error is weighted by q where the forecast is too low, by 1 - q above.

    Source: Koenker & Bassett (1978), Econometrica 46.

    >>> pinball(0.9)(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.5).round(2)
    array([1.8, 0.2])
    """
    return asymmetric_error(over=1 - quantile, under=quantile)


def asymmetric_error(over: float, under: float) -> RowValues:
    """Absolute error, weighted by `over` where the score is above the label and by `under` where it is below.

    >>> asymmetric_error(over=1, under=3)(np.array([10.0, 10.0]), np.array([8.0, 12.0]), 0.5)
    array([6., 2.])
    """

    def rows(label: Array, scores: Array, _: float) -> Array:
        error = scores - label
        return np.asarray(np.abs(error) * np.where(error > 0, over, under), dtype=np.float64)

    return rows


def decision_cost(false_positive: float, false_negative: float) -> RowValues:
    """Cost of each decision at the threshold; a right one costs nothing.

    >>> decision_cost(2, 40)(np.array([0.0, 1.0, 1.0]), np.array([0.9, 0.1, 0.9]), 0.5)
    array([ 2., 40.,  0.])
    """

    def rows(label: Array, scores: Array, threshold: float) -> Array:
        alarm, positive = scores >= threshold, label == 1
        cost = unless_unknown(alarm != positive, scores)
        return np.multiply(cost, np.where(positive, false_negative, false_positive), out=cost)

    return rows


def wrong_class(cost: float) -> RowValues:
    """Cost of each row whose most probable class is not its own.

    >>> wrong_class(5)(np.array([0.0, 1.0]), np.array([[0.7, 0.3], [0.6, 0.4]]), 0.5)
    array([0., 5.])
    """

    def rows(label: Array, scores: Array, _: float) -> Array:
        return cost * unless_unknown(np.argmax(scores, axis=1) != label, scores)

    return rows


def priced(rows: RowValues, amount: Array) -> RowValues:
    """The same row values, each times its row's amount.

    >>> priced(pinball(0.5), np.array([10.0, 1.0]))(np.zeros(2), np.ones(2), 0.5)
    array([5. , 0.5])
    """

    def times_amount(label: Array, scores: Array, threshold: float) -> Array:
        values = rows(label, scores, threshold)
        return np.multiply(values, amount, out=values)

    return times_amount


def calibration(label: Array, scores: Array, _: float) -> Array:
    """Signed residuals whose mean is the expected calibration error over fixed bins.

    ECE = sum over bins of (n_b/n)·|mean label - mean score| = sum over b of |(1/n)·sum over rows of b of (y - p)|. With
    s_b the sign of the bin's sum, s_b·(y - p) has the ECE as its mean, and is its influence to first order wherever no
    bin's sum is 0. A perfectly calibrated model still shows an ECE of order sqrt(bins/n): compare two models, or bound
    it with room to spare. Several classes are measured by their most probable one ("confidence calibration").

    Source: Naeini, Cooper & Hauskrecht (2015), AAAI; Guo et al. (2017), ICML, for several classes.

    >>> calibration(np.array([1.0, 0.0, 1.0]), np.array([0.8, 0.25, 0.85]), 0.5).round(2)
    array([0.2 , 0.25, 0.15])
    """
    if not np.isfinite(scores).all():
        return np.full(len(label), np.nan)
    residual, place = in_slices(_residual)(label, scores, 0.5), np.empty(len(label), dtype=np.uint8)
    place[:] = in_slices(_bin)(label, scores, 0.5)
    sign = np.sign(sums(place, residual, CALIBRATION_BINS))
    for first in range(0, len(label), _SLICE_ROWS):
        part = slice(first, first + _SLICE_ROWS)
        residual[part] *= sign[place[part]]
    return residual


def _residual(label: Array, scores: Array, _: float) -> Array:
    if scores.ndim == 1:
        return label - scores
    return np.asarray((np.argmax(scores, axis=1) == label) - scores.max(axis=1), dtype=np.float64)


def _bin(label: Array, scores: Array, _: float) -> Array:
    sure = scores.max(axis=1) if scores.ndim == 2 else scores
    return np.clip(np.floor(sure * CALIBRATION_BINS), 0, CALIBRATION_BINS - 1)


def of_class(rows: RowValues, number: int, *, decided: bool) -> RowValues:
    """The row values of one class against all others.

    Args:
        rows: Row values of a binary metric.
        number: The class, counted from 0.
        decided: Whether the metric is of decisions (the most probable class), else of the class's probability.

    >>> share = of_class(lambda label, decision, _: label * decision, 1, decided=True)
    >>> share(np.array([1.0, 1.0, 0.0]), np.array([[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]]), 0.5)
    array([1., 0., 0.])
    """

    def decision(label: Array, scores: Array, _: float) -> Array:
        return unless_unknown(np.argmax(scores, axis=1) == number, scores)

    def against_the_rest(label: Array, scores: Array, _: float, *part: Codes) -> Array:
        own = np.asarray(label == number)
        return rows(own, in_slices(decision)(label, scores, 0.5) if decided else scores[:, number], 0.5, *part)

    return against_the_rest


def mean_over_classes(rows: RowValues) -> RowValues:
    """One against the rest, every class counting alike ("macro"); the binary metric itself for one score per row.

    Source: Hand & Till (2001), Machine Learning 45, for the AUC.

    >>> hit = mean_over_classes(lambda label, score, _: label * score)
    >>> hit(np.array([0.0, 1.0]), np.array([[0.5, 0.5], [0.25, 0.75]]), 0.5)
    array([0.25 , 0.375])
    """

    def macro(label: Array, scores: Array, threshold: float, *part: Codes) -> Array:
        if scores.ndim == 1:
            return rows(label, scores, threshold, *part)
        total = np.zeros(len(label))
        for number in range(scores.shape[1]):
            total += of_class(rows, number, decided=False)(label, scores, threshold, *part)
        total /= scores.shape[1]
        return total

    return macro
