"""A candidate that passed the gate, trained again with the gate's rows: same strategy, same rounds, newer rows.

Whether the refitted model may take the tested one's place is decided in `validation.agreement`; the registry promotes
it only under the verdict that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from retrain_assets.candidates.strategies import train_strategy
from retrain_assets.candidates.strategy_choice import merged
from retrain_assets.candidates.training import Training
from retrain_assets.errors import DataError
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.booster import importance
from retrain_assets.store import PeriodStore
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import read_manifest


def refit(training: Training, store: PeriodStore, registry: Registry, period: str, digest: str) -> str:
    """Train a tested candidate again on its own window and the gate's, store it as a version, and return its digest.

    Args:
        training: How the model is trained.
        store: The model's files.
        registry: Holds the tested candidate, and takes the refitted one.
        period: The period of the retrain, whose windows count.
        digest: The tested candidate.

    Raises:
        DataError: The candidate was trained by another training policy than the present one.
        NotEnoughData: No row to train on.
    """
    tested = json.loads(registry.read(digest)["training.json"])
    if tested["parameters"] != training.policy.model_dump(mode="json"):
        raise DataError(
            f"{training.model} {period}: candidate {digest[:12]} was trained by other rules than the spec's present "
            "training. Materialize candidate_model again."
        )
    windows = read_manifest(store, period)
    parts = tested.get("parts") or {tested["strategy"]: tested}
    models = {name: _again(training, store, windows, name, part["rounds"]) for name, part in parts.items()}
    model, record = merged(models, None) if len(models) > 1 else next(iter(models.values()))
    record = {**record, "selection_loss": tested["selection_loss"], "refit_of": digest}
    return registry.add(training.version_files(store, record, model, period))


def through_gate(span: Span, gate: Span, stored: list[str]) -> Span:
    """A training window made longer, up to the end of the gate, the gap between them included.

    >>> from datetime import datetime
    >>> train = Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 1, 31))
    >>> gate = Span(("2019-02",), datetime(2019, 2, 1), datetime(2019, 2, 28))
    >>> longer = through_gate(train, gate, ["2018-12", "2019-01", "2019-02", "2019-03"])
    >>> longer.periods, f"{longer.end:%Y-%m-%d}"
    (('2019-01', '2019-02'), '2019-02-28')
    """
    held = {*span.periods, *gate.periods}
    return Span(tuple(p for p in stored if min(held) <= p <= max(held)), span.start, gate.end)


def _again(
    training: Training, store: PeriodStore, windows: Windows, strategy: str, rounds: int
) -> tuple[bytes, Mapping[str, Any]]:
    """One strategy's model up to the end of the gate, and its record."""
    before = windows.recent if strategy == "recent" else windows.history
    span = through_gate(before, windows.gate, store.periods("raw_data"))
    held = training.held(store, strategy, span, windows.as_of)
    trained = train_strategy(held, span, strategy, rounds, training.recipe(strategy))
    return trained.model, {
        **trained.to_dict(),
        "contract": trained.contract.to_dict(),
        "importance": dict(list(importance(trained.model).items())[:20]),
        "window": {"start": span.start.isoformat(), "end": span.end.isoformat()},
        "periods": list(span.periods),
    }
