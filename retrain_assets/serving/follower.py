"""The version in service as the journal says, from one look at it to the next: what a server answers with.

A request takes `served` once and answers with it, so that no answer mixes two versions. A version is loaded and has
scored a row before it takes the place of the one before; one that does not load leaves that one in service, and is a
fault that health and metrics show.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from retrain_assets.errors import RetrainError
from retrain_assets.production.probation.record import ASSET, ProbationRecord, stored_record
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.reader import Records
from retrain_assets.serving.live import LiveModel, loaded
from retrain_assets.store import PeriodStore

SECONDS = 0.5
"""Between two looks at the journal."""

_KEPT = 3  # loaded versions: the live one, the one behind it, and one more that a rollback may bring back


@dataclass(frozen=True)
class Served:
    """What answers at one moment: the live version, and during its probation the one before it."""

    live: LiveModel
    shadow: LiveModel | None = None


class Follower:
    """Follows the journal of one model.

    Attributes:
        served: What answers now; None before the first model, and while the model is retired.
        fault: Why the version that the journal names is not in service; empty where it is.
        changes: How often the version changed since the start.
    """

    def __init__(self, registry: Records, store: PeriodStore) -> None:
        self.served: Served | None = None
        self.fault = ""
        self.changes = 0
        self._registry, self._store = registry, store
        self._mark: object = None
        self._kept: OrderedDict[str, LiveModel] = OrderedDict()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follow the journal", daemon=True)

    def start(self) -> None:
        """Look once, then twice a second until `stop`."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """End looking."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self) -> None:
        """Serve what the journal says now; what cannot be served is kept as the fault."""
        try:
            mark = (self._registry.mark(), self._store.periods(ASSET, "json")[-1:])
            if mark == self._mark and not self.fault:
                return
            self._serve(History(self._registry.history()))
            self._mark, self.fault = mark, ""
        except Exception as error:  # whatever keeps the named version from serving, the one before goes on
            reason = str(error) if isinstance(error, RetrainError) else f"{type(error).__name__}: {error}"
            self.fault = f"the version that the journal names cannot be served: {reason}"

    def _serve(self, history: History) -> None:
        version = history.live
        if version is None:
            self.served = None
            return
        live = self._loaded(version)
        if self.served is not None and self.served.live.version.digest != version.digest:
            self.changes += 1
        before = self._before(history)
        self.served = Served(live, self._shadow(before))

    def _loaded(self, version: Version) -> LiveModel:
        """A version that is ready to answer, one of the last few without reading it again."""
        live = self._kept.get(version.digest)
        if live is None:
            live = loaded(self._registry, version)
            nothing = np.full((1, len(live.scorer.contract.names)), np.nan)
            live.scorer.predicted(nothing)  # the first row costs what later ones do not
            self._kept[version.digest] = live
        self._kept.move_to_end(version.digest)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return live

    def _before(self, history: History) -> Version | None:
        """The version that the live one replaced, while its probation lasts."""
        move = history.moves[-1]
        if move.action != "promoted" or move.from_digest is None:
            return None
        records = (stored_record(self._store, period) for period in reversed(self._store.periods(ASSET, "json")))
        newest = next((record for record in records if record is not None), None)
        if newest is not None and _has_ended(newest, str(move.to_digest)):
            return None
        known = (*history.fallback, *history.versions)
        return next((version for version in known if version.digest == move.from_digest), None)

    def _shadow(self, version: Version | None) -> LiveModel | None:
        """The version behind the live one; None where it does not load, which keeps nobody from answering."""
        if version is None:
            return None
        try:
            return self._loaded(version)
        except Exception:
            return None

    def _follow(self) -> None:
        while not self._ended.wait(SECONDS):
            self.look()


def _has_ended(record: ProbationRecord, digest: str) -> bool:
    """Whether a report says that the probation of this version is over."""
    own = record.comparison is not None and record.comparison.digest == digest
    return own and (record.status.ends or record.end() is not None)


def age_seconds(live: LiveModel) -> float:
    """How long ago a version was promoted."""
    return max(0.0, time.time() - live.version.at.timestamp())
