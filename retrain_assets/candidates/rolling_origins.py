"""Rehearse a strategy on rolling origins that precede the gate window, never on the gate: its rounds and its losses.

At each origin the strategy is trained on what came before, stopped early on the next period, and scored on the one
after. The strategy with the lower mean loss goes to the gate, if it beats the strategy that is live by a declared
share; else that one stays (`strategy_choice` compares them on the origins they share).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from statistics import fmean, median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.candidates.boosting.lightgbm_model import fit_early_stopped, predict
from retrain_assets.candidates.boosting.model_average import from_raw
from retrain_assets.candidates.origin_losses import DailyLosses
from retrain_assets.candidates.strategies import Loader, Recipe, TrainingRows, effective_row_count, row_weights
from retrain_assets.documents.units import percent
from retrain_assets.errors import NotEnoughData
from retrain_assets.metrics.metric import metric
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import contract_of
from retrain_assets.store import Json
from retrain_assets.windows.cut import Origin, Span, Windows, spanning

Observer = Callable[[str, TrainingRows, NDArray[np.float64]], None]
"""Is told an origin, its selection rows and their raw scores."""

MIN_ROUNDS = 10
HELD_OUT_SHARE = 0.15
_BATCH_ROWS = 20_000


@dataclass(frozen=True)
class OriginLoss:
    """One strategy at one origin: its mean loss on the selection rows, and what trained it.

    `rounds` and `train_rows` are None for the average of the strategies, which is not trained.
    """

    origin: str
    strategy: str
    loss: float
    selection_rows: int
    rounds: int | None = None
    train_rows: int | None = None
    effective_rows: float = 0.0

    def to_dict(self) -> Json:
        """Build the record as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Json) -> OriginLoss:
        """Read a stored record."""
        return cls(**record)


@dataclass(frozen=True)
class Rehearsal:
    """What the rolling origins tell of one strategy.

    Attributes:
        rounds: With how many rounds its model is trained.
        reason: Where the number comes from, in words.
        origins: Its loss at each origin.
        skipped: Which origins could not be used, and why.
        daily: The losses of the origins' models by day, from their origin up to the gate.
    """

    rounds: int
    reason: str
    origins: tuple[OriginLoss, ...] = ()
    skipped: tuple[str, ...] = ()
    daily: tuple[DailyLosses, ...] = ()


def widest(windows: Windows, strategy: str) -> Span:
    """The span of all rows that a strategy trains, stops or is scored on; the gate's rows are not among them."""
    spans = [windows.training(strategy)]
    for origin in windows.origins:
        spans += [origin.training(strategy), origin.selection]
        spans += [origin.early_stop] if origin.early_stop else []
    return spanning(spans)


def rehearse(
    loader: Loader, windows: Windows, strategy: str, recipe: Recipe, observe: Observer | None = None
) -> Rehearsal:
    """Train and score a strategy at every rolling origin, and say with how many rounds its model is trained.

    The loader is asked once, for the widest span; everything after is a slice of what it gives.

    Args:
        loader: Gives the labelled rows of a span in time order.
        windows: The cut of the retrain.
        strategy: "recent" or "history".
        recipe: Everything else about the training.
        observe: Is told every origin's raw scores, for an average with another strategy's.

    Raises:
        NotEnoughData: No labelled row to train on, or a single class.
        DataError: A column or a label cannot be used.
    """
    table = loader(widest(windows, strategy))
    if not table.num_rows:
        raise NotEnoughData(f"no labelled row before {windows.gate.start} to choose a strategy on: widen the history")
    contract = contract_of(table, recipe.columns)
    rehearsed = _Rehearsed(TrainingRows.of(table, contract, recipe), contract, strategy, recipe)
    del table
    span = windows.training(strategy)
    origins, skipped, daily = list[OriginLoss](), list[str](), list[DailyLosses]()
    for origin in windows.origins:
        try:
            loss, days = rehearsed.at(origin, span.end, observe)
        except NotEnoughData as lack:
            skipped.append(f"{_name(origin.selection)}: {lack}")
            continue
        origins.append(loss)
        daily.append(days)
    if not origins:
        rounds, reason = rehearsed.without_origins(span, windows.gate)
        return Rehearsal(rounds, reason, skipped=tuple(skipped))
    rounds = rounds_from([origin.rounds or 0 for origin in origins], recipe)
    return Rehearsal(rounds, _reason(strategy, origins, recipe), tuple(origins), tuple(skipped), tuple(daily))


def prefer(losses: Mapping[str, float], incumbent: str, switch_gain: float = 0.001) -> str:
    """The strategy with the lowest loss; the incumbent unless that is lower by more than a share of its own.

    A loss that is not finite never wins; an incumbent that does not compete cannot stay.

    Args:
        losses: Mean loss by strategy, of any number of strategies.
        incumbent: The live model's strategy.
        switch_gain: Share of the incumbent's loss that must be gained to leave it.

    >>> prefer({"recent": 1.70, "history": 1.75}, incumbent="history")
    'recent'
    >>> prefer({"recent": 1.7500, "history": 1.7501}, incumbent="history")
    'history'
    """
    known = {name: loss for name, loss in losses.items() if math.isfinite(loss)}
    if not known:
        return incumbent if incumbent in losses else next(iter(losses))
    best = min(known, key=lambda name: known[name])
    tied = incumbent in known and known[incumbent] - known[best] <= switch_gain * abs(known[incumbent])
    return incumbent if tied else best


def rounds_from(best_rounds: Sequence[int], recipe: Recipe) -> int:
    """Rounds of the final model: the median of the origins' best, at least 10, at most the policy's limit."""
    return min(max(MIN_ROUNDS, round(median(best_rounds))), recipe.training.max_rounds)


def held_out(keys: pa.ChunkedArray, share: float = HELD_OUT_SHARE) -> NDArray[np.bool_]:
    """Which rows to hold out: those whose key hashes low, the same at every call and on every machine.

    Args:
        keys: The rows' keys, shape (n,).
        share: Share of rows to hold out, in expectation.

    >>> held_out(pa.chunked_array([[1, 2, 3, 4, 5, 6, 7]]), share=0.4).tolist()
    [False, True, False, False, False, True, False]
    """
    limit = int(share * 2**64)
    chosen = np.empty(len(keys), dtype=bool)
    for start in range(0, len(keys), _BATCH_ROWS):
        batch = keys.slice(start, _BATCH_ROWS).to_pylist()
        chosen[start : start + len(batch)] = [_hash(key) < limit for key in batch]
    return chosen


def _hash(key: object) -> int:
    return int.from_bytes(hashlib.blake2b(str(key).encode(), digest_size=8).digest(), "big")


@dataclass(frozen=True)
class _Rehearsed:
    """One strategy's rows, which its models at the origins are made of."""

    rows: TrainingRows
    contract: FeatureContract
    strategy: str
    recipe: Recipe

    def at(self, origin: Origin, until: datetime, observe: Observer | None) -> tuple[OriginLoss, DailyLosses]:
        """Train at one origin, and score the model on the selection rows and by day up to a moment."""
        rows, recipe, name = self.rows, self.recipe, _name(origin.selection)
        selection = rows.within(origin.selection)
        if not len(selection):
            raise NotEnoughData("no labelled selection row")
        after = rows.within(replace(origin.selection, end=max(until, origin.selection.end)))
        train, weight = self._training(origin.training(self.strategy))
        model, rounds = self._fit_stopped(train, weight, rows.within(origin.early_stop) if origin.early_stop else None)
        scores = predict(model, after.features, raw=True)
        if observe is not None:
            observe(name, selection, scores[: len(selection)])
        rated = from_raw(scores, recipe.training.objective)
        lost = np.asarray(metric(recipe.model.loss).row_losses(after.label, rated))
        mean, worth = float(lost[: len(selection)].mean()), effective_row_count(weight, len(train))
        loss = OriginLoss(name, self.strategy, mean, len(selection), rounds, len(train), worth)
        return loss, DailyLosses.of(name, self.strategy, after.time, lost)

    def without_origins(self, span: Span, gate: Span) -> tuple[int, str]:
        """The rounds where history is too short for an origin, and why: from rows that are held out at random."""
        train, weight = self._training(span)
        rounds = rounds_from([self._fit_stopped(train, weight, None)[1]], self.recipe)
        return rounds, (
            f"{self.strategy}: no origin to rehearse on before {gate.start:%Y-%m-%d}; {rounds} rounds from a "
            f"{percent(HELD_OUT_SHARE)} share of its {len(train):,} rows, held out by the hash of their key"
        )

    def _training(self, span: Span) -> tuple[TrainingRows, NDArray[np.float32] | None]:
        train = self.rows.training(span, self.strategy, self.recipe)
        return train, row_weights(train, self.strategy, span, self.recipe)

    def _fit_stopped(
        self, train: TrainingRows, weight: NDArray[np.float32] | None, later: TrainingRows | None
    ) -> tuple[bytes, int]:
        """A model stopped early on the later rows, or on rows of its own that are held out by the hash of their key."""
        if later is None or not len(later):
            out = held_out(train.key)
            weight = None if weight is None else weight[~out]
            train, later = train.where(~out), train.where(out)
        recipe, contract = self.recipe, self.contract
        return fit_early_stopped(
            recipe.learner, train.examples(contract, weight), later.examples(contract), recipe.model.loss
        )


def _reason(strategy: str, origins: Sequence[OriginLoss], recipe: Recipe) -> str:
    mean, unit = fmean(origin.loss for origin in origins), metric(recipe.model.loss).unit
    where = f"mean of {len(origins)} origins ({', '.join(origin.origin for origin in origins)})"
    return f"{strategy}: {recipe.model.loss} {mean:.4g} {unit}, {where}"


def _name(span: Span) -> str:
    """Name an origin by the moment at which its selection window begins."""
    return f"{span.start:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
