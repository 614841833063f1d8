"""What was made by a feature function: by which function, from which columns, which columns.

Stored rows carry the record in their file, a version in its feature contract; this module knows its keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from retrain_assets.errors import DataError
from retrain_assets.store import Json

Kind = Literal["number", "text", "time", "other"]
"""How a function gets a column: as numbers, as text, as wall-clock times, or as the source has it."""

METADATA = b"retrain.features"
"""Where a Parquet file's schema holds the record."""


@dataclass(frozen=True)
class MadeColumns:
    """Columns that a function made.

    Attributes:
        function: Its name, `package.module:function`.
        sha256: Digest of its source.
        inputs: The columns that it was given, each with how.
        columns: The columns that it made.
    """

    function: str
    sha256: str
    inputs: Mapping[str, Kind]
    columns: tuple[str, ...]

    def to_dict(self) -> Json:
        """The record as plain JSON values."""
        return {
            "function": self.function,
            "sha256": self.sha256,
            "inputs": dict(self.inputs),
            "columns": list(self.columns),
        }

    @classmethod
    def from_dict(cls, record: Json) -> Self:
        """The inverse of `to_dict`."""
        return cls(record["function"], record["sha256"], dict(record["inputs"]), tuple(record["columns"]))

    def to_metadata(self) -> dict[bytes, bytes]:
        """The record as metadata of a table's schema."""
        return {METADATA: json.dumps(self.to_dict(), sort_keys=True).encode()}

    @classmethod
    def of_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> Self | None:
        """The record in a schema's metadata; None of rows that no function made columns of."""
        found = (metadata or {}).get(METADATA)
        return cls.from_dict(json.loads(found)) if found else None


def made_alike(by_period: Mapping[str, MadeColumns | None], model: str) -> MadeColumns | None:
    """The record that all stored periods share, the inputs and columns of the last.

    Raises:
        DataError: Some periods were made by another function, another source of it, or by none.
    """
    last = list(by_period.values())[-1] if by_period else None
    wanted = (last.function, last.sha256) if last else None
    others = [
        period for period, made in by_period.items() if ((made.function, made.sha256) if made else None) != wanted
    ]
    if others:
        by = f"{last.function} as it is in the newest period ({last.sha256[:12]})" if last else "no function any more"
        raise DataError(
            f"{model}: the columns of {_listed(others)} were not made by {by}. One model is not trained on columns "
            f"of two makes: take these periods in again (materialize raw_data of {others[0]}"
            f"{f' to {others[-1]}' if len(others) > 1 else ''})."
        )
    return last


def _listed(periods: Sequence[str]) -> str:
    return periods[0] if len(periods) == 1 else f"{len(periods)} periods from {periods[0]} to {periods[-1]}"
