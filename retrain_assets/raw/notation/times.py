"""Times as a source writes them, as wall clock without a zone: which forms are read, and which have two readings.

A time with a zone is converted to UTC. ISO 8601 is read at once, and of the other common forms those that have one
reading: a day that cannot be a month decides for its whole column, a month's name for itself, and a number by its size
(a date like 20230214, seconds or smaller units since 1970, or a day of Excel's). `time_format` decides the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.periods import Bounds
from retrain_assets.raw.notation.values import is_text
from retrain_assets.raw.policy import DAY_FIRST, MONTH_FIRST

NAIVE = pa.timestamp("us")
"""The type of every time: wall clock, without a zone."""

_UTC = pa.timestamp("us", "UTC")
_TRIPLE = r"^(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})[/.-](?P<third>\d{4}|\d{2})\b"
_NAMED = [
    f"{day}{clock}"
    for day in (
        *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d.%b.%Y"),
        *("%b %Y", "%B %Y", "%b-%Y", "%Y %b", "%Y-%b-%d"),
    )
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
]
_TWELVE_HOURS = [f"%Y-%m-%d {clock}" for clock in ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p", "%I %p")]
_MONTHS = (
    ("januar", "janvier", "enero"),
    ("februar", "février", "fevrier", "febrero"),
    ("märz", "maerz", "mars", "marzo"),
    ("avril", "abril"),
    ("mai", "mayo"),
    ("juni", "juin", "junio"),
    ("juli", "juillet", "julio"),
    ("août", "aout", "agosto"),
    ("septembre", "septiembre"),
    ("oktober", "octobre", "octubre"),
    ("novembre", "noviembre"),
    ("dezember", "décembre", "decembre", "diciembre"),
)
_MONTH_NUMBERS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names}
_SPOKEN = re.compile(r"(\d{1,2})(?:er|st|nd|rd|th)?\.?(?: de)? ([^\W\d]+)\.?(?: de)? (\d{4})\b(.*)")
_NUMBER = r"^\d+(\.\d+)?$"
_EXCEL_BEGINS = np.datetime64("1899-12-30", "us")
_EXCEL_DAYS = (36_526, 73_050)
_EPOCH_SECONDS = (631_152_000, 4_102_444_800)
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)


@dataclass(frozen=True)
class Order:
    """Which of day, month and year stands first where all are numbers; `form` is a declared pattern of strptime."""

    first: Literal["day", "month", "year"] = "day"
    form: str | None = None


def declared_order(time_format: str | None) -> Order | None:
    """The order that `time_format` declares; None without one.

    >>> declared_order("month-first"), declared_order("%d/%m/%y")
    (Order(first='month', form=None), Order(first='day', form='%d/%m/%y'))
    """
    if time_format is None:
        return None
    return Order("month" if time_format == MONTH_FIRST else "day", time_format if "%" in time_format else None)


def order_of(text: pa.ChunkedArray | pa.Array, where: str) -> Order:
    """Which of day and month stands first in a column of times.

    Dots stand between day, month and year in that order (DIN 1355); with other signs a number above 12 decides. A year
    of two digits stands last, unless the first number is above 31, or the last one is what changes from row to row.

    Raises:
        TwoReadings: Nothing decides, or one value decides for the one and another for the other.

    >>> order_of(pa.array(["03/14/2023", "03/01/2023"]), "rides.csv")
    Order(first='month', form=None)
    """
    parts = pc.extract_regex(pc.utf8_trim_whitespace(text), _TRIPLE).drop_null()
    if not len(parts):
        return Order()
    parts = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
    first, second, third = (parts.field(name).cast(pa.int16()) for name in ("first", "second", "third"))
    dotted = pc.all(pc.equal(parts.field("sign"), ".")).as_py()
    if pc.max(first).as_py() > 31 or (not dotted and _year_first(first, second, third)):
        return Order("year")
    above = [bool(pc.any(pc.greater(column, 12)).as_py()) for column in (first, second)]
    at = pc.index(pc.not_equal(first, second), True).as_py()
    if not dotted and _year_first(third, second, first) is None:
        one, sign, other, year = (parts.field(name)[0].as_py() for name in ("first", "sign", "second", "third"))
        raise TwoReadings(
            f"{where}: {one}{sign}{other}{sign}{year} is 20{year}-{other}-{one} or 20{one}-{other}-{year}, and no "
            f'other time decides: write time_format: {DAY_FIRST} or time_format: "%y{sign}%m{sign}%d" beside the path'
        )
    if above == [True, True]:
        raise TwoReadings(
            f"{where}: some times have the day first and others the month. Write them like 2019-02-14, or their form "
            "as time_format beside the path."
        )
    if any(above) or at < 0 or dotted:
        return Order("month" if above[1] else "day")
    one, sign, other, year = (parts.field(name)[at].as_py() for name in ("first", "sign", "second", "third"))
    full = year if len(year) == 4 else f"20{year}"
    raise TwoReadings(
        f"{where}: {one}{sign}{other}{sign}{year} is {full}-{int(other):02}-{int(one):02} or "
        f"{full}-{int(one):02}-{int(other):02}, and no other time decides: write time_format: {DAY_FIRST} or "
        f"time_format: {MONTH_FIRST} beside the path"
    )


def _year_first(first: pa.Array, second: pa.Array, third: pa.Array) -> bool | None:
    """Whether numbers like 23-01-05 begin with the year, which changes least from row to row; None if nothing tells."""
    days = all(12 < pc.max(one).as_py() <= 31 and pc.min(one).as_py() > 12 for one in (first, third))
    may_be = pc.max(second).as_py() <= 12 and pc.min(first).as_py() > 12 and 12 < pc.max(third).as_py() <= 31
    if not may_be or pc.max(first).as_py() > 31:
        return False
    changes = len(pc.unique(first)) - len(pc.unique(third))
    return None if days and not changes else changes < 0


def at_once(text: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """A column of nothing but ISO 8601, all with a zone or all without; None for any other."""
    for kind in (NAIVE, _UTC):
        try:
            times = text.cast(kind)
        except pa.ArrowInvalid:
            continue
        return pc.local_timestamp(times) if kind == _UTC else times
    return None


def as_times(text: pa.ChunkedArray, order: Order, where: str, rows_before: int = 0) -> pa.ChunkedArray:
    """Times written as text; null where a text is empty or no time.

    Args:
        text: Of the column.
        order: Of day and month in the whole column.
        where: The file, for messages.
        rows_before: Rows of the file read earlier, for messages.

    Raises:
        SourceError: None of the texts is a time.

    >>> as_times(pa.chunked_array([["14.02.2023 9:30", "20230215", ""]]), Order(), "rides.csv").to_pylist()
    [datetime.datetime(2023, 2, 14, 9, 30), datetime.datetime(2023, 2, 15, 0, 0), None]
    """
    quick = at_once(text) if order.form is None else None
    if quick is not None:
        return quick
    written = pc.utf8_trim_whitespace(text.combine_chunks() if text.num_chunks != 1 else text.chunk(0))
    written = pc.if_else(pc.equal(written, ""), pa.scalar(None, pa.string()), written)
    times = _in_form(written, order.form) if order.form else _read(written, order)
    if times.null_count == len(times) > written.null_count:
        at = pc.index(written.is_valid(), True).as_py()
        raise SourceError(
            f"{where}: data row {rows_before + at + 1}: {written[at].as_py()!r} is no time. Write times like "
            "2019-02-14 08:30:00, or their form as time_format beside the path."
        )
    return pa.chunked_array([times])


def unreadable(text: pa.ChunkedArray, times: pa.ChunkedArray) -> pa.Array:
    """Which texts are there and are no time."""
    there = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(text)), 0)
    return pc.and_(pc.fill_null(there, False), times.is_null()).combine_chunks()


def _in_form(text: pa.Array, form: str) -> pa.Array:
    return pc.strptime(text, format=form, unit="us", error_is_null=True)


def _read(written: pa.Array, order: Order) -> pa.Array:
    """Times of texts in any form that is read, each form of the whole column first."""
    numbers = _numbers(written)
    if numbers is not None:
        return numbers
    plain = _iso(written, order)
    quick = at_once(pa.chunked_array([plain]))
    if quick is not None:
        return quick.combine_chunks()
    known = {value: _moment(value) for value in pc.unique(plain.drop_null()).to_pylist()}
    return pa.array([known.get(value) for value in plain.to_pylist()], NAIVE)


def _numbers(text: pa.Array) -> pa.Array | None:
    """Times of a column of nothing but numbers whose size tells their unit; None for any other."""
    if text.null_count == len(text) or not pc.all(pc.match_substring_regex(text, _NUMBER)).as_py():
        return None
    moments = moments_of(text.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if np.isnat(moments).sum() > text.null_count:
        return None
    return pa.array(moments, NAIVE)


def moments_of(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.datetime64]:
    """Times that numbers stand for by their size; NaT for what is none.

    Seconds since 1970 in the years 1990 to 2100, or thousandths, millionths, billionths of them; days of Excel's
    calendar in the years 2000 to 2100.

    >>> moments_of(np.array([1676332800.0, 1676332800000.0, 44971.0, 7.0]))[:3].astype("datetime64[D]").astype(str)
    array(['2023-02-14', '2023-02-14', '2023-02-14'], dtype='<U28')
    """
    moments = np.full(len(numbers), np.datetime64("NaT"), dtype="datetime64[us]")
    with np.errstate(invalid="ignore"):
        for unit in _UNITS:
            fits = (numbers >= _EPOCH_SECONDS[0] * unit) & (numbers < _EPOCH_SECONDS[1] * unit)
            micros = np.round(numbers[fits] * (1e6 / unit)).astype(np.int64)
            moments[fits] = micros.astype("datetime64[us]")
        fits = (numbers >= _EXCEL_DAYS[0]) & (numbers < _EXCEL_DAYS[1])
    moments[fits] = _EXCEL_BEGINS + np.round(numbers[fits] * 86_400).astype(np.int64).astype("timedelta64[s]")
    return moments


def wall_clock(column: pa.ChunkedArray, where: str, declared: Order | None = None) -> pa.ChunkedArray:
    """Times of any type as timestamp[us] without a zone; those with a zone are converted to UTC.

    Raises:
        SourceError: The column is no time, or holds text none of which is.

    >>> wall_clock(pa.chunked_array([["2019-06-01T02:00:00+02:00"]]), "rides.csv")[0].as_py()
    datetime.datetime(2019, 6, 1, 0, 0)
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return wall_clock(column.cast(kind.value_type), where, declared)
    if is_text(kind):
        text = column.cast(pa.string())
        quick = at_once(text) if declared is None else None
        return as_times(text, declared or order_of(text, where), where) if quick is None else quick
    if pa.types.is_timestamp(kind):
        aware = column.cast(_UTC if kind.tz else NAIVE, safe=False)
        return pc.local_timestamp(aware) if kind.tz else aware
    if pa.types.is_date(kind) or pa.types.is_null(kind):
        return column.cast(NAIVE)
    if pa.types.is_integer(kind):
        return as_times(column.cast(pa.string()), Order(), where)
    if pa.types.is_floating(kind) and (moments := _of_floats(column)) is not None:
        return moments
    raise SourceError(f"{where}: the time column is {kind}, no time. Store it as a timestamp or a date.")


def _of_floats(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Times of floating-point numbers, which a blank among whole ones makes of them; None where they are none."""
    values = column.cast(pa.float64()).combine_chunks().to_numpy(zero_copy_only=False)
    if not len(values):
        return pa.chunked_array([], NAIVE)
    known = values[np.isfinite(values)]
    if len(known) and (known == np.floor(known)).all() and ((known > 1.8e7) & (known < 2.2e7)).all():
        whole = pa.array([None if not np.isfinite(one) else f"{one:.0f}" for one in values], pa.string())
        return as_times(pa.chunked_array([whole]), Order(), "")
    moments = moments_of(values)
    return None if np.isnat(moments).sum() > len(values) - len(known) else pa.chunked_array([pa.array(moments, NAIVE)])


def _iso(text: pa.Array, order: Order) -> pa.Array:
    """The same times in ISO 8601 where only their order, their signs or their leading zeros differ from it."""
    day, month = (r"\1", r"\2") if order.first == "day" else (r"\2", r"\1")
    short = rf"\3-{month}-{day}\4" if order.first != "year" else r"\1-\2-\3\4"
    for pattern, written in (
        (r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{2})($|[ T,])", short),
        (r"^([0-6]\d)-(\d{1,2}-\d{1,2})($|[ T,])", r"20\1-\2\3"),
        (r"^([7-9]\d)-(\d{1,2}-\d{1,2})($|[ T,])", r"19\1-\2\3"),
        (r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b", rf"\3-{month}-{day}"),
        (r"^(\d{4})[- /]?[Qq]1$", r"\1-01-01"),
        (r"^(\d{4})[- /]?[Qq]2$", r"\1-04-01"),
        (r"^(\d{4})[- /]?[Qq]3$", r"\1-07-01"),
        (r"^(\d{4})[- /]?[Qq]4$", r"\1-10-01"),
        (r"^((?:19|20)\d{2})(0[1-9]|1[0-2])$", r"\1-\2-01"),
        (r"^((?:19|20)\d{2})$", r"\1-01-01"),
        (r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})\b", r"\1-\2-\3"),
        (r"^(\d{4})(\d{2})(\d{2})([T ]|$)", r"\1-\2-\3\4"),
        (r"^(\d{4}-\d{1,2})$", r"\1-01"),
        (r"^(\d{4})-(\d)(-|$)", r"\1-0\2\3"),
        (r"^(\d{4}-\d{2})-(\d)([T ]|$)", r"\1-0\2\3"),
        (r"^(\d{4}-\d{2}-\d{2}),? +", r"\1 "),
        (r"([T ])(\d):", r"\g<1>0\2:"),
    ):
        text = pc.replace_substring_regex(text, pattern, written.replace(r"\g<1>", r"\1"))
    return text


def _moment(text: str) -> datetime | None:
    """One time that no fast path reads: with and without a zone in one column, a month's name, am and pm, an epoch."""
    for kind in (NAIVE, _UTC, pa.timestamp("ns")):
        try:
            found: datetime = pc.cast(pc.cast(pa.scalar(text), kind), NAIVE, safe=False).as_py()
        except (pa.ArrowInvalid, OverflowError):
            continue
        return found
    if re.fullmatch(_NUMBER, text):
        number = moments_of(np.array([float(text)]))[0]
        return None if np.isnat(number) else number.item()
    if re.fullmatch(r"\d{4}-W\d{2}", text):
        return datetime.strptime(f"{text}-1", "%G-W%V-%u")
    for form in (*_TWELVE_HOURS, *_NAMED):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    spoken = _SPOKEN.fullmatch(text)
    month = _MONTH_NUMBERS.get(spoken[2].lower()) if spoken else None
    return _moment(f"{spoken[3]}-{month:02}-{int(spoken[1]):02}{spoken[4]}") if spoken and month else None


def untimed_within(times: pa.ChunkedArray, bounds: Bounds) -> pa.Array:
    """Which rows without a time stand beside one within the bounds: after the last that has one, or before the next."""
    moments = times.combine_chunks().to_numpy(zero_copy_only=False).astype("datetime64[us]")
    known = ~np.isnat(moments)
    if not known.any():
        return pa.array(np.ones(len(moments), dtype=bool))
    place = np.arange(len(moments))
    last = np.maximum.accumulate(np.where(known, place, -1))
    following = np.minimum.accumulate(np.where(known, place, len(moments))[::-1])[::-1]
    first, after = (np.datetime64(moment, "us") for moment in bounds)
    inside = (moments >= first) & (moments < after)
    near = np.where(last >= 0, inside[last], False) | np.where(
        following < len(moments), inside[np.minimum(following, len(moments) - 1)], False
    )
    return pa.array(near & ~known)
