"""Choose the strategy whose model meets the gate: the eligible ones compared on the origins they share.

Works on the strategies' records and on their rehearsals' scores; nothing is trained here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.candidates.boosting.model_average import average_models, from_raw
from retrain_assets.candidates.policy import AVERAGE, TrainingPolicy
from retrain_assets.candidates.rolling_origins import OriginLoss, prefer
from retrain_assets.candidates.strategies import STRATEGIES, Trained, TrainingRows
from retrain_assets.candidates.strategy_record import StrategyRecord
from retrain_assets.errors import DataError, NotCovered
from retrain_assets.metrics.metric import metric
from retrain_assets.store import OUTCOME

ORIGIN, KEY = "origin", "key"
"""Columns of a rehearsal's scores, beside the outcome and the raw scores."""


def eligible(records: Mapping[str, StrategyRecord], where: str) -> list[str]:
    """Find the strategies whose training window covers what it must.

    Args:
        records: What each strategy's training left behind.
        where: Model and period, for the message.

    Raises:
        NotCovered: None does.
    """
    names = [name for name, record in records.items() if record.coverage.eligible]
    if not names:
        lacks = "; ".join(f"{name}: {_lacks(record)}" for name, record in records.items())
        raise NotCovered(
            f"{where}: no strategy's training window covers what training.coverage asks for. {lacks}. The live version "
            "stays; wait for such rows, widen windows.recent, or ask for less."
        )
    return names


def chosen(losses: Mapping[str, float], incumbent: str, names: Sequence[str], policy: TrainingPolicy) -> str:
    """The strategy that meets the gate, of those that are eligible.

    Without a rehearsal the incumbent stays where it is eligible, else all history trains.

    >>> policy = TrainingPolicy(objective="binary")
    >>> chosen({"recent": 0.5, "history": 0.4}, "recent", ["recent", "history"], policy)
    'history'
    >>> chosen({}, "history", ["recent"], policy)
    'recent'
    """
    if losses:
        return prefer(losses, incumbent, policy.switch_gain)
    allowed = [*names, *([AVERAGE] if averaged(names, policy) else [])]
    return next((name for name in (incumbent, "history") if name in allowed), allowed[0])


def averaged(names: Sequence[str], policy: TrainingPolicy) -> bool:
    """Whether the average competes: it is declared, and both of its parts are eligible."""
    return policy.averages and len(names) > 1


def selection_scores(origin: str, rows: TrainingRows, raw: NDArray[np.float64]) -> pa.Table:
    """A rehearsal's raw scores as a table: origin, key, label, and a column of scores per class."""
    columns = raw.reshape(len(rows), -1)
    return pa.table(
        {
            ORIGIN: pa.array([origin]).take(pa.array(np.zeros(len(rows), dtype=np.int8))),
            KEY: rows.key,
            OUTCOME: rows.label,
            **{f"raw_{number}": columns[:, number] for number in range(columns.shape[1])},
        }
    )


def average_origins(scores: Sequence[pa.Table], objective: str, loss: str) -> tuple[OriginLoss, ...]:
    """The average's loss at every origin that both strategies were rehearsed at.

    Args:
        scores: The strategies' `selection_scores`.
        objective: LightGBM's name of it, for the link.
        loss: The mean loss that selection goes by.

    Raises:
        DataError: The strategies were rehearsed on different rows.
    """
    shared = set.intersection(*(set(pc.unique(table[ORIGIN]).to_pylist()) for table in scores))
    return tuple(_average_at(origin, scores, objective, loss) for origin in sorted(shared))


def common_losses(origins: Mapping[str, Sequence[OriginLoss]]) -> dict[str, float]:
    """Mean loss per strategy over the origins that every strategy could be rehearsed at.

    >>> both = [OriginLoss("a", "recent", 1.0, 9), OriginLoss("b", "recent", 9.0, 9)]
    >>> common_losses({"recent": both, "history": [OriginLoss("a", "history", 2.0, 9)]})
    {'recent': 1.0, 'history': 2.0}
    """
    by_origin = {name: {origin.origin: origin.loss for origin in known} for name, known in origins.items()}
    shared = set.intersection(*(set(losses) for losses in by_origin.values()))
    return {name: fmean(losses[origin] for origin in sorted(shared)) for name, losses in by_origin.items() if shared}


@dataclass(frozen=True)
class StrategyComparison:
    """The strategies compared on the origins they share.

    `losses` are means by strategy, empty where nothing could be compared; `incumbent` is the live model's strategy;
    `loss` names what is compared.
    """

    losses: Mapping[str, float]
    incumbent: str
    loss: str
    switch_gain: float


def reason_of(strategy: str, comparison: StrategyComparison, records: Mapping[str, StrategyRecord]) -> str:
    """Say why this strategy: the losses compared, a tie, and who was not eligible."""
    out = " ".join(
        f"{name} is not eligible: {_lacks(record)}." for name, record in records.items() if not record.coverage.eligible
    )
    losses = comparison.losses
    if not losses:
        stays = f"No earlier period to compare the strategies on: {strategy} stays."
        return " ".join(part for part in (f"{strategy} is left." if out else stays, out) if part)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    tied = strategy == comparison.incumbent and min(losses.values()) < losses[strategy]
    tie = f"A tie within {100 * comparison.switch_gain:g} % stays with the live strategy." if tied else ""
    return " ".join(part for part in (f"Mean {comparison.loss} on the selection periods: {shown}.", tie, out) if part)


def average_of(models: Mapping[str, Trained]) -> Trained:
    """Merge the recent and the history model into one that scores their average.

    Rows, weights, baseline and window are those of `history`, which holds the rows of `recent`; `parts` tells of both.
    """
    recent, history = (models[name] for name in STRATEGIES)
    model, contract = average_models(recent.model, recent.contract, history.model, history.contract)
    return replace(
        history,
        model=model,
        contract=contract,
        strategy=AVERAGE,
        rounds=recent.rounds + history.rounds,
        parts={"recent": recent.part, "history": history.part},
    )


def _lacks(record: StrategyRecord) -> str:
    return ", ".join(record.coverage.problems)


def _average_at(origin: str, scores: Sequence[pa.Table], objective: str, loss: str) -> OriginLoss:
    here = [table.filter(pc.equal(table[ORIGIN], origin)) for table in scores]
    first = here[0]
    for other in here[1:]:
        if not (first.select([KEY, OUTCOME]).equals(other.select([KEY, OUTCOME]))):
            raise DataError(
                f"selection {origin}: the strategies were rehearsed on different rows ({first.num_rows:,} and "
                f"{other.num_rows:,}). Materialize candidate_recent and candidate_history again."
            )
    columns = [name for name in first.column_names if name.startswith("raw_")]
    mean = np.mean([[table[name].to_numpy() for name in columns] for table in here], axis=0).T
    rated = from_raw(mean[:, 0] if len(columns) == 1 else mean, objective)
    lost = metric(loss).row_losses(first[OUTCOME].to_numpy(), rated)
    return OriginLoss(origin, AVERAGE, float(lost.mean()), first.num_rows)
