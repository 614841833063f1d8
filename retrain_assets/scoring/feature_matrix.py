"""Columns of plain values by name, as the matrix of numbers that LightGBM scores: for requests and for Python callers.

Tables go another way to the same numbers (`features`). Nothing but numpy is imported here: an exported model is scored
by this file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import cast

import numpy as np
from numpy.typing import NDArray

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract

_PLAIN = {float, int, bool, type(None)}


def feature_matrix(
    columns: Mapping[str, Sequence[object]], contract: FeatureContract
) -> tuple[NDArray[np.float64], dict[str, int]]:
    """Encode columns of equal length: numbers as they are, categories as codes, what is missing or unseen as NaN.

    Args:
        columns: At least the contract's columns, in any order: numbers, categories as text, None or NaN where missing.
        contract: What the model was trained on.

    Returns:
        Shape (n rows, k features), and the number of rows with a level that the contract does not know, by category
        that has some.

    Raises:
        DataError: A column is missing, of another length, or holds a value of the wrong kind.

    >>> contract = FeatureContract(("x", "zone"), {"x": "numeric", "zone": "categorical"}, {"zone": ("EWR", "JFK")})
    >>> feature_matrix({"zone": ["JFK", "LGA"], "x": [1, None]}, contract)
    (array([[ 1.,  1.],
           [nan, nan]]), {'zone': 1})
    """
    encoded: list[Sequence[float | None] | NDArray[np.float64]] = []
    unseen: dict[str, int] = {}
    for name in contract.names:
        values = columns.get(name)
        if values is None:
            raise DataError(f"feature {name!r} is missing in rows with columns {', '.join(columns)}")
        if encoded and len(values) != len(encoded[0]):
            raise DataError(
                f"feature {name!r} has {len(values):,} values, {contract.names[0]!r} has {len(encoded[0]):,}"
            )
        if contract.kinds[name] == "numeric":
            encoded.append(_numbers(name, values))
        else:
            codes, unknown = _codes(name, values, contract.codes[name])
            encoded.append(codes)
            if unknown:
                unseen[name] = unknown
    try:
        return np.array(encoded, np.float64).T, unseen
    except OverflowError:
        large = (name for name, values in zip(contract.names, encoded, strict=True) if _overflows(values))
        raise DataError(f"numeric feature {next(large)!r} holds an integer that no float can hold") from None


def _numbers(name: str, values: Sequence[object]) -> Sequence[float | None] | NDArray[np.float64]:
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiub":
        return values.astype(np.float64)
    plain = values if type(values) is list else list(_items(values))
    if not _PLAIN.issuperset(map(type, plain)):
        plain = [_number(name, value) for value in plain]
    return cast("Sequence[float | None]", plain)


def _overflows(values: Sequence[float | None] | NDArray[np.float64]) -> bool:
    try:
        np.array(values, np.float64)
    except OverflowError:
        return True
    return False


def _number(name: str, value: object) -> float | None:
    """A value as a float where it is a number of any library's type."""
    if _missing(value):
        return None
    if isinstance(value, Real | Decimal | np.bool_):
        return float(value)
    raise DataError(
        f"numeric feature {name!r} holds {value!r}, of type {type(value).__name__}: "
        "give a number, or null where it is missing"
    )


def _codes(name: str, values: Sequence[object], codes: Mapping[str, int]) -> tuple[list[float], int]:
    """Codes of one category, and the number of rows whose level has none."""
    found, unknown = [], 0
    for value in _items(values):
        if isinstance(value, str):
            code = codes.get(value)
            unknown += code is None
            found.append(np.nan if code is None else float(code))
        elif _missing(value):
            found.append(np.nan)
        else:
            raise DataError(
                f"categorical feature {name!r} holds {value!r}, of type {type(value).__name__}: "
                "give text, or null where it is missing"
            )
    return found, unknown


def _missing(value: object) -> bool:
    """Whether a value is None, NaN, or what pandas writes for them."""
    if value is None or (isinstance(value, float) and value != value):
        return True
    return type(value).__name__ in ("NAType", "NaTType")


def _items(values: Sequence[object]) -> Iterable[object]:
    """The values as Python's own objects."""
    if isinstance(values, list | tuple):
        return values
    for convert in ("to_pylist", "tolist"):  # Arrow, numpy and pandas
        if hasattr(values, convert):
            return list(getattr(values, convert)())
    return list(values)
