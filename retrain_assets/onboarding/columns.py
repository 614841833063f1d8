"""What each column of a stranger's table is: a number, a category, a time, a text; its range, its levels, its gaps.

A statement about one column alone. Which of them are key, time and label is told in `roles`, what not to use in
`suspects`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError
from retrain_assets.onboarding.table import SHOWN_VALUES, ForeignTable, is_text, number_like
from retrain_assets.raw.numbers import read_numbers
from retrain_assets.raw.times import wall_clock
from retrain_assets.raw.values import FALSE_WORDS, TRUE_WORDS, flat, read_categories

Kind = Literal["number", "category", "time", "text"]

MOST_LEVELS = 1_000
"""A text with more different values is free text or an identifier."""

_CODE_WORDS = {"code", "zone", "zip", "postcode", "id", "vendor", "type", "class", "category", "cluster", "segment"}
KEY_WORDS = {"id", "key", "uuid", "number", "no", "nr"}
_SIGNED_WORDS = {"temp", "temperature", "dewpoint", "lat", "lon", "latitude", "longitude", "balance", "change", "delta"}
_MOST_CODES = 300
_NEARLY_ALL = 0.95
_COUNTING = 3
_USUAL = 0.999
_FAR = 10


@dataclass(frozen=True)
class ColumnFacts:
    """One column: what it is, how many rows it has, and what stands in it.

    Attributes:
        low, high: The smallest and the largest number; None of what is no number.
        usual_high: The number that only one value in a thousand exceeds, and `usual_low` the other end.
        whole: Whether every number is whole.
        levels: The different values of a category or a small number, the most frequent first; at most twenty.
        lacking: The files that do not have the column.
    """

    name: str
    kind: Kind
    rows: int
    missing: int
    distinct: int
    low: float | None = None
    high: float | None = None
    usual_low: float | None = None
    usual_high: float | None = None
    whole: bool = False
    levels: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return self.missing / self.rows if self.rows else 0.0

    @property
    def constant(self) -> bool:
        """Whether it never has but one value."""
        return self.distinct <= 1

    @property
    def identifies(self) -> bool:
        """Whether nearly every row has a value of its own, which teaches a model nothing about the next row."""
        known = self.rows - self.missing
        if known <= 1 or self.distinct < _NEARLY_ALL * known:
            return False
        if self.kind != "number" or self.low is None or self.high is None:
            return True
        counts_up = self.high - self.low < _COUNTING * self.distinct
        return self.whole and (counts_up or bool(words_of(self.name) & KEY_WORDS))


def facts_of(table: ForeignTable, name: str) -> ColumnFacts:
    """Tell what a column is.

    >>> rows = pa.table({"plan": ["A", "B", "A", None]})
    >>> found = facts_of(ForeignTable("t.csv", (), rows, ()), "plan")
    >>> found.kind, found.levels, found.missing_share
    ('category', ('A', 'B'), 0.25)
    """
    column = table.rows[name]
    kind = kind_of(column, name)
    lacking = table.lacking(name)
    if kind == "number":
        return _number(name, flat(read_numbers(column).values), lacking)
    if kind == "time":
        return ColumnFacts(
            name, kind, len(column), column.null_count, len(pc.unique(column.drop_null())), lacking=lacking
        )
    text = flat(texts_of(column))
    counts = pc.value_counts(text.drop_null()).to_pylist()
    levels = [str(one["values"]) for one in sorted(counts, key=lambda one: (-one["counts"], str(one["values"])))]
    yes_or_no = {_yes(level) for level in levels}
    distinct = len(levels) if None in yes_or_no else len(yes_or_no)
    return ColumnFacts(name, kind, len(text), text.null_count, distinct, levels=tuple(levels[:20]), lacking=lacking)


def kind_of(column: pa.ChunkedArray, name: str) -> Kind:
    """Whether a column holds numbers, categories, times or texts; numbers that are called codes are categories.

    >>> kind_of(pa.chunked_array([["2024-01-05", "2024-02-01"]]), "day"), kind_of(pa.chunked_array([["1", "2"]]), "n")
    ('time', 'number')
    """
    kind = column.type
    if pa.types.is_temporal(kind):
        return "time"
    if pa.types.is_boolean(kind):
        return "category"
    if is_text(column):
        if number_like(column):
            return "category" if _is_code(name, flat(read_numbers(column).values)) else "number"
        if times_of(column, name) is not None:
            return "time"
        return "category" if len(pc.unique(column.drop_null())) <= MOST_LEVELS else "text"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "category" if _is_code(name, flat(column)) else "number"
    return "text"


def times_of(column: pa.ChunkedArray, where: str) -> pa.ChunkedArray | None:
    """A column as times; None when it holds anything else."""
    if not is_text(column) and not pa.types.is_temporal(column.type):
        return None
    try:
        if is_text(column):
            shown = pc.unique(column.drop_null())[:SHOWN_VALUES]
            if not len(shown) or not any(character in str(shown[0]) for character in "-/.:"):
                return None
            wall_clock(pa.chunked_array([shown]), where)
        return wall_clock(column, where)
    except SourceError:
        return None


def texts_of(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as the texts of its categories."""
    return pa.chunked_array([flat(read_categories(column)[0]).cast(pa.string())])


def numbers_of(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """A column as numbers, NaN where it has none."""
    return np.asarray(
        flat(read_numbers(column).values).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64
    )


def words_of(name: str) -> set[str]:
    """The words that a column's name is made of, in small letters.

    >>> sorted(words_of("customerAge_years"))
    ['age', 'customer', 'years']
    """
    return set(re.findall(r"[a-z]+|\d+", re.sub(r"([a-z\d])([A-Z])", r"\1 \2", name).lower()))


def positive_of(levels: tuple[str, ...]) -> str:
    """Which of two levels means yes: a word for it, else the rarer one.

    >>> positive_of(("N", "Y")), positive_of(("stays", "leaves"))
    ('Y', 'leaves')
    """
    said = [level for level in levels if level.strip().lower() in TRUE_WORDS | {"1", "1.0"}]
    return said[0] if len(said) == 1 else levels[-1]


def _yes(level: str) -> bool | None:
    """Whether a level is a word for yes or for no; None when it is another."""
    word = level.strip().lower()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def _is_code(name: str, values: pa.Array) -> bool:
    """Whether whole numbers stand for things, as their column's name says, and are few."""
    if not words_of(name) & _CODE_WORDS:
        return False
    distinct = pc.unique(values.drop_null())
    numbers = distinct.cast(pa.float64())
    return 1 < len(distinct) <= _MOST_CODES and bool(pc.all(pc.equal(numbers, pc.floor(numbers))).as_py())


def _number(name: str, values: pa.Array, lacking: tuple[str, ...]) -> ColumnFacts:
    known = values.drop_null().cast(pa.float64()).to_numpy()
    known = known[np.isfinite(known)]
    missing = len(values) - len(known)
    if not len(known):
        return ColumnFacts(name, "number", len(values), missing, 0, lacking=lacking)
    unique, counts = np.unique(known, return_counts=True)
    low, high = float(unique[0]), float(unique[-1])
    usual_low, usual_high = (float(q) for q in np.quantile(known, [1 - _USUAL, _USUAL]))
    levels = tuple(f"{value:g}" for value in unique[np.argsort(-counts, kind="stable")]) if len(unique) <= 20 else ()
    whole = bool((unique == np.floor(unique)).all())
    return ColumnFacts(
        name, "number", len(values), missing, len(unique), low, high, usual_low, usual_high, whole, levels, lacking
    )


def limits_with_room(facts: ColumnFacts) -> tuple[float | None, float | None]:
    """Limits of a number's possible values, with as much room again as the values seen take up.

    A number that is hardly ever negative is never, unless it is a temperature or the like. Where the largest value lies
    ten times beyond what 999 of 1,000 values reach, as meters and typing errors do, the room is measured from those.

    >>> limits_with_room(ColumnFacts("age", "number", 9, 0, 9, 18.0, 94.0, 18.0, 90.0))
    (0.0, 200.0)
    """
    if facts.low is None or facts.high is None or facts.usual_low is None or facts.usual_high is None:
        return None, None
    low, high = facts.low, facts.high
    span = max(facts.usual_high - facts.usual_low, abs(facts.usual_high), 1e-9)
    if high - facts.usual_high > _FAR * span:
        high = facts.usual_high + span
    if facts.usual_low - low > _FAR * span:
        low = facts.usual_low - span
    room = max(high - low, 1e-9)
    top = _rounded_up(high + room) if high > 0 else 0.0
    never_negative = facts.usual_low >= 0 and not words_of(facts.name) & _SIGNED_WORDS
    return (0.0 if never_negative else -_rounded_up(max(-low, 0.0) + room)), top


def _rounded_up(value: float) -> float:
    """The next number of one digit and zeros."""
    scale = 10.0 ** np.floor(np.log10(abs(value)))
    return float(np.ceil(round(value / scale, 6)) * scale)
