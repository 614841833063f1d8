"""A candidate that passed the gate, trained again with the gate's rows: same strategy, same rounds, newer rows.

Whether the refitted model may take the tested one's place is decided in `validation.criteria.refit_agreement`; the
registry promotes it only under the verdict that names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrain_assets.candidates.origin_losses import OriginLosses
from retrain_assets.candidates.strategies import Trained, train_strategy
from retrain_assets.candidates.strategy_choice import average_of
from retrain_assets.candidates.training import Training
from retrain_assets.errors import DataError
from retrain_assets.model import PeriodAccess
from retrain_assets.registry.training_record import TrainingRecord
from retrain_assets.windows.cut import Span, Windows
from retrain_assets.windows.manifest import read_manifest


def refit(training: Training, access: PeriodAccess, digest: str) -> str:
    """Train a tested candidate again on its own window and the gate's, store it as a version, and return its digest.

    Args:
        training: How the model is trained.
        access: The period of the retrain, whose windows count; its registry holds the tested candidate, and takes the
            refitted one.
        digest: The tested candidate.

    Raises:
        DataError: The candidate was trained by another training policy than the present one.
        NotEnoughData: No row to train on.
    """
    files = access.registry.read(digest)
    tested = TrainingRecord.from_files(files)
    if tested.parameters != training.policy.model_dump(mode="json"):
        raise DataError(
            f"{training.model.name} {access.period}: candidate {digest[:12]} was trained by other rules than the "
            "spec's present training. Materialize candidate_model again."
        )
    windows = read_manifest(access.store, access.period).windows
    rounds = {name: part.rounds for name, part in tested.parts.items()} or {tested.strategy: tested.rounds}
    models = {name: _again(training, access, windows, name, number) for name, number in rounds.items()}
    trained = average_of(models) if tested.parts else models[tested.strategy]
    record = replace(training.training_record(trained, access.period, tested.selection_loss), refit_of=digest)
    origins = OriginLosses.from_files(files) or OriginLosses(training.model.loss, ())
    return access.registry.add(training.version_files(access, trained, record, origins))


def through_gate(span: Span, gate: Span, stored: Sequence[str]) -> Span:
    """A training window made longer, up to the end of the gate, whatever lies between them included.

    >>> from datetime import datetime
    >>> train = Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 1, 31))
    >>> gate = Span(("2019-02",), datetime(2019, 2, 1), datetime(2019, 2, 28))
    >>> longer = through_gate(train, gate, ["2018-12", "2019-01", "2019-02", "2019-03"])
    >>> longer.periods, f"{longer.end:%Y-%m-%d}"
    (('2019-01', '2019-02'), '2019-02-28')
    """
    held = {*span.periods, *gate.periods}
    return Span(tuple(p for p in stored if min(held) <= p <= max(held)), span.start, gate.end)


def _again(training: Training, access: PeriodAccess, windows: Windows, strategy: str, rounds: int) -> Trained:
    """One strategy's model up to the end of the gate."""
    span = through_gate(windows.training(strategy), windows.gate, access.store.periods("raw_data"))
    held = training.held(access.store, strategy, span, windows.as_of)
    return train_strategy(held, span, strategy, rounds, training.recipe)
