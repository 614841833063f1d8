"""Categories as a source writes them, as text; and the words in which people write yes and no.

Numbers stand in `numbers`, times in `times`. What may stand in a column is the contract's business (`contract`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.raw.notation.keys import is_whole

TRUE_WORDS = frozenset({"y", "yes", "t", "true", "ja", "j", "wahr", "oui", "vrai", "si", "sí", "sì", "sim"})
FALSE_WORDS = frozenset({"n", "no", "f", "false", "nein", "falsch", "non", "faux", "não", "nao", "nee"})
"""What stands for yes and for no, in small letters."""

_CODE = r"^-?\d+(\.0+)?$"
_WITH_POINT = r"^(-?\d+)\.0+$"


def read_categories(column: pa.ChunkedArray) -> tuple[pa.Array, str | None]:
    """A category as text, and why it is none (None when it is one).

    Codes lose the decimal point that a blank among them gives: `11.0` is `11` where all others are whole too.

    >>> read_categories(pa.chunked_array([[161.0, None]]))[0].to_pylist()
    ['161', None]
    >>> [read_categories(pa.chunked_array([texts]))[0].to_pylist() for texts in (["11.0", "12"], ["1.0", "1.5"])]
    [['11', '12'], ['1.0', '1.5']]
    """
    values = flat(column)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        if pa.types.is_floating(kind):
            values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
        return (values.cast(pa.int64()) if is_whole(values) else values).cast(pa.string()), None
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.nulls(len(values), pa.string()), f"is {kind}, no category"
    text = values.cast(pa.string())
    if not pa.types.is_string(kind) and not pa.types.is_large_string(kind):
        return text, None
    distinct = pc.unique(text.drop_null())
    if (
        how_many(pc.match_substring_regex(distinct, _WITH_POINT))
        and pc.all(pc.match_substring_regex(distinct, _CODE)).as_py()
    ):
        text = pc.replace_substring_regex(text, _WITH_POINT, r"\1")
    return text, None


def same_levels(now: Collection[str], known: Collection[str]) -> dict[str, str]:
    """Levels of a category that earlier periods write otherwise, each with how they write it.

    That is a code with or without its decimal point or its leading zeros, a level with spaces around it, and the words
    for yes and no; what fits two earlier levels, or none, is a new level.

    >>> same_levels({"True", "False"}, {"Y", "N"}) == {"True": "Y", "False": "N"}
    True
    >>> same_levels({"11"}, {"11.0"}), same_levels({" A"}, {"A"}), same_levels({"yes"}, {"Y", "true"})
    ({'11': '11.0'}, {' A': 'A'}, {})
    >>> same_levels({"1"}, {"01", "02"}), same_levels({"1"}, {"01", "001"})
    ({'1': '01'}, {})
    """
    known = set(known)
    codes = _by_code(known)
    binary = bool(known) and {level.lower() for level in known} <= TRUE_WORDS | FALSE_WORDS
    found = {}
    for level in set(now) - known:
        bare = level.strip()
        code = bare.removesuffix(".0")
        same = {bare, code, f"{code}.0"} if code.isdecimal() else {bare}
        if binary:
            same |= next((set(group) for group in (TRUE_WORDS, FALSE_WORDS) if bare.lower() in group), set())
            same = {other for other in known if other.lower() in {one.lower() for one in same}}
        if not same & known and not binary:
            same = set(codes.get(_as_code(bare), ()))
        if len(same & known) == 1:
            found[level] = (same & known).pop()
    return found


def respelled(text: pa.Array, same: Mapping[str, str]) -> pa.Array:
    """Texts, each as `same` spells it where it does.

    >>> respelled(pa.array(["11", "A", None]), {"11": "11.0"}).to_pylist()
    ['11.0', 'A', None]
    """
    at = pc.index_in(text, value_set=pa.array(list(same), pa.string()))
    return pc.coalesce(pa.array(list(same.values()), pa.string()).take(at), text)


def _by_code(levels: Collection[str]) -> dict[str, list[str]]:
    """Levels by what they are without leading zeros, which several may share."""
    found: dict[str, list[str]] = {}
    for level in levels:
        found.setdefault(_as_code(level), []).append(level)
    return found


def _as_code(level: str) -> str:
    """A code without leading zeros; another level as it is.

    >>> _as_code("007"), _as_code("0"), _as_code("7a")
    ('7', '0', '7a')
    """
    return level.lstrip("0") or "0" if level.isdecimal() else level


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds texts."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def flat(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, without a copy when it is one already."""
    if isinstance(column, pa.Array):
        return column
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def counted(column: pa.ChunkedArray | pa.Array) -> dict[str, int]:
    """The rows of each value, as text; nulls left out.

    >>> counted(pa.chunked_array([["a", None], ["b", "a"]]))
    {'a': 2, 'b': 1}
    """
    found = pc.value_counts(column.drop_null())
    values, rows = found.field(0), found.field(1)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return {str(value): count for value, count in zip(values.to_pylist(), rows.to_pylist(), strict=True)}


def repeated(keys: pa.ChunkedArray | pa.Array) -> tuple[pa.Array, pa.Array]:
    """The values that stand more than once, and the rows of each; nulls left out.

    >>> [part.to_pylist() for part in repeated(pa.array([1, 2, 1, None, None]))]
    [[1], [2]]
    """
    found = pc.value_counts(keys.drop_null())
    twice = found.filter(pc.greater(found.field(1), 1))
    return twice.field(0), twice.field(1)


def how_many(mask: pa.Array) -> int:
    """The number of true values."""
    return int(pc.sum(mask).as_py() or 0)


def without_words(text: pa.ChunkedArray, words: pa.Array) -> pa.ChunkedArray:
    """A column of text with null where it holds one of the words."""
    return pc.if_else(pc.is_in(text, value_set=words), pa.scalar(None, text.type), text)
