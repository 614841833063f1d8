"""A model's version in Python: the live one, one by name, or the one that was live on a day."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from retrain_assets.errors import NotFound
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

    def score(self, rows: pa.Table | Mapping[str, Any]) -> Scored:
        """Score rows by the names of their columns: what `Scorer.score` gives."""
        return self.scorer.score(rows)

    def predict(self, rows: pa.Table | Mapping[str, Any]) -> pa.Table:
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
    if version is not None:
        found = next((one for one in registry.versions() if one.name == version), None)
        missing = f"{name} has no version {version}: `retrain history {name}` lists them"
    elif at is not None:
        found = registry.served_at(at)
        missing = f"no version of {name} was live at {at}"
    else:
        found = registry.live()
        missing = f"{name} has no live version: run `retrain run {name} --period P` first"
    if found is None:
        raise NotFound(f"{missing} (RETRAIN_HOME is {retrain_home()}).")
    scorer = Scorer.from_files(registry.read(found.digest), found.name, found.digest)
    if sentence := other_source(scorer.contract.made, f"{name} {found.name}"):
        _LOG.warning(sentence)
    return LiveModel(name, found, scorer)


def predict(name: str, rows: pa.Table | Mapping[str, Any]) -> pa.Table:
    """Score rows with the live version of a model; see `LiveModel.predict`."""
    return load_live(name).predict(rows)
