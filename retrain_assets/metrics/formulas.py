"""Row values of the metrics that need no parameter: losses, a root, ratios, and the area under the curve.

Each is a function of (labels, scores, threshold) that gives one value per row, shape (n,); one that rests on other rows
too takes the number of each row's part, and then gives what the rows of each part have by themselves. Names, directions
and units stand in `metric`, row values that have a parameter in `row_values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from retrain_assets.metrics.delong import placements
from retrain_assets.metrics.row_values import Array, RowValues, in_slices, unless_unknown
from retrain_assets.statistics.codes import Codes, sums

SMALLEST_PROBABILITY = 1e-15
"""Probabilities are clipped to [1e-15, 1 - 1e-15] in the log loss: one certain and wrong row costs 34.5 nats."""

_SLICE_ROWS = 1 << 14


def predicted_class(scores: Array, threshold: float) -> npt.NDArray[np.int64]:
    """The class each row is given: 1 from the threshold on, or the most probable of several classes.

    >>> predicted_class(np.array([0.2, 0.5]), 0.5), predicted_class(np.array([[0.2, 0.3, 0.5]]), 0.5)
    (array([0, 1]), array([2]))
    """
    if scores.ndim == 2:
        return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)
    return np.asarray(scores >= threshold, dtype=np.int64)


def log_loss(label: Array, scores: Array, _: float) -> Array:
    """-ln of the probability of the class that came; of one column of scores the probability of class 1."""
    if scores.ndim == 2:
        given = scores[np.arange(len(label)), label.astype(np.int64)]
    else:
        given = np.where(label == 1, scores, 1 - scores)
    np.clip(given, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY, out=given)
    return np.negative(np.log(given, out=given), out=given)


def brier(label: Array, scores: Array, _: float) -> Array:
    """(p - y)², of several classes summed over them."""
    if scores.ndim == 2:
        wrong = scores.copy()
        wrong[np.arange(len(label)), label.astype(np.int64)] -= 1
        return np.asarray(np.einsum("ij,ij->i", wrong, wrong), dtype=np.float64)
    return (scores - label) ** 2


def absolute_error(label: Array, scores: Array, _: float) -> Array:
    """|forecast - outcome|, in units of the label."""
    return np.abs(scores - label)


def squared_error(label: Array, scores: Array, _: float) -> Array:
    """(forecast - outcome)², in squared units of the label."""
    return (scores - label) ** 2


def root_mean_square(label: Array, scores: Array, _: float, part: Codes | None = None) -> Array:
    """R/2 + e²/(2R) of the error e and R = √(mean e²), whose mean is R; 0 where no row has an error.

    >>> root_mean_square(np.zeros(2), np.array([3.0, 4.0]), 0.5).round(3)
    array([3.041, 4.031])
    """
    squares = in_slices(squared_error)(label, scores, _)
    root = np.sqrt(_totals(squares, part) / _sizes(len(label), part))
    scale = np.divide(0.5, root, out=np.zeros(root.size), where=root > 0)
    for rows, own in _slices(len(label), part):
        squares[rows] *= scale[own]
        squares[rows] += root[own] / 2
    return squares


def area_under_curve(label: Array, scores: Array, _: float, part: Codes | None = None) -> Array:
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


def ratio_of(numerator: RowValues, denominator: RowValues) -> RowValues:
    """Row values of sum(numerator)/sum(denominator): R + (num - R·den)/mean(den).

    Both are values that a row has by itself.

    >>> precision = ratio_of(true_positive_rows, selected_rows)
    >>> precision(np.array([1.0, 0.0, 1.0]), np.array([0.9, 0.8, 0.1]), 0.5)
    array([ 1.25, -0.25,  0.5 ])
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


def every_row(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    """1 of each row."""
    return np.ones(len(label))


def selected_rows(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    """Rows that count as positive at the threshold."""
    return unless_unknown(scores >= threshold, scores)


def correct_rows(label: Array, scores: Array, threshold: float) -> Array:
    """Rows that are given their own class."""
    return unless_unknown(predicted_class(scores, threshold) == label, scores)


def positive_rows(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    """Rows of class 1."""
    return np.asarray(label == 1, dtype=np.float64)


def negative_rows(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    """Rows of another class than 1."""
    return np.asarray(label != 1, dtype=np.float64)


def scarcer_class_rows(label: Array, scores: Array, threshold: float, part: Codes | None = None) -> Array:
    """Rows of the class that is scarcest in their part; of two equally scarce ones the positives."""
    given, classes = (label, scores.shape[1]) if scores.ndim == 2 else (label != 1, 2)
    counts = [_totals(np.asarray(given == number, dtype=np.float64), part) for number in range(classes)]
    scarcest = np.argmin(counts, axis=0)
    return np.asarray(given == (scarcest[0] if part is None else scarcest[part]), dtype=np.float64)


def true_positive_rows(label: Array, scores: Array, threshold: float) -> Array:
    """Rows of class 1 that count as positive."""
    hits = selected_rows(label, scores, threshold)
    hits *= label == 1
    return hits


def false_positive_rows(label: Array, scores: Array, threshold: float) -> Array:
    """Rows of another class that count as positive."""
    alarms = selected_rows(label, scores, threshold)
    alarms *= label != 1
    return alarms


def mean_of_precision_and_recall_rows(label: Array, scores: Array, threshold: float, *_: object) -> Array:
    """The denominator of F1: half of what counts as positive and half of what is."""
    mean = selected_rows(label, scores, threshold)
    mean += label == 1
    mean /= 2
    return mean


def label_size(label: Array, scores: Array, threshold: float) -> Array:
    """|outcome|, what the WAPE is a share of."""
    return np.abs(label)


def _binary(label: Array) -> npt.NDArray[np.bool_]:
    """Which labels are 1: labels of one byte that are 0 or 1 are that already."""
    if label.dtype == np.uint8 and label.max(initial=0) < 2:
        return label.view(np.bool_)
    return np.asarray(label == 1)


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
