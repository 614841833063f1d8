"""The work on the evaluation matrix, and the processes that share it.

Each piece is one origin: a fit, or the scores of its models. A piece keeps its result by itself, so that nothing that
was done is lost with the process that asked for it.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.fits import FitFiles, FitRecord, best_round, longer, train_at
from retrain_assets.backtest.matrix.losses import LossFiles, LossRecord, TrainedModels, scored
from retrain_assets.backtest.matrix.origins import MatrixOrigin
from retrain_assets.backtest.matrix.progress import Progress, silent
from retrain_assets.backtest.matrix.recipe import MatrixRecipe
from retrain_assets.errors import DataError
from retrain_assets.store import PeriodStore

_FEW_PIECES = 3
"""So many are done in this process: starting others takes longer."""

Piece = tuple[str, tuple[Any, ...]]
"""Name of the method of `MatrixWork`, and its arguments."""


@dataclass(frozen=True)
class WorkPlace:
    """Where a process finds everything that it needs.

    Attributes:
        rows: File of the labelled rows.
        recipe: How models are trained.
        results: Folder of the store that keeps fits and losses.
        until: The moment up to which outcomes are known.
    """

    rows: Path
    recipe: MatrixRecipe
    results: Path
    until: datetime


@dataclass(frozen=True)
class MatrixWork:
    """What one process does.

    Attributes:
        rows: All labelled rows.
        recipe: How models are trained.
        fits: The stored fits.
        losses: The stored losses.
        until: The moment up to which outcomes are known.
    """

    rows: EncodedHistory
    recipe: MatrixRecipe
    fits: FitFiles
    losses: LossFiles
    until: datetime

    @classmethod
    def at(cls, place: WorkPlace) -> Self:
        """Map the rows into this process's memory."""
        store = PeriodStore(place.results)
        return cls(EncodedHistory.mapped(place.rows), place.recipe, FitFiles(store), LossFiles(store), place.until)

    def stop_known(self, origin: MatrixOrigin) -> bool:
        """Whether the outcomes of all rows that stop an origin's training early are known."""
        return origin.stop.end + self.recipe.recipe.model.label_delay <= self.until

    def selection_known(self, origin: MatrixOrigin) -> bool:
        """Whether the outcomes of all rows on which an origin's strategies are compared are known."""
        return origin.selection.end + self.recipe.recipe.model.label_delay <= self.until

    def fit(self, origin: MatrixOrigin, strategy: str, key: str, first: bool) -> FitRecord:
        """Fit one strategy at one origin, and keep it."""
        try:
            model, record = train_at(
                self.rows, origin, strategy, self.recipe.single, stop_known=self.stop_known(origin), first=first
            )
        except DataError as reason:
            model, record = None, FitRecord("", problem=str(reason))
        record = replace(record, key=key)
        self.fits.write(origin.key, strategy, record, model)
        return record

    def stop(self, origin: MatrixOrigin, strategy: str, record: FitRecord) -> FitRecord:
        """Find the best round of a model that was fitted before the rows that tell it were known."""
        later = self.rows.rows.within(origin.stop)
        if not len(later):
            return record
        found = best_round(self.fits.model(origin.key, strategy), later, self.recipe.single)
        record = replace(record, stopped_at=found)
        self.fits.write(origin.key, strategy, record, None)
        return record

    def score(self, origin: MatrixOrigin, trained: TrainedModels, key: str, wanted: Mapping[str, str]) -> LossRecord:
        """Score the models of an origin on the wanted periods, and keep the sums beside those that are there."""
        models, seconds = {}, 0.0
        for name, rounds in trained.rounds.items():
            record = self.fits.read(origin.key, name)
            assert record is not None
            if rounds <= record.trees:
                models[name] = self.fits.model(origin.key, name)
                continue
            began = time.process_time()
            models[name] = longer(self.rows, origin, name, self.recipe.single, rounds)
            seconds += time.process_time() - began
        stopped = trained.stopped_at if self.selection_known(origin) else {}
        found = scored(
            self.rows, origin, replace(trained, models=models, stopped_at=stopped), self.recipe.single, wanted
        )
        known = self.losses.read(origin.key)
        kept = known.chunks if known is not None and known.key == key else {}
        found = replace(found, key=key, chunks={**kept, **found.chunks}, seconds=round(found.seconds + seconds, 3))
        self.losses.write(origin.key, found)
        return found


_own: MatrixWork | None = None
"""The work of a process that was started for it."""


def _start(place: WorkPlace) -> None:
    global _own
    _own = MatrixWork.at(place)


def _do(piece: Piece) -> Any:
    assert _own is not None
    return _own_method(_own, piece)


def _own_method(work: MatrixWork, piece: Piece) -> Any:
    method, arguments = piece
    return getattr(work, method)(*arguments)


@dataclass
class Crew:
    """The processes of one build, started when there is enough to do, and ended with it.

    Attributes:
        place: Where they find everything.
        workers: How many; None takes one per core.
        progress: Is told how far it is.
    """

    place: WorkPlace
    workers: int | None = None
    progress: Progress = silent
    _pool: ProcessPoolExecutor | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes; pieces that were not begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def done(self, stage: str, pieces: Sequence[Piece]) -> Iterator[tuple[int, Any]]:
        """Give the results of pieces as they come, each with its place among them."""
        total = len(pieces)
        if not total:
            return
        self.progress(stage, 0, total)
        workers = min(self.workers or len(os.sched_getaffinity(0)), total)
        if self._pool is None and (workers == 1 or total <= _FEW_PIECES):
            work = MatrixWork.at(self.place)
            for number, piece in enumerate(pieces):
                yield number, _own_method(work, piece)
                self.progress(stage, number + 1, total)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, (self.place,))
        running: dict[Future[Any], int] = {self._pool.submit(_do, piece): at for at, piece in enumerate(pieces)}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                yield number, future.result()
                self.progress(stage, total - len(running), total)
