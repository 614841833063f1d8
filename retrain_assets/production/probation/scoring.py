"""How a version answers stored rows: its scores, or the fault that keeps it from answering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class Scored:
    """A version's answer to some rows: scores of shape (n,) or (n, k), or the fault that kept it from answering."""

    scores: np.ndarray | None
    fault: str = ""


def load(registry: Registry, digest: str) -> Scorer | str:
    """A version ready to score, or the reason why it is not."""
    try:
        return Scorer.from_files(registry.read(digest))
    except Exception as fault:  # whatever keeps it from loading, it does not serve
        return f"it does not load ({type(fault).__name__}: {fault})"


def answer(version: Scorer | str, rows: pa.Table) -> Scored:
    """A version's scores of some rows, or what is wrong with them."""
    if isinstance(version, str):
        return Scored(None, version)
    if not rows.num_rows:
        return Scored(None)
    try:
        scores = version.scores(rows)
    except Exception as fault:  # whatever keeps it from scoring, it does not serve
        return Scored(None, f"its feature contract is broken ({type(fault).__name__}: {fault})")
    return told(scores)


def told(scores: np.ndarray) -> Scored:
    """Scores, and how many of them are no numbers."""
    bad = int((~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)).sum())
    return Scored(scores, f"{bad:,} of {len(scores):,} scores are not finite" if bad else "")


def stored(store: PeriodStore, periods: list[str], wanted: set[str]) -> pa.Table:
    """Stored rows with those of the wanted columns that are there; whether one is missing is for the model to say."""
    import pyarrow.parquet as pq

    tables = []
    for period in periods:
        path = store.path("raw_data", period)
        if path.exists():
            there = [name for name in pq.read_schema(path).names if name in wanted]
            tables.append(store.require_table("raw_data", period, there))
    return pa.concat_tables(tables, promote_options="permissive").unify_dictionaries() if tables else pa.table({})
