"""Remember that nothing asked for a retrain, for as long as nothing of the model was written since.

A decision rests on stored records and on the journal alone, so it comes out the same until one of their folders
changes. The folders' times tell that: every record and event is put in place by a rename or a link, which sets them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore

COARSEST_SECONDS = 2.0
"""Writes that are closer together may leave the same time, on the coarsest of file systems."""

State = Mapping[Path, int]
"""The folders of a model, each with the time of its last change in nanoseconds."""


@dataclass
class Settled:
    """The state of the files, by folder, as of which nothing asked; of one process, so that a new spec asks anew."""

    _states: dict[Path, State] = field(default_factory=dict)

    def holds(self, store: PeriodStore, state: State) -> bool:
        """Whether nothing asked in this very state."""
        return self._states.get(store.root) == state

    def remember(self, store: PeriodStore, state: State, now: float | None = None) -> None:
        """Keep that nothing asked in a state that was looked up before the decision.

        Args:
            store: The model's files.
            state: What `state_of` said before anything was read.
            now: Seconds since 1970; the clock's without it.
        """
        newest = max(state.values(), default=0) / 1e9
        if (time.time() if now is None else now) - newest > COARSEST_SECONDS:
            self._states[store.root] = state


def state_of(store: PeriodStore, registry: Registry) -> State:
    """When each folder of a model's records and of its registry last changed."""
    roots = (store.root, registry.folder)
    inside = [path for root in roots if root.is_dir() for path in root.iterdir() if path.is_dir()]
    return {path: path.stat().st_mtime_ns for path in (*roots, *inside) if path.is_dir()}
