"""Numbers of the periods that a version served, each one value per period, for the same verdict as its scores.

Out of range: the share of feature values beyond what the version's reference ever held, and of categories that it does
not know; there the model extrapolates. Calibration: how far outcomes lie from the scores, and how they follow them, on
the outcomes that arrived in the period; it can move while every score stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.drift.summaries import Summary, share_summary
from retrain_assets.monitoring.profiles.profile import Profile

OUT_OF_RANGE, CALIBRATION = "(out of range)", "(calibration)"
FEWEST_OUTCOMES = 50

Numbers = dict[str, Any]


def out_of_range(seen: Profile) -> Numbers:
    """Values of a period below or above everything in the reference, or of an unknown category, and all its values.

    >>> import pyarrow as pa
    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]}), ["x"], ["c"])
    >>> out_of_range(profile(pa.table({"x": [0.0, 2.0, 9.0], "c": ["a", "z", None]}), edges))
    {'outside': 3, 'values': 5}
    """
    outside = values = 0
    for column in seen.columns.values():
        values += column.valid
        numeric = column.kind == "numeric" and len(column.counts) > 1
        outside += column.counts[0] + column.counts[-1] if numeric else column.unseen
    return {"outside": outside, "values": values}


def calibration(label: ArrayLike, score: ArrayLike) -> Numbers | None:
    """How outcomes lie beside their scores: 0 and 1 for a calibrated model.

    `gap` is the mean of label − score; `slope` that of the straight line through label against score. Each has its
    sampling variance if rows are independent; `sd` is the labels' standard deviation, the unit of the gap's size.

    Args:
        label: Outcomes, shape (n,).
        score: Predicted probabilities or values, shape (n,).

    Returns:
        The numbers; None with fewer than 50 usable rows, or when score or label never varies.

    Source: Van Calster et al. (2019), BMC Medicine 17, calibration in the large and calibration slope.

    >>> rng = np.random.default_rng(2)
    >>> score = rng.random(4000)
    >>> found = calibration(rng.random(4000) < score, score)
    >>> abs(found["gap"]) < 3 * found["gap_noise"] ** 0.5, abs(found["slope"] - 1) < 3 * found["slope_noise"] ** 0.5
    (True, True)
    """
    known, given = np.asarray(label, dtype=float), np.asarray(score, dtype=float)
    usable = np.isfinite(known) & np.isfinite(given)
    known, given = known[usable], given[usable]
    if known.size < FEWEST_OUTCOMES or not (np.ptp(known) > 0 and np.ptp(given) > 0):
        return None
    residual, centred = known - given, given - given.mean()
    square = float(centred @ centred)
    slope = float(centred @ known) / square
    left = known - known.mean() - slope * centred
    return {
        "gap": float(residual.mean()),
        "gap_noise": float(residual.var(ddof=1)) / known.size,
        "slope": slope,
        "slope_noise": float(((centred * left) ** 2).sum()) / square**2,
        "sd": float(known.std()),
        "rows": int(known.size),
    }


def served_series(before: Sequence[Mapping[str, Any]], current: Mapping[str, Any]) -> list[Measured]:
    """The numbers above as columns for `drift`; records without them, or without outcomes, count as unknown.

    Args:
        before: Drift records of the reference periods in order, as `out_of_range` and `calibration` stand in them.
        current: The same of the period under test.
    """
    records = [*before, current]
    found = [one.get("out_of_range") or {"outside": 0, "values": 0} for one in records]
    outside = share_summary("out_of_range", "", [one["outside"] for one in found], [one["values"] for one in found])
    columns = [Measured(OUT_OF_RANGE, "numeric", Sizes(), (outside,))]
    if any(one.get("calibration") for one in records):
        columns.append(Measured(CALIBRATION, "numeric", Sizes(), _calibration_summaries(records)))
    return columns


def _calibration_summaries(records: Sequence[Mapping[str, Any]]) -> tuple[Summary, Summary]:
    known = [one.get("calibration") or {} for one in records]

    def numbers(name: str) -> np.ndarray:
        return np.array([one.get(name, np.nan) for one in known], dtype=float)

    unit = numbers("sd")[:-1]
    scale = float(np.nanmean(unit)) if np.isfinite(unit).any() else 1.0
    gap = Summary("gap", "", numbers("gap") / scale, numbers("gap_noise") / scale**2, *_ends(numbers("gap")))
    return gap, Summary("slope", "", numbers("slope"), numbers("slope_noise"), *_ends(numbers("slope")))


def _ends(values: np.ndarray) -> tuple[float, float]:
    before = values[:-1][np.isfinite(values[:-1])]
    return float(before.mean()) if before.size else float("nan"), float(values[-1])
