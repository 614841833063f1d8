"""The history that a backtest replays: what the model has stored, or its source taken in for that alone.

What reads a source is imported only when something has to be read, so that a history that is there is found at once.
A model whose monitoring is up to date is replayed from its own store. Of any other one every period is read and checked
once, into a store of its own that nothing else reads, and again only when the files of the source change.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrain_assets.errors import SourceError
from retrain_assets.raw.policy import Table
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import Json, PeriodStore, write_atomically

TAKEN_IN = "taken_in.json"


@dataclass(frozen=True)
class ReplayedHistory:
    """A store with every period, and what stopped some of them."""

    store: PeriodStore
    stops: tuple[str, ...] = ()


@dataclass(frozen=True)
class TakenIn:
    """What was taken in for a backtest alone.

    Attributes:
        seen: How the source was declared, and the size and time of its files.
        last: The last period that has rows.
        stops: Why some periods are not there.
    """

    seen: Json
    last: str
    stops: tuple[str, ...]

    def to_dict(self) -> Json:
        """As plain JSON."""
        return {"seen": self.seen, "last": self.last, "stops": list(self.stops)}

    @classmethod
    def from_dict(cls, record: Json) -> TakenIn:
        """The inverse of `to_dict`."""
        return cls(record["seen"], record["last"], tuple(record["stops"]))


def replayed_history(
    spec: ModelSpec, home: Path, *, again: bool = False, tell: Callable[[str], None] = lambda _: None
) -> ReplayedHistory:
    """Find or take in the history of a model.

    Args:
        spec: The model's.
        home: Folder of data, registry and run history.
        again: Read the source again even if its files are the same, as a database must be.
        tell: Called with each period before it is read.

    Raises:
        SourceError: The source cannot be read, or has no period that has ended.
    """
    stored, own = PeriodStore(home / "data" / spec.name), PeriodStore(home / "backtest" / spec.name)
    seen, path = _seen(spec), own.root / TAKEN_IN
    known = TakenIn.from_dict(json.loads(path.read_bytes())) if path.exists() and not again else None
    known = known if known is not None and known.seen == seen else None
    last = known.last if known is not None else _last_period(spec)
    if last is None:
        raise SourceError(f"{spec.name}: its source holds no period that has ended, so there is nothing to replay.")
    held = stored.periods("raw_data")
    if held and held[-1] >= last and (known is None or held == own.periods("raw_data")):
        return ReplayedHistory(stored)
    if known is not None:
        return ReplayedHistory(own, known.stops)
    from retrain_assets.onboarding.survey import survey

    shutil.rmtree(own.root, ignore_errors=True)
    found = survey(spec, own, tell)
    taken = TakenIn(
        seen, last, tuple(f"{one.period}: not replayed, {' '.join(one.stops)}" for one in found if one.stops)
    )
    write_atomically(path, json.dumps(taken.to_dict()).encode())
    return ReplayedHistory(own, taken.stops)


def _last_period(spec: ModelSpec) -> str | None:
    from retrain_assets.onboarding.survey import last_period

    return last_period(spec)


def _seen(spec: ModelSpec) -> Json:
    """What can be seen of the source without reading it: how it is declared, and size and time of local files."""
    source = spec.source
    declared = [
        source.model_dump(mode="json"),
        spec.columns.model_dump(mode="json"),
        spec.contract.model_dump(mode="json"),
        spec.period.model_dump(mode="json"),
        spec.features,
    ]
    files = [_files(table) for table in (source.features, source.outcomes) if table]
    seen: Json = json.loads(json.dumps({"declared": declared, "files": files}))
    return seen


def _files(table: Table) -> list[tuple[str, int, int]]:
    """Name, size and time of each local file; nothing of a database or a remote file system."""
    if table.sql is not None or (table.path is not None and "://" in table.path):
        return []
    from retrain_assets.raw.file_names import listed

    names = listed(table)[1]
    return [(name, (state := Path(name).stat()).st_size, state.st_mtime_ns) for name in names]
