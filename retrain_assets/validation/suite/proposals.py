"""Proposing hard cases: rows that a model got wrong and was sure of, for a person to take into the regression suite.

A proposal is no case: it gates nothing and is kept in the model's files, `suite_proposals` by the row's period, until
somebody adds it to the suite file. Rows that trained the model are never proposed for its mistakes, for what it says of
them says little.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import NotFound
from retrain_assets.metrics.formulas import predicted_class
from retrain_assets.metrics.metric import Array, metric
from retrain_assets.model import Model
from retrain_assets.registry.journal.tenure import Tenure, tenures
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.validation.suite.cases import load_suite, right_rows
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window

ASSET = "suite_proposals"


@dataclass(frozen=True)
class Proposal:
    """A row for the suite: its key and period, which version got it wrong, by how much, and why it is proposed.

    `label` and `said` are the outcome and what the version made of it, in words; `loss` is None when the score was no
    number.
    """

    id: str
    period: str
    version: str
    label: str
    said: str
    loss: float | None
    reason: str


@dataclass(frozen=True)
class Mistakes:
    """Whose mistakes are wanted, and in which periods.

    Attributes:
        digest: Of the version that made them.
        periods: Whose rows; those that are not stored give none.
        reason: Why they are wanted, for the person who reads the proposals.
        restored: Digest of the version that came back after a rollback, None without one.
    """

    digest: str
    periods: Sequence[str]
    reason: str
    restored: str | None = None


@dataclass(frozen=True)
class Harvest:
    """What harvesting one model needs besides its store and registry.

    Rows are ranked by the model's loss: how sure a class was, how far a value was off.
    """

    model: Model
    policy: ValidationPolicy

    def harvest(self, store: PeriodStore, registry: Registry, limit: int, period: str | None = None) -> list[Proposal]:
        """Propose from the live version's periods, and from those of every version that was rolled back.

        Args:
            store: The model's files.
            registry: Its versions and journal.
            limit: Most proposals from the live version, and from each version that was rolled back.
            period: Only rows of this period; None for every period that the version served, and the period of its
                gate rows while it has served none.
        """
        found: list[Proposal] = []
        for tenure in tenures(registry.history()):
            if tenure.ended is None:
                served = self._served(store, tenure)
                chosen = [period] if period else served or [tenure.began.period]
                reason = f"one of the worst mistakes of {tenure.version}"
                found += self.propose(store, registry, Mistakes(tenure.digest, chosen, reason), limit)
            elif tenure.ended.action == "rolled_back":
                found += self._withdrawn(store, registry, tenure, limit, period)
        return found

    def after_rollback(self, store: PeriodStore, registry: Registry, rollback: Event, limit: int) -> list[Proposal]:
        """Propose the rows that the version which a rollback withdrew got wrong and the restored one gets right.

        Args:
            store: The model's files.
            registry: Its versions and journal.
            rollback: The journal's event of the rollback.
            limit: Most proposals.

        Raises:
            NotFound: The event ended no version's service.
        """
        ended = next((tenure for tenure in tenures(registry.history()) if tenure.ended == rollback), None)
        if ended is None:
            raise NotFound(f"{registry.model}: event {rollback.seq} ({rollback.action}) withdrew no version.")
        return self._withdrawn(store, registry, ended, limit, None)

    def _withdrawn(
        self, store: PeriodStore, registry: Registry, tenure: Tenure, limit: int, period: str | None
    ) -> list[Proposal]:
        assert tenure.ended is not None
        chosen = [known for known in self._served(store, tenure) if period in (None, known)]
        reason = f"wrong under {tenure.version}, rolled back in {tenure.ended.period}"
        wanted = Mistakes(tenure.digest, chosen, reason, tenure.ended.to_digest)
        return self.propose(store, registry, wanted, limit)

    def _served(self, store: PeriodStore, tenure: Tenure) -> list[str]:
        """The periods that a version served and whose outcomes may be known."""
        outcomes = store.periods("outcomes")
        return tenure.periods(self.model.calendar, outcomes[-1]) if outcomes else []

    def propose(self, store: PeriodStore, registry: Registry, wanted: Mistakes, limit: int) -> list[Proposal]:
        """Propose and keep the rows of some periods that a version got wrong with the largest loss.

        Only rows with a known outcome that lie after the version's training and are not in the suite count. Where a
        version was restored, only rows that it gets right do, ranked by what was lost against it: the live model can
        flip on those.

        Args:
            store: The model's files; the proposals are added to those it holds.
            registry: Its versions.
            wanted: Whose mistakes, and in which periods.
            limit: Most proposals.

        Raises:
            ValueError: The limit is below 1.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}: ask for 1 proposal or more.")
        scorer = TrainedScorer.from_files(registry.read(wanted.digest))
        other = TrainedScorer.from_files(registry.read(wanted.restored)) if wanted.restored else None
        versions = (version.name for version in registry.versions() if version.digest == wanted.digest)
        name = next(versions, wanted.digest[:12])
        ranked: list[tuple[float, Proposal]] = []
        for period in wanted.periods:
            rows = self._rows(store, period, scorer, other)
            for rank, mistake in self._worst(rows, scorer, other, limit) if rows is not None else ():
                ranked.append((rank, Proposal(period=period, version=name, reason=wanted.reason, **mistake)))
        ranked.sort(key=lambda pair: (-pair[0], pair[1].period, pair[1].id))
        chosen = [proposal for _, proposal in ranked[:limit]]
        keep(store, chosen)
        return chosen

    def _worst(
        self, rows: pa.Table, scorer: TrainedScorer, other: TrainedScorer | None, limit: int
    ) -> list[tuple[float, dict[str, Any]]]:
        """The rank and the facts of the rows that the version got wrong, the worst first."""
        if not rows.num_rows:
            return []
        label, scores = rows[LABEL].to_numpy(), scorer.scores(rows)
        rank, wrong = self._losses(label, scores), ~self._right(label, scores)
        loss = rank
        if other is not None:
            before = other.scores(rows)
            wrong &= self._right(label, before)
            rank = rank - self._losses(label, before)
        worst = [at for at in np.argsort(-rank, kind="stable") if wrong[at]][:limit]
        keys = rows[self.model.key].cast(pa.string())
        return [
            (
                float(rank[at]),
                {
                    "id": keys[int(at)].as_py(),
                    "label": f"{label[at]:g}",
                    "said": answer_words(self.model.task, self.policy.threshold, scores[at]),
                    "loss": float(loss[at]) if np.isfinite(loss[at]) else None,
                },
            )
            for at in worst
        ]

    def _rows(
        self, store: PeriodStore, period: str, scorer: TrainedScorer, other: TrainedScorer | None
    ) -> pa.Table | None:
        """The matured rows of a period that the version was not trained on and the suite does not hold."""
        if period not in store.periods("raw_data") or not store.periods("outcomes"):
            return None
        suite = self.policy.regression_suite
        taken = {case.id for case in load_suite(Path(suite.path), suite.optional)}
        columns = sorted({*scorer.contract.names, *(other.contract.names if other else ())})
        span = Span((period,), datetime.min, datetime.max)
        as_of = max(store.periods("outcomes")[-1], period)
        rows = load_window(store, self.model, span, columns, as_of, exclude_keys=taken)
        return rows.filter(pc.greater_equal(rows[self.model.time], scorer.training.end)) if rows.num_rows else rows

    def _right(self, label: Array, scores: Array) -> npt.NDArray[np.bool_]:
        return right_rows(self.policy, self.model.task, label, scores)

    def _losses(self, label: Array, scores: Array) -> Array:
        """The loss of each row, infinite where the score is no number."""
        finite = np.isfinite(scores) if scores.ndim == 1 else np.isfinite(scores).all(axis=1)
        losses = np.full(len(label), np.inf)
        if finite.any():
            losses[finite] = metric(self.model.loss).row_losses(label[finite], scores[finite])
        return losses


def answer_words(task: str, threshold: float, score: Any) -> str:
    """What a model said of a row, in words.

    >>> answer_words("regression", 0.5, 14.234), answer_words("binary", 0.5, 0.97)
    ('14.23', '1 (probability 0.97)')
    >>> answer_words("multiclass", 0.5, np.array([0.1, 0.9]))
    '1 (probability 0.9)'
    """
    if task == "regression":
        return f"{float(score):.4g}"
    row = np.atleast_1d(np.asarray(score, dtype=float))
    scores = row if task == "binary" else row[None, :]
    chosen = int(predicted_class(scores, threshold)[0])
    if task == "binary":
        return f"{chosen} (probability {float(row[0]) if chosen else 1 - float(row[0]):.3g})"
    return f"{chosen} (probability {float(row[chosen]):.3g})"


def proposals(store: PeriodStore) -> list[Proposal]:
    """Every proposal that waits for somebody, by period, in the order in which they were found."""
    return [
        Proposal(**record)
        for period in store.periods(ASSET, "json")
        for record in (store.read_json(ASSET, period) or {"proposals": []})["proposals"]
    ]


def keep(store: PeriodStore, found: Sequence[Proposal]) -> None:
    """Add proposals to those that wait; one of a row that waits already replaces it."""
    waiting = {proposal.id: proposal for proposal in proposals(store)}
    waiting |= {proposal.id: proposal for proposal in found}
    _write(store, waiting, {proposal.period for proposal in found})


def forget(store: PeriodStore, row: str) -> None:
    """Take a row's proposal away, because it was added to the suite; nothing happens where there is none."""
    waiting = {proposal.id: proposal for proposal in proposals(store)}
    gone = waiting.pop(row, None)
    if gone is not None:
        _write(store, waiting, {gone.period})


def _write(store: PeriodStore, waiting: Mapping[str, Proposal], periods: Collection[str]) -> None:
    for period in periods:
        chosen = [asdict(proposal) for proposal in waiting.values() if proposal.period == period]
        store.write_json(ASSET, period, {"proposals": chosen})
