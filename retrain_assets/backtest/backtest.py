"""The backtest of one model: what it depends on, whether its record still stands, and what it forgoes.

What replays the policies is imported only when something has to be replayed, so that a record that stands is answered
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from retrain_assets.backtest.matrix.progress import Progress, silent
from retrain_assets.backtest.matrix.recipe import MatrixRecipe
from retrain_assets.backtest.matrix.stored_digests import StoredDigests, digest_of
from retrain_assets.backtest.record import BacktestRecord, read_backtest, write_backtest
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.policy import DriftPolicy, TriggerPolicy
from retrain_assets.monitoring.records.forgone_record import ForgoneRecord
from retrain_assets.periods import Length
from retrain_assets.raw.policy import Columns
from retrain_assets.store import PeriodStore
from retrain_assets.validation.criteria.procedure_evidence import ProcedureEvidence
from retrain_assets.windows.policy import WindowsPolicy

if TYPE_CHECKING:
    from retrain_assets.backtest.matrix.evaluation_matrix import BuiltMatrix
    from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
    from retrain_assets.backtest.policies.gate import ReplayedGate

SCHEMA = 7
"""Raised when code changes what a replay says, so that a stored record is made again."""


@dataclass(frozen=True)
class Incumbent:
    """The live model, as far as what it forgoes goes.

    Attributes:
        version: Its name.
        trained_until: The end of its training rows.
        decided: When it was put in service.
        last_attempt: When it was last held against a candidate; its own decision without one.
    """

    version: str
    trained_until: datetime
    decided: datetime
    last_attempt: datetime


@dataclass(frozen=True)
class _Question:
    """What a backtest is asked: the digest of all that it depends on, and its newest period."""

    key: str
    period: str


@dataclass(frozen=True)
class Backtest:
    """What the backtest of one model needs.

    Attributes:
        model: The model's facts.
        columns: Its features.
        training: How LightGBM is fitted.
        windows: Lengths of the windows.
        triggers: The spec's block.
        drift: The spec's drift policy.
        cooldown: The spec's rest after a rollback.
        dated: Whether the outcomes say when they became known.
        gate: The spec's own rule of promotion.
        held_out: Gives the keys that never train a model.
    """

    model: Model
    columns: Columns
    training: TrainingPolicy
    windows: WindowsPolicy
    triggers: TriggerPolicy
    drift: DriftPolicy
    cooldown: Length
    dated: bool
    gate: ReplayedGate
    held_out: Callable[[], frozenset[str]]

    @property
    def recipe(self) -> MatrixRecipe:
        """How the models of the matrix are trained."""
        return MatrixRecipe(self.model, self.columns, self.training, self.windows, self.dated, self.held_out())

    def run(
        self,
        rows: PeriodStore,
        results: PeriodStore,
        workers: int | None = None,
        progress: Progress = silent,
        stops: Sequence[str] = (),
    ) -> BacktestRecord:
        """Replay every policy on the stored history; what is known already is not computed again.

        Args:
            rows: The store with the raw rows and outcomes.
            results: The store that keeps models, losses and the record.
            workers: Processes; None takes one per core.
            progress: Is told how far it is.
            stops: Why some periods are not among the rows.

        Raises:
            NotEnoughData: History is too short.
        """
        standing = self._standing(rows, results, stops)
        if isinstance(standing, BacktestRecord):
            return standing
        return self._replayed(self._build(rows, results, workers, progress), results, standing, stops, progress)

    def keep_up(
        self, store: PeriodStore, live: Incumbent | None, workers: int | None = 1
    ) -> tuple[ForgoneRecord | None, BacktestRecord]:
        """Extend the matrix once: what fresh models would have saved against the live one, and the record.

        Raises:
            NotEnoughData: History is too short.
        """
        built, found = None, None
        if live is not None and self.triggers.on_forgone_gain is not None:
            built = self._build(store, store, workers)
            found = self._forgone(built.matrix, store, live, self.triggers.on_forgone_gain)
        standing = self._standing(store, store, ())
        if isinstance(standing, BacktestRecord):
            return found, standing
        built = built or self._build(store, store, workers)
        return found, self._replayed(built, store, standing, (), silent)

    def forgone(self, store: PeriodStore, live: Incumbent) -> ForgoneRecord | None:
        """What fresh models would have saved against the live one; None where the spec asks for nothing.

        Raises:
            NotEnoughData: History is too short.
        """
        certainty = self.triggers.on_forgone_gain
        if certainty is None:
            return None
        return self._forgone(self._build(store, store, 1).matrix, store, live, certainty)

    def _build(
        self, rows: PeriodStore, results: PeriodStore, workers: int | None, progress: Progress = silent
    ) -> BuiltMatrix:
        from retrain_assets.backtest.matrix.evaluation_matrix import MatrixBuild

        return MatrixBuild(self.recipe, rows, results, workers, progress).build()

    def _standing(self, rows: PeriodStore, results: PeriodStore, stops: Sequence[str]) -> BacktestRecord | _Question:
        """The record that stands, or what a new one answers."""
        digests = StoredDigests.of(rows, self.model, self.dated)
        asked = _Question(self._key(self.recipe, digests, stops), max(digests.rows, default=""))
        last = read_backtest(results, asked.period or None)
        return last if last is not None and last.key == asked.key else asked

    def _replayed(
        self, built: BuiltMatrix, results: PeriodStore, asked: _Question, stops: Sequence[str], progress: Progress
    ) -> BacktestRecord:
        from retrain_assets.backtest.replay import PolicyReplay

        before = read_backtest(results)
        record = PolicyReplay(self, built, progress).record(asked.key, asked.period)
        record = replace(record, problems=(*stops, *record.problems))
        if before is not None and built.fits > built.known_fits:
            said = (
                f"The spec or stored rows changed since the last backtest: {built.fits} models were trained anew, "
                f"{built.known_fits} stood."
            )
            record = replace(record, problems=(said, *record.problems))
        write_backtest(results, record)
        return record

    def _forgone(self, matrix: LossMatrix, store: PeriodStore, live: Incumbent, certainty: float) -> ForgoneRecord:
        """The live version's own losses where it served, beside those of each fresh model after its decision."""
        import numpy as np

        from retrain_assets.backtest.policies.forgone import forgone
        from retrain_assets.backtest.policies.path import Past
        from retrain_assets.backtest.served_losses import served_losses

        decided, tried = (
            min(int(np.searchsorted(matrix.moments, np.datetime64(moment, "us"))), matrix.origins - 1)
            for moment in (live.decided, live.last_attempt)
        )
        past = Past(matrix, matrix.origins - 1, (decided,), (), (tried,))
        period = max(store.periods("raw_data"))
        end = np.array([np.datetime64(self.model.calendar.bounds(period)[1], "us")])
        own = served_losses(self.model, store, matrix, live.version, live.decided, self.held_out())
        found = forgone(past, certainty, int(matrix.known_by(end)[0]), own)
        day = np.timedelta64(1, "D")
        step = float(np.median(np.diff(matrix.moments)) / day) if matrix.origins > 1 else 7.0
        age = int((matrix.moments[-1] - np.datetime64(live.trained_until, "us")) / day)
        per_week = found.next_interval * 7 / step
        low = found.low if np.isfinite(found.low) else None
        return ForgoneRecord(period, live.version, found.total, low, certainty, found.share, per_week, age, found.days)

    def procedure(self, access: PeriodAccess, since: datetime, alpha: float, aged: timedelta) -> ProcedureEvidence:
        """What fresh models gain over aged ones as of the end of a period, over the origins from a moment on.

        The matrix is made as far as it is not there: one fit per strategy for each origin since the last time.
        """
        from retrain_assets.backtest.matrix.evaluation_matrix import MatrixBuild
        from retrain_assets.backtest.procedure import evidence_since
        from retrain_assets.errors import NotEnoughData

        until = self.model.calendar.bounds(access.period)[1]
        try:
            built = MatrixBuild(self.recipe, access.store, access.store, until=access.period).build()
        except NotEnoughData as lack:
            return ProcedureEvidence.none(str(lack).rstrip("."), alpha, since.isoformat())
        return evidence_since(built.matrix, since, aged, until, alpha, built.unit)

    def train(self, rows: PeriodStore, results: PeriodStore, period: str) -> int:
        """Train the models of the origins within one period, for a backtest that others finish; how many were made."""
        from retrain_assets.backtest.matrix.evaluation_matrix import MatrixBuild

        return MatrixBuild(self.recipe, rows, results, workers=1).train(*self.model.calendar.bounds(period))

    def _key(self, recipe: MatrixRecipe, digests: StoredDigests, stops: Sequence[str]) -> str:
        return digest_of(
            {
                "schema": SCHEMA,
                "recipe": recipe.digest,
                "rows": digests.all,
                "stops": list(stops),
                "choice": self.training.model_dump(mode="json", include={"strategies", "switch_gain"}),
                "windows": self.windows.model_dump(mode="json"),
                "triggers": [self.triggers.model_dump(mode="json"), self.triggers.excess_said],
                "drift": self.drift.model_dump(mode="json"),
                "gate": [self.gate.name, self.gate.alpha],
                "names": [self.model.row_name, self.model.label_unit, str(self.cooldown), self.model.calendar.every],
            }
        )
