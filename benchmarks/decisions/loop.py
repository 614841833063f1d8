"""One stream played through the product's own windows, training, gate, registry and probation, without Dagster runs.

A retrain is attempted whenever the windows allow it: no trigger saves work and no cool-down rests. Beside the gated
loop every attempt also trains what a loop without a gate would serve at once: each strategy on everything up to the
newest outcome, and the one that the rehearsals prefer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import numpy as np

from retrain_assets.candidates.candidate_record import CandidateRecord
from retrain_assets.candidates.refit import through_gate
from retrain_assets.candidates.strategies import Trained, train_strategy
from retrain_assets.candidates.strategy_record import StrategyRecord, read_strategy
from retrain_assets.errors import NotEnoughData, NotPromotable, RetrainError
from retrain_assets.metrics.metric import metric
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.predictions import predict_period
from retrain_assets.pipeline import gate, probation, promotion, training, watch
from retrain_assets.production.probation.trial import asking
from retrain_assets.production.rollback import roll_back
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.registry.registry import Registry, RollbackRequest
from retrain_assets.scoring.booster import load
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.scorer import Scorer, scores_of
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.verdict import CHECKS, STOPS_NOTHING, Decision, Outcome, Verdict
from retrain_assets.windows.cut import Span, Wait, Windows
from retrain_assets.windows.manifest import write_manifest
from retrain_assets.windows.rows import load_window

ACTOR = "benchmark"
HORIZON = 12
"""The oracle may keep a model for so many attempts."""

UNGATED = ("recent", "history", "preferred")


@dataclass
class Played:
    """What became of a stream.

    Attributes:
        attempts: Period, outcome and reason of each judged attempt against a live model.
        first_model: The period of the first model; empty where none came.
        refused_first: Attempts before it.
        rollbacks: Versions that probation took back.
        rows: Rows of the periods after the first model.
        losses: Mean loss over them by policy: `served`, `never`, `recent`, `history`, `preferred`, `oracle`.
        better_later: Promotions whose version lost less than the one that it replaced, on all rows after it.
        cpu_seconds: What the play took.
    """

    attempts: list[tuple[str, str, str]] = field(default_factory=list)
    first_model: str = ""
    refused_first: list[tuple[str, str]] = field(default_factory=list)
    rollbacks: int = 0
    rows: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    better_later: int = 0
    cpu_seconds: float = 0.0

    def count(self, outcome: str) -> int:
        """Attempts that ended so."""
        return sum(ended == outcome for _, ended, _ in self.attempts)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**record)


@dataclass(frozen=True)
class Fresh:
    """What a loop without a gate would serve from the period after `period` on, by policy."""

    period: str
    models: Mapping[str, Scorer]

    def write(self, folder: Path) -> None:
        """Keep the models in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for policy, model in self.models.items():
            (folder / f"{policy}.bst").write_text(model.booster.model_to_string())
            (folder / f"{policy}.json").write_text(json.dumps(model.contract.to_dict()))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The models that a folder keeps, which is called like their period."""
        models = {
            path.stem: Scorer(
                load(path.read_bytes()), FeatureContract.from_dict(json.loads(path.with_suffix(".json").read_text()))
            )
            for path in sorted(folder.glob("*.bst"))
        }
        return cls(folder.name, models)


class Playback:
    """One stream in a folder of its own; one that was broken off goes on where it stood."""

    def __init__(self, spec: ModelSpec, home: Path, tell: Callable[[str], None] = print) -> None:
        """Open a home, empty or of a play that was broken off.

        Args:
            spec: Of the stream's model.
            home: Where its store and registry are.
            tell: Called with one line for each attempt.
        """
        self.spec = spec
        self.store, self.registry = PeriodStore(home / "data" / spec.name), Registry(home / "registry", spec.name)
        self.training, self.gate, self.promotion = training(spec), gate(spec), promotion(spec)
        self.probation, self.watch = probation(spec), watch(spec)
        self.played, self.tell, self.home = Played(), tell, home
        self.done = ""
        state = home / "state.json"
        if state.exists():
            known = json.loads(state.read_text())
            self.done, self.played = known["done"], Played.from_dict(known["played"])
        folders = sorted((home / "fresh").glob("*"))
        self.fresh = [Fresh.read(folder) for folder in folders if folder.name <= self.done]

    def play(self, *, ungated: bool) -> Played:
        """Go through all periods; `ungated` also trains and measures what a loop without a gate would serve."""
        spec = self.spec
        periods = spec.period.between(spec.period.first, spec.period.shift(spec.period.key(_end(spec)), 0))
        before = self.played.cpu_seconds
        for period in periods:
            if period <= self.done:
                continue
            self._monitor(period)
            self._attempt(period, ungated=ungated)
            self.played.cpu_seconds = round(before + time.process_time(), 1)
            state = json.dumps({"done": period, "played": self.played.to_dict()})
            (self.home / "state.new").write_text(state)
            (self.home / "state.new").replace(self.home / "state.json")
        if self.played.first_model:
            self.played.better_later = sum(self._better_later(periods))
        if ungated and self.played.first_model:
            self._measure(periods)
        return self.played

    def _better_later(self, periods: list[str]) -> Iterator[bool]:
        """Whether each promoted version lost less than the one before it on all rows of later periods."""
        loss = metric(self.spec.model.loss)
        for event in self.registry.history():
            if event.action != "promoted":
                continue
            later = tuple(period for period in self.store.periods("raw_data") if period > event.period)
            if not later:
                continue
            pair = [Scorer.from_files(self.registry.read(str(d))) for d in (event.from_digest, event.to_digest)]
            names = list(self.spec.columns.features)
            span = Span(later, datetime.min, datetime.max)
            rows = load_window(self.store, self.spec.model, span, names, periods[-1])
            label = rows[LABEL].to_numpy()
            before, after = (float(loss.row_losses(label, model.scores(rows)).sum()) for model in pair)
            yield after < before

    def _monitor(self, period: str) -> None:
        access, spec = PeriodAccess(self.store, self.registry, period), self.spec
        ingest(spec.intake, self.store, period, late=True)
        ingest_outcomes(spec.intake, self.store, period)
        predict_period(spec.model, access)
        self.probation.report(access)
        record = asking(self.store, self.registry)
        if record is not None and record.comparison is not None:
            self.played.rollbacks += 1
            self.tell(f"{period} rolled back: {record.sentence}")
            now = spec.period.bounds(period)[1]
            left = record.comparison.digest
            roll_back(self.registry, RollbackRequest(record.sentence, now, "run probation", record.decided_in, left))

    def _attempt(self, period: str, *, ungated: bool) -> None:
        windows = self.watch.windows_at(self.store, self.registry, period)
        if isinstance(windows, Wait):
            return
        access, live = PeriodAccess(self.store, self.registry, period), self.registry.live()
        write_manifest(self.store, windows, self.spec.model)
        try:
            for strategy in self.spec.training.trained:
                self.training.train(access, strategy)
            candidate = self.training.choose(access)
        except NotEnoughData as lack:
            self.tell(f"{period} no candidate: {lack}")
            return
        if ungated and live is not None:
            self.fresh.append(Fresh(period, dict(self._without_gate(access, windows, candidate))))
            self.fresh[-1].write(self.home / "fresh" / period)
        outcome, reason = self._decided(access)
        self.tell(f"{period} {outcome}: {reason[:300]}")
        if live is not None:
            self.played.attempts.append((period, outcome, reason))
        elif outcome == "promoted":
            self.played.first_model = period
        else:
            self.played.refused_first.append((period, reason))

    def _decided(self, access: PeriodAccess) -> tuple[str, str]:
        """Judge the period's candidate, and promote it where it passes: what became of it, and why."""
        now = self.spec.period.bounds(access.period)[1]
        try:
            verdict = self.gate.verdict(access, now, ACTOR)
            self.store.write_json("validation_report", access.period, verdict.to_dict())
            if verdict.decision is Decision.PROMOTE:
                shown = {check: verdict.outcome(check) in STOPS_NOTHING for check in CHECKS}
                self.promotion.decide(access, shown, now, ACTOR)
        except NotPromotable as refusal:
            return "refused", str(refusal)
        ended = "promoted" if verdict.decision is Decision.PROMOTE else str(verdict.decision)
        return ended, f"{_stood_against(verdict)}{verdict.reason}"

    def _without_gate(
        self, access: PeriodAccess, windows: Windows, candidate: CandidateRecord
    ) -> Iterator[tuple[str, Scorer]]:
        models: dict[str, Trained] = {}
        for strategy in self.spec.training.trained:
            record = read_strategy(self.store, strategy, access.period)
            if record is not None and record.trained is not None:
                models[strategy] = self._up_to_now(access, windows, record)
        for strategy, model in models.items():
            yield strategy, Scorer(load(model.model), model.contract)
        preferred = models[candidate.strategy]
        yield "preferred", Scorer(load(preferred.model), preferred.contract)

    def _up_to_now(self, access: PeriodAccess, windows: Windows, record: StrategyRecord) -> Trained:
        span = through_gate(windows.training(record.strategy), windows.gate, self.store.periods("raw_data"))
        held = self.training.held(self.store, record.strategy, span, access.period)
        rounds = record.trained.rounds if record.trained else 0
        return train_strategy(held, span, record.strategy, rounds, self.training.recipe)

    def _measure(self, periods: list[str]) -> None:
        """The mean loss of every policy over the periods after the first model, in which all serve the same rows."""
        first = Scorer.from_files(self.registry.read(self.registry.versions()[0].digest))
        sums, rows = dict.fromkeys(("served", "never", *UNGATED), 0.0), 0
        by_model: list[dict[int, float]] = []
        for period in periods:
            if period <= self.played.first_model:
                continue
            known = self._rows(period, periods[-1])
            if known is None:
                continue
            table, served = known
            label, loss = table[LABEL].to_numpy(), metric(self.spec.model.loss)

            def lost(model: Scorer, table: Any = table, label: Any = label, loss: Any = loss) -> float:
                return float(loss.row_losses(label, model.scores(table)).sum())

            past = [number for number, one in enumerate(self.fresh) if one.period < period]
            never = lost(first)
            sums["served"] += float(loss.row_losses(label, served).sum())
            sums["never"] += never
            for policy in UNGATED:
                sums[policy] += lost(self.fresh[past[-1]].models[policy]) if past else never
            rows += table.num_rows
            if past:
                kept = past[-HORIZON:]
                by_model.append({number: lost(self.fresh[number].models["preferred"]) for number in kept})
                by_model[-1][-1] = never
            else:
                by_model.append({-1: never})
        sums["oracle"] = cheapest(by_model)
        self.played.rows = rows
        self.played.losses = {policy: total / max(rows, 1) for policy, total in sums.items()}

    def _rows(self, period: str, as_of: str) -> tuple[Any, Any] | None:
        """The period's rows with an outcome, and the scores that were served for them."""
        scored = self.store.read_table("predictions", [period])
        if scored is None or not scored.num_rows:
            return None
        names = list(self.spec.columns.features)
        table = load_window(self.store, self.spec.model, Span((period,), datetime.min, datetime.max), names, as_of)
        if not table.num_rows:
            return None
        place = {key: number for number, key in enumerate(scored[self.spec.source.key].to_pylist())}
        order = np.array([place[key] for key in table[self.spec.source.key].to_pylist()])
        return table, scores_of(scored)[order]


def cheapest(losses: list[dict[int, float]]) -> float:
    """The least total loss of any sequence of models, none of which is older than the one that served before it.

    Args:
        losses: Of each period, the loss of every model that may serve it, by its number in the order of training.

    >>> cheapest([{-1: 5.0}, {-1: 1.0, 0: 2.0}, {0: 9.0, 1: 3.0}])
    9.0
    """
    best = {-1: 0.0}
    for of_model in losses:
        best = {
            number: loss + min(total for older, total in best.items() if older <= number)
            for number, loss in of_model.items()
        }
    return min(best.values(), default=0.0)


def _stood_against(verdict: Verdict) -> str:
    """The checks that did not pass, ahead of the sentence; empty where all did."""
    against = [check for check in verdict.required if verdict.outcome(check) not in STOPS_NOTHING]
    undecided = [check for check in against if verdict.outcome(check) is Outcome.INSUFFICIENT]
    return f"[{', '.join(against)}; undecided: {', '.join(undecided) or 'none'}] " if against else ""


def _end(spec: ModelSpec) -> datetime:
    """The last moment of the stream."""
    if spec.period.end is None:
        raise RetrainError(f"{spec.name}: the period has no end.")
    return datetime.fromisoformat(str(spec.period.end)) - timedelta(seconds=1)
