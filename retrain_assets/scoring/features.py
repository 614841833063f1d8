"""Tables as the numbers that LightGBM reads, by the feature contract, and the contract of training rows.

LightGBM gets numbers only: a string or dictionary column in its hands ends the whole process. Rows that are no table
are encoded in `feature_matrix`; training stands in `lightgbm_model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract, Kind

if TYPE_CHECKING:
    from retrain_assets.raw.policy import Columns

_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Encoded:
    """Features as numbers in the contract's order, and how many rows held a level that the contract does not know."""

    table: pa.Table
    unseen: Mapping[str, int]


def contract_of(table: pa.Table, columns: Columns) -> FeatureContract:
    """The contract that these training rows imply: declared features, and the levels that some row really holds.

    Args:
        table: The training rows.
        columns: The model's declared columns.

    Raises:
        DataError: A feature is missing from the table, or a category is not text.

    >>> from retrain_assets.raw.policy import Columns
    >>> rows = pa.table({"miles": [1.5, 2.0, 9.0], "zone": ["JFK", None, "EWR"]})
    >>> contract_of(rows, Columns(numeric=["miles"], categorical=["zone"])).levels
    {'zone': ('EWR', 'JFK')}
    """
    kinds: dict[str, Kind] = {
        name: "numeric" if name in columns.numeric else "categorical" for name in columns.features
    }
    levels = {name: _levels(name, _column(table, name)) for name in columns.categorical}
    return FeatureContract(columns.features, kinds, levels)


def encode(table: pa.Table, contract: FeatureContract) -> Encoded:
    """The contract's features as numbers: numeric columns as they are, categories as codes.

    A missing value stays missing; a level that the contract does not know becomes missing too, and is counted; so does
    a text in a column that was numeric when the model was trained and is a category by now. Numeric columns are not
    copied; codes take two bytes a row up to 32,768 levels.

    Args:
        table: Rows with at least the contract's columns, in any order.
        contract: What the model was trained on.

    Raises:
        DataError: A column is missing, or is of a type that the model cannot read.

    >>> contract = FeatureContract(("zone",), {"zone": "categorical"}, {"zone": ("EWR", "JFK")})
    >>> encoded = encode(pa.table({"zone": ["JFK", "LGA", None, "EWR"]}), contract)
    >>> encoded.table["zone"].to_pylist(), encoded.unseen
    ([1, None, None, 0], {'zone': 1})
    """
    encoded: list[pa.ChunkedArray] = []
    unseen: dict[str, int] = {}
    for name in contract.names:
        column = _column(table, name)
        if contract.kinds[name] == "numeric":
            numbers = _number(name, column)
            if numbers.null_count > column.null_count:
                unseen[name] = numbers.null_count - column.null_count
            encoded.append(numbers)
        else:
            codes, unseen[name] = _codes(name, column, contract.levels[name])
            encoded.append(codes)
    return Encoded(pa.table(dict(zip(contract.names, encoded, strict=True))), unseen)


def compact(table: pa.Table) -> pa.Table:
    """The same rows with every category on one sorted dictionary and the narrowest indices, usually two bytes a row.

    `encode` then takes the indices as codes, without a copy, whenever the rows hold every level of the contract.

    >>> rows = pa.table({"zone": pa.array(["LGA", "EWR", None]).dictionary_encode()})
    >>> compact(rows)["zone"].type, compact(rows)["zone"].to_pylist()
    (DictionaryType(dictionary<values=string, indices=int16, ordered=0>), ['LGA', 'EWR', None])
    """
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and pa.types.is_string(field.type.value_type):
            column = table.column(position)
            levels = _levels(field.name, column)
            codes, _ = _codes(field.name, column, levels)
            dictionary = pa.array(levels, pa.string())
            chunks = [pa.DictionaryArray.from_arrays(chunk, dictionary) for chunk in codes.chunks]
            narrow = pa.chunked_array(chunks, pa.dictionary(codes.type, pa.string()))
            table = table.set_column(position, field.name, narrow)
    return table


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    found = table.schema.get_all_field_indices(name)
    if len(found) != 1:
        problem = "is missing" if not found else f"stands {len(found)} times"
        raise DataError(
            f"feature {name!r} {problem} in a table of {table.num_rows:,} rows with columns "
            f"{', '.join(table.column_names)}: the model needs it once"
        )
    return table.column(found[0])


def _number(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column itself where LightGBM reads its type, else the nearest type that it reads."""
    kind = column.type
    if pa.types.is_float16(kind) or pa.types.is_null(kind):
        return column.cast(pa.float32())
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column
    if pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type):
        text = pc.utf8_trim_whitespace(column.cast(pa.string()))
        plain = pc.fill_null(pc.match_substring_regex(text, _PLAIN_NUMBER), False)
        return pc.if_else(plain, text, pa.scalar(None, pa.string())).cast(pa.float64())
    raise DataError(f"numeric feature {name!r} is {kind} here: read it as a number, or list it under categorical")


def _text_chunks(name: str, column: pa.ChunkedArray) -> list[pa.DictionaryArray]:
    """The chunks of a category, each with its own dictionary of text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_null(kind):
        column = column.cast(pa.string())
    elif not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise DataError(
            f"categorical feature {name!r} is {column.type} here: read it as text, or list it under numeric"
        )
    return [chunk if pa.types.is_dictionary(chunk.type) else chunk.dictionary_encode() for chunk in column.chunks]


def _levels(name: str, column: pa.ChunkedArray) -> tuple[str, ...]:
    """The levels that some row holds; a slice shares its dictionary with rows outside it, so that is not enough."""
    held: set[str | None] = set()
    for chunk in _text_chunks(name, column):
        held.update(chunk.dictionary.take(pc.unique(chunk.indices)).to_pylist())
    return tuple(sorted(level for level in held if level is not None))


def _codes(name: str, column: pa.ChunkedArray, levels: tuple[str, ...]) -> tuple[pa.ChunkedArray, int]:
    """Codes of one category, and the number of rows whose level has none."""
    code = pa.int16() if len(levels) <= np.iinfo(np.int16).max + 1 else pa.int32()
    chunks, unseen = [], 0
    for chunk in _text_chunks(name, column):
        known = pa.array(levels, chunk.dictionary.type)
        if chunk.dictionary.equals(known) and chunk.indices.type == code:
            chunks.append(chunk.indices)
            continue
        code_of_entry = pc.index_in(chunk.dictionary, value_set=known).cast(code)
        chunks.append(code_of_entry.take(chunk.indices))
        if code_of_entry.null_count > chunk.dictionary.null_count:
            unknown = pc.and_(code_of_entry.is_null(), chunk.dictionary.is_valid())
            unseen += pc.sum(unknown.take(chunk.indices)).as_py() or 0
    return pa.chunked_array(chunks, code), unseen
