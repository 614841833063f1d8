"""`training.json` of a version: what trained it.

The one module that knows the record's keys. A version is immutable, so that records of every earlier release are read
for good; a part of the registry asks for single facts of candidates whose record it did not write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from retrain_assets.store import Json, require_schema

FILE = "training.json"
SCHEMA = 1
ADOPTED = "adopted"
"""The strategy of a version that was trained elsewhere."""


@dataclass(frozen=True)
class AveragedModel:
    """One of the two models that an average was made of."""

    rounds: int
    rows: int
    effective_rows: float
    trained_from: str
    trained_until: str


@dataclass(frozen=True)
class TrainingRecord:
    """What trained a version.

    Attributes:
        model: Name of the model.
        task: What it predicts.
        as_of: The period at whose end it was trained.
        strategy: Which rows of history trained it, with which weight.
        rounds: Boosting rounds.
        rows: Training rows.
        effective_rows: How many equally weighted rows they are worth.
        baseline: The best constant score on the training labels, one per class for several.
        periods: The stored periods of the training window.
        trained_from: Start of the training window, ISO 8601.
        trained_until: Its end; a row at that moment was not seen.
        selection_loss: Mean loss over the rolling origins; None where there were none.
        parameters: The training policy in force.
        importance: Share of the total gain by feature, the largest first.
        parts: The two models of an average, by strategy.
        refit_of: Digest of the tested candidate that this one was refitted from.
        fallback: Whether it is the constant model behind a first version.
        adopted: SHA-256 of the file that a person adopted. What trained it is then not known: `rows` is 0, and the
            window is everything up to the day that the person declared.
    """

    model: str
    task: str
    as_of: str
    strategy: str
    rounds: int
    rows: int
    effective_rows: float
    baseline: float | tuple[float, ...]
    periods: tuple[str, ...]
    trained_from: str
    trained_until: str
    selection_loss: float | None = None
    parameters: Json = field(default_factory=dict)
    importance: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, AveragedModel] = field(default_factory=dict)
    refit_of: str | None = None
    fallback: bool = False
    adopted: str | None = None

    @property
    def start(self) -> datetime:
        """Start of the training window."""
        return datetime.fromisoformat(self.trained_from)

    @property
    def end(self) -> datetime:
        """End of the training window; a row at that moment was not seen."""
        return datetime.fromisoformat(self.trained_until)

    def to_dict(self) -> Json:
        """Build the record as plain JSON values; what does not apply is left out."""
        return {
            "schema": SCHEMA,
            "model": self.model,
            "task": self.task,
            "as_of": self.as_of,
            "strategy": self.strategy,
            "rounds": self.rounds,
            "rows": self.rows,
            "effective_rows": self.effective_rows,
            "baseline": list(self.baseline) if isinstance(self.baseline, tuple) else self.baseline,
            "periods": list(self.periods),
            "trained_from": self.trained_from,
            "trained_until": self.trained_until,
            "selection_loss": self.selection_loss,
            "parameters": dict(self.parameters),
            "importance": dict(self.importance),
            **({"parts": {name: _part(part) for name, part in self.parts.items()}} if self.parts else {}),
            **({"refit_of": self.refit_of} if self.refit_of else {}),
            **({"fallback": True} if self.fallback else {}),
            **({"adopted": self.adopted} if self.adopted else {}),
        }

    @classmethod
    def from_dict(cls, record: Json) -> TrainingRecord:
        """Read a stored record, also one from before records had a schema version.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, "training record")
        baseline = record["baseline"]
        return cls(
            model=record["model"],
            task=record["task"],
            as_of=record["as_of"],
            strategy=record["strategy"],
            rounds=record["rounds"],
            rows=record["rows"],
            effective_rows=record["effective_rows"],
            baseline=tuple(baseline) if isinstance(baseline, list) else baseline,
            periods=tuple(record["periods"]),
            trained_from=record["trained_from"],
            trained_until=record["trained_until"],
            selection_loss=record.get("selection_loss"),
            parameters=record.get("parameters", {}),
            importance=record.get("importance", {}),
            parts={name: _read_part(part) for name, part in record.get("parts", {}).items()},
            refit_of=record.get("refit_of"),
            fallback=record.get("fallback", False),
            adopted=record.get("adopted"),
        )

    def to_bytes(self) -> bytes:
        """The file of a version; the same record gives the same bytes."""
        return json.dumps(self.to_dict(), sort_keys=True).encode()

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> TrainingRecord:
        """Read the record of a version from its files.

        Raises:
            DataError: A newer release wrote it.
        """
        return cls.from_dict(json.loads(files[FILE]))


def trained_until(files: Mapping[str, bytes]) -> datetime | None:
    """Find how far a candidate's training data reach; None when its training record does not say.

    >>> trained_until({"training.json": b'{"trained_until": "2019-03-31T00:00:00"}'})
    datetime.datetime(2019, 3, 31, 0, 0)
    >>> trained_until({"model.bst": b"tree"}) is None
    True
    """
    try:
        return datetime.fromisoformat(json.loads(files[FILE])["trained_until"])
    except (KeyError, ValueError, TypeError):
        return None


def trained_between(files: Mapping[str, bytes]) -> tuple[str, str] | None:
    """Find the start and the end of the training window; None when the training record does not say.

    >>> trained_between({"training.json": b'{"trained_from": "2019-01-01", "trained_until": "2019-03-31"}'})
    ('2019-01-01', '2019-03-31')
    >>> trained_between({"training.json": b'{"trained_until": "2019-03-31"}'}) is None
    True
    """
    try:
        record = json.loads(files[FILE])
        return str(record["trained_from"]), str(record["trained_until"])
    except (KeyError, ValueError, TypeError):
        return None


def refit_of(files: Mapping[str, bytes]) -> str | None:
    """Find which tested candidate a version was refitted from; None when its training record names none.

    >>> refit_of({"training.json": b'{"refit_of": "5ac1"}'})
    '5ac1'
    """
    found = json.loads(files.get(FILE, b"{}")).get("refit_of")
    return str(found) if found is not None else None


def _part(part: AveragedModel) -> Json:
    window = {"start": part.trained_from, "end": part.trained_until}
    return {"rounds": part.rounds, "rows": part.rows, "effective_rows": part.effective_rows, "window": window}


def _read_part(record: Json) -> AveragedModel:
    window = record["window"]
    return AveragedModel(record["rounds"], record["rows"], record["effective_rows"], window["start"], window["end"])
