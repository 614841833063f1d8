"""Rows of declared rare types: which they are, and those too old for the recent window, which are kept all the same.

Only rows of a type are read from the older periods, by predicate pushdown; as everywhere, from nothing that was not
known at the end of `as_of`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from retrain_assets.candidates.policy import RareType
from retrain_assets.errors import DataError
from retrain_assets.model import RowNames
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.raw.notation.keys import comparable_keys, one_array
from retrain_assets.raw.notation.values import is_text
from retrain_assets.store import KNOWN_AT, LABEL, OUTCOME, OUTCOME_TIME, PeriodStore, together
from retrain_assets.windows.cut import Span


def of_type(table: pa.Table, rare: RareType) -> NDArray[np.bool_]:
    """Which rows are of a rare type; a missing value is of none.

    Args:
        table: Rows with the type's column, or with `label`.
        rare: The type.

    Raises:
        DataError: The column cannot hold such a value.

    >>> of_type(pa.table({"rate": ["1", "5", None]}), RareType(column="rate", value=5, min_rows=1)).tolist()
    [False, True, False]
    """
    column = table[LABEL if rare.column is None else rare.column]
    value = _value(column.type, rare)
    chunks = [_equal(chunk, value) for chunk in column.chunks]
    return np.concatenate([np.empty(0, dtype=bool), *chunks])


def of_any_type(table: pa.Table, types: Sequence[RareType]) -> NDArray[np.bool_]:
    """Which rows are of at least one of the types."""
    return reduce(np.logical_or, (of_type(table, rare) for rare in types), np.zeros(table.num_rows, dtype=bool))


def load_kept(
    store: PeriodStore, names: RowNames, span: Span, columns: Sequence[str], as_of: str, types: Sequence[RareType]
) -> pa.Table | None:
    """Read the rows of rare types in a span whose outcome is known at the end of a period, sorted by time and key.

    A row counts by its latest outcome known as of the period, and belongs to it when key and time agree.

    Args:
        store: The model's files; reads `raw_data` of the span's periods and `outcomes` of those up to `as_of`.
        names: Says which columns are key and time.
        span: Which rows.
        columns: Columns wanted besides key and time; those that the types are told by among them.
        as_of: The period at whose end the decision is taken.
        types: The rare types.

    Returns:
        Columns key, time, `columns` and the outcome (`store.LABEL`); None when there is no such row.
    """
    periods = [period for period in span.periods if period <= as_of]
    if not periods or not types:
        return None
    key, time = names.key, names.time
    arrived = [period for period in store.periods("outcomes") if periods[0] <= period <= as_of]
    labelled = _keys_by_label(store, arrived, key, types)
    wanted = list(dict.fromkeys((key, time, *columns)))
    inside = (pc.field(time) >= span.start) & (pc.field(time) < span.end)
    found: list[pa.Table] = []
    for period in periods:
        path = store.path("raw_data", period)
        if not path.exists():
            continue
        schema = pq.read_schema(path)
        candidates = _of_types(schema, types, key, labelled)
        if candidates is not None:
            present = [name for name in wanted if name in schema.names]
            found.append(pq.read_table(path, columns=present, filters=inside & candidates))
    found = [part for part in found if part.num_rows]
    if not found:
        return None
    rows = together(found).unify_dictionaries()
    for name in set(wanted) - set(rows.column_names):
        rows = rows.append_column(name, pa.nulls(rows.num_rows))
    rows = rows.select(wanted)
    rows = _with_label(store, rows, arrived, names)
    rows = rows.filter(pa.array(of_any_type(rows, types)))
    return rows.sort_by([(time, "ascending"), (key, "ascending")]) if rows.num_rows else None


def _keys_by_label(
    store: PeriodStore, arrived: Sequence[str], key: str, types: Sequence[RareType]
) -> pa.ChunkedArray | None:
    """Keys that have had an outcome of a rare class; whether it is their latest is seen later."""
    classes = [float(rare.label) for rare in types if rare.label is not None]
    if not classes or not arrived:
        return None
    rare = pc.field("label").isin(pa.array(classes, pa.float64()))
    found = [pq.read_table(store.path("outcomes", period), columns=[key], filters=rare) for period in arrived]
    return together(found)[key]


def _of_types(
    schema: pa.Schema, types: Sequence[RareType], key: str, labelled: pa.ChunkedArray | None
) -> pc.Expression | None:
    """Build the filter of the stored rows that may be of a type; None when none can be."""
    held = {field.name: field.type for field in schema if not pa.types.is_null(field.type)}
    wanted = [
        pc.field(rare.column) == _value(held[rare.column], rare)
        for rare in types
        if rare.column is not None and rare.column in held
    ]
    if labelled is not None and len(labelled):
        wanted.append(_keys_in(schema, key, labelled))
    return reduce(or_, wanted) if wanted else None


def _keys_in(schema: pa.Schema, key: str, keys: pa.ChunkedArray) -> pc.Expression:
    """Build the filter of a file's rows that have one of some keys, whatever type it stores them in."""
    stored, wanted = pc.field(key), one_array(keys)
    if schema.field(key).type != wanted.type:
        stored, wanted = stored.cast(pa.string()), wanted.cast(pa.string())
    return stored.isin(wanted)


def _with_label(store: PeriodStore, rows: pa.Table, arrived: Sequence[str], names: RowNames) -> pa.Table:
    """The rows that have an outcome, with the latest one known."""
    key, time = names.key, names.time
    columns = [key, OUTCOME, OUTCOME_TIME, KNOWN_AT]
    paths = [store.path("outcomes", period) for period in arrived]
    mine = [_keys_in(pq.read_schema(path), key, rows[key]) for path in paths]
    found = [pq.read_table(path, columns=columns, filters=one) for path, one in zip(paths, mine, strict=True)]
    if not found:
        return rows.slice(0, 0).append_column(LABEL, pa.chunked_array([[]], pa.float64()))
    known = latest_per_key(together(found), key)
    own, others = comparable_keys(rows[key], known[key])
    place = pc.index_in(own, value_set=others)
    rows = rows.append_column(LABEL, known[OUTCOME].take(place))
    agrees = pc.equal(rows[time], known[OUTCOME_TIME].take(place))
    return rows.filter(pc.and_(pc.fill_null(agrees, False), rows[LABEL].is_valid()))


def _value(kind: pa.DataType, rare: RareType) -> str | float:
    """The type's value as its column holds it."""
    if rare.column is None:
        return float(rare.label or 0)
    text = kind.value_type if pa.types.is_dictionary(kind) else kind
    if is_text(text) or pa.types.is_null(text):
        return str(rare.value)
    try:
        return float(rare.value or 0)
    except ValueError:
        raise DataError(f"training.coverage.rare: {rare.column} holds numbers, {rare.value!r} is none") from None


def _equal(chunk: pa.Array, value: str | float) -> NDArray[np.bool_]:
    if pa.types.is_null(chunk.type):
        return np.zeros(len(chunk), dtype=bool)
    if pa.types.is_dictionary(chunk.type):
        same = pc.equal(chunk.dictionary.cast(pa.string()), value).take(chunk.indices)
    else:
        same = pc.equal(chunk, value)
    return np.asarray(pc.fill_null(same, False).to_numpy(zero_copy_only=False), dtype=bool)
