"""A retrain's training steps, from stored rows to a version in the registry.

Each strategy rehearses the past on rolling origins and is then trained on everything up to the gate; the best of them,
or their average, goes into the registry as the period's candidate.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.candidates.candidate_record import CandidateRecord, write_candidate
from retrain_assets.candidates.coverage import Coverage, coverage, gate_levels
from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.policy import AVERAGE, TrainingPolicy
from retrain_assets.candidates.rare_types import load_kept
from retrain_assets.candidates.rolling_origins import OriginLoss, rehearse, widest
from retrain_assets.candidates.strategies import HeldRows, Recipe, Trained, TrainingRows, train_strategy, training_table
from retrain_assets.candidates.strategy_choice import (
    StrategyComparison,
    average_of,
    average_origins,
    averaged,
    chosen,
    common_losses,
    eligible,
    reason_of,
    selection_scores,
)
from retrain_assets.candidates.strategy_record import StrategyRecord, asset_of, read_strategy, write_strategy
from retrain_assets.candidates.version_files import made_columns, version_files
from retrain_assets.errors import NotEnoughData
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import read_manifest
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets.windows.rows import load_window, without


@dataclass(frozen=True)
class Training:
    """How one model is trained.

    Attributes:
        model: The model's facts.
        columns: Its features.
        policy: How LightGBM is fitted, and what a training window must hold.
        windows: How much of history each strategy gets.
        reference_periods: How many of the newest stored periods are the reference that monitoring compares with.
        held_out: Gives the keys that never train a model: the cases of the regression suite.
    """

    model: Model
    columns: Columns
    policy: TrainingPolicy
    windows: WindowsPolicy
    reference_periods: int
    held_out: Callable[[], frozenset[str]]

    @property
    def recipe(self) -> Recipe:
        """How a strategy is trained."""
        return Recipe(self.model, self.columns, self.policy, self.windows.half_life)

    def train(self, access: PeriodAccess, strategy: str) -> StrategyRecord:
        """Rehearse one strategy on the rolling origins, train it up to the gate, and store model and record.

        Every row is read once, and only the rows of this strategy's own windows. A strategy whose window does not
        cover what it must is not trained; its record says what is lacking.

        Raises:
            DataError: The team's own function made columns of some rows, and another or another source of it of others.
        """
        began = clock.process_time()
        store, period = access.store, access.period
        windows = read_manifest(store, period).windows
        span = windows.training(strategy)
        made_columns(store, span.periods, self.model.name)
        held = self.held(store, strategy, widest(windows, strategy), period)
        record = StrategyRecord(strategy, self._coverage(store, held, windows, strategy), span)
        if record.coverage.eligible:
            scores: list[pa.Table] = []

            def observe(origin: str, rows: TrainingRows, raw: NDArray[np.float64]) -> None:
                scores.append(selection_scores(origin, rows, raw))

            found = rehearse(held, windows, strategy, self.recipe, observe if self.policy.averages else None)
            record = replace(
                record,
                trained=train_strategy(held, span, strategy, found.rounds, self.recipe),
                origins=found.origins,
                daily=found.daily,
                skipped=found.skipped,
                reason=found.reason,
                seconds=round(clock.process_time() - began, 3),
            )
            if scores:
                store.write_table(asset_of(strategy), period, pa.concat_tables(scores))
        write_strategy(store, period, record)
        return record

    def held(self, store: PeriodStore, strategy: str, span: Span, period: str) -> HeldRows:
        """Load the labelled rows of a span as of a period, and for `recent` older ones of the rare types it keeps."""
        model, recipe, excluded = self.model, self.recipe, self.held_out()
        names = list(dict.fromkeys((*self.columns.features, *self.policy.coverage.columns)))
        rows = load_window(store, model, span, names, period, excluded)
        if strategy == "recent" and recipe.kept:
            first = model.calendar.key(span.start)
            older = Span(tuple(p for p in store.periods("raw_data") if p <= first), datetime.min, span.start)
            kept = load_kept(store, model, older, names, period, recipe.kept)
            if kept is not None:
                kept = without(kept, model.key, excluded)
                rows = pa.concat_tables([kept, rows], promote_options="permissive").unify_dictionaries()
        return HeldRows(rows, recipe)

    def _coverage(self, store: PeriodStore, held: HeldRows, windows: Windows, strategy: str) -> Coverage:
        span = windows.training(strategy)
        shown = gate_levels(store, windows.gate, list(self.columns.categorical), self.model.time)
        table = training_table(held, span, strategy, self.recipe)
        model = self.model
        return coverage(self.policy.coverage, model.task, table, span, shown, model.row_name)

    def choose(self, access: PeriodAccess) -> CandidateRecord:
        """Choose the best eligible strategy, put its model into the registry as a candidate, and store the record.

        Raises:
            NotCovered: No strategy is eligible.
            NotEnoughData: A strategy was not trained in this period.
        """
        store, registry, period = access.store, access.registry, access.period
        records = self._trained_strategies(store, period)
        names = eligible(records, f"{self.model.name} {period}")
        origins: dict[str, tuple[OriginLoss, ...]] = {name: records[name].origins for name in names}
        if averaged(names, self.policy):
            origins[AVERAGE] = self.average_origins(access, origins)
        comparison = StrategyComparison(
            common_losses(origins), _incumbent(registry), self.model.loss, self.policy.switch_gain
        )
        strategy = chosen(comparison.losses, comparison.incumbent, names, self.policy)
        trained = _model_of(records, strategy)
        selection_loss = comparison.losses.get(strategy) if strategy == AVERAGE else records[strategy].selection_loss
        daily = tuple(losses for name in names for losses in records[name].daily)
        record = self.training_record(trained, period, selection_loss)
        digest = registry.add(self.version_files(access, trained, record, OriginLosses(self.model.loss, daily)))
        candidate = CandidateRecord(
            digest=digest,
            strategy=strategy,
            rounds=trained.rounds,
            reason=reason_of(strategy, comparison, records),
            losses=comparison.losses,
            comparison=tuple(origin for known in origins.values() for origin in known),
            eligible=tuple(names),
            trained_from=record.trained_from,
            trained_until=record.trained_until,
        )
        write_candidate(store, period, candidate)
        return candidate

    def _trained_strategies(self, store: PeriodStore, period: str) -> dict[str, StrategyRecord]:
        records: dict[str, StrategyRecord] = {}
        for name in self.policy.trained:
            record = read_strategy(store, name, period)
            if record is None:
                asset = asset_of(name)
                raise NotEnoughData(f"{self.model.name} {period}: materialize {asset} of {period} first")
            records[name] = record
        return records

    def average_origins(
        self, access: PeriodAccess, origins: Mapping[str, Sequence[OriginLoss]]
    ) -> tuple[OriginLoss, ...]:
        """The average's loss at every shared origin; none where a strategy could not be rehearsed."""
        store, period = access.store, access.period
        tables = {name: store.read_table(asset_of(name), [period]) for name, known in origins.items() if known}
        if missing := [asset_of(name) for name, table in tables.items() if table is None]:
            raise NotEnoughData(
                f"{self.model.name} {period}: no rehearsal scores of {', '.join(missing)}, which the average needs. "
                f"Materialize it of {period} again."
            )
        scores = [table for table in tables.values() if table is not None]
        if len(scores) < len(origins):
            return ()
        return average_origins(scores, self.policy.objective, self.model.loss)

    def training_record(self, trained: Trained, period: str, selection_loss: float | None) -> TrainingRecord:
        """What a version records of its training."""
        window = trained.window
        return TrainingRecord(
            model=self.model.name,
            task=self.model.task,
            as_of=period,
            strategy=trained.strategy,
            rounds=trained.rounds,
            rows=trained.rows,
            effective_rows=trained.effective_rows,
            baseline=trained.baseline,
            periods=window.periods,
            trained_from=window.start.isoformat(),
            trained_until=window.end.isoformat(),
            selection_loss=selection_loss,
            parameters=self.policy.model_dump(mode="json"),
            importance=trained.importance,
            parts=trained.parts,
        )

    def version_files(
        self, access: PeriodAccess, trained: Trained, record: TrainingRecord, origins: OriginLosses
    ) -> dict[str, bytes]:
        """Everything that makes a version of a model."""
        stored = [known for known in access.store.periods("raw_data") if known <= access.period]
        return version_files(access.store, self.columns, stored[-self.reference_periods :], trained, record, origins)


def _model_of(records: Mapping[str, StrategyRecord], strategy: str) -> Trained:
    """The model of the chosen strategy."""
    models = {name: record.trained for name, record in records.items() if record.trained is not None}
    return average_of(models) if strategy == AVERAGE else models[strategy]


def _incumbent(registry: Registry) -> str:
    """The live model's strategy; all history where there is none."""
    live = registry.live()
    return TrainingRecord.from_files(registry.read(live.digest)).strategy if live else "history"
