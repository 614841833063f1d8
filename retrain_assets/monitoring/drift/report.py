"""Has a period moved away from the reference, in which column, by how much, and does it count?

Certainty comes from the periods (`period_test`), size from the distances, and a change counts when both are there. A
column warns once; it asks for a retrain when the same change comes again in the next period, or at once when chance is
all but ruled out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

import numpy as np

from retrain_assets.documents.units import SMALLEST_P, counted, rounded_p
from retrain_assets.errors import DataError
from retrain_assets.monitoring.drift.column_change import Measured, Sizes, change, label, measure
from retrain_assets.monitoring.drift.column_faults import BROKEN, TO_MEND, comparable_part, problems_of
from retrain_assets.monitoring.drift.day_permutation import Days, day_tests
from retrain_assets.monitoring.drift.period_tests import PeriodTest, all_tests, as_odd_before
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS
from retrain_assets.monitoring.drift.summaries import Summary
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import ColumnProblem, Kind, Profile
from retrain_assets.store import Json

MIN_NEW_SHARE = 0.005
"""Smallest share of rows without precedent that counts: in new categories, or without a value where the reference has
all; the model has learnt nothing about them."""

MIN_AUC_GAIN = 0.01
"""Smallest gain of AUC, over that of the reference periods, at which a joint change counts."""

MIN_SLOPE_SHIFT = 0.1
"""Smallest change of the slope of outcome against score that counts; a calibrated model has 1."""

FEW_ROWS = 30
"""Below so many rows of a period its quiet says little, and the report says so."""


class Drift(StrEnum):
    """What is said of a column; SMALL is a change that is certain but below the smallest that counts."""

    QUIET = "quiet"
    SMALL = "small"
    WARN = "warn"
    INSUFFICIENT = "insufficient"


_SEED = 0

_SERIES = {"out_of_range": MIN_NEW_SHARE, "slope": MIN_SLOPE_SHIFT}
"""Smallest change of numbers that are measured beside the columns."""

OUTCOME_ORDER = (Drift.WARN, Drift.SMALL, Drift.QUIET, Drift.INSUFFICIENT)
"""What a reader wants to see first."""


@dataclass(frozen=True)
class ColumnDrift:
    """One column of one period against the reference.

    Attributes:
        summary: The number that decided, such as "mean" or "share of 'AA'"; empty when nothing could be tested.
        p_value: Two-sided, adjusted for every test in the report; None when nothing could be tested.
        statistic: The t of that number, positive when it rose.
        psi: Population stability index in nats: over tenths of a numeric column and the two ends beyond its range,
            or the largest categories of another.
        jensen_shannon: Divergence in bits over the same bins.
        ks: Largest gap between the two distribution functions (numeric only).
        wasserstein: Mean distance moved, in reference standard deviations (numeric only).
        total_variation: Share of rows that would have to change their bin.
        missing_shift: Change in the share of rows without a usable value.
        new_share: Share of rows in categories that the reference does not have.
        confirmed: The column warned in the period before too, by the same number in the same direction.
        problem: What is broken about the column, as a short name; empty when nothing is.
        signals: Every number that counts, with its direction, such as "mean up", and the problem; what has to come
            again in the next period to confirm the warning.
    """

    column: str
    kind: Kind
    summary: str
    outcome: Drift
    p_value: float | None
    statistic: float | None
    psi: float | None
    jensen_shannon: float | None
    ks: float | None
    wasserstein: float | None
    total_variation: float | None
    missing_shift: float | None
    new_share: float
    confirmed: bool
    sentence: str
    problem: str = ""
    signals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", Drift(self.outcome))
        object.__setattr__(self, "signals", tuple(self.signals))

    @property
    def broken(self) -> bool:
        """Whether the column has lost its values or its kind, which chance cannot do and a repair mends."""
        return self.problem in TO_MEND and self.problem in self.signals

    @property
    def fault(self) -> str:
        """What is wrong with it, without its name and what else moved."""
        return self.sentence.removeprefix(f"{self.column}: ").partition("; ")[0]


@dataclass(frozen=True)
class DriftReport:
    """Every column of one period, those that matter first; `sentence` is the first line of its page.

    `triggers` says whether the drift asks for a retrain: a column is confirmed, or is certain at `immediate_alpha` by
    its own scatter alone, with nothing borrowed from the other columns, and by another number than a share of rows up
    to a point. `tests` says how many numbers were tested.
    """

    period: str
    rows: int
    reference_periods: int
    tests: int
    columns: tuple[ColumnDrift, ...]
    triggers: bool
    sentence: str

    @property
    def warned(self) -> tuple[str, ...]:
        """Columns that warn."""
        return tuple(column.column for column in self.columns if column.outcome is Drift.WARN)

    def to_dict(self) -> Json:
        """As plain JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> DriftReport:
        """Read what `to_dict` wrote."""
        return cls(**{**record, "columns": tuple(ColumnDrift(**column) for column in record["columns"])})


@dataclass(frozen=True)
class FurtherInputs:
    """What was measured of the periods besides their profiles.

    Attributes:
        series: Columns measured elsewhere, each value for the same reference periods, such as `joint_series`.
        days: Daily profiles of the same rows, asked when there are fewer than 4 reference periods.
    """

    series: Sequence[Measured] = ()
    days: Days | None = None


def drift(
    policy: DriftPolicy,
    reference: Mapping[str, Profile],
    current: Profile,
    period: str,
    previous: DriftReport | None,
    more: FurtherInputs | None = None,
) -> DriftReport:
    """Compare a period with the latest reference periods, column by column.

    Each column's few summaries are tested by the period t, and all p-values of the report are adjusted together by
    Holm, so that a quiet period warns with a probability of about `policy.alpha` however many columns there are. A
    period that is no odder than one of the reference does not warn unless its p-value is below `immediate_alpha`. With
    fewer than 4 reference periods days are shuffled between the periods, if `days` are given and independent enough;
    else every column is INSUFFICIENT.

    Args:
        policy: The level, and the smallest changes that count.
        reference: Profile of each reference period by its key; the latest `policy.reference_periods` are used.
        current: Profile of the period under test, with the same edges.
        period: Key of the period under test; a reference profile of that very key is left out.
        previous: The report of the period before, which can confirm a warning.
        more: What was measured besides the profiles.

    Raises:
        DataError: A reference profile has other edges than the current one.

    >>> import pyarrow as pa
    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> draw = np.random.default_rng(7).normal
    >>> months = {f"2018-{month:02}": pa.table({"fare": draw(10, 2, 500)}) for month in range(1, 13)}
    >>> edges = reference_edges(pa.concat_tables(months.values()), ["fare"], [])
    >>> reference = {month: profile(table, edges) for month, table in months.items()}
    >>> dear = profile(pa.table({"fare": draw(13, 2, 500)}), edges)
    >>> drift(DriftPolicy(), reference, dear, "2019-01", None).warned
    ('fare',)
    """
    used = _latest(policy, reference, current, period)
    problems = problems_of(used, current)
    columns_measured = (
        comparable_part(measure([*used, current], name), problems.get(name)) for name in current.columns
    )
    more = more or FurtherInputs()
    measured = [*columns_measured, *more.series]
    _require_as_long(more.series, len(used))
    outcomes = _judge(policy, measured, len(used), more.days)
    signals_before = {column.column: column.signals for column in previous.columns} if previous else {}
    columns = [
        _column(one, outcome, problems.get(one.name), signals_before.get(one.name, ()))
        for one, outcome in zip(measured, outcomes, strict=True)
    ]
    columns.sort(key=_rank)
    tests = sum(outcome.tests for outcome in outcomes)
    confirmed = any(column.confirmed for column in columns)
    triggers = confirmed or any(
        _at_once(policy, o, problems.get(m.name)) for m, o in zip(measured, outcomes, strict=True)
    )
    sentence = _headline(period, columns, len(used), tests, current.rows)
    return DriftReport(period, current.rows, len(used), tests, tuple(columns), triggers, sentence)


@dataclass(frozen=True)
class _Outcome:
    """What the tests say of one column: the summary that decides, with its t and adjusted p-value."""

    drift: Drift
    summary: Summary | None = None
    statistic: float | None = None
    p_value: float | None = None
    p_alone: float = 1.0
    tests: int = 0
    signals: tuple[str, ...] = ()
    precedents: int = 0


def _latest(policy: DriftPolicy, reference: Mapping[str, Profile], current: Profile, period: str) -> list[Profile]:
    usable = [key for key in sorted(reference) if key != period and reference[key].rows]
    used = [reference[key] for key in usable[-policy.reference_periods :]]
    for key, one in zip(usable[-policy.reference_periods :], used, strict=True):
        if one.edges != current.edges:
            raise DataError(f"the profiles of {key} and {period} have different edges. Use the same for both.")
    return used


def _require_as_long(series: Sequence[Measured], periods: int) -> None:
    for one in series:
        for summary in one.summaries:
            if summary.values.size != periods + 1:
                raise DataError(f"{one.name} has {summary.values.size - 1} reference values for {periods} periods.")


def _judge(policy: DriftPolicy, measured: Sequence[Measured], periods: int, days: Days | None) -> list[_Outcome]:
    """Test every summary of every column together, and take from each column what decides."""
    if periods < FEWEST_PERIODS:
        return _judge_by_days(policy, measured, days if periods else None)
    found = all_tests([one.summaries for one in measured])
    alarming = any(test.p_value < policy.alpha for tests in found for test in tests)
    precedents = as_odd_before([one.summaries for one in measured]) if alarming else 0
    return [_decide(policy, one, tests, precedents) for one, tests in zip(measured, found, strict=True)]


def _judge_by_days(policy: DriftPolicy, measured: Sequence[Measured], days: Days | None) -> list[_Outcome]:
    """Let the days decide where there are too few periods; what they cannot tell is insufficient."""
    if days is None:
        return [_Outcome(Drift.INSUFFICIENT)] * len(measured)
    profiled = [one.name for one in measured if not one.name.startswith("(")]
    found = dict(zip(profiled, day_tests(days, profiled, policy.alpha, _SEED), strict=True))
    return [_decide(policy, one, _in_words(one, found.get(one.name, [])), 0) for one in measured]


def _in_words(one: Measured, tests: Sequence[PeriodTest]) -> list[PeriodTest]:
    """The same tests about the whole periods' numbers, which the reader is to see."""
    whole = {(summary.what, summary.at): summary for summary in one.summaries}
    return [replace(test, summary=whole.get((test.summary.what, test.summary.at), test.summary)) for test in tests]


def _decide(policy: DriftPolicy, one: Measured, tests: Sequence[PeriodTest], precedents: int) -> _Outcome:
    if not tests:
        untested = any(summary.varies for summary in one.summaries) or not one.summaries
        return _Outcome(Drift.INSUFFICIENT if untested else Drift.QUIET)
    unlikely = [test for test in tests if test.p_value < policy.alpha]
    certain = [test for test in unlikely if not precedents or test.p_value < policy.immediate_alpha]
    counting = [test for test in certain if _counts(policy, one.sizes, test.summary)]
    said = Drift.WARN if counting else Drift.SMALL if certain else Drift.QUIET
    top = min(counting or certain or tests, key=_telling)
    return _Outcome(
        said,
        top.summary,
        statistic=float(np.clip(top.statistic, -1e9, 1e9)),
        p_value=top.p_value,
        p_alone=min((test.p_alone for test in counting if test.summary.what != _JUMPS), default=1.0),
        tests=len(tests),
        precedents=precedents if unlikely and not certain else 0,
        signals=tuple(f"{label(test.summary)} {'up' if test.statistic > 0 else 'down'}" for test in counting),
    )


def _telling(test: PeriodTest) -> tuple[float, bool, float]:
    """Order of summaries by certainty; where several are beyond doubt the mean says it best, then the largest t."""
    return max(test.p_value, SMALLEST_P), test.summary.what != "mean", -abs(test.statistic)


def _counts(policy: DriftPolicy, sizes: Sizes, summary: Summary) -> bool:
    """Whether the change is at least the smallest that the policy cares about."""
    moved = sizes.total_variation is not None and sizes.total_variation >= policy.min_share_shift
    if summary.what == "missing":
        least = min(policy.min_missing_shift, MIN_NEW_SHARE) if summary.before == 0 else policy.min_missing_shift
        return sizes.missing_shift is not None and abs(sizes.missing_shift) >= least
    if summary.what in _SERIES:
        return abs(summary.after - summary.before) >= _SERIES[summary.what]
    if summary.what == "gap":
        return abs(float(summary.values[-1] - np.nanmean(summary.values[:-1]))) >= policy.min_mean_shift
    if summary.what == "joint":
        return summary.after - summary.before >= MIN_AUC_GAIN
    if summary.what == "unseen":
        return sizes.new_share >= MIN_NEW_SHARE
    if summary.what in ("share", "rest") or sizes.wasserstein is None:
        return moved
    return sizes.wasserstein >= policy.min_mean_shift


_JUMPS = "share_up_to"
"""The kind of number that never triggers by one period. When a very common value crosses the point, such as the zero
of a column that is mostly zero, all its rows change sides, and no scatter of the periods before told of such a leap."""


def _column(one: Measured, outcome: _Outcome, problem: ColumnProblem | None, before: Sequence[str]) -> ColumnDrift:
    news = problem if problem is not None and problem.news else None
    said = Drift.WARN if news is not None and news.kind in BROKEN else outcome.drift
    signals = (*outcome.signals, news.kind) if news is not None and said is Drift.WARN else outcome.signals
    return ColumnDrift(
        column=one.name,
        kind=one.kind,
        summary=label(outcome.summary) if outcome.summary else "",
        outcome=said,
        p_value=outcome.p_value,
        statistic=outcome.statistic,
        confirmed=bool(set(signals) & set(before)),
        sentence=_sentence(one, said, outcome, problem),
        problem=problem.kind if problem else "",
        signals=signals,
        **vars(one.sizes),
    )


def _at_once(policy: DriftPolicy, outcome: _Outcome, problem: ColumnProblem | None) -> bool:
    """Whether one period is enough: certain without anything borrowed, and not broken, for that asks for a repair."""
    healthy = problem is None or not problem.news
    return outcome.drift is Drift.WARN and outcome.p_alone < policy.immediate_alpha and healthy


def _rank(column: ColumnDrift) -> tuple[int, bool, bool, float, str]:
    p = column.p_value if column.p_value is not None else 2.0
    return OUTCOME_ORDER.index(column.outcome), not column.confirmed, not column.problem, p, column.column


def _sentence(one: Measured, said: Drift, outcome: _Outcome, problem: ColumnProblem | None) -> str:
    if said is Drift.INSUFFICIENT and problem is None:
        return f"{one.name}: too few periods to compare with"
    parts = [problem.sentence] if problem else []
    if outcome.summary is not None and outcome.p_value is not None and (said is not Drift.QUIET or problem is None):
        parts.append(f"{change(one, outcome.summary)} (p {rounded_p(outcome.p_value)})")
    if said is Drift.SMALL:
        parts.append("too small to count")
    if outcome.precedents and said is Drift.QUIET:
        parts.append(f"but {outcome.precedents} of the reference periods stood out as much")
    return f"{one.name}: {'; '.join(parts) or 'the same in every period'}"


def _headline(period: str, columns: Sequence[ColumnDrift], periods: int, tests: int, rows: int) -> str:
    warned = [column for column in columns if column.outcome is Drift.WARN]
    against = f"{tests} tests against {periods} reference periods"
    if warned:
        confirmed = sum(column.confirmed for column in warned)
        running = f", {confirmed} as in the period before" if confirmed else ""
        more = f"; and {len(warned) - 3} more" if len(warned) > 3 else ""
        return f"{period}: {len(warned)} of {len(columns)} columns drifted{running}. {_joined(warned[:3])}{more}."
    if periods < FEWEST_PERIODS and tests:
        return f"{period}: no drift in {len(columns)} columns ({tests} tests of shuffled days)."
    if periods < FEWEST_PERIODS:
        few = counted(periods, "reference period")
        return f"{period}: drift cannot be told from {few}, {FEWEST_PERIODS} are needed."
    if not tests:
        return f"{period}: drift cannot be told, no column has values to compare."
    few = f" Only {counted(rows, 'row')}: nothing but a large change could show." if rows < FEW_ROWS else ""
    return f"{period}: no drift in {len(columns)} columns ({against}).{few}"


def _joined(columns: Iterable[ColumnDrift]) -> str:
    return "; ".join(column.sentence for column in columns)
