"""What each column of a stranger's table is: a number, a category, a time, a text; its range, its levels, its gaps.

A statement about one column alone. Which of them are key, time and label is told in `roles`, what not to use in
`suspects`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError, TwoReadings
from retrain_assets.onboarding.table import SHOWN_VALUES, ForeignTable, number_like
from retrain_assets.raw.notation.numbers import read_numbers
from retrain_assets.raw.notation.times import Order, wall_clock
from retrain_assets.raw.notation.values import (
    FALSE_WORDS,
    TRUE_WORDS,
    counted,
    flat,
    how_many,
    is_text,
    read_categories,
)

Kind = Literal["number", "category", "time", "text"]

MOST_LEVELS = 1_000
"""A text with more different values is free text or an identifier."""

_CODE_WORDS = {"code", "zone", "zip", "postcode", "id", "vendor", "type", "class", "category", "cluster", "segment"}
KEY_WORDS = {"id", "key", "uuid", "number", "no", "nr"}
TIME_WORDS = {"date", "time", "at", "ts", "timestamp", "day", "datetime", "when", "datum", "fecha", "zeit", "month"}
PROTECTED = {
    "gender", "sex", "race", "racial", "ethnic", "ethnicity", "religion", "religious", "faith", "nationality",
    "nationalities", "citizen", "citizenship", "nativity", "ancestry", "disability", "disabled", "difficulty", "age",
    "birth", "birthdate", "dob", "marital", "married", "pregnant", "pregnancy", "orientation", "veteran", "military",
    "caste", "union", "skin", "ages", "sexe", "sexo", "sesso", "genero", "género", "genere", "geschlecht",
    "alter", "lebensalter", "âge", "edad", "idade", "età", "geburtsdatum", "geburtsjahr", "geburtstag", "birthday",
    "birthyear", "naissance", "nacimiento", "staatsangehörigkeit", "staatsangehoerigkeit", "nationalität",
    "nationalitaet", "nationalité", "nationalite", "nacionalidad", "cittadinanza", "herkunft", "herkunftsland",
    "migrationshintergrund", "immigrant", "foreigner", "ausländer", "auslaender", "konfession", "religión",
    "familienstand", "zivilstand", "spouse", "widowed", "divorced", "behinderung", "schwerbehinderung",
    "handicap", "handicapped", "schwanger", "hautfarbe", "ethnie", "tribe", "creed", "hispanic", "latino",
    "female", "male", "mf", "pronoun", "pronouns", "salutation", "anrede", "civilité", "civilite",
    "maternity", "pregnancies", "lgbt", "transgender", "gewerkschaft", "elderly",
}  # fmt: skip
"""Words that speak of an attribute that law or decency protects."""

_MEN, _WOMEN = ({"m", "male", "man", "männlich", "h", "homme"}, {"f", "w", "female", "woman", "weiblich", "femme"})
_NEITHER = {"d", "x", "u", "divers", "diverse", "other", "unknown", "nonbinary", "non-binary", "unbekannt", "autre"}

OUTCOME_DATE_WORDS = {"label", "outcome", "known", "result", "resolved", "observed"}
"""Words of a column's name that say that it dates the outcome."""

_SIGNED_WORDS = {"temp", "temperature", "dewpoint", "lat", "lon", "latitude", "longitude", "balance", "change", "delta"}
_MOST_CODES = 300
_MOST_TIMES = 0.9
_FEWEST_SENTINELS = 3
_MOST_WORDS = 5
_NATURAL_LIMITS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("hour", "hours"), (0, 24)),
    **dict.fromkeys(("month",), (1, 12)),
    **dict.fromkeys(("weekday", "dow", "dayofweek"), (0, 7)),
    **dict.fromkeys(("percent", "pct", "percentage"), (0, 100)),
    **dict.fromkeys(("lat", "latitude"), (-90, 90)),
    **dict.fromkeys(("lon", "lng", "longitude"), (-180, 180)),
    **dict.fromkeys(("minute",), (0, 1440)),
    **dict.fromkeys(("deg", "degrees", "direction"), (0, 360)),
    **dict.fromkeys(("year", "built"), (1800, 2100)),
}
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
        sentinel: A number like -999 far from all others, which stands for a missing one.
        levels: The different values of a category or a small number, the most frequent first; at most twenty.
        lacking: The files that do not have the column.
        words: Texts among numbers that several rows have, each with its rows: they stand for a missing value.
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
    sentinel: float | None = None
    levels: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    words: tuple[tuple[str, int], ...] = ()

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
        numbers = read_numbers(column)
        return replace(_number(name, flat(numbers.values), lacking), words=_words(flat(column), numbers.unreadable))
    if kind == "time":
        return ColumnFacts(
            name, kind, len(column), column.null_count, len(pc.unique(column.drop_null())), lacking=lacking
        )
    text = flat(texts_of(column))
    rows = counted(text)
    levels = sorted(rows, key=lambda level: (-rows[level], level))
    meant = {yes_or_no(level) for level in levels}
    distinct = len(levels) if None in meant else len(meant)
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
    if words_of(name) & TIME_WORDS and _times_in_numbers(column):
        return "time"
    if is_text(column.type):
        if number_like(column):
            return "category" if _is_code(name, flat(read_numbers(column).values)) else "number"
        if looks_like_times(column):
            return "time"
        return "category" if len(pc.unique(column.drop_null())) <= MOST_LEVELS else "text"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "category" if _is_code(name, flat(column)) else "number"
    return "text"


def _times_in_numbers(column: pa.ChunkedArray) -> bool:
    """Whether every number of a column is a time by its size, and none of them only a year."""
    shown = pc.unique(column.drop_null())[:SHOWN_VALUES]
    if not len(shown) or pa.types.is_temporal(shown.type):
        return False
    text = pc.utf8_trim_whitespace(read_categories(pa.chunked_array([shown]))[0].cast(pa.string()))
    if not pc.all(pc.match_substring_regex(text, r"^\d{5,19}(\.\d+)?$")).as_py():
        return False
    times = times_of(pa.chunked_array([text]), "")
    return times is not None and not times.null_count


def looks_like_times(column: pa.ChunkedArray) -> bool:
    """Whether nearly all texts of a column are times, or would be if it were known what stands first in them."""
    shown = pc.unique(column.drop_null())[:SHOWN_VALUES]
    if not len(shown) or not any(character in str(shown[0]) for character in "-/.: "):
        return False
    try:
        times = wall_clock(pa.chunked_array([shown]), "")
    except TwoReadings:
        return True
    except SourceError:
        return False
    return bool(times.null_count <= (1 - _MOST_TIMES) * len(times))


def times_of(column: pa.ChunkedArray, where: str, order: Order | None = None) -> pa.ChunkedArray | None:
    """A column as times; None when it holds anything else.

    Raises:
        TwoReadings: Nothing decides whether day or month stands first.
    """
    try:
        times = wall_clock(column, where, order)
    except TwoReadings:
        raise
    except SourceError:
        return None
    lost = times.null_count - column.null_count
    return times if lost <= (1 - _MOST_TIMES) * max(len(column) - column.null_count, 1) else None


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
    return set(re.findall(r"[^\W\d_]+|\d+", re.sub(r"([a-z\d])([A-Z])", r"\1 \2", name).lower()))


def tells_sexes(levels: tuple[str, ...]) -> bool:
    """Whether the levels of a category are those of a person's sex, whatever the column is called.

    >>> tells_sexes(("M", "W", "D")), tells_sexes(("Male", "Female")), tells_sexes(("M", "F", "S"))
    (True, True, False)
    """
    words = {level.strip().lower() for level in levels}
    return bool(words & _MEN and words & _WOMEN) and words <= _MEN | _WOMEN | _NEITHER


def positive_of(levels: tuple[str, ...]) -> str:
    """Which of two levels means yes: a word for it, else the rarer one.

    >>> positive_of(("N", "Y")), positive_of(("stays", "leaves"))
    ('Y', 'leaves')
    """
    said = [level for level in levels if yes_or_no(level)]
    letters = {level.strip().lower(): level for level in levels}
    if not said and "n" in letters:
        said = [level for letter, level in letters.items() if letter in ("o", "s")]
    return said[0] if len(said) == 1 else levels[-1]


def yes_or_no(level: str) -> bool | None:
    """Whether a level is a word for yes or for no; None when it is another."""
    word = level.strip().lower()
    if word in TRUE_WORDS | {"1", "1.0"}:
        return True
    return False if word in FALSE_WORDS | {"0", "0.0"} else None


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
    sentinel = sentinel_of(known)
    if sentinel is not None:
        known = known[known != sentinel]
        missing = len(values) - len(known)
    unique, counts = np.unique(known, return_counts=True)
    low, high = float(unique[0]), float(unique[-1])
    usual_low, usual_high = (float(q) for q in np.quantile(known, [1 - _USUAL, _USUAL]))
    levels = tuple(f"{value:g}" for value in unique[np.argsort(-counts, kind="stable")]) if len(unique) <= 20 else ()
    whole = bool((unique == np.floor(unique)).all())
    return ColumnFacts(
        *(name, "number", len(values), missing, len(unique), low, high, usual_low, usual_high, whole, sentinel),
        *(levels, lacking),
    )


def _words(column: pa.Array, unreadable: pa.Array) -> tuple[tuple[str, int], ...]:
    """What stands in several rows in the place of a number, the most frequent first; nothing where that is much."""
    if not how_many(unreadable):
        return ()
    rows = {text: count for text, count in counted(column.filter(unreadable)).items() if count > 1}
    return tuple(sorted(rows.items(), key=lambda word: (-word[1], word[0]))) if len(rows) <= _MOST_WORDS else ()


def sentinel_of(known: npt.NDArray[np.float64]) -> float | None:
    """A number of nothing but nines that several rows have, far from all the others or alone below zero.

    >>> sentinel_of(np.array([3.0, 9.0, 12.0, -999.0, -999.0, -999.0])), sentinel_of(np.array([3.0, 9.0, 99.0]))
    (-999.0, None)
    """
    for end in (known.min(), known.max()):
        others = known[known != end]
        if len(known) - len(others) < _FEWEST_SENTINELS or len(np.unique(others)) < _FEWEST_SENTINELS:
            continue
        span = float(others.max() - others.min())
        far = min(abs(end - others.min()), abs(end - others.max())) > span or (end < 0 <= others.min())
        if far and set(f"{abs(end):g}") == {"9"} and abs(end) >= 99:
            return float(end)
    return None


def limits_with_room(facts: ColumnFacts) -> tuple[float | None, float | None]:
    """Limits of a number's possible values, with as much room again as the values seen take up.

    What a column's name makes certain, like the hours of a day, is its limit. A number that is hardly ever negative is
    never, unless it is a temperature or the like. Where the largest value lies ten times beyond what 999 of 1,000
    values reach, as meters and typing errors do, the room is measured from those.

    >>> limits_with_room(ColumnFacts("age", "number", 9, 0, 9, 18.0, 94.0, 18.0, 90.0))
    (0.0, 200.0)
    """
    if facts.low is None or facts.high is None or facts.usual_low is None or facts.usual_high is None:
        return None, None
    for word in words_of(facts.name) & _NATURAL_LIMITS.keys():
        natural = _NATURAL_LIMITS[word]
        if natural[0] <= facts.low and facts.high <= natural[1]:
            return natural
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
