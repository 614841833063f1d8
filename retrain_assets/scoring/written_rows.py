"""Rows as people hand them in, as the columns that a version reads: numbers out of text, categories as text.

What a CSV or a database gives is read as ingestion reads it, so that a row gets the same score on either way.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.raw.notation.numbers import numbers_without_words, plain_numbers, read_numbers
from retrain_assets.raw.notation.values import flat, how_many, is_text, read_categories, respelled, same_levels
from retrain_assets.raw.policy import Table
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.store import with_column


def as_contract(rows: pa.Table, contract: FeatureContract, written: Table | None = None) -> pa.Table:
    """The features of some rows in the kinds of a contract.

    A level that the contract spells otherwise (`True` for `Y`, `11.0` for `11`) gets the contract's spelling.

    Args:
        rows: As they were handed in.
        contract: Of the version that reads them.
        written: The notation of numbers and the words for a missing one, where they are declared.

    Raises:
        DataError: A numeric feature holds something that is no number.
        TwoReadings: A number has two readings.

    >>> contract = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("N", "Y")})
    >>> as_contract(pa.table({"c": ["True", None], "x": ["1,234.5", ""]}), contract).to_pydict()
    {'x': [1234.5, None], 'c': ['Y', None]}
    """
    present = [name for name in contract.names if name in rows.column_names]
    numeric = [name for name in present if contract.kinds[name] == "numeric"]
    rows = rows.select(present)
    if written is not None and written.null_values:
        rows = numbers_without_words(rows, numeric, written.null_values)
    rows, _ = plain_numbers(rows, numeric, written.notation if written is not None else None)
    for name in present:
        column = rows[name]
        if contract.kinds[name] == "categorical":
            read: pa.Array = _category(name, column, contract.levels[name])
        else:
            numbers = read_numbers(column)
            if numbers.fault or how_many(numbers.unreadable):
                first = numbers.fault or f"holds {column.filter(numbers.unreadable)[0].as_py()!r}, which is no number"
                advice = "write numbers, leave the field empty, or declare the word (null_values)"
                raise DataError(f"numeric feature {name!r} {first}: {advice}")
            read = numbers.values
        rows = with_column(rows, name, read)
    return rows


def _category(name: str, column: pa.ChunkedArray, levels: tuple[str, ...]) -> pa.Array:
    if is_text(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_dictionary(column.type):
        return _spelled(name, column, levels)
    whole = flat(column.unify_dictionaries())
    return pa.DictionaryArray.from_arrays(whole.indices, _spelled(name, whole.dictionary, levels))


def _spelled(name: str, values: pa.Array, levels: tuple[str, ...]) -> pa.Array:
    """Values as text, each as the contract spells it."""
    text, fault = read_categories(values)
    if fault:
        raise DataError(f"categorical feature {name!r} {fault}: write text or codes")
    text = text.cast(pa.string())
    return respelled(text, same_levels(pc.unique(text.drop_null()).to_pylist(), levels))
