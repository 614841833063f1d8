"""Which reference periods a period is compared with: the latest ones, or those of the same season."""

from __future__ import annotations

from collections.abc import Collection

from retrain_assets.documents.units import counted
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.periods import Calendar, Every

_STRIDES: dict[Every, tuple[int, int, int]] = {
    "hour": (364 * 24, 7 * 24, 2),
    "day": (364, 7, 2),
    "week": (52, 1, 2),
    "month": (12, 1, 1),
    "quarter": (4, 1, 1),
    "year": (1, 1, 0),
}
"""Per calendar: periods in a year of whole weeks, the step to a neighbour of the same weekday and hour, and neighbours
on either side."""

YEARS = 5
"""Years back that are looked at."""


def comparable(policy: DriftPolicy, calendar: Calendar, known: Collection[str], period: str) -> list[str]:
    """Keys of the reference periods, oldest first, at most `policy.reference_periods`, the nearest in time.

    With `reference: same_season`, months and quarters are compared with the same one of earlier years and its
    neighbours, weeks with the five weeks around the same one, days and hours with the same weekday (and hour) in the
    five weeks around. The period itself and what comes after it never counts.

    >>> months = Calendar(every="month", start="2017-01-01")
    >>> keys = months.between("2017-01", "2019-06")
    >>> comparable(DriftPolicy(reference="same_season"), months, keys, "2019-06")
    ['2017-05', '2017-06', '2017-07', '2018-05', '2018-06', '2018-07']
    >>> comparable(DriftPolicy(reference_periods=4), months, keys, "2019-06")
    ['2019-02', '2019-03', '2019-04', '2019-05']
    """
    earlier = sorted(key for key in known if key < period)
    if policy.reference == "same_season":
        season = {calendar.shift(period, back) for back in season_shifts(calendar)}
        earlier = [key for key in earlier if key in season]
    return earlier[-policy.reference_periods :]


def reference_words(policy: DriftPolicy, calendar: Calendar, used: int, version: str, trained_on: int) -> str:
    """Which periods the reference is, for a reader.

    Args:
        policy: Whether the season counts.
        calendar: Its name of a period.
        used: Reference periods.
        version: Whose reference it is.
        trained_on: Periods that trained the version; 0 where that is not known.

    >>> months = Calendar(every="month", start="2017-01-01")
    >>> reference_words(DriftPolicy(), months, 12, "v3", 21), reference_words(DriftPolicy(), months, 6, "v1", 6)
    ('the latest 12 of the 21 months that v3 was trained on', 'the 6 months that v1 was trained on')
    >>> reference_words(DriftPolicy(reference="same_season"), months, 6, "v3", 24)
    '6 months of the same season in earlier years, of those that v3 was trained on'
    >>> reference_words(DriftPolicy(), months, 12, "v3", 0)
    'the latest 12 months of the reference that v3 came with'
    """
    periods = counted(used, calendar.every)
    if policy.reference == "same_season":
        return f"{periods} of the same season in earlier years, of those that {version} was trained on"
    if trained_on > used:
        return f"the latest {used} of the {counted(trained_on, calendar.every)} that {version} was trained on"
    if trained_on == used:
        return f"the {periods} that {version} was trained on"
    return f"the latest {periods} of the reference that {version} came with"


def season_shifts(calendar: Calendar) -> list[int]:
    """By how many periods each comparable one lies back, as negative numbers."""
    year, step, neighbours = _STRIDES[calendar.every]
    return [-year * ago + step * n for ago in range(1, YEARS + 1) for n in range(-neighbours, neighbours + 1)]


def kept_periods(policy: DriftPolicy, calendar: Calendar) -> int:
    """How many of the latest periods a new version has to remember, so that its reference can be found for a year.

    >>> kept_periods(DriftPolicy(reference="same_season"), Calendar(every="month", start="2017-01-01"))
    25
    """
    if policy.reference == "recent":
        return policy.reference_periods
    year, step, neighbours = _STRIDES[calendar.every]
    years = -(-policy.reference_periods // (2 * neighbours + 1)) if neighbours else policy.reference_periods
    return min(years, 2) * year + step * neighbours
