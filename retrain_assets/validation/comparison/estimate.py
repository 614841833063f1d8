"""How sure an improvement is: one paired t test over independent units for every metric, and what it can detect.

No policy and no threshold of one stands here. What an improvement is made of (row values) comes from `metrics`, what is
independent from `units`; what a number means for the candidate is said by `significance`, `guardrails`, `fairness`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from retrain_assets.documents.units import counted as things
from retrain_assets.documents.units import plural
from retrain_assets.metrics.metric import Array
from retrain_assets.statistics.codes import Codes, sums
from retrain_assets.statistics.long_run_variance import FEWEST_DAYS, DailySums, MeanError, mean_error
from retrain_assets.validation.comparison.units import Units

FEWEST_UNITS = 4
"""Below this many independent units no answer is given; 8 or more are recommended. Of days 5 are needed."""

FEWEST_EFFECTIVE_UNITS = 3.0
"""Below this Kish number one unit holds most of the rows, and the t distribution no longer describes the mean."""

FEWEST_ROWS = 10
"""Below this many rows that bear on a metric (positives for TPR, the scarcer class for AUC) no answer is given."""

_SLICE_ROWS = 1 << 16


@dataclass(frozen=True)
class Estimate:
    """An improvement with its standard error: above 0 is better, in the metric's own unit.

    `design_effect` is how many times larger the variance over units is than the variance over rows; `support` how many
    rows bear on the metric; `effective_units` how many equally large units weigh as much. Where days are the units,
    `by_day` says what is known of their dependence, and at which share of the level a test over them keeps it: limits
    are given at that share, p-values divided by it.
    """

    improvement: float
    standard_error: float
    degrees: float
    rows: int
    support: float
    unit: str
    units: int
    design_effect: float
    fewest_units: int = FEWEST_UNITS
    effective_units: float = math.inf
    by_day: MeanError | None = None

    @property
    def level_share(self) -> float:
        """Share of the nominal level at which a test keeps it."""
        return self.by_day.level_share if self.by_day else 1.0

    def low(self, alpha: float) -> float:
        """One-sided lower confidence limit at level `alpha`."""
        return self.improvement - self._quantile(1 - alpha * self.level_share) * self.standard_error

    def high(self, alpha: float) -> float:
        """One-sided upper confidence limit at level `alpha`."""
        return self.improvement + self._quantile(1 - alpha * self.level_share) * self.standard_error

    def p_value(self, at_most: float = 0.0) -> float:
        """One-sided p-value of the hypothesis that the improvement is at most `at_most`."""
        if self.standard_error > 0:
            found = float(stdtr(self.degrees, (at_most - self.improvement) / self.standard_error))
            return min(found / self.level_share, 1.0)
        return math.nan if math.isnan(self.improvement) else float(self.improvement <= at_most)

    def p_worse(self) -> float:
        """One-sided p-value of the hypothesis that the improvement is at least 0: small when something got worse."""
        if self.standard_error > 0:
            return min(float(stdtr(self.degrees, self.improvement / self.standard_error)) / self.level_share, 1.0)
        return math.nan if math.isnan(self.improvement) else float(self.improvement >= 0)

    def minimum_detectable(self, alpha: float, power: float) -> float:
        """The smallest true improvement that this many rows find with probability `power`."""
        return (self._quantile(1 - alpha * self.level_share) + self._quantile(power)) * self.standard_error

    def rows_needed(self, effect: float, alpha: float, power: float) -> int | None:
        """Rows of the same kind that find `effect` with probability `power`; None when that is no finite number.

        n · (minimum detectable effect / effect)²
        """
        detectable = self.minimum_detectable(alpha, power)
        if not (abs(effect) > 0 and math.isfinite(detectable)):
            return None
        return math.ceil(self.rows * (detectable / effect) ** 2)

    def shortfall(self, row: str = "row") -> str:
        """Why no answer can be given, as a sentence with the number that is missing; empty when one can.

        Args:
            row: What the model's spec calls a row; the name of the column whose values are units stays as it is.
        """
        if self.units < self.fewest_units:
            alone = self.unit == "row"
            units = things(self.units, row) if alone else counted(self.units, self.unit)
            return f"{units}, {self.fewest_units} needed"
        if self.support < FEWEST_ROWS:
            return f"{self.support:.0f} {plural(row)} bear on it, {FEWEST_ROWS} needed"
        if not (math.isfinite(self.improvement) and math.isfinite(self.standard_error)):
            return f"it is undefined on these {plural(row)}"
        if self.effective_units < FEWEST_EFFECTIVE_UNITS:
            return (
                f"one {self.unit} holds most {plural(row)}: {self.effective_units:.1f} effective units, "
                f"{FEWEST_EFFECTIVE_UNITS:g} needed"
            )
        return ""

    @property
    def rows_to_answer(self) -> int | None:
        """Rows of the same kind that have enough units and support; None where these have, or where none bear on it."""
        if not self.rows:
            return FEWEST_ROWS
        if not self.support > 0:
            return None
        enough = max(self.fewest_units / self.units, FEWEST_ROWS / self.support)
        return math.ceil(self.rows * enough) if enough > 1 else None

    def _quantile(self, level: float) -> float:
        return float(stdtrit(self.degrees, level)) if self.degrees > 0 else math.nan


def estimate(
    psi: Array,
    units: Units,
    *,
    support: float | None = None,
    one_flip: bool = False,
    parts: Codes | None = None,
) -> Estimate:
    """Mean of the paired row values `psi`, shape (n,), with the standard error over independent units.

    With s_u the sum of psi in unit u of n_u rows and q = n² / sum n_u² effective units,

        se² = q/(q - 1) · sum (s_u - n_u · mean)² / n²,    degrees of freedom q - 1.

    Rows as units give the paired t test, equal clusters the cluster-robust t; unequal units cost degrees of freedom.
    Over days the error is that of `statistics.long_run_variance.mean_error`.

    Where a metric rests on each class by itself (`parts`), a scarce class decides how well the error is known, however
    many rows the other has. Over independent rows its variance is then

        sum over classes k of (n_k/n)² · s_k²/n_k,    for an AUC DeLong's s10²/m + s01²/n,

    plus that between the classes' means, which AUC, TPR and FPR do not have, and the degrees of freedom are
    Satterthwaite's. Over other units the error grows in the same proportion, and these degrees are a ceiling.

    Args:
        psi: Row values of an improvement; above 0 is better.
        units: The unit of every row.
        support: Rows that bear on the metric, when not all do.
        one_flip: The metric counts decisions: the standard error is at least what one more flipped row would change,
            1/support, so that a handful of rows without a single disagreement is not taken for certainty.
        parts: The number of each row's class, shape (n,), of a metric that rests on each class by itself.
    Source: Ibragimov & Müller (2010), Journal of Business & Economic Statistics 28; Kish (1965) for q; DeLong, DeLong &
        Clarke-Pearson (1988), Biometrics 44, and Satterthwaite (1946), Biometrics Bulletin 2, for the classes.

    >>> found = estimate(np.array([1.0, 2.0, 3.0, 4.0]), Units(np.arange(4), "row"))
    >>> found.improvement, round(found.standard_error, 4), round(found.low(0.05), 4)
    (2.5, 0.6455, 0.9809)
    """
    rows = len(psi)
    if support is None:
        support = float(rows)
    fewest = FEWEST_DAYS if units.in_time else FEWEST_UNITS
    if rows < 2 or units.count < 2 or not np.isfinite(psi).all():
        mean = float(psi.mean()) if rows else math.nan
        return Estimate(mean, math.nan, 0.0, rows, support, units.name, units.count, math.nan, fewest)
    mean = float(psi.mean())
    q = units.effective
    row_error = math.sqrt(_squares(psi, mean) / (rows - 1) / rows)
    error, degrees, by_day = row_error, q - 1, None
    if units.in_time:
        by_day = mean_error(DailySums(units.total(psi), units.sizes), units.known, row_error**2 * rows)
        error, degrees = by_day.error, by_day.degrees
    elif not units.each_row:
        error = math.sqrt(q / (q - 1) * _spread(psi, units, mean)) / rows
    design_effect = (error / row_error) ** 2 if row_error > 0 else 1.0
    inflation, own = (1.0, math.inf) if parts is None else _by_class(psi, parts, row_error)
    error *= inflation
    if one_flip and support > 0:
        error = max(error, 1 / support)
    return Estimate(
        mean,
        error,
        min(degrees, own),
        rows,
        support,
        units.name,
        units.count,
        design_effect,
        fewest,
        min(q, own + 1),
        by_day,
    )


def _by_class(psi: Array, parts: Codes, row_error: float) -> tuple[float, float]:
    """How many times `row_error` the error is when each class has a variance of its own, and its degrees of freedom."""
    rows, size = len(psi), sums(parts)
    seen = size > 0
    if not row_error > 0 or size[seen].min() < 2:  # nothing to correct, or nothing known of the spread of a class
        return 1.0, math.inf
    means = np.divide(sums(parts, psi), size, out=np.zeros(size.size), where=seen)
    squares = np.zeros(size.size)
    for first in range(0, rows, _SLICE_ROWS):
        own = parts[first : first + _SLICE_ROWS]
        squares += np.bincount(own, (psi[first : first + _SLICE_ROWS] - means[own]) ** 2, size.size)
    variances = squares[seen] / rows**2 * (size[seen] / (size[seen] - 1))
    between = float((size * (means - psi.mean()) ** 2).sum()) / (rows * (rows - 1))
    total = float(variances.sum()) + between
    degrees = total**2 / (float((variances**2 / (size[seen] - 1)).sum()) + between**2 / (rows - 1))
    return math.sqrt(total) / row_error, degrees


def _squares(psi: Array, mean: float) -> float:
    """Sum over rows of (psi - mean)², in slices, so that no second column stands."""
    slices = (psi[first : first + _SLICE_ROWS] - mean for first in range(0, len(psi), _SLICE_ROWS))
    return sum(float(apart @ apart) for apart in slices)


def _spread(psi: Array, units: Units, mean: float) -> float:
    """Sum over units of (s_u - n_u · mean)²."""
    if units.each_row:
        return _squares(psi, mean)
    apart = units.total(psi)
    for first in range(0, len(apart), _SLICE_ROWS):
        part = slice(first, first + _SLICE_ROWS)
        apart[part] -= units.sizes[part] * mean
    return float(apart @ apart)


def counted(number: int, unit: str) -> str:
    """A number of things in words.

    >>> counted(1, "day"), counted(30, "7-day block"), counted(4, "vehicle_id")
    ('1 day', '30 blocks of 7 days', '4 values of vehicle_id')
    """
    if unit.endswith("-day block"):
        return f"{things(number, 'block')} of {unit.removesuffix('-day block')} days"
    if unit.startswith("fold of "):
        return f"{number:,} folds of {unit.removeprefix('fold of ')}"
    if unit not in ("row", "day"):
        return f"{things(number, 'value')} of {unit}"
    return things(number, unit)
