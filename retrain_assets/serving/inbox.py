"""Files of rows that wait for a score: which are new, and each scored once by the version that is live.

A file is known by its path, size and time of change, so that one that is written again is scored again. What came of it
is a record beside the scores; a file that could not be scored has a record too, and is not tried again as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

from fsspec.implementations.local import LocalFileSystem

from retrain_assets.errors import RetrainError
from retrain_assets.model import RowNames
from retrain_assets.raw.files import listed
from retrain_assets.serving.batch import Batch
from retrain_assets.serving.live import LiveModel
from retrain_assets.serving.policy import SCORED_BATCH, BatchesPolicy
from retrain_assets.store import Json, PeriodStore, require_schema

SCHEMA = 1


@dataclass(frozen=True)
class Waiting:
    """A file that has not been scored as it is now.

    Attributes:
        place: Its path, or its address.
        name: What its scores are called: its own name and what tells its content from an earlier one.
    """

    place: str
    name: str


@dataclass(frozen=True)
class ScoredFile:
    """What came of one file.

    Attributes:
        place: Its path, or its address.
        version: The version that scored it, and its digest.
        at: When, ISO 8601.
        rows: How many rows it had.
        unseen: Rows with a category that the version never saw, by feature.
        fault: Why it has no scores; empty where it has.
    """

    place: str
    version: str
    digest: str
    at: str
    rows: int = 0
    unseen: dict[str, int] = field(default_factory=dict)
    fault: str = ""

    def to_dict(self) -> Json:
        """The record as it is stored."""
        return {"schema": SCHEMA, **asdict(self)}

    @classmethod
    def from_dict(cls, record: Json) -> ScoredFile:
        """Read a stored record.

        Raises:
            DataError: A newer release wrote it.
        """
        require_schema(record, SCHEMA, SCORED_BATCH)
        return cls(**{name: value for name, value in record.items() if name != "schema"})


def waiting(batches: BatchesPolicy, store: PeriodStore) -> list[Waiting]:
    """List the files that wait for a score, by name.

    Raises:
        SourceError: There is no file at all, or the path cannot be reached.
    """
    system, names = listed(batches)
    known, found = set(store.periods(SCORED_BATCH, "json")), []
    for name in names:
        place = name if isinstance(system, LocalFileSystem) else system.unstrip_protocol(name)
        state = f"{place}|{system.size(name)}|{system.modified(name).timestamp()}"
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", PurePosixPath(name).name.split(".")[0]).strip("-_") or "rows"
        found.append(Waiting(place, f"{stem[:80]}-{hashlib.sha256(state.encode()).hexdigest()[:12]}"))
    return [one for one in found if one.name not in known]


def score_files(
    files: Sequence[Waiting],
    batches: BatchesPolicy,
    live: LiveModel,
    names: RowNames,
    store: PeriodStore,
    now: Callable[[], datetime],
) -> list[ScoredFile]:
    """Score each file into the store; one that cannot be scored stops no other."""
    done = []
    for file in files:
        moment = now()
        out = store.path(SCORED_BATCH, file.name)
        out.parent.mkdir(parents=True, exist_ok=True)
        about = file.place, live.version.name, live.version.digest, moment.isoformat()
        try:
            result = Batch(live, (names.key, names.time), moment, batches.reasons).score(file.place, batches, str(out))
            one = ScoredFile(*about, result.rows, result.unseen)
        except RetrainError as fault:
            said = str(fault) if file.place in str(fault) else f"{file.place}: {fault}"
            one = ScoredFile(*about, fault=f"{said.rstrip('.')}.")
        store.write_json(SCORED_BATCH, file.name, one.to_dict())
        done.append(one)
    return done
