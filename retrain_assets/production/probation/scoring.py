"""Score stored rows with a version, and say what keeps it from answering: `ServedVersion`, `ScoringResult`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class ScoringResult:
    """A version's answer to some rows: scores of shape (n,) or (n, k), or the fault that kept it from answering."""

    scores: np.ndarray | None
    fault: str = ""

    @classmethod
    def of(cls, scores: np.ndarray) -> Self:
        """Scores, at fault where some of them are no numbers.

        >>> ScoringResult.of(np.array([0.5, np.nan])).fault, ScoringResult.of(np.array([0.5, 0.25])).fault
        ('1 of 2 scores are not finite', '')
        """
        bad = int((~np.isfinite(scores.reshape(len(scores), -1)).all(axis=1)).sum())
        return cls(scores, f"{bad:,} of {len(scores):,} scores are not finite" if bad else "")


@dataclass(frozen=True)
class ServedVersion:
    """A version by name, ready to score, or with the fault that keeps it from loading.

    Args:
        name: Such as `v3`.
        scorer: The loaded model; None where it does not load.
        fault: Why it does not load; empty where it does.
    """

    name: str
    scorer: Scorer | None
    fault: str = ""

    @classmethod
    def load(cls, registry: Registry, name: str, digest: str) -> Self:
        """Load a version from the registry."""
        try:
            return cls(name, Scorer.from_files(registry.read(digest)))
        except Exception as fault:  # whatever keeps it from loading, it does not serve
            return cls(name, None, f"it does not load ({type(fault).__name__}: {fault})")

    @property
    def features(self) -> frozenset[str]:
        """The columns that it reads; none where it does not load."""
        return frozenset(self.scorer.contract.names) if self.scorer else frozenset()

    def answer(self, rows: pa.Table) -> ScoringResult:
        """Score some rows."""
        if self.scorer is None:
            return ScoringResult(None, self.fault)
        if not rows.num_rows:
            return ScoringResult(None)
        try:
            scores = self.scorer.scores(rows)
        except Exception as fault:  # whatever keeps it from scoring, it does not serve
            return ScoringResult(None, f"its feature contract is broken ({type(fault).__name__}: {fault})")
        return ScoringResult.of(scores)


def stored_rows(store: PeriodStore, periods: list[str], wanted: frozenset[str]) -> pa.Table:
    """Stored rows with the wanted columns; one that a period was stored without is missing in its rows."""
    rows = store.read_table("raw_data", periods, sorted(wanted))
    return pa.table({}) if rows is None else rows
