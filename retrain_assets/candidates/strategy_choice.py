"""Which strategy's model meets the gate: the eligible ones compared on the origins they share.

Works on the strategies' records and on their rehearsals' scores; nothing is trained here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain_assets.candidates.model_average import average_models, from_raw
from retrain_assets.candidates.policy import AVERAGE, TrainingPolicy
from retrain_assets.candidates.rolling_origins import prefer
from retrain_assets.candidates.strategies import TrainingRows
from retrain_assets.errors import DataError, NotCovered
from retrain_assets.metrics.metric import metric
from retrain_assets.scoring.booster import importance
from retrain_assets.scoring.features import FeatureContract


def eligible(records: Mapping[str, Mapping[str, Any]], where: str) -> list[str]:
    """The strategies whose training window covers what it must.

    Args:
        records: What each strategy's training left behind.
        where: Model and period, for the message.

    Raises:
        NotCovered: None does.
    """
    names = [name for name, record in records.items() if record["coverage"]["eligible"]]
    if not names:
        lacks = "; ".join(f"{name}: {_lacks(record)}" for name, record in records.items())
        raise NotCovered(
            f"{where}: no strategy's training window covers what training.coverage asks for. {lacks}. The live version "
            "stays; wait for such rows, widen windows.recent_periods, or ask for less."
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
            "origin": pa.array([origin]).take(pa.array(np.zeros(len(rows), dtype=np.int8))),
            "key": rows.key,
            "label": rows.label,
            **{f"raw_{number}": columns[:, number] for number in range(columns.shape[1])},
        }
    )


def average_origins(scores: Sequence[pa.Table], objective: str, loss: str) -> list[dict[str, Any]]:
    """The average's loss at every origin that both strategies were rehearsed at.

    Args:
        scores: The strategies' `selection_scores`.
        objective: LightGBM's name of it, for the link.
        loss: The mean loss that selection goes by.

    Raises:
        DataError: The strategies were rehearsed on different rows.
    """
    shared = set.intersection(*(set(pc.unique(table["origin"]).to_pylist()) for table in scores))
    return [_average_at(origin, scores, objective, loss) for origin in sorted(shared)]


def common_losses(records: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Mean loss per strategy over the origins that every strategy could be rehearsed at.

    >>> common_losses({"recent": {"origins": [{"origin": "a", "loss": 1.0}, {"origin": "b", "loss": 9.0}]},
    ...                "history": {"origins": [{"origin": "a", "loss": 2.0}]}})
    {'recent': 1.0, 'history': 2.0}
    """
    by_origin = {
        name: {origin["origin"]: origin["loss"] for origin in record["origins"]} for name, record in records.items()
    }
    shared = set.intersection(*(set(losses) for losses in by_origin.values()))
    return {name: fmean(losses[origin] for origin in sorted(shared)) for name, losses in by_origin.items() if shared}


def comparison(records: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every strategy's loss at every origin, a row each."""
    names = ("loss", "rounds", "train_rows", "selection_rows")
    return [
        {"origin": origin["origin"], "strategy": name} | {key: origin[key] for key in names}
        for name, record in records.items()
        for origin in record["origins"]
    ]


def reason_of(
    strategy: str,
    losses: Mapping[str, float],
    incumbent: str,
    loss: str,
    switch_gain: float,
    records: Mapping[str, Mapping[str, Any]],
) -> str:
    """Why this strategy, in words: the losses compared, a tie, and who was not eligible."""
    out = " ".join(
        f"{name} is not eligible: {_lacks(record)}."
        for name, record in records.items()
        if not record["coverage"]["eligible"]
    )
    if not losses:
        stays = f"No earlier period to compare the strategies on: {strategy} stays."
        return " ".join(part for part in (f"{strategy} is left." if out else stays, out) if part)
    shown = ", ".join(f"{name} {value:.4g}" for name, value in losses.items())
    tied = strategy == incumbent and min(losses.values()) < losses[strategy]
    tie = f"A tie within {100 * switch_gain:g} % stays with the live strategy." if tied else ""
    return " ".join(part for part in (f"Mean {loss} on the selection periods: {shown}.", tie, out) if part)


def merged(
    parts: Mapping[str, tuple[bytes, Mapping[str, Any]]], selection_loss: float | None
) -> tuple[bytes, dict[str, Any]]:
    """The average of the recent and the history model as one model, and its record.

    Rows, weights, baseline and window are those of `history`, which holds the rows of `recent`; `parts` tells of both.
    """
    (recent, history), records = (parts["recent"], parts["history"]), {name: part[1] for name, part in parts.items()}
    model, contract = average_models(
        recent[0],
        FeatureContract.from_dict(recent[1]["contract"]),
        history[0],
        FeatureContract.from_dict(history[1]["contract"]),
    )
    names = ("rounds", "rows", "effective_rows", "window")
    return model, {
        **history[1],
        "strategy": AVERAGE,
        "rounds": sum(record["rounds"] for record in records.values()),
        "parts": {name: {key: record[key] for key in names} for name, record in records.items()},
        "digest": hashlib.sha256(model).hexdigest(),
        "contract": contract.to_dict(),
        "importance": dict(list(importance(model).items())[:20]),
        "selection_loss": selection_loss,
    }


def _lacks(record: Mapping[str, Any]) -> str:
    return ", ".join(record["coverage"]["problems"])


def _average_at(origin: str, scores: Sequence[pa.Table], objective: str, loss: str) -> dict[str, Any]:
    here = [table.filter(pc.equal(table["origin"], origin)) for table in scores]
    first = here[0]
    for other in here[1:]:
        if not (first["key"].equals(other["key"]) and first["label"].equals(other["label"])):
            raise DataError(
                f"selection {origin}: the strategies were rehearsed on different rows ({first.num_rows:,} and "
                f"{other.num_rows:,}). Materialize candidate_recent and candidate_history again."
            )
    columns = [name for name in first.column_names if name.startswith("raw_")]
    mean = np.mean([[table[name].to_numpy() for name in columns] for table in here], axis=0).T
    rated = from_raw(mean[:, 0] if len(columns) == 1 else mean, objective)
    lost = metric(loss).row_losses(first["label"].to_numpy(), rated)
    return {
        "origin": origin,
        "loss": float(lost.mean()),
        "rounds": None,
        "train_rows": None,
        "selection_rows": first.num_rows,
    }
