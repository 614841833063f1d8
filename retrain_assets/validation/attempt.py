"""Read what an attempt is judged on: the gate rows with their outcomes, both versions and their scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.candidates.candidate_record import read_candidate
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.errors import DataError, NotEnoughData
from retrain_assets.metrics.metric import Array, metric
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.registry.journal.events import GateUse
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.training_span import TrainingSpan
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets.statistics.daily_differences import (
    GATES,
    DifferenceHistory,
    daily_differences,
    write_differences,
)
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.validation.comparison.units import GateRows
from retrain_assets.validation.difference_history import known_history
from retrain_assets.validation.policy import ValidationPolicy
from retrain_assets.verdict import GateWindow
from retrain_assets.windows.cut import Span
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.rows import load_window, rowset_sha256


@dataclass(frozen=True)
class LoadedVersion:
    """A version of the model, ready to score."""

    digest: str
    scorer: TrainedScorer

    @classmethod
    def of(cls, registry: Registry, digest: str) -> LoadedVersion:
        """Load a version and verify its digest."""
        return cls(digest, TrainedScorer.from_files(registry.read(digest)))


@dataclass(frozen=True)
class Attempt:
    """One candidate, the live version (None for the first model) and the gate rows, with every column they need.

    `anchor` is the version that a person approved last, where it is not the live one and its files are kept.
    """

    model: Model
    access: PeriodAccess
    window: GateWindow
    rows: pa.Table
    candidate: LoadedVersion
    champion: LoadedVersion | None
    anchor: LoadedVersion | None = None
    anchor_name: str = ""

    @property
    def use(self) -> GateUse:
        """The use of the gate rows that this attempt begins, for the ledger."""
        window = self.window
        return GateUse(
            self.access.period,
            window.start,
            window.end,
            window.rows,
            window.rowset_sha256,
            self.candidate.digest,
            self.champion.digest if self.champion else None,
            "begun",
        )

    @property
    def training_spans(self) -> dict[str, TrainingSpan | None]:
        """What trained the compared versions, by what sentences call them; None where a version does not say."""
        compared = {"the candidate": self.candidate, "the live version": self.champion, "the anchor": self.anchor}
        records = {what: version.scorer.training for what, version in compared.items() if version}
        return {what: TrainingSpan.of(one.trained_from, one.trained_until) for what, one in records.items()}

    def question(self, policy_sha256: str) -> str:
        """SHA-256 of what is asked: which candidate, which champion, which rows, which rules."""
        champion = self.champion.digest if self.champion else None
        asked = [self.candidate.digest, champion, self.window.rowset_sha256, policy_sha256]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    def gate_rows(self, policy: ValidationPolicy, groups: Sequence[str]) -> GateRows:
        """The rows as the judge takes them; `groups` slice them where the policy names no columns for it."""
        rows, slices = self.rows, policy.slices
        split = (*policy.fairness.groups, *((slices.columns or groups) if slices else ()))
        return GateRows(
            key=np.asarray(rows[self.model.key].to_pylist(), dtype=object),
            label=rows[LABEL].to_numpy(),
            time=rows[self.model.time].to_numpy(),
            groups={name: _texts(rows, name) for name in dict.fromkeys(split)},
            amounts={name: rows[name].cast(pa.float64()).to_numpy() for name in policy.amounts},
            cluster=None if policy.unit in ("auto", "row") else _texts(rows, policy.unit),
            label_unit=self.model.label_unit,
            row_name=self.model.row_name,
        )

    def history(self) -> DifferenceHistory:
        """The daily differences that were known before the gate begins."""
        begins = datetime.fromisoformat(self.window.start)
        origins = OriginLosses.from_files(self.access.registry.read(self.candidate.digest))
        return known_history(self.access.store, self.access.period, begins, self.model.loss, origins)

    def scored(self) -> ScoredAttempt:
        """What both versions say of the rows, the champion by its own feature contract."""
        candidate = self.candidate.scorer.scores(self.rows)
        if self.champion is None:
            return ScoredAttempt(self, candidate, None)
        try:
            champion = self.champion.scorer.scores(self.rows)
        except DataError as error:
            return ScoredAttempt(self, candidate, None, f"{str(error).rstrip('.')}. {_WAYS_OUT}")
        try:
            anchor = self.anchor.scorer.scores(self.rows) if self.anchor else None
        except DataError as error:
            return ScoredAttempt(self, candidate, champion, anchor_fault=str(error).rstrip("."))
        return ScoredAttempt(self, candidate, champion, anchor=anchor)


@dataclass(frozen=True)
class ScoredAttempt:
    """An attempt with the versions' scores of the gate rows; `fault` says why the champion has none.

    `anchor_fault` says why the anchor, which is not the live version, has none.
    """

    attempt: Attempt
    candidate: Array
    champion: Array | None
    fault: str = ""
    anchor: Array | None = None
    anchor_fault: str = ""

    def keep_differences(self) -> None:
        """Keep the daily differences of the two versions' loss, from which later gates learn how alike days are."""
        if self.champion is None:
            return
        attempt = self.attempt
        loss, label = metric(attempt.model.loss), attempt.rows[LABEL].to_numpy()
        gain = loss.row_losses(label, self.champion) - loss.row_losses(label, self.candidate)
        found = daily_differences("gate", loss.name, gain, attempt.rows[attempt.model.time].to_numpy())
        write_differences(attempt.access.store, GATES, attempt.access.period, [found])


_WAYS_OUT = (
    "Nothing was compared, so neither gate rows nor an attempt are spent. Bring the column back, `retrain rollback` to "
    "a version that does without it, or `retrain retire` and `retrain release` the model: the next candidate is then "
    "judged as a first one"
)


def candidate_of(model: Model, access: PeriodAccess) -> str:
    """The digest of the period's candidate.

    Raises:
        NotEnoughData: There is none.
    """
    record = read_candidate(access.store, access.period)
    if record is None:
        raise NotEnoughData(
            f"{model.name} {access.period}: no candidate. Materialize candidate_model of {access.period} first."
        )
    return record.digest


def load_attempt(model: Model, policy: ValidationPolicy, groups: Sequence[str], access: PeriodAccess) -> Attempt:
    """Load the period's candidate, the live version and the gate rows whose outcome is known.

    Raises:
        NotEnoughData: There is no candidate, or no gate row has an outcome yet.
    """
    digest = candidate_of(model, access)
    return attempt_of(model, policy, groups, access, digest, read_manifest(access.store, access.period).windows.gate)


def attempt_of(
    model: Model, policy: ValidationPolicy, groups: Sequence[str], access: PeriodAccess, digest: str, span: Span
) -> Attempt:
    """Load a candidate, what is live by the registry that is given, and the rows of a span as known in the period.

    Raises:
        NotEnoughData: No row of the span has an outcome yet.
    """
    store, registry, period = access.store, access.registry, access.period
    anchor, live = _anchor(registry), registry.live()
    candidate = LoadedVersion.of(registry, digest)
    champion = LoadedVersion.of(registry, live.digest) if live else None
    own = set(candidate.scorer.contract.names)
    kept = (
        LoadedVersion.of(registry, anchor.digest) if anchor and champion and anchor.digest != champion.digest else None
    )
    features = own.union(*(version.scorer.contract.names for version in (champion, kept) if version))
    lost = _not_stored(store, span.periods, features - own)
    columns = sorted((features | set(groups) | set(policy.amounts)) - lost)
    rows = load_window(store, model, span, columns, period)
    if not rows.num_rows:
        raise NotEnoughData(f"{model.name} {period}: no row of {span.start} to {span.end} has an outcome yet.")
    window = GateWindow(
        span.periods, span.start.isoformat(), span.end.isoformat(), rows.num_rows, rowset_sha256(rows[model.key])
    )
    return Attempt(model, access, window, rows, candidate, champion, kept, anchor.name if kept and anchor else "")


def _anchor(registry: Registry) -> Version | None:
    """The version that a person approved last, or the first one; None without one, or where its files are gone."""
    anchor = History(registry.history()).anchor
    return anchor if anchor is not None and anchor.digest not in registry.deleted() else None


def _not_stored(store: PeriodStore, periods: Sequence[str], names: set[str]) -> set[str]:
    """Which of these columns some stored period of rows no longer has."""
    paths = [path for period in periods if (path := store.path("raw_data", period)).exists()]
    return {name for name in names if any(name not in pq.read_schema(path).names for path in paths)}


def _texts(rows: pa.Table, name: str) -> npt.NDArray[np.object_]:
    return np.asarray(rows[name].cast(pa.string()).to_pylist(), dtype=object)
