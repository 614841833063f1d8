"""Keys of rows in one canonical form, so that a row meets its outcome whatever files the two come from.

Whole numbers are int64, everything else is text; a number that lost its type on the way (`7.0`, ` 7 `) is written as it
was. What is stored first decides for a model, and where two columns meet nevertheless, both are compared as text.
"""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Keys: TypeAlias = pa.Array | pa.ChunkedArray
"""A column of keys."""

_WHOLE = r"^(0|-?[1-9]\d{0,17})$"
_PADDED = r"^0\d+$"
_UNTIDY = r"^\s|\s$|^$|^-?\d+\.0*$"


def as_keys(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give keys one type whatever file they come from: int64 for whole numbers that fit, else text.

    >>> [as_keys(pa.chunked_array([keys])).to_pylist() for keys in ([1.0, None, 3.0], ["1.0", " C7", ""])]
    [[1, None, 3], ['1', 'C7', None]]
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    kind = column.type
    if (pa.types.is_integer(kind) and not pa.types.is_uint64(kind)) or pa.types.is_null(kind) or is_whole(column):
        return column.cast(pa.int64())
    text = column.cast(pa.string())
    if not pc.any(pc.match_substring_regex(text, _UNTIDY)).as_py():
        return text
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(text), r"^(-?\d+)\.0*$", r"\1")
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def as_stored(keys: pa.ChunkedArray, stored: pa.DataType | None) -> pa.ChunkedArray:
    """Keys in the type that a model's keys are stored in; as text where one of them does not go into it.

    >>> as_stored(pa.chunked_array([["7", "8"]]), pa.int64()).to_pylist()
    [7, 8]
    >>> as_stored(pa.chunked_array([["7", "C8"]]), pa.int64()).to_pylist()
    ['7', 'C8']
    """
    if stored is None or keys.type == stored:
        return keys
    if not pa.types.is_integer(stored):
        return keys.cast(pa.string())
    if not pa.types.is_string(keys.type) or not pc.all(pc.match_substring_regex(keys, _WHOLE), min_count=0).as_py():
        return keys
    return keys.cast(pa.int64())


def comparable_keys(left: Keys, right: Keys) -> tuple[Keys, pa.Array]:
    """Two columns of keys that can be looked up in one another, the second as one array: as text where types differ.

    Where only one of them has numbers with leading zeros, these count without, unless two keys would become one.

    >>> [keys.to_pylist() for keys in comparable_keys(pa.array([7]), pa.array(["7"]))]
    [['7'], ['7']]
    >>> [keys.to_pylist() for keys in comparable_keys(pa.array(["007", "C1"]), pa.array([7]))]
    [['7', 'C1'], ['7']]
    """
    right = one_array(right)
    if left.type != right.type:
        left, right = left.cast(pa.string()), right.cast(pa.string())
    if pa.types.is_string(right.type):
        padded = [bool(pc.any(pc.match_substring_regex(keys, _PADDED)).as_py()) for keys in (left, right)]
        if padded == [True, False]:
            return _without_zeros(left), right
        if padded == [False, True]:
            return left, _without_zeros(right)
    return left, right


def _without_zeros(keys: Keys) -> Keys:
    bare = pc.replace_substring_regex(keys, r"^0+(\d+)$", r"\1")
    return bare if pc.count_distinct(bare).as_py() == pc.count_distinct(keys).as_py() else keys


def one_array(keys: Keys) -> pa.Array:
    """A column of keys as one array."""
    if not isinstance(keys, pa.ChunkedArray):
        return keys
    return pa.concat_arrays(keys.chunks) if keys.num_chunks else pa.array([], keys.type)


def is_whole(values: Keys) -> bool:
    """Whether floating-point or decimal values are all whole numbers that int64 holds.

    >>> is_whole(pa.array([1.0, None])), is_whole(pa.array([1.5])), is_whole(pa.array([1]))
    (True, False, False)
    """
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    if not pa.types.is_floating(values.type):
        return False
    fits = pc.and_(pc.equal(values, pc.floor(values)), pc.less(pc.abs(values), 2.0**53))
    return bool(pc.all(fits, min_count=0).as_py())
