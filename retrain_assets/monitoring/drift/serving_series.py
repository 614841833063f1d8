"""Numbers of the periods that a version served, each one value per period, for the same verdict as its scores.

Out of range: the share of feature values beyond what the version's reference ever held, and of categories that it does
not know; there the model extrapolates. Calibration: how far outcomes lie from the scores, and how they follow them, on
the outcomes that arrived in the period; it can move while every score stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike

from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.drift.summaries import Floats, Summary, share_summary
from retrain_assets.monitoring.profiles.profile import Profile
from retrain_assets.store import Json

OUT_OF_RANGE, CALIBRATION = "(out of range)", "(calibration)"
FEWEST_OUTCOMES = 50


@dataclass(frozen=True)
class OutOfRange:
    """Values below or above everything in the reference, or of a category that it does not know, and all values."""

    outside: int = 0
    values: int = 0


@dataclass(frozen=True)
class Calibration:
    """How outcomes follow the scores; a calibrated model has a gap of 0 and a slope of 1.

    Attributes:
        gap: Mean of label − score.
        gap_noise: Its sampling variance if rows are independent.
        slope: Slope of the straight line through label against score.
        slope_noise: Its sampling variance if rows are independent.
        sd: Standard deviation of the labels, the unit of the gap's size.
        rows: Outcomes used.
    """

    gap: float
    gap_noise: float
    slope: float
    slope_noise: float
    sd: float
    rows: int


@dataclass(frozen=True)
class ServingNumbers:
    """What one period of serving showed beside its columns and scores; the calibration is None without outcomes."""

    out_of_range: OutOfRange = OutOfRange()
    calibration: Calibration | None = None

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> ServingNumbers:
        """Read what `to_dict` wrote; a number that a record does not have is unknown."""
        outside, calibrated = record.get("out_of_range"), record.get("calibration")
        return cls(
            OutOfRange(**outside) if outside else OutOfRange(),
            Calibration(**calibrated) if calibrated else None,
        )


def out_of_range(seen: Profile) -> OutOfRange:
    """Count the values of a period that the reference never held, and all its values.

    >>> import pyarrow as pa
    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> edges = reference_edges(pa.table({"x": [1.0, 2.0, 3.0], "c": ["a", "b", "a"]}), ["x"], ["c"])
    >>> out_of_range(profile(pa.table({"x": [0.0, 2.0, 9.0], "c": ["a", "z", None]}), edges))
    OutOfRange(outside=3, values=5)
    """
    outside = values = 0
    for column in seen.columns.values():
        values += column.valid
        numeric = column.kind == "numeric" and len(column.counts) > 1
        outside += column.counts[0] + column.counts[-1] if numeric else column.unseen
    return OutOfRange(outside, values)


def calibration(label: ArrayLike, score: ArrayLike) -> Calibration | None:
    """Measure the calibration in the large and the calibration slope of scores against their outcomes.

    Args:
        label: Outcomes, shape (n,).
        score: Predicted probabilities or values, shape (n,).

    Returns:
        The numbers; None with fewer than 50 usable rows, or when score or label never varies.

    Source: Van Calster et al. (2019), BMC Medicine 17.

    >>> rng = np.random.default_rng(2)
    >>> score = rng.random(4000)
    >>> found = calibration(rng.random(4000) < score, score)
    >>> abs(found.gap) < 3 * found.gap_noise**0.5, abs(found.slope - 1) < 3 * found.slope_noise**0.5
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
    return Calibration(
        gap=float(residual.mean()),
        gap_noise=float(residual.var(ddof=1)) / known.size,
        slope=slope,
        slope_noise=float(((centred * left) ** 2).sum()) / square**2,
        sd=float(known.std()),
        rows=int(known.size),
    )


def served_series(periods: Sequence[ServingNumbers]) -> list[Measured]:
    """The numbers above as columns for `drift`; a period without outcomes has no calibration.

    Args:
        periods: Numbers of the reference periods in order, then those of the period under test.
    """
    found = [one.out_of_range for one in periods]
    outside = share_summary("out_of_range", "", [one.outside for one in found], [one.values for one in found])
    columns = [Measured(OUT_OF_RANGE, "numeric", Sizes(), (outside,))]
    calibrated = [one.calibration for one in periods]
    if any(calibrated):
        columns.append(Measured(CALIBRATION, "numeric", Sizes(), _calibration_summaries(calibrated)))
    return columns


def _calibration_summaries(known: Sequence[Calibration | None]) -> tuple[Summary, Summary]:
    def numbers(name: str) -> Floats:
        return np.array([np.nan if one is None else getattr(one, name) for one in known], dtype=float)

    unit = numbers("sd")[:-1]
    scale = float(np.nanmean(unit)) if np.isfinite(unit).any() else 1.0
    gap = Summary("gap", "", numbers("gap") / scale, numbers("gap_noise") / scale**2, *_ends(numbers("gap")))
    return gap, Summary("slope", "", numbers("slope"), numbers("slope_noise"), *_ends(numbers("slope")))


def _ends(values: Floats) -> tuple[float, float]:
    before = values[:-1][np.isfinite(values[:-1])]
    return float(before.mean()) if before.size else float("nan"), float(values[-1])
