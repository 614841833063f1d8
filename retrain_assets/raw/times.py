"""Times as a source writes them, as wall clock without a zone: which forms are read, and which have two readings.

A time with a zone is converted to UTC. ISO 8601 is read at once, and of the other common forms those that have one
reading: a day that cannot be a month decides for its whole column, a month's name for itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError, TwoReadings

NAIVE = pa.timestamp("us")
"""The type of every time: wall clock, without a zone."""

_UTC = pa.timestamp("us", "UTC")
_TRIPLE = r"^(?P<first>\d{1,2})(?P<sign>[/.-])(?P<second>\d{1,2})[/.-](?P<year>\d{4})\b"
_NAMED = [
    f"{day}{clock}"
    for day in ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d.%b.%Y")
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
]
_TWELVE_HOURS = [f"%Y-%m-%d {clock}" for clock in ("%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p", "%I %p")]
_SECONDS, _MILLISECONDS = 10, 13


@dataclass(frozen=True)
class Order:
    """Whether the day or the month stands first where both are numbers in front of the year."""

    first: Literal["day", "month"] = "day"


def order_of(text: pa.ChunkedArray | pa.Array, where: str) -> Order:
    """Which of day and month stands first in a column of times.

    Dots stand between day, month and year in that order (DIN 1355); with other signs a number above 12 decides.

    Raises:
        TwoReadings: Nothing decides, or one value decides for the one and another for the other.

    >>> order_of(pa.array(["03/14/2023", "03/01/2023"]), "rides.csv")
    Order(first='month')
    """
    parts = pc.extract_regex(pc.utf8_trim_whitespace(text), _TRIPLE).drop_null()
    if not len(parts):
        return Order()
    parts = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
    numbers = [parts.field(name).cast(pa.int8()) for name in ("first", "second")]
    above = [bool(pc.any(pc.greater(column, 12)).as_py()) for column in numbers]
    at = pc.index(pc.not_equal(*numbers), True).as_py()
    if above == [True, True]:
        raise TwoReadings(f"{where}: some times have the day first and others the month. Write them like 2019-02-14.")
    if any(above) or at < 0 or pc.all(pc.equal(parts.field("sign"), ".")).as_py():
        return Order("month" if above[1] else "day")
    first, sign, second, year = (parts.field(name)[at].as_py() for name in ("first", "sign", "second", "year"))
    raise TwoReadings(
        f"{where}: {first}{sign}{second}{sign}{year} is {year}-{int(second):02}-{int(first):02} or "
        f"{year}-{int(first):02}-{int(second):02}, and no other time decides. Write times like 2019-02-14."
    )


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
    """Times written as text; an empty text is none.

    Args:
        text: Of the column.
        order: Of day and month in the whole column.
        where: The file, for messages.
        rows_before: Rows of the file read earlier, for messages.

    Raises:
        SourceError: A text is no time; its row is named.

    >>> as_times(pa.chunked_array([["14.02.2023 9:30", "20230215", ""]]), Order(), "rides.csv").to_pylist()
    [datetime.datetime(2023, 2, 14, 9, 30), datetime.datetime(2023, 2, 15, 0, 0), None]
    """
    quick = at_once(text)
    if quick is not None:
        return quick
    written = pc.utf8_trim_whitespace(text.combine_chunks() if text.num_chunks != 1 else text.chunk(0))
    written = pc.if_else(pc.equal(written, ""), pa.scalar(None, pa.string()), written)
    plain = pa.chunked_array([_iso(written, order)])
    quick = at_once(plain)
    if quick is not None:
        return quick
    known: dict[str | None, datetime | None] = {None: None}
    moments = []
    for row, (raw, value) in enumerate(zip(written.to_pylist(), plain.to_pylist(), strict=True), 1):
        if value not in known:
            known[value] = _moment(value)
            if known[value] is None:
                raise SourceError(
                    f"{where}: data row {rows_before + row}: {raw!r} is no time. Write times like 2019-02-14 08:30:00."
                )
        moments.append(known[value])
    return pa.chunked_array([pa.array(moments, NAIVE)])


def wall_clock(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray:
    """Times of any type as timestamp[us] without a zone; those with a zone are converted to UTC.

    Raises:
        SourceError: The column is no time, or holds text that is none.

    >>> wall_clock(pa.chunked_array([["2019-06-01T02:00:00+02:00"]]), "rides.csv")[0].as_py()
    datetime.datetime(2019, 6, 1, 0, 0)
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return wall_clock(column.cast(kind.value_type), where)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = column.cast(pa.string())
        quick = at_once(text)
        return as_times(text, order_of(text, where), where) if quick is None else quick
    if pa.types.is_timestamp(kind):
        aware = column.cast(_UTC if kind.tz else NAIVE, safe=False)
        return pc.local_timestamp(aware) if kind.tz else aware
    if pa.types.is_date(kind) or pa.types.is_null(kind):
        return column.cast(NAIVE)
    if pa.types.is_integer(kind):
        return as_times(column.cast(pa.string()), Order(), where)
    raise SourceError(f"{where}: the time column is {kind}, no time. Store it as a timestamp or a date.")


def _iso(text: pa.Array, order: Order) -> pa.Array:
    """The same times in ISO 8601 where only their order, their signs or their leading zeros differ from it."""
    day, month = (r"\1", r"\2") if order.first == "day" else (r"\2", r"\1")
    for pattern, written in (
        (r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b", rf"\3-{month}-{day}"),
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
        except pa.ArrowInvalid:
            continue
        return found
    if re.fullmatch(r"\d+(\.0+)?", text) and (digits := len(text.partition(".")[0])) in (_SECONDS, _MILLISECONDS):
        return datetime.fromtimestamp(int(float(text)) / (1 if digits == _SECONDS else 1000), UTC).replace(tzinfo=None)
    for form in (*_TWELVE_HOURS, *_NAMED):
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None
