"""Files of rows that wait for a score: which are new, and each scored once by the version that is live.

A file is known by its path, size and time of change, so that one that is written again is scored again, and is taken
once it rests, so that none is scored while it is being copied. What came of it is a record beside the scores; a file
that could not be scored has a record too, and is not tried again as it is.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from fsspec.implementations.local import LocalFileSystem

from retrain_assets.errors import RetrainError
from retrain_assets.model import RowNames
from retrain_assets.raw.file_names import listed
from retrain_assets.serving.batch import Batch
from retrain_assets.serving.live import LiveModel
from retrain_assets.serving.policy import SCORED_BATCH, BatchesPolicy
from retrain_assets.store import Json, PeriodStore

SCHEMA = 1

REST = timedelta(seconds=10)
"""How long a file on this machine must be unchanged; an object store shows one when it is whole."""


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


def waiting(batches: BatchesPolicy, store: PeriodStore, now: datetime) -> list[Waiting]:
    """List the files that wait for a score, by name; `now` is the time on the wall.

    Raises:
        SourceError: There is no file at all, or the path cannot be reached.
    """
    system, names = listed(batches)
    known, found = set(store.periods(SCORED_BATCH, "json")), []
    for name in names:
        if isinstance(system, LocalFileSystem):
            about = Path(name).stat()
            if about.st_mtime > (now - REST).timestamp():
                continue
            place, state = name, f"{name}|{about.st_size}|{about.st_mtime_ns}"
        else:
            place, state = system.unstrip_protocol(name), f"{name}|{system.ukey(name)}"
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
