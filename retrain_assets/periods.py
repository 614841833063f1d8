"""The calendar of a model: period keys, their bounds and arithmetic on them, and lengths of time.

Period keys are the strings that Dagster shows as partition keys; they sort by time. Times are wall-clock times without
a zone: a source that carries a zone is converted when it is read.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationInfo, field_validator
from pydantic_core import CoreSchema, core_schema

Bounds = tuple[datetime, datetime]
"""A stretch of time: its first moment, and the first moment after it."""

Every = Literal["hour", "day", "week", "month", "quarter", "year"]

_MONDAY = datetime(1970, 1, 5)
_LENGTH = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_FORMAT = {
    "hour": "%Y-%m-%d-%H:%M",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m",
    "quarter": "%Y-%m",
    "year": "%Y",
}
_CRON = {
    "hour": "0 * * * *",
    "day": "0 0 * * *",
    "week": "0 0 * * 1",
    "month": "0 0 1 * *",
    "quarter": "0 0 1 */3 *",
    "year": "0 0 1 1 *",
}
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_INSTANT = timedelta(microseconds=1)
_SECONDS_PER_YEAR = 365.25 * 86_400
MOST_YEARS, MOST_PERIODS = 100, 900_000
"""The longest length that a spec may name."""
FIRST_YEAR, LAST_YEAR = 1900, 2200
"""The years in which a calendar may begin and end."""
PERIODS_PER_YEAR = {"hour": 8766, "day": 365, "week": 52, "month": 12, "quarter": 4, "year": 1}


class Calendar(BaseModel):
    """Periods of one length from `start` up to, not including, `end` (open when None). Weeks begin on Monday.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> months.key(datetime(2019, 2, 14)), months.shift("2019-02", -3)
    ('2019-02', '2018-11')
    >>> months.bounds("2019-02")
    (datetime.datetime(2019, 2, 1, 0, 0), datetime.datetime(2019, 3, 1, 0, 0))
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    every: Every
    start: datetime
    end: datetime | None = None

    @field_validator("start", "end", mode="before")
    @classmethod
    def _from_date(cls, value: object) -> object:
        return str(value) if value is not None else None

    @field_validator("start", "end")
    @classmethod
    def _without_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is not None:
            raise ValueError(f"{value.isoformat()} has a zone: write the time in UTC and without it, like 2024-01-01")
        return value

    @field_validator("start", "end")
    @classmethod
    def _of_our_time(cls, value: datetime | None) -> datetime | None:
        if value is not None and not FIRST_YEAR <= value.year <= LAST_YEAR:
            raise ValueError(
                f"{value:%Y-%m-%d} lies outside {FIRST_YEAR} to {LAST_YEAR}. Write the day from which there are rows, "
                "like 2024-01-01"
            )
        return value

    @field_validator("end")
    @classmethod
    def _after_its_start(cls, end: datetime | None, read: ValidationInfo) -> datetime | None:
        start = read.data.get("start")
        if end is not None and start is not None and not end > start:
            raise ValueError(
                f"{end:%Y-%m-%d} is not after period.start, {start:%Y-%m-%d}. Take `end` out while rows still come"
            )
        return end

    @property
    def format(self) -> str:
        """Strftime format of a period key."""
        return _FORMAT[self.every]

    @property
    def cron(self) -> str:
        """Cron expression of the instants at which periods begin."""
        return _CRON[self.every]

    @property
    def per_year(self) -> int:
        """Periods in a year."""
        return PERIODS_PER_YEAR[self.every]

    def _index(self, moment: datetime) -> int:
        if self.every in _LENGTH:
            return (moment - _MONDAY) // _LENGTH[self.every]
        return (moment.year * 12 + moment.month - 1) // _MONTHS[self.every]

    def _start(self, index: int) -> datetime:
        if self.every in _LENGTH:
            return _MONDAY + index * _LENGTH[self.every]
        year, month = divmod(index * _MONTHS[self.every], 12)
        return datetime(year, month + 1, 1)

    def key(self, moment: datetime) -> str:
        """The period that holds a moment."""
        return self._start(self._index(moment)).strftime(self.format)

    def _parse(self, key: str) -> int:
        try:
            start = _read(key, self.format)
        except ValueError:
            raise ValueError(
                f"period {key!r} is not one of this model's: expected a {self.every} like {self.first!r}"
            ) from None
        if self.key(start) != key:
            raise ValueError(f"period {key!r} does not begin a {self.every}; {self.key(start)!r} does")
        return self._index(start)

    def bounds(self, key: str) -> Bounds:
        """Start (included) and end (excluded) of a period."""
        index = self._parse(key)
        return self._start(index), self._start(index + 1)

    def words(self, key: str) -> str:
        """A period as a person says it.

        >>> Calendar(every="month", start="2018-01-01").words("2019-02")
        'February 2019'
        >>> Calendar(every="week", start="2018-01-01").words("2019-02-04")
        'the week of 4 February 2019'
        """
        start = self.bounds(key)[0]
        if self.every == "year":
            return f"{start:%Y}"
        if self.every == "quarter":
            return f"Q{(start.month + 2) // 3} {start:%Y}"
        if self.every == "month":
            return f"{start:%B %Y}"
        day = f"{start.day} {start:%B %Y}"
        return {"week": f"the week of {day}", "day": day}.get(self.every, f"{day}, {start:%H:%M}")

    def during(self, key: str) -> str:
        """When something of a period happened: `in February 2019`, `on 4 February 2019`."""
        return f"{'on' if self.every in ('day', 'hour') else 'in'} {self.words(key)}"

    def dated(self, key: str, written: str = "") -> str:
        """As of which period something is, and on which day it was written where that is known.

        >>> Calendar(every="month", start="2018-01-01").dated("2019-02", "2019-03-02")
        'As of February 2019, which ended on 2019-03-01; written on 2019-03-02.'
        """
        said = f"As of {self.words(key)}, which ended on {self.decided_on(key)}"
        return f"{said}; written on {written}." if written else f"{said}."

    def decided_on(self, key: str) -> str:
        """The day on which a period is decided: its end, with the time where that is not midnight.

        >>> Calendar(every="month", start="2018-01-01").decided_on("2019-02")
        '2019-03-01'
        """
        return f"{self.bounds(key)[1]:%Y-%m-%d %H:%M}".removesuffix(" 00:00")

    def shift(self, key: str, periods: int) -> str:
        """The period that many steps later (earlier when negative)."""
        return self._start(self._parse(key) + periods).strftime(self.format)

    def distance(self, earlier: str, later: str) -> int:
        """How many steps from one period to a later one."""
        return self._parse(later) - self._parse(earlier)

    def between(self, first: str, last: str) -> list[str]:
        """Every period from first to last, both included; empty when last precedes first."""
        begin, end = self._parse(first), self._parse(last)
        return [self._start(index).strftime(self.format) for index in range(begin, end + 1)]

    @property
    def first(self) -> str:
        """The first period."""
        return self.key(self.start)

    def ended_by(self, moment: datetime) -> list[str]:
        """Every period that has ended by a moment, in order.

        >>> Calendar(every="year", start="2015-01-01", end="2019-01-01").ended_by(datetime(2017, 6, 1))
        ['2015', '2016']
        """
        limit = min(moment, self.end) if self.end else moment
        last = self.shift(self.key(limit), -1)
        return self.between(self.first, last) if last >= self.first else []


@lru_cache(maxsize=1 << 14)
def _read(key: str, form: str) -> datetime:
    """The moment that a key names; kept, for a replay asks for the same few periods many thousand times."""
    return datetime.strptime(key, form)


@dataclass(frozen=True)
class Length:
    """A length of time, like `13w`, that means the same under every calendar.

    Specs of earlier releases count their calendar's periods instead (`recent_periods: 3`); such a length goes by whole
    periods. Exactly one of the two is given.

    >>> Length.parse("2w"), str(Length.parse("36h")), str(Length(periods=3))
    (Length(time=datetime.timedelta(days=14), periods=None), '36h', '3 periods')
    """

    time: timedelta | None = None
    periods: float | None = None

    def __post_init__(self) -> None:
        """Refuse both or neither."""
        if (self.time is None) == (self.periods is None):
            raise ValueError("a length is an amount of time or a number of periods")
        if (self.periods or 0) > MOST_PERIODS:
            raise ValueError(f"{self.periods:g} periods are more than {MOST_PERIODS:,}. Write how many you mean")

    @classmethod
    def parse(cls, value: object) -> Length:
        """Read a length as a spec writes it.

        Raises:
            ValueError: It is none.
        """
        if isinstance(value, Length):
            return value
        if isinstance(value, timedelta):
            return cls(value)
        if match := re.fullmatch(r"(\d+)([mhdw])", str(value)):
            if float(match[1]) * _UNITS[match[2]].total_seconds() > MOST_YEARS * _SECONDS_PER_YEAR:
                raise ValueError(f"{value} is longer than {MOST_YEARS} years. Write a length that you mean")
            return cls(int(match[1]) * _UNITS[match[2]])
        if match := re.fullmatch(r"(\d+(?:\.\d+)?) periods", str(value)):
            return cls(periods=float(match[1]))
        raise ValueError(f"{value!r} is no length of time: write a number and m, h, d or w, like 36h or 13w")

    def __str__(self) -> str:
        if self.time is None:
            return f"{self.periods:g} periods"
        unit = next(unit for unit in ("w", "d", "h", "m") if not self.time % _UNITS[unit] or unit == "m")
        return f"{self.time // _UNITS[unit]}{unit}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let policies declare lengths as fields; a dumped one reads like the spec."""
        written = core_schema.plain_serializer_function_ser_schema(str)
        return core_schema.no_info_plain_validator_function(cls.parse, serialization=written)

    @property
    def positive(self) -> bool:
        """Whether it is longer than nothing."""
        return (self.time or timedelta(0)) > timedelta(0) or (self.periods or 0) > 0

    def start(self, calendar: Calendar, end: datetime) -> datetime:
        """The first moment of a window of this length that ends at a moment, not before the calendar's first period.

        Of a length in periods the last one is the period that holds the last instant before the end.

        >>> months = Calendar(every="month", start="2018-01-01")
        >>> [Length.parse(text).start(months, datetime(2019, 3, 31)).isoformat()[:10] for text in ("2w", "2 periods")]
        ['2019-03-17', '2019-02-01']
        """
        first = calendar.bounds(calendar.first)[0]
        if self.time is not None:
            return max(end - self.time, min(first, end))
        last, steps = calendar.key(end - _INSTANT), math.ceil(self.periods or 0) - 1
        if steps >= calendar.distance(calendar.first, last):
            return first
        return calendar.bounds(calendar.shift(last, -steps))[0]

    def first_after(self, calendar: Calendar, period: str) -> str:
        """The first period that may act again when this length must pass after the end of an earlier one.

        >>> weeks = Calendar(every="week", start="2024-01-01")
        >>> [Length.parse(text).first_after(weeks, "2024-01-01") for text in ("0w", "2w", "2 periods")]
        ['2024-01-08', '2024-01-15', '2024-01-22']
        """
        if self.time is None:
            return calendar.shift(period, math.ceil(self.periods or 0) + 1)
        until = calendar.bounds(period)[1] + self.time
        return max(calendar.key(until - _INSTANT), calendar.shift(period, 1))

    def in_periods(self, calendar: Calendar) -> float:
        """How many mean periods of a calendar it is; a month is a twelfth of 365.25 days.

        >>> Length.parse("26w").in_periods(Calendar(every="week", start="2024-01-01"))
        25.911019849418206
        """
        if self.time is None:
            return float(self.periods or 0)
        return self.time.total_seconds() * calendar.per_year / _SECONDS_PER_YEAR
