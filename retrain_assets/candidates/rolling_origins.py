"""Choose the strategy and the number of rounds on rolling origins that precede the gate window, never on the gate.

At each origin both strategies are trained on what came before, stopped early on the next period, and compared on the
one after. The lower mean loss wins, if it beats the strategy that is live by a declared share; else that one stays. The
average of the two models competes with them where it is declared, and is reported beside them where it is not.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from statistics import fmean, median

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.candidates.boosting.lightgbm_model import fit_early_stopped, predict
from retrain_assets.candidates.boosting.model_average import from_raw
from retrain_assets.candidates.origin_losses import DailyLosses
from retrain_assets.candidates.policy import AVERAGE
from retrain_assets.candidates.strategies import Loader, Recipe, TrainingRows, effective_row_count, row_weights
from retrain_assets.documents.units import percent
from retrain_assets.errors import NotEnoughData
from retrain_assets.metrics.metric import metric
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import contract_of
from retrain_assets.store import Json
from retrain_assets.windows.cut import Origin, Span, Windows, spanning

Observer = Callable[[str, str, TrainingRows, NDArray[np.float64]], None]
"""Is told a rehearsal's origin, strategy, selection rows and raw scores of them."""

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
class Choice:
    """The strategy that meets the gate, and everything it was chosen on.

    `losses` are means over the origins by strategy, with "average" for the mean of the strategies' scores; `rounds_of`
    and `effective_rows` are by strategy; `skipped` says which origins could not be used, and why; `daily` holds the
    losses of the trained models by day, from their origin up to the gate.
    """

    strategy: str
    rounds: int
    reason: str
    origins: tuple[OriginLoss, ...]
    losses: Mapping[str, float]
    rounds_of: Mapping[str, int]
    effective_rows: Mapping[str, float]
    skipped: tuple[str, ...] = ()
    daily: tuple[DailyLosses, ...] = ()


def widest(windows: Windows) -> Span:
    """The span that holds every row a retrain may train or choose on; the gate's rows are not among them."""
    spans = [windows.recent, windows.history]
    for origin in windows.origins:
        spans += [origin.train_recent, origin.train_history, origin.selection]
        spans += [origin.early_stop] if origin.early_stop else []
    return spanning(spans)


def choose(
    loader: Loader, windows: Windows, recipe: Recipe, incumbent: str = "history", observe: Observer | None = None
) -> Choice:
    """Compare the strategies over the rolling origins and say which meets the gate, with how many rounds.

    The loader is asked once, for the widest span; everything after is a slice of what it gives.

    Args:
        loader: Gives the labelled rows of a span in time order.
        windows: The cut of the retrain.
        recipe: Everything else about the training; its policy names the strategies to compare.
        incumbent: The strategy of the live model, which stays unless another beats it by `training.switch_gain`.
        observe: Is told every rehearsal's raw scores, for an average with another strategy's.

    Raises:
        NotEnoughData: No labelled row to train on, or a single class.
        DataError: A column or a label cannot be used.
    """
    table = loader(widest(windows))
    if not table.num_rows:
        raise NotEnoughData(f"no labelled row before {windows.gate.start} to choose a strategy on: widen the history")
    contract = contract_of(table, recipe.columns)
    rows = TrainingRows.of(table, contract, recipe)
    del table
    rehearsals = _Rehearsals(rows, contract, recipe, windows.history.end, observe)
    origins, skipped = rehearsals.losses, rehearsals.skipped
    for origin in windows.origins:
        rehearsals.add(origin)
    if not origins:
        return _without_origins(rows, contract, windows, recipe, skipped)
    losses = _means(origins)
    switch_gain = recipe.training.switch_gain
    strategy = prefer({name: losses[name] for name in recipe.training.strategies}, incumbent, switch_gain)
    rounds_of: dict[str, int] = {
        name: rounds_from([origin.rounds or 0 for origin in origins if origin.strategy == name], recipe)
        for name in recipe.training.trained
    }
    return Choice(
        strategy=strategy,
        rounds=rounds_of.get(strategy, sum(rounds_of.values())),
        reason=_reason(strategy, losses, incumbent, [origin.origin for origin in origins], recipe),
        origins=tuple(origins),
        losses=losses,
        rounds_of=rounds_of,
        effective_rows=_effective_rows(rows, windows, recipe),
        skipped=tuple(skipped),
        daily=tuple(rehearsals.daily),
    )


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
class _Rehearsals:
    """Every strategy at every origin that all strategies can be trained for, and why other origins were skipped.

    `until` is the end of the training rows, up to which each model is scored by day.
    """

    rows: TrainingRows
    contract: FeatureContract
    recipe: Recipe
    until: datetime
    observe: Observer | None
    losses: list[OriginLoss] = field(default_factory=list)
    daily: list[DailyLosses] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, origin: Origin) -> None:
        """Train and score at one origin."""
        try:
            losses, daily = self._at(origin)
        except NotEnoughData as reason:
            self.skipped.append(f"{_name(origin.selection)}: {reason}")
            return
        self.losses.extend(losses)
        self.daily.extend(daily)

    def _at(self, origin: Origin) -> tuple[list[OriginLoss], list[DailyLosses]]:
        rows, recipe, name = self.rows, self.recipe, _name(origin.selection)
        selection = rows.within(origin.selection)
        if not len(selection):
            raise NotEnoughData("no labelled selection row")
        after = rows.within(replace(origin.selection, end=max(self.until, origin.selection.end)))
        spans = {"recent": origin.train_recent, "history": origin.train_history}
        later = rows.within(origin.early_stop) if origin.early_stop else None
        objective, losses, daily = recipe.training.objective, list[OriginLoss](), list[DailyLosses]()
        raw: list[NDArray[np.float64]] = []
        for strategy in recipe.training.trained:
            train = rows.training(spans[strategy], strategy, recipe)
            weight = row_weights(train, strategy, spans[strategy], recipe)
            model, rounds = _fit_stopped(train, weight, later, self.contract, recipe)
            scores = predict(model, after.features, raw=True)
            raw.append(scores[: len(selection)])
            if self.observe is not None:
                self.observe(name, strategy, selection, raw[-1])
            lost = _row_losses(after, from_raw(scores, objective), recipe)
            daily.append(DailyLosses.of(name, strategy, after.time, lost))
            mean, trained_rows = float(lost[: len(selection)].mean()), len(train)
            effective = effective_row_count(weight, trained_rows)
            losses.append(OriginLoss(name, strategy, mean, len(selection), rounds, trained_rows, effective))
        if len(raw) > 1:
            both = float(_row_losses(selection, from_raw(np.mean(raw, axis=0), objective), recipe).mean())
            losses.append(OriginLoss(name, AVERAGE, both, len(selection)))
        return losses, daily


def _fit_stopped(
    train: TrainingRows,
    weight: NDArray[np.float32] | None,
    later: TrainingRows | None,
    contract: FeatureContract,
    recipe: Recipe,
) -> tuple[bytes, int]:
    """A model stopped early on the later rows, or on rows of its own that are held out by the hash of their key."""
    if later is None or not len(later):
        out = held_out(train.key)
        weight = None if weight is None else weight[~out]
        train, later = train.where(~out), train.where(out)
    return fit_early_stopped(
        recipe.learner, train.examples(contract, weight), later.examples(contract), recipe.model.loss
    )


def _without_origins(
    rows: TrainingRows, contract: FeatureContract, windows: Windows, recipe: Recipe, skipped: list[str]
) -> Choice:
    """Too little history to compare: all of it, with rounds from rows that are held out at random."""
    allowed = recipe.training.trained
    strategy = "history" if "history" in allowed else allowed[0]
    span = windows.history if strategy == "history" else windows.recent
    train = rows.training(span, strategy, recipe)
    weight = row_weights(train, strategy, span, recipe)
    best = _fit_stopped(train, weight, None, contract, recipe)[1]
    rounds = rounds_from([best], recipe)
    return Choice(
        strategy=strategy,
        rounds=rounds,
        reason=(
            f"{strategy}: no origin to compare the strategies on before {windows.gate.start:%Y-%m-%d}; {rounds} rounds "
            f"from a {percent(HELD_OUT_SHARE)} share of its {len(train):,} rows, held out by the hash of their key"
        ),
        origins=(),
        losses={},
        rounds_of=dict.fromkeys(allowed, rounds),
        effective_rows=_effective_rows(rows, windows, recipe),
        skipped=tuple(skipped),
    )


def _effective_rows(rows: TrainingRows, windows: Windows, recipe: Recipe) -> dict[str, float]:
    spans = {"recent": windows.recent, "history": windows.history}
    worths: dict[str, float] = {}
    for strategy in recipe.training.trained:
        train = rows.training(spans[strategy], strategy, recipe)
        worths[strategy] = effective_row_count(row_weights(train, strategy, spans[strategy], recipe), len(train))
    return worths


def _row_losses(rows: TrainingRows, scores: NDArray[np.float64], recipe: Recipe) -> NDArray[np.float64]:
    return np.asarray(metric(recipe.model.loss).row_losses(rows.label, scores))


def _means(origins: Sequence[OriginLoss]) -> dict[str, float]:
    names = dict.fromkeys(origin.strategy for origin in origins)
    return {name: fmean(origin.loss for origin in origins if origin.strategy == name) for name in names}


def _reason(strategy: str, losses: Mapping[str, float], incumbent: str, origins: Sequence[str], recipe: Recipe) -> str:
    unit, periods = metric(recipe.model.loss).unit, list(dict.fromkeys(origins))
    where = f"mean of {len(periods)} origins ({', '.join(periods)})"
    others = {name: loss for name, loss in losses.items() if name != strategy}
    if not others:
        return f"{strategy}: {recipe.model.loss} {losses[strategy]:.4g} {unit}, {where}; the only strategy declared"
    against = " and ".join(
        f"{loss:.4g} with {'their average' if name == AVERAGE else name}" for name, loss in others.items()
    )
    best = min(others[name] for name in recipe.training.strategies if name in others)
    near = recipe.training.switch_gain * abs(losses[strategy])
    tie = strategy == incumbent and abs(losses[strategy] - best) <= near
    end = f"; a tie within {100 * recipe.training.switch_gain:g}% stays with the live strategy" if tie else ""
    return f"{strategy}: {recipe.model.loss} {losses[strategy]:.4g} against {against}, {unit}, {where}{end}"


def _name(span: Span) -> str:
    """Name an origin by the moment at which its selection window begins."""
    return f"{span.start:%Y-%m-%d %H:%M}".removesuffix(" 00:00")
