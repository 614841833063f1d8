"""A model's version in Python: the live one, one by name, or the one that was live on a day."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

import pyarrow as pa

from retrain_assets.errors import NotFound
from retrain_assets.registry.reader import Records
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.made_features import other_source
from retrain_assets.scoring.scorer import Scored, Scorer, score_columns
from retrain_assets.store import plain, retrain_home

_LOG = logging.getLogger("retrain_assets.serving")


@dataclass(frozen=True)
class LiveModel:
    """One loaded version of a model."""

    name: str
    version: Version
    scorer: Scorer

    def score(self, rows: pa.Table | Mapping[str, Sequence[object]]) -> Scored:
        """Score rows by the names of their columns: what `Scorer.score` gives."""
        return self.scorer.score(rows)

    def predict(self, rows: pa.Table | Mapping[str, Sequence[object]]) -> pa.Table:
        """Score rows: columns `score` (`score_0`, `score_1`, ... for several classes), `version` and `digest`."""
        scored = self.score(rows)
        columns = score_columns(scored.scores)
        count = len(scored.scores)
        who = {"version": [scored.version] * count, "digest": [scored.digest] * count}
        return pa.table({**columns, **who})


def load_live(name: str, version: str | None = None, at: datetime | None = None) -> LiveModel:
    """Load the live version of a model from RETRAIN_HOME, verified by its digest.

    Args:
        name: The model.
        version: Another version, like `v3`.
        at: The version that was live at that moment instead.

    Raises:
        NotFound: There is none.
    """
    registry = Registry(retrain_home() / "registry", plain(name))
    return loaded(registry, version_of(registry, version, at))


def version_of(registry: Records, name: str | None = None, at: datetime | None = None) -> Version:
    """Find a version of a model: by its name, the one that was live at a moment, or the live one.

    Raises:
        NotFound: There is none.
    """
    model = registry.model
    if name is not None:
        found = next((one for one in registry.versions() if one.name == name), None)
        missing = f"{model} has no version {name}: `retrain history {model}` lists them"
    elif at is not None:
        found = registry.served_at(at)
        missing = f"no version of {model} was live at {at}"
    else:
        found = registry.live()
        missing = f"{model} has no live version: {_next_step(registry)}"
    if found is None:
        raise NotFound(f"{missing} (RETRAIN_HOME is {retrain_home()}).")
    return found


def _next_step(registry: Records) -> str:
    """What puts a version in service: the one that served last, another one, or a first."""
    model = registry.model
    if registry.versions():
        return registry.way_back() or f"`retrain run {model} --period P` trains one"
    return f"run `retrain replay {model}` first, or name another model{_nearest(model)}"


def _nearest(name: str) -> str:
    """Which model may be meant by a name that has no versions; empty where it has a registry, or none is like it."""
    there = retrain_home() / "registry"
    known = sorted(path.name for path in there.iterdir() if path.is_dir()) if there.is_dir() else []
    near = get_close_matches(name, known, n=1) if name not in known else []
    return (
        f". Did you mean {near[0]}?"
        if near
        else f". There is {', '.join(known)}"
        if known and name not in known
        else ""
    )


def loaded(registry: Records, version: Version) -> LiveModel:
    """Load a version from its registry, verified by its digest."""
    files = registry.read(version.digest)
    scorer = Scorer.from_files(files, version.name, version.digest)
    if sentence := other_source(scorer.contract.made, f"{registry.model} {version.name}"):
        _LOG.warning(sentence)
    return LiveModel(registry.model, version, scorer)


def predict(name: str, rows: pa.Table | Mapping[str, Sequence[object]]) -> pa.Table:
    """Score rows with the live version of a model; see `LiveModel.predict`."""
    return load_live(name).predict(rows)
