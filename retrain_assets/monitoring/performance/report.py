"""How good the live model was on the outcomes that arrived, against the loss it was promoted with.

The unit of evidence is the day, whose dependence on its neighbours is part of the error (`long_run_variance`). Two
numbers come out: whether this period's loss is surely above the baseline (a warning), and how much has been lost since
promotion (what a retrain is paid for).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from retrain_assets.documents.units import certainty
from retrain_assets.errors import DataError
from retrain_assets.statistics.day_blocks import block_length_days, daily_means
from retrain_assets.statistics.long_run_variance import (
    FEWEST_DAYS,
    FULL_LEVEL_DAYS,
    DailySums,
    Dependence,
    MeanError,
    level_share,
    mean_error,
)
from retrain_assets.store import Json
from retrain_assets.verdict import Verdict

Floats = NDArray[np.float64]

FEWEST_BLOCKS = 4
ALPHA = 0.05
"""One-sided level of each limit."""
_MANY_ROWS = 1000
MISSING_GROUP, TOGETHER = "(missing)", "(smaller groups, together)"


class Quality(StrEnum):
    """What is said of a period's loss."""

    QUIET = "quiet"
    WARN = "warn"
    INSUFFICIENT = "insufficient"


EXPECTED, AT_MOST = "than expected", "than the most that is expected"
"""What an excess is more than, where it counts from the expected loss itself and where from its upper limit."""

REHEARSAL = "rehearsal"
"""The source of a baseline that is the loss on older rows, where the one on the gate rows was higher."""


@dataclass(frozen=True)
class Baseline:
    """The loss that a model was promoted with.

    Attributes:
        mean: Mean loss per row.
        rows: Rows it rests on.
        low: Lower one-sided limit of the mean, as sure as `confidence` says.
        high: Upper one-sided limit; NaN, like `low`, when one row is all there is.
        source: Which rows, in words.
        blocks: Days behind the limits; rows where all are of one day.
        block_days: Days in a block of the business metrics' jackknife; 0 when rows are taken as independent.
        day_sd: Standard error of a mean over d days is day_sd/√d.
        ratio: Variance of a mean of days over that of as many independent days; NaN in records of before it was kept.
        degrees: Of freedom of the limits; NaN like `ratio`.
    """

    mean: float
    rows: int
    low: float
    high: float
    source: str
    blocks: int = 0
    block_days: int = 0
    day_sd: float = math.nan
    ratio: float = math.nan
    degrees: float = math.nan

    @property
    def promise(self) -> float:
        """The loss that the model is held to: the mean, and the upper limit where it rests on little.

        Less than four weeks or a thousand rows may have been lucky, and luck is not to be asked for again.

        >>> Baseline(1.0, 400, 0.8, 1.2, "gate rows", blocks=14).promise
        1.2
        """
        return self.high if self._cautious else self.mean

    @property
    def than(self) -> str:
        """What an excess, which counts from the promise, is more than.

        >>> Baseline(1.0, 400, 0.8, 1.2, "gate rows", blocks=14).than
        'than the most that is expected'
        >>> Baseline(1.0, 4000, 0.9, 1.1, "gate rows", blocks=28).than
        'than expected'
        """
        return AT_MOST if self._cautious else EXPECTED

    @property
    def _cautious(self) -> bool:
        """Whether the promise is the limit, because it rests on little."""
        few = self.blocks < FULL_LEVEL_DAYS or self.rows < _MANY_ROWS
        return few and math.isfinite(self.high)

    @property
    def confidence(self) -> str:
        """How sure each limit is: fewer than four weeks of days are held to half the level.

        >>> Baseline(1.0, 4000, 0.9, 1.1, "gate rows", blocks=14, ratio=1.0).confidence
        '97.5 %'
        >>> Baseline(1.0, 4000, 0.9, 1.1, "gate rows", blocks=28, ratio=1.0).confidence
        '95 %'
        """
        by_days = math.isfinite(self.ratio)
        return certainty(ALPHA * (level_share(self.blocks, known=False) if by_days else 1.0))

    @property
    def _dependence(self) -> Dependence | None:
        """What the days of the baseline told of the dependence between days of the loss."""
        return Dependence(self.ratio, self.degrees, self.blocks) if math.isfinite(self.ratio) else None

    def to_dict(self) -> Json:
        """As plain JSON, unknown numbers as null."""
        return {key: _known(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, record: Json) -> Baseline:
        """Read what `to_dict` wrote."""
        restored: Json = {key: math.nan if value is None else value for key, value in record.items()}
        return cls(**restored)

    @classmethod
    def of(cls, verdict: Verdict) -> Baseline:
        """The loss that a promoted model is held to."""
        return cls.from_dict(verdict.evidence["baseline"])


@dataclass(frozen=True)
class GroupLoss:
    """The loss of the rows with one value of a group column; numbers as in `PerformanceReport`.

    A group that is only counted has its rows, and neither a loss nor an excess.
    """

    group: str
    value: str
    rows: int
    loss: float | None
    low: float | None
    high: float | None
    excess_sum: float


@dataclass(frozen=True)
class PerformanceReport:
    """The loss of one version on the outcomes that arrived in one period.

    Attributes:
        loss: Mean loss per row; None without rows. `low` and `high` are its one-sided 95 % limits.
        baseline: Mean loss the version was promoted with.
        excess_per_row: `loss` minus what the version is held to (`Baseline.promise`).
        excess_sum: That times the rows.
        accumulated_excess: Excess summed over the periods so far, never below 0 (a cumulative sum chart).
        by_group: The same for each value of each group column, the costliest first.
        without_loss: Rows whose loss is not a finite number; they are in none of the other figures.
        counts: Whether `excess_sum` is in `accumulated_excess`; not while the outcomes are suspected of a fault.
        own_rows: How many of the rows are of the period itself; of the others only the outcome arrived in it. None in
            reports written before this was known.
        group_minimum: Rows from which on a group has a loss of its own; 0 in reports written before this was asked.
        few: Whether so few rows tell less than half as exactly what the loss is as the baseline's told what to expect.
    """

    period: str
    version: str
    rows: int
    loss: float | None
    low: float | None
    high: float | None
    baseline: float | None
    excess_per_row: float | None
    excess_sum: float
    accumulated_excess: float
    by_group: tuple[GroupLoss, ...]
    outcome: Quality
    sentence: str
    without_loss: int = 0
    counts: bool = True
    own_rows: int | None = None
    few: bool = False
    group_minimum: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", Quality(self.outcome))

    @property
    def of_late_outcomes(self) -> bool:
        """Whether most of the rows are of earlier periods."""
        return self.own_rows is not None and 2 * self.own_rows < self.rows

    @property
    def held_to(self) -> float | None:
        """The mean loss from which on the excess counts; None where there is nothing to compare."""
        return None if self.loss is None or self.excess_per_row is None else self.loss - self.excess_per_row

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> PerformanceReport:
        """Read what `to_dict` wrote."""
        return cls(**{**record, "by_group": tuple(GroupLoss(**one) for one in record["by_group"])})


def baseline(losses: ArrayLike, time: ArrayLike) -> Baseline:
    """Mean loss with the band in which chance alone may move it, from the variance between days.

    How much days depend on one another is told by the days themselves (`long_run_variance.mean_error`). Rows of fewer
    than 5 days can only be taken as independent.

    Args:
        losses: Loss per row, shape (n,); rows without a finite loss are left out.
        time: When each row happened, shape (n,).

    >>> days = np.repeat(np.arange("2019-01-01", "2019-01-29", dtype="datetime64[D]"), 10)
    >>> found = baseline(np.tile([1.0, 2.0], 140) + np.arange(280) // 10 % 2, days)
    >>> found.mean, round(found.low, 3), round(found.high, 3), found.blocks
    (2.0, 1.833, 2.167, 28)
    """
    loss, at = _finite(losses, time)
    mean, row_error, units = _row_error(loss)
    found = _day_error(loss, at, None)
    if found is None:
        reach = _t(ALPHA, units - 1) * row_error
        return Baseline(mean, loss.size, mean - reach, mean + reach, "gate rows", units, _block_days(loss, at))
    days = _days(at)
    reach = _t(ALPHA * found.level_share, found.degrees) * found.error
    return Baseline(
        mean,
        loss.size,
        mean - reach,
        mean + reach,
        "gate rows",
        days,
        _block_days(loss, at),
        found.error * math.sqrt(days),
        found.ratio,
        found.degrees,
    )


@dataclass(frozen=True)
class ScoredLosses:
    """The rows of a report.

    Attributes:
        losses: Loss per row, shape (n,).
        time: When each row happened, shape (n,).
        groups: Per group column its value on each row, shape (n,), None where missing.
        group_minimum: Groups with fewer rows are only counted, so that no figure is about single persons; what they
            lost is told of them together where that is enough rows.
    """

    losses: ArrayLike
    time: ArrayLike
    groups: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    group_minimum: int = 0


def measure(
    period: str,
    version: str,
    rows: ScoredLosses,
    baseline: Baseline,
    accumulated_before: float,
    counts: bool = True,
) -> PerformanceReport:
    """Report the loss of the outcomes that arrived in a period, without a sentence yet.

    WARN when the loss's lower limit is above the baseline's upper one. The limits come from the period's own days, with
    the dependence between days that the baseline's told; below 5 days from how the baseline's days scattered.

    accumulated = max(0, accumulated_before + Σ (lossᵢ − promise)), the promise being the baseline's mean, or its upper
    limit where it rests on little.

    Args:
        period: Key of the period in which the outcomes arrived.
        version: Name of the version that scored the rows.
        rows: Their losses.
        baseline: What the version was promoted with.
        accumulated_before: `accumulated_excess` of the period before, 0 after a promotion.
        counts: Whether the period's excess is added to the accumulated one.

    Raises:
        DataError: A group column or the times are of another length than the losses.

    >>> promoted_with = Baseline(1.0, 5000, 0.9, 1.1, "gate", blocks=28, block_days=1, day_sd=0.5)
    >>> week = np.repeat(np.arange("2019-02-04", "2019-02-11", dtype="datetime64[D]"), 2)
    >>> report = measure("2019-02-04", "v1", ScoredLosses(np.tile([1.4, 1.6], 7), week), promoted_with, 3.0)
    >>> report.outcome, report.excess_sum, report.accumulated_excess
    (<Quality.WARN: 'warn'>, 7.0, 10.0)
    """
    loss, at = _finite(rows.losses, rows.time)
    mean, error, degrees = _period_error(loss, at, baseline)
    reach = _t(ALPHA, degrees) * error
    known = bool(loss.size) and math.isfinite(baseline.mean)
    excess = float((loss - baseline.promise).sum()) if known else 0.0
    outcome = _outcome(mean - reach, baseline)
    return PerformanceReport(
        period=period,
        version=version,
        rows=loss.size,
        loss=_known(mean),
        low=_known(mean - reach),
        high=_known(mean + reach),
        baseline=_known(baseline.mean),
        excess_per_row=excess / loss.size if known else None,
        excess_sum=excess,
        accumulated_excess=max(0.0, accumulated_before + excess) if counts else accumulated_before,
        by_group=tuple(_by_group(rows, baseline)),
        outcome=outcome,
        sentence="",
        without_loss=int(np.size(rows.losses)) - loss.size,
        counts=counts,
        few=bool(reach > 2 * (baseline.high - baseline.mean)),
        group_minimum=rows.group_minimum,
    )


def mean_limits(
    losses: ArrayLike, time: ArrayLike, baseline: Baseline
) -> tuple[float | None, float | None, float | None]:
    """Mean loss of some rows with its one-sided limits, by their days; None where not known.

    >>> day = np.repeat(np.arange("2019-02-04", "2019-02-11", dtype="datetime64[D]"), 2)
    >>> promoted_with = Baseline(1.0, 5000, 0.9, 1.1, "gate", blocks=28, block_days=1, day_sd=0.5)
    >>> mean_limits(np.tile([1.4, 1.6], 7), day, promoted_with)
    (1.5, 1.5, 1.5)
    """
    loss, at = _finite(losses, time)
    mean, error, degrees = _period_error(loss, at, baseline)
    reach = _t(ALPHA, degrees) * error
    return _known(mean), _known(mean - reach), _known(mean + reach)


def _outcome(low: float, baseline: Baseline) -> Quality:
    if low > baseline.high:
        return Quality.WARN
    return Quality.QUIET if low <= baseline.high else Quality.INSUFFICIENT  # NaN compares false both ways


def _by_group(rows: ScoredLosses, baseline: Baseline) -> list[GroupLoss]:
    loss, at = np.asarray(rows.losses, dtype=float), np.asarray(rows.time)
    known, found = np.isfinite(loss), []
    for name, values in rows.groups.items():
        parts = {value: part[known[part]] for value, part in _parts(name, values, loss.size)}
        small = {value: part for value, part in parts.items() if part.size < rows.group_minimum}
        told = {value: part for value, part in parts.items() if value not in small}
        if sum(part.size for part in small.values()) >= max(rows.group_minimum, 1):
            told[TOGETHER] = np.concatenate([*small.values()])
        found += [_group_loss(name, value, loss[part], at[part], baseline) for value, part in told.items()]
        found += [GroupLoss(name, value, part.size, None, None, None, 0.0) for value, part in small.items()]
    return sorted(found, key=lambda one: (one.loss is None, -one.excess_sum, one.group, one.value))


def _parts(name: str, values: NDArray[Any], rows: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
    if len(values) != rows:
        raise DataError(f"group column {name} has {len(values):,} values for {rows:,} losses. Join both by key first.")
    if not rows:
        return
    text = np.array([MISSING_GROUP if value is None or value != value else str(value) for value in values])
    names, code = np.unique(text, return_inverse=True)
    order = np.argsort(code, kind="stable")
    ends = np.cumsum(np.bincount(code))
    for value, part in zip(names, np.split(order, ends[:-1]), strict=True):
        yield str(value), part


def _group_loss(group: str, value: str, loss: Floats, at: NDArray[Any], baseline: Baseline) -> GroupLoss:
    mean, error, rows = _row_error(loss)
    degrees = rows - 1.0
    if (found := _day_error(loss, at, baseline._dependence)) is not None:
        error, degrees = found.error, found.degrees
    elif baseline.block_days:
        error = math.nan
    reach = _t(ALPHA, degrees) * error
    excess = float((loss - baseline.promise).sum())
    return GroupLoss(
        group=group,
        value=value,
        rows=loss.size,
        loss=_known(mean),
        low=_known(mean - reach),
        high=_known(mean + reach),
        excess_sum=excess if math.isfinite(excess) else 0.0,
    )


def _period_error(loss: Floats, at: NDArray[Any], baseline: Baseline) -> tuple[float, float, float]:
    """Mean loss, its standard error, and the degrees of freedom of the error."""
    mean, row_error, rows = _row_error(loss)
    found = _day_error(loss, at, baseline._dependence)
    if found is not None:
        return mean, found.error, found.degrees
    if baseline.block_days == 0 or not loss.size:
        return mean, row_error, rows - 1.0
    degrees = baseline.degrees if math.isfinite(baseline.degrees) else baseline.blocks - 1.0
    return mean, max(baseline.day_sd / math.sqrt(_days(at)), row_error), degrees


def _day_error(loss: Floats, at: NDArray[Any], known: Dependence | None) -> MeanError | None:
    """The error of the mean loss by its days; None below 5 of them."""
    if not loss.size:
        return None
    days, code = np.unique(np.asarray(at, dtype="datetime64[D]"), return_inverse=True)
    if days.size < FEWEST_DAYS:
        return None
    sums = DailySums(np.bincount(code, weights=loss).astype(float), np.bincount(code).astype(float))
    found = mean_error(sums, known, float(np.mean(loss**2)))
    return found if math.isfinite(found.error) else None


def _block_days(loss: Floats, at: NDArray[Any]) -> int:
    days = _days(at)
    if days < 2:
        return 0
    means = daily_means(loss, at)
    return min(block_length_days(means), max(1, means.size // FEWEST_BLOCKS))


def _row_error(loss: Floats) -> tuple[float, float, int]:
    if loss.size < 2:
        return (float(loss.mean()) if loss.size else math.nan), math.nan, loss.size
    return float(loss.mean()), float(loss.std(ddof=1)) / math.sqrt(loss.size), loss.size


def _t(alpha: float, degrees: float) -> float:
    return -float(special.stdtrit(degrees, alpha)) if degrees > 0 else math.nan


def _days(at: NDArray[Any]) -> int:
    return int(np.unique(np.asarray(at, dtype="datetime64[D]")).size)


def _finite(losses: ArrayLike, time: ArrayLike) -> tuple[Floats, NDArray[Any]]:
    loss, at = np.asarray(losses, dtype=float), np.asarray(time, dtype="datetime64[us]")
    if loss.shape != at.shape:
        raise DataError(f"{loss.size:,} losses but {at.size:,} times. Pass one of each per row.")
    known = np.isfinite(loss)
    return loss[known], at[known]


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
