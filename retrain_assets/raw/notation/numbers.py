"""Numbers as a source writes them: in the notation of their file, in words for yes and no, or as numbers already.

What is no number in any reading is marked, for the contract to judge.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import TwoReadings
from retrain_assets.raw.notation import dialect
from retrain_assets.raw.notation.dialect import COMMA, POINT, Notation, evidence, notation_of, ungrouped, unit_of
from retrain_assets.raw.notation.values import FALSE_WORDS, TRUE_WORDS, flat, how_many, is_text
from retrain_assets.store import with_column

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
"""A number as programs write it."""

_FRACTION = r"^[+-]?\d*\.\d*([eE][+-]?\d+)?$"
_LIKE_GROUPS = r"^[+-]?\d{1,3}(\.\d{3})+$"
_MISSING = pa.array(["", "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nat"])


@dataclass(frozen=True)
class NumberColumn:
    """A column as numbers, which values were no number, why none can be, and what was read in words.

    `fault` is None when some value is a number, `remark` when nothing had to be read in another way than it stands.
    """

    values: pa.Array
    unreadable: pa.Array
    fault: str | None = None
    remark: str | None = None


@dataclass(frozen=True)
class Rewritten:
    """How many numbers of a column were written otherwise than Python writes them, and one of them both ways."""

    column: str
    count: int
    example: str
    plain: str

    @property
    def unit(self) -> str:
        """What stands beside the number, a currency in letters; empty without a unit."""
        found = unit_of(self.example) or dialect.measure_of(self.example)
        return _LETTERS.get(found, found)


_LETTERS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_UNITS = b"retrain:units"


def with_units(rows: pa.Table, units: Mapping[str, str]) -> pa.Table:
    """The rows with the unit of each column whose numbers carried one, for `units_in` of a period that is stored."""
    return rows.replace_schema_metadata({_UNITS: json.dumps(units)}) if units else rows


def units_in(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """The unit of each column whose numbers carried one, from the metadata of a table's schema.

    >>> units_in(with_units(pa.table({"fee": ["7"]}), {"fee": "EUR"}).schema.metadata), units_in(None)
    ({'fee': 'EUR'}, {})
    """
    found: dict[str, str] = json.loads((metadata or {}).get(_UNITS, b"{}"))
    return found


def plain_numbers(rows: pa.Table, names: Sequence[str], declared: Notation | None) -> tuple[pa.Table, list[Rewritten]]:
    """The rows of one file with the numbers of some columns as Python writes them, whatever the file's notation.

    Args:
        rows: As read, texts as they stand in the file.
        names: Columns that hold numbers; those that are no text stay as they are.
        declared: The notation; None to be told by the numbers of the file.

    Raises:
        TwoReadings: A number has two readings, and nothing in the file decides between them.

    >>> rows, rewritten = plain_numbers(pa.table({"total": ["1,234.50", "7"]}), ["total"], None)
    >>> rows["total"].to_pylist(), rewritten
    (['1234.50', '7'], [Rewritten(column='total', count=1, example='1,234.50', plain='1234.50')])
    """
    texts = {name: _distinct(rows[name]) for name in names if name in rows.column_names and is_text(rows[name].type)}
    if measured := [name for name, values in texts.items() if common_measure(values)]:
        return _measured(rows, measured, names, declared)
    odd = {name: _odd(values) for name, values in texts.items()}
    if declared is None and not any(odd.values()):
        return rows, []
    for name, values in texts.items():
        _one_unit(name, values, odd[name])
    shown = {name: _evidence(values, odd[name]) for name, values in texts.items()} if declared is None else {}
    together = sum(shown.values(), dialect.NotationCounts())
    rewritten = []
    for name, values in texts.items():
        try:
            notation = declared or notation_of(shown[name], together)
        except TwoReadings as error:
            raise TwoReadings(f"column {name}: {error}") from None
        others = () if declared else (POINT, COMMA)
        known = values.to_pylist() if notation not in (None, POINT) else odd[name]
        changed = {text: plain for text in known if (plain := _plain(text, notation, others)) not in (None, text)}
        if changed:
            was = pa.array(list(changed), pa.string())
            at = pc.index_in(rows[name], value_set=was)
            column = pc.coalesce(pa.array(list(changed.values()), pa.string()).take(flat(at)), flat(rows[name]))
            rows = with_column(rows, name, column)
            example = next(iter(changed))
            rewritten.append(Rewritten(name, len(at) - at.null_count, example, str(changed[example])))
    return rows, rewritten


def common_measure(values: pa.Array) -> str:
    """The unit that every number of some texts carries, like kg; empty where one has none, or another.

    >>> common_measure(pa.array(["1340 kg", "900 kg", "unknown"])), common_measure(pa.array(["1340 kg", "900"]))
    ('kg', '')
    """
    unit = next((dialect.measure_of(str(text)) for text in values if any(map(str.isdecimal, str(text)))), "")
    if not unit:
        return ""
    numbers = values.filter(pc.match_substring_regex(values, r"\d"))
    return unit if {dialect.measure_of(text) for text in numbers.to_pylist()} == {unit} else ""


def _measured(
    rows: pa.Table, measured: Sequence[str], names: Sequence[str], declared: Notation | None
) -> tuple[pa.Table, list[Rewritten]]:
    """The rows with plain numbers, where some columns carry a unit behind each number."""
    written = {name: rows[name] for name in measured}
    for name, column in written.items():
        bare = pc.replace_substring_regex(column.cast(pa.string()), r"^(\s*[+-]?\d[\d.,']*)\s+\D+$", r"\1")
        rows = with_column(rows, name, bare)
    rows, rewritten = plain_numbers(rows, names, declared)
    found = [one for one in rewritten if one.column not in written]
    for name, column in written.items():
        changed = pc.fill_null(pc.match_substring_regex(column.cast(pa.string()), r"\d"), False)
        at = pc.index(changed, True).as_py()
        found.append(Rewritten(name, how_many(changed), str(column[at]), str(rows[name][at])))
    return rows, found


def numbers_without_words(rows: pa.Table, names: Sequence[str], words: Sequence[str]) -> pa.Table:
    """The rows with null where one of some columns of numbers has a word for a missing one, quoted or not.

    >>> numbers_without_words(pa.table({"score": ["681", "k.A."]}), ["score"], ["k.A."])["score"].to_pylist()
    ['681', None]
    """
    missing = pa.array(words, pa.string())
    for name in names:
        if name in rows.column_names and is_text(rows[name].type):
            column = pc.if_else(pc.is_in(rows[name].cast(pa.string()), value_set=missing), None, rows[name])
            rows = with_column(rows, name, column)
    return rows


def _one_unit(name: str, values: pa.Array, odd: Sequence[str]) -> None:
    """Require that amounts of money are in one currency, and that shares are all in per cent or none.

    Raises:
        TwoReadings: They are not.
    """
    units = {unit: text for text in odd if (unit := unit_of(text))}
    if not units:
        return
    plain = values.filter(pc.match_substring_regex(values, PLAIN))
    bare = [text for text in (*odd, *plain[:1].to_pylist()) if not unit_of(text) and text != "0"]
    if len(units) > 1 or ("%" in units and bare):
        one, other = [*units.values(), *bare][:2]
        raise TwoReadings(f"column {name}: {one!r} stands beside {other!r}: write both in one unit")


def read_numbers(column: pa.ChunkedArray) -> NumberColumn:
    """A column as numbers in the source's own type; text as float64, yes and no as 1 and 0, and NaN as missing.

    >>> read_numbers(pa.chunked_array([["12.5", "", "x"]])).values.to_pylist()
    [12.5, None, None]
    >>> read_numbers(pa.chunked_array([["Y", "N", None]])).values.to_pylist()
    [1.0, 0.0, None]
    """
    values = flat(column)
    none = pa.array(np.zeros(len(values), dtype=bool))
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = kind.value_type
    if is_text(kind):
        return _from_text(values)
    if pa.types.is_boolean(kind):
        return NumberColumn(values.cast(pa.int8()), none)
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return NumberColumn(values.cast(pa.float64()), none)
    if pa.types.is_integer(kind):
        return NumberColumn(values, none)
    if pa.types.is_floating(kind):
        values = values.cast(pa.float32()) if pa.types.is_float16(kind) else values
        return NumberColumn(pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values), none)
    return NumberColumn(pa.nulls(len(values), pa.float64()), none, f"is {kind}, no number")


def _from_text(text: pa.Array) -> NumberColumn:
    """Text as float64, and which values are no number."""
    text = pc.utf8_trim_whitespace(text.cast(pa.string()))
    readable = pc.fill_null(pc.match_substring_regex(text, PLAIN), False)
    values = pc.if_else(readable, pc.replace_substring_regex(text, r"^\+", ""), pa.scalar(None, pa.string()))
    if how_many(readable) == len(text) - text.null_count:
        return NumberColumn(values.cast(pa.float64()), pc.and_(text.is_valid(), pc.invert(readable)))
    lower = pc.utf8_lower(text)
    blank = pc.or_(text.is_null(), pc.is_in(lower, value_set=_MISSING))
    remarks = []
    if words := how_many(pc.and_(blank, pc.fill_null(pc.greater(pc.utf8_length(text), 0), False))):
        remarks.append(f"{words:,} values are words for a missing one")
    yes, no = (pc.is_in(lower, value_set=pa.array(sorted(one))) for one in (TRUE_WORDS, FALSE_WORDS))
    binary = pc.or_(blank, pc.or_(pc.or_(yes, no), pc.is_in(values, value_set=pa.array(["0", "1", "0.0", "1.0"]))))
    if pc.all(binary, min_count=0).as_py() and (words := how_many(yes) + how_many(no)):
        first = text.filter(pc.or_(yes, no))[0]
        remarks.append(f"{words:,} values are words for yes and no, like {first}, read as 1 and 0")
        values = pc.if_else(yes, pa.scalar("1"), pc.if_else(no, pa.scalar("0"), values))
        readable = pc.or_(readable, pc.or_(yes, no))
    unreadable = pc.and_(pc.invert(blank), pc.invert(readable))
    remark = "; ".join(remarks) or None
    if len(text) and not how_many(readable) and how_many(unreadable):
        first = text.filter(unreadable)[0].as_py()
        return NumberColumn(pa.nulls(len(text), pa.float64()), unreadable, f"holds no number, first {first!r}", remark)
    return NumberColumn(values.cast(pa.float64()), unreadable, None, remark)


def _distinct(column: pa.ChunkedArray) -> pa.Array:
    return pc.unique(column.drop_null())


def _odd(values: pa.Array) -> list[str]:
    """The texts that no plain number is, but for the empty one."""
    trimmed = pc.utf8_trim_whitespace(values)
    plain = pc.or_(pc.match_substring_regex(trimmed, PLAIN), pc.equal(trimmed, ""))
    odd: list[str] = values.filter(pc.invert(plain)).to_pylist()
    return [text for text in odd if any(character.isdecimal() for character in text)]


def _evidence(values: pa.Array, odd: Sequence[str]) -> dialect.NotationCounts:
    """What a column's texts say of their notation; the plain ones are counted without looking at each."""
    fractions = pc.match_substring_regex(values, _FRACTION)
    groups = pc.match_substring_regex(values, _LIKE_GROUPS)
    first = values.filter(groups)[0].as_py() if how_many(groups) else ""
    plain = dialect.NotationCounts(
        how_many(fractions) - how_many(pc.and_(fractions, groups)), 0, how_many(groups), first
    )
    return evidence(odd) + plain


def _plain(text: str, notation: Notation | None, others: Sequence[Notation]) -> str | None:
    """A number as Python writes it: in the notation, else in another if that alone can read it."""
    alone = ungrouped(text)
    own = notation.plain(alone) if notation else None
    readings = {plain for other in others if (plain := other.plain(alone)) is not None}
    return own or (readings.pop() if len(readings) == 1 else None)
