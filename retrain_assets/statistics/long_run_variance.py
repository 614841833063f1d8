"""How surely the mean of dependent days is known: their long-run variance, learnt from history or from the days alone.

What belongs here: sums by day, the ratio of their long-run variance to the variance between them, and the standard
error of a mean that follows. Where the days come from is none of its business.

Source: Lazarus, Lewis, Stock & Watson (2018), Journal of Business & Economic Statistics 36, and Müller (2004) for the
equal-weighted cosine estimator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST_DAYS = 5
"""Below this many days with rows no standard error is given."""
LEAST_HISTORY_DAYS = 42
"""From six weeks of history on it tells the dependence; twelve are better."""
FULL_LEVEL_DAYS = 28
"""Below this many days and without history a test is made at half its level."""
INDEPENDENT = 0.10
"""Below this autocorrelation days without history count as independent."""

MOST_RATIO = 9.0
"""What an autocorrelation of .8 makes of days, (1 + .8)/(1 - .8): history that shows more shows a level that moved."""
_MOST_ALIKE = 0.95
"""Autocorrelation above which a ratio says nothing more: all of them are beyond `MOST_RATIO`."""

_STRETCH_DAYS = 28
_HISTORY_DEGREES, _OWN_DEGREES = 1 / 3, 0.4
_ROUNDING = 1e-18


@dataclass(frozen=True)
class DailySums:
    """Row values added up by day, days without rows left out.

    Attributes:
        sums: Sum of the values of each day, shape (days,).
        rows: Rows of each day, shape (days,), above 0.
    """

    sums: Array
    rows: Array

    @property
    def days(self) -> int:
        """How many days have rows."""
        return int(self.rows.size)

    @property
    def mean(self) -> float:
        """Mean over all rows."""
        return float(self.sums.sum() / self.rows.sum())

    @property
    def effective_days(self) -> float:
        """How many equally large days weigh as much: n² / sum of squared sizes (Kish)."""
        return float(self.rows.sum() ** 2 / (self.rows**2).sum())

    @property
    def centred(self) -> Array:
        """Each day's sum minus what the mean of all rows expects of it, shape (days,)."""
        return np.asarray(self.sums - self.rows * self.mean)

    @property
    def detrended(self) -> Array:
        """Each day's sum minus what a linear trend of the daily means expects of it, shape (days,).

        The trend is the least squares fit of the daily means with the days' rows as weights.

        >>> DailySums(np.array([2.0, 8.0, 6.0]), np.array([2.0, 4.0, 2.0])).detrended
        array([0., 0., 0.])
        """
        place = np.arange(self.days, dtype=float)
        place -= (place * self.rows).sum() / self.rows.sum()
        spread = float((self.rows * place**2).sum())
        slope = float((place * self.sums).sum()) / spread if spread > 0 else 0.0
        return np.asarray(self.centred - slope * self.rows * place)

    def slice(self, first: int, last: int) -> DailySums:
        """The days from the first to before the last."""
        return DailySums(self.sums[first:last], self.rows[first:last])


@dataclass(frozen=True)
class Dependence:
    """How much more than independent days' the variance of a mean of days is, as history tells it.

    Attributes:
        ratio: Long-run variance over the variance within windows as long as the mean's; from 1 to `MOST_RATIO`.
        degrees: Degrees of freedom of the ratio.
        days: Days of history behind it.
    """

    ratio: float
    degrees: float
    days: int


@dataclass(frozen=True)
class MeanError:
    """The standard error of a mean of days.

    Attributes:
        error: In the unit of the values; NaN where it cannot be known.
        degrees: Of freedom of the t distribution.
        ratio: Variance of the mean over that of as many independent days.
        history_days: Days of history that told the ratio; 0 where the days themselves did.
        level_share: Share of the nominal level at which a test keeps it.
    """

    error: float
    degrees: float
    ratio: float
    history_days: int
    level_share: float


def cosine_variance(series: Array, degrees: int, first: int = 1) -> float:
    """Long-run variance of a series: the mean square of its first cosine transforms.

    Λⱼ = √(2/T) Σₜ xₜ cos(πj(t − ½)/T), averaged squared over `degrees` of them from j = `first` on, which are the
    degrees of freedom. A constant in the series has no part in it.

    Args:
        series: One value a day, shape (T,).
        degrees: How many transforms, below T.
        first: The lowest; 2 for a series around its linear trend, whose slope was nearly all of the lowest one.

    >>> round(cosine_variance(np.array([1.0, -1.0, 1.0, -1.0]), 2), 3)
    0.293
    """
    days = series.size
    angle = np.pi * np.outer(np.arange(first, first + degrees), np.arange(days) + 0.5) / days
    transforms = math.sqrt(2 / days) * (np.cos(angle) @ series)
    return float(np.mean(transforms**2))


def trend_free_autocorrelation(residuals: Array) -> float:
    """Lag-1 autocorrelation of days around their linear trend, corrected for the bias of a short series.

    r + (2 + 4r)/T with r = Σ xₜxₜ₊₁ / Σ xₜ²; 0 of a series without variance.

    >>> round(trend_free_autocorrelation(np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])), 3)
    -1.056
    """
    days, total = residuals.size, float(residuals @ residuals)
    if days < 2 or not total > 0:
        return 0.0
    found = float(residuals[1:] @ residuals[:-1]) / total
    return found + (2 + 4 * found) / days


@lru_cache(maxsize=64)
def _lag_products(days: int) -> tuple[Array, Array]:
    """Weights of the autocovariances, from lag 0 on, in T·Var(mean) and in Σrₜ² around the linear trend of T days."""
    lags = np.arange(days)
    counts = np.where(lags > 0, 2.0, 1.0) * (days - lags)
    place = (lags - lags.mean()) / np.linalg.norm(lags - lags.mean())
    trend = np.correlate(place, place, "full")[days - 1 :] * np.where(lags > 0, 2.0, 1.0)
    mean = counts / days
    return mean, np.where(lags > 0, 0.0, float(days)) - mean - trend


def fading_ratio(autocorrelation: float, days: int) -> float:
    """Variance of a mean of days over what their residuals around their trend say it is, were they independent.

    The days' autocorrelation at lag k is the kth power of that at lag 1, as of a first-order autoregression:
    T·Var(mean) / (E Σrₜ² / (T − 2)), exact for any number of days.

    Args:
        autocorrelation: At lag 1, from 0 to below 1.
        days: T, at least 3.

    >>> round(fading_ratio(0.0, 14), 6), round(fading_ratio(0.6, 14), 2)
    (1.0, 5.18)
    """
    powers = autocorrelation ** np.arange(days)
    mean, squares = _lag_products(days)
    return float(mean @ powers) / (float(squares @ powers) / (days - 2))


def dependence(history: Sequence[DailySums], window_days: int) -> Dependence | None:
    """What history tells of the dependence between days, for a mean over `window_days`; None below six weeks.

    The parts of the history may differ in level and in scale: each is divided by its own standard deviation, and parts
    are cut or joined to stretches of four to eight weeks. Each stretch has its own level and trend, for a model that
    ages in a world that moves is no noise. Of a stretch of L days around its trend the long-run variance comes from
    L^(2/3)/3 cosine transforms, at least 2, from the second on; the estimates are averaged by their degrees. It is
    held against the variance around the linear trend within windows as long as the mean's, which is what is measured
    there: neighbouring days that are alike make it too small, the more so the shorter the window.

    A stretch of four weeks shows too little of a dependence that is slower than itself. Where days whose dependence
    fades by the lag-1 autocorrelation of the stretches have a larger ratio (`fading_ratio`), it is moved towards that,
    by the autocorrelation as the share of the way: days that are hardly alike stay with the transforms. The ratio is at
    most `MOST_RATIO`.

    Args:
        history: Paired daily differences, part by part in the order of time.
        window_days: Days of the mean that is judged.

    >>> rng = np.random.default_rng(0)
    >>> days = DailySums(rng.normal(size=84), np.ones(84))
    >>> found = dependence([days], 14)
    >>> found.ratio < 2, found.degrees, found.days
    (True, 9.0, 84)
    """
    stretches = _stretches(history)
    days = sum(stretch.days for stretch in stretches)
    if days < LEAST_HISTORY_DAYS:
        return None
    window = max(min(window_days, *(stretch.days for stretch in stretches)), FEWEST_DAYS)
    long_run, degrees, alike, within = 0.0, 0, 0.0, []
    for stretch in stretches:
        own, around = max(round(_HISTORY_DEGREES * stretch.days ** (2 / 3)), 2), stretch.detrended
        long_run += own * cosine_variance(around, own, first=2)
        degrees += own
        alike += stretch.days * trend_free_autocorrelation(around)
        for first in range(0, stretch.days - window + 1, max(window // 2, 1)):
            residuals = stretch.slice(first, first + window).detrended
            within.append(float(residuals @ residuals) / (window - 2))
    between = float(np.mean(within))
    ratio = max(long_run / degrees / between, 1.0) if between > 0 else 1.0
    share = min(max(alike / days, 0.0), _MOST_ALIKE)
    ratio += share * max(fading_ratio(share, window) - ratio, 0.0)
    return Dependence(min(ratio, MOST_RATIO), float(degrees), days)


def level_share(days: int, known: bool) -> float:
    """Share of the nominal level at which a test over so many days keeps it: half of it for few without history.

    >>> level_share(14, known=False), level_share(28, known=False), level_share(14, known=True)
    (0.5, 1.0, 1.0)
    """
    return 1.0 if known or days >= FULL_LEVEL_DAYS else 0.5


def mean_error(days: DailySums, known: Dependence | None, rounding: float = 0.0) -> MeanError:
    """Standard error of the mean of some days' rows.

    With rₜ the days' sums around their linear trend, n rows and q effective days, the variance of independent days is
    V = q/(q − 2)·Σrₜ²/n². With history it is ratio·V, with 1/(1/(q − 2) + 1/ν) degrees of freedom. Without, days whose
    autocorrelation is below .10 count as independent; of others the long-run variance comes from .4·T^(2/3) cosine
    transforms of the T days themselves, at least 2, which are its degrees, and lies between V and `MOST_RATIO`·V. Below
    28 days such a test keeps its level only when made at half of it.

    Args:
        days: The sums whose mean is judged.
        known: What history tells of their dependence.
        rounding: Square of a row's value below which sums over days are nothing but rounding.
    """
    share = level_share(days.days, known is not None)
    told = known.days if known else 0
    q, rows = days.effective_days if days.days else 0.0, float(days.rows.sum())
    if days.days < 3 or q <= 2:
        return MeanError(math.nan, 0.0, math.nan, told, share)
    residuals = days.detrended
    squares = float(residuals @ residuals)
    if squares <= _ROUNDING * rows * rounding:
        return MeanError(0.0, q - 2, 1.0, told, share)
    variance = q / (q - 2) * squares
    if known is not None:
        degrees = 1 / (1 / (q - 2) + 1 / known.degrees)
        return MeanError(math.sqrt(known.ratio * variance) / rows, degrees, known.ratio, told, share)
    if trend_free_autocorrelation(residuals) < INDEPENDENT:
        return MeanError(math.sqrt(variance) / rows, q - 2, 1.0, 0, share)
    degrees = max(int(_OWN_DEGREES * days.days ** (2 / 3)), 2)
    total = min(max(days.days * cosine_variance(days.centred, degrees), variance), MOST_RATIO * variance)
    return MeanError(math.sqrt(total) / rows, min(float(degrees), q - 2), total / variance, 0, share)


def _stretches(history: Sequence[DailySums]) -> list[DailySums]:
    """The parts of the history in units of their own standard deviation, cut or joined to four to eight weeks."""
    joined: list[DailySums] = []
    for part in history:
        scaled = _scaled(part)
        if scaled is None:
            continue
        if joined and joined[-1].days < _STRETCH_DAYS:
            joined[-1] = _after(joined[-1], scaled)
        else:
            joined.append(scaled)
    if len(joined) > 1 and joined[-1].days < _STRETCH_DAYS:
        last = joined.pop()
        joined[-1] = _after(joined[-1], last)
    return [piece for stretch in joined for piece in _pieces(stretch)]


def _pieces(stretch: DailySums) -> list[DailySums]:
    """A stretch in pieces of four to eight weeks."""
    count = max(stretch.days // _STRETCH_DAYS, 1)
    return [
        DailySums(sums, rows)
        for sums, rows in zip(np.array_split(stretch.sums, count), np.array_split(stretch.rows, count), strict=True)
    ]


def _scaled(part: DailySums) -> DailySums | None:
    """A part divided by its standard deviation around its trend; None where it is too short or does not vary."""
    if part.days < FEWEST_DAYS:
        return None
    deviation = math.sqrt(float(np.mean(part.detrended**2)))
    if not deviation > 1e-9 * float(np.abs(part.sums).max()):
        return None
    return DailySums(part.sums / deviation, part.rows)


def _after(first: DailySums, second: DailySums) -> DailySums:
    return DailySums(np.r_[first.sums, second.sums], np.r_[first.rows, second.rows])
