"""The feature contract: which columns a model reads, in which order and kind, and which levels each category had.

The contract is taken from the training rows, stored beside the model, and applied to every row that is scored, so that
a score never depends on how a table happens to be typed. Rows become numbers in `feature_matrix`, tables in `features`.
Nothing but Python's own library is imported here: an exported model is scored by this file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Kind = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class FeatureContract:
    """Feature names in the model's order, the kind of each, and the levels of each category by code.

    A level's code is its place in `levels`, which is sorted by text where the model was trained here. `made` is the
    record of the team's own function that makes some of the features, None without one.

    >>> contract = FeatureContract(("miles", "zone"), {"miles": "numeric", "zone": "categorical"}, {"zone": ("JFK",)})
    >>> FeatureContract.from_dict(contract.to_dict()) == contract
    True
    """

    names: tuple[str, ...]
    kinds: Mapping[str, Kind]
    levels: Mapping[str, tuple[str, ...]]
    made: dict[str, Any] | None = None

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the categorical features, in the model's order."""
        return tuple(name for name in self.names if self.kinds[name] == "categorical")

    @property
    def made_by(self) -> str:
        """Name of the function that makes some of the features; empty where none does."""
        return str(self.made["function"]) if self.made else ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The features, then the columns that the function makes some of them of."""
        return tuple(dict.fromkeys((*self.names, *(self.made["inputs"] if self.made else ()))))

    @cached_property
    def codes(self) -> Mapping[str, Mapping[str, int]]:
        """The code of each level, by category.

        >>> FeatureContract(("zone",), {"zone": "categorical"}, {"zone": ("EWR", "JFK")}).codes
        {'zone': {'EWR': 0, 'JFK': 1}}
        """
        return {name: {level: code for code, level in enumerate(levels)} for name, levels in self.levels.items()}

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain JSON values."""
        return {
            "names": list(self.names),
            "kinds": dict(self.kinds),
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            **({"made": dict(self.made)} if self.made else {}),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> FeatureContract:
        """The inverse of `to_dict`."""
        levels = {name: tuple(values) for name, values in record["levels"].items()}
        return cls(tuple(record["names"]), dict(record["kinds"]), levels, record.get("made"))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> FeatureContract:
        """The contract of a version, from its files by name."""
        return cls.from_dict(json.loads(files["features.json"]))
