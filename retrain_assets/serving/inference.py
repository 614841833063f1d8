"""Requests and answers of the Open Inference Protocol v2, and of the route that takes rows by name, as plain values.

Both name columns, in any order: a tensor of the protocol is one column. Nothing here knows HTTP or a model.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.scorer import Scored
from retrain_assets.store import Json

_NUMBERS = {"FP16", "FP32", "FP64", *(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))}


@dataclass(frozen=True)
class InferenceRequest:
    """The rows of a request as columns by name, and the id that it gave itself; empty where it gave none."""

    columns: Mapping[str, Sequence[object]]
    id: str = ""

    @property
    def rows(self) -> int:
        """How many rows."""
        return max(map(len, self.columns.values()), default=0)

    @classmethod
    def from_json(cls, body: bytes) -> Self:
        """Read a request of the protocol: one input of shape [n] or [n, 1] for each column.

        Raises:
            DataError: It is written otherwise.

        >>> InferenceRequest.from_json(
        ...     b'{"id": "a", "inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": [1, null]}]}'
        ... )
        InferenceRequest(columns={'x': [1, None]}, id='a')
        """
        request = _mapping(body)
        inputs = request.get("inputs")
        if not isinstance(inputs, list) or not inputs:
            raise DataError('write {"inputs": [{"name", "shape", "datatype", "data"}, ...]}, one input for each column')
        columns: dict[str, list[object]] = {}
        for tensor in inputs:
            name, values = _column(tensor)
            if name in columns:
                raise DataError(f"input {name!r} stands twice")
            columns[name] = values
        return cls(columns, str(request.get("id", "")))

    @classmethod
    def by_name(cls, body: bytes, wanted: Iterable[str]) -> Self:
        """Read `{"rows": [{"x": 1, "zone": "JFK"}, ...]}` or `{"columns": {"x": [1], "zone": ["JFK"]}}`.

        Args:
            body: JSON.
            wanted: Names of the columns to take; one that no row has is left out.

        Raises:
            DataError: It is written otherwise, or a row lacks a column that another has.

        >>> InferenceRequest.by_name(b'{"rows": [{"x": 1, "zone": "JFK", "other": 0}]}', ["zone", "x", "id"])
        InferenceRequest(columns={'zone': ['JFK'], 'x': [1]}, id='')
        """
        request = _mapping(body)
        given, rows, own = request.get("columns"), request.get("rows"), str(request.get("id", ""))
        if isinstance(given, Mapping):
            lists = {name: given[name] for name in wanted if name in given}
            for name, values in lists.items():
                if not isinstance(values, list):
                    raise DataError(f"column {name!r} is no list of values")
            return cls(lists, own)
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise DataError(
                'write {"rows": [{"column": value, ...}, ...]} or {"columns": {"column": [value, ...], ...}}'
            )
        return cls(_transposed(rows, wanted), own)


def _transposed(rows: Sequence[Json], wanted: Iterable[str]) -> dict[str, list[object]]:
    """Rows as columns; those that no row has are left out."""
    columns = {}
    for name in wanted:
        having = [name in row for row in rows]
        if any(having):
            if not all(having):
                raise DataError(f"row {having.index(False)} has no {name!r}: write null where it is missing")
            columns[name] = [row[name] for row in rows]
    return columns


def named_answer(model: str, scored: Scored, request_id: str) -> bytes:
    """The answer to rows by name.

    Raises:
        ValueError: A score is no finite number.
    """
    answer = {
        "model": model,
        "version": scored.version,
        "digest": scored.digest,
        "request_id": request_id,
        "scores": scored.scores.tolist(),
        "unseen": dict(scored.unseen),
    }
    return json.dumps(answer, allow_nan=False).encode()


def tensor_answer(model: str, scored: Scored, request_id: str) -> bytes:
    """The answer of the protocol: one output `score`, and version and digest.

    Raises:
        ValueError: A score is no finite number.
    """
    output = {
        "name": "score",
        "datatype": "FP64",
        "shape": list(scored.scores.shape),
        "data": scored.scores.ravel().tolist(),
    }
    answer = {
        "model_name": model,
        "model_version": scored.version,
        "id": request_id,
        "parameters": {"digest": scored.digest, "unseen_categories": sum(scored.unseen.values())},
        "outputs": [output],
    }
    return json.dumps(answer, allow_nan=False).encode()


def metadata(model: str, versions: Sequence[str], contract: FeatureContract, classes: int) -> Json:
    """What the protocol tells of a model: its inputs by name, and its output.

    Args:
        model: Its name.
        versions: Names of the versions that answer.
        contract: What it reads.
        classes: How many scores a row gets.
    """
    inputs = [
        {"name": name, "datatype": "FP64" if contract.kinds[name] == "numeric" else "BYTES", "shape": [-1]}
        for name in contract.names
    ]
    shape = [-1] if classes == 1 else [-1, classes]
    return {
        "name": model,
        "versions": list(versions),
        "platform": "lightgbm",
        "inputs": inputs,
        "outputs": [{"name": "score", "datatype": "FP64", "shape": shape}],
    }


def _mapping(body: bytes) -> Json:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise DataError(f"the request is no JSON: {error}") from None
    if not isinstance(request, dict):
        raise DataError("the request is no JSON object")
    return request


def _column(tensor: Json) -> tuple[str, list[object]]:
    """The name and the values of an input."""
    try:
        name, shape, kind, data = (tensor[part] for part in ("name", "shape", "datatype", "data"))
    except (TypeError, KeyError) as error:
        raise DataError(f"an input lacks {error}: it has name, shape, datatype and data") from None
    if kind not in _NUMBERS and kind not in ("BYTES", "BOOL"):
        raise DataError(f"input {name!r} has datatype {kind!r}: numbers are FP64 or INT64, text is BYTES")
    if not isinstance(data, list):
        raise DataError(f"input {name!r} has no list of data")
    if data and all(isinstance(one, list) for one in data):
        data = [value for one in data for value in one]
    if not isinstance(shape, list) or len(shape) not in (1, 2) or shape[1:] not in ([], [1]):
        raise DataError(f"input {name!r} has shape {shape!r}: a column has shape [rows] or [rows, 1]")
    if math.prod(shape) != len(data):
        raise DataError(f"input {name!r} has shape {shape!r} and {len(data):,} values")
    return str(name), data
