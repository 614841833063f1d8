"""Build the evaluation matrix: fit every origin once, score it on every later day, and keep both by content.

Two stages, each over several processes: the fits, which need nothing of each other, and the scores, which need to know
with how many rounds a model serves. What an interrupted build left is taken up; a new period costs the fits of its own
origins, and the scores of its own rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import ArrayLike, NDArray

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.fits import FitRecord
from retrain_assets.backtest.matrix.loss_matrix import LossMatrix
from retrain_assets.backtest.matrix.losses import LossRecord, TrainedModels, later_periods
from retrain_assets.backtest.matrix.origins import MOST_ORIGINS, MatrixOrigin, decision_calendar, origins
from retrain_assets.backtest.matrix.progress import Progress, silent
from retrain_assets.backtest.matrix.recipe import MatrixRecipe
from retrain_assets.backtest.matrix.rehearsals import preferred, rehearsed, rounds_at
from retrain_assets.backtest.matrix.stored_digests import StoredDigests, digest_of
from retrain_assets.backtest.matrix.work import Crew, MatrixWork, Piece, WorkPlace
from retrain_assets.candidates.policy import AVERAGE
from retrain_assets.errors import NotEnoughData
from retrain_assets.store import PeriodStore

ROWS = "backtest_rows"
"""The asset that holds the encoded rows, a file for each state of what is stored; only the newest is kept for long."""

_KEPT = timedelta(days=1)
_ByStrategy = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class BuiltMatrix:
    """The matrix, and what has to be said of how it came about.

    Attributes:
        matrix: Losses of the model that the spec's own choice of strategy would have served.
        origins: The origins of its rows.
        problems: What could not be trained, scored or used, in sentences.
        fits: Fits made now.
        known_fits: Fits that were there.
        fit_seconds: CPU time of all fits, made now or before, by origin.
        lightgbm_seconds: CPU time of LightGBM in this build.
        unit: What lies between two decisions.
        rows_file: The encoded rows.
        by_strategy: Loss by day of every strategy alone, shape (origins, days).
    """

    matrix: LossMatrix
    origins: tuple[MatrixOrigin, ...]
    problems: tuple[str, ...]
    fits: int
    known_fits: int
    fit_seconds: tuple[float, ...]
    lightgbm_seconds: float
    unit: str
    rows_file: Path
    by_strategy: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class MatrixBuild:
    """One build: where the rows and the results are, and who is told of the progress.

    Attributes:
        recipe: What the matrix depends on.
        rows: The store with the raw rows and outcomes.
        results: The store that keeps fits and losses.
        workers: Processes; None takes one per core.
        progress: Is told how far it is.
        until: The last period whose rows and outcomes count; None for the newest.
    """

    recipe: MatrixRecipe
    rows: PeriodStore
    results: PeriodStore
    workers: int | None = None
    progress: Progress = silent
    until: str | None = None

    def build(self) -> BuiltMatrix:
        """Fit what is not fitted, score what is not scored, and put the matrix together.

        Raises:
            NotEnoughData: History is too short for a single origin with a later day.
        """
        stages, days = self._stages()
        with stages.crew:
            return stages.run(days)

    def train(self, after: datetime, until: datetime) -> int:
        """Fit what is not fitted of the origins after a moment, up to another one; how many fits that were.

        Raises:
            NotEnoughData: History is too short for a single origin with a later day.
        """
        stages, _ = self._stages()
        with stages.crew:
            return stages.train([at for at, one in enumerate(stages.origins) if after < one.moment <= until])

    def _stages(self) -> tuple[_Stages, list[datetime]]:
        """Write the rows down for every process, and say what is to be done; the days that have rows beside it."""
        recipe, model = self.recipe, self.recipe.recipe.model
        digests = StoredDigests.of(self.rows, model, recipe.dated, self.until)
        encoded = EncodedHistory.load(self.rows, recipe.recipe, recipe.dated, recipe.excluded, self.until)
        path = self.results.path(ROWS, digest_of({"recipe": recipe.digest, "rows": digests.all})[:16], "arrow")
        encoded.write(path)
        _forget(path)
        days = encoded.days
        decisions = decision_calendar(model.calendar, days, len(encoded.rows))
        found = origins(model, recipe.windows, decisions, days)
        if not found:
            raise NotEnoughData(
                f"{model.name}: its history from {days[0]:%Y-%m-%d} to {days[-1]:%Y-%m-%d} is too short to replay: a "
                f"first model needs windows.min_train {recipe.windows.min_train} of rows and a day after them. Wait "
                "for more periods, or lower windows.min_train."
            )
        ends = {period: model.calendar.bounds(period)[1] for period in sorted(digests.rows)}
        crew = Crew(WorkPlace(path, recipe, self.results.root, max(ends.values())), self.workers, self.progress)
        return _Stages(self, digests, tuple(found), ends, crew, decisions.every), days


def _forget(newest: Path) -> None:
    """Delete the encoded rows of earlier states, but for those that another build may just be working on."""
    for path in newest.parent.glob("*.arrow"):
        if path != newest and path.stat().st_mtime < newest.stat().st_mtime - _KEPT.total_seconds():
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Stages:
    """The two stages of a build over known origins."""

    build: MatrixBuild
    digests: StoredDigests
    origins: tuple[MatrixOrigin, ...]
    ends: Mapping[str, datetime]
    crew: Crew
    unit: str

    @property
    def trained(self) -> tuple[str, ...]:
        return self.build.recipe.recipe.training.trained

    def run(self, days: Sequence[datetime]) -> BuiltMatrix:
        work = MatrixWork.at(self.crew.place)
        rehearsals = self._rehearsals()
        fits, made, kept = self._fits(work, rehearsals, range(len(self.origins)))
        records = self._losses(work, fits, rehearsals)
        return _Assembly(self, fits, records, rehearsals, work.rows.known_days).matrix(days, made, kept)

    def train(self, places: Sequence[int]) -> int:
        """Make the fits of some origins; how many were not there."""
        return self._fits(MatrixWork.at(self.crew.place), self._rehearsals(), places)[2][0]

    def _rehearsals(self) -> list[list[int]]:
        recipe = self.build.recipe
        calendar = recipe.recipe.model.calendar
        return [rehearsed(self.origins, place, recipe.windows, calendar) for place in range(len(self.origins))]

    def _fits(
        self, work: MatrixWork, rehearsals: Sequence[Sequence[int]], wanted: Sequence[int]
    ) -> tuple[dict[str, dict[int, FitRecord]], float, tuple[int, int]]:
        """Every fit by strategy and place: those that stand, and the others made now."""
        fits: dict[str, dict[int, FitRecord]] = {name: {} for name in self.trained}
        pieces: list[Piece] = []
        places = []
        for place in reversed(wanted):  # the later ones have more rows; begun last, one of them would leave cores idle
            origin = self.origins[place]
            first = not rehearsals[place]
            key = digest_of(
                {
                    "recipe": self.build.recipe.digest,
                    "moment": origin.moment.isoformat(),
                    "rows": self.digests.before(origin.moment),
                    "first": first,
                }
            )
            for name in self.trained:
                known = work.fits.read(origin.key, name)
                if known is None or known.key != key:
                    pieces.append(("fit", (origin, name, key, first)))
                elif known.stopped_at is None and not known.problem and work.stop_known(origin):
                    pieces.append(("stop", (origin, name, known)))
                else:
                    fits[name][place] = known
                    continue
                places.append((name, place))
        made, seconds = 0, 0.0
        for number, record in self.crew.done("fit", pieces):
            name, place = places[number]
            fits[name][place] = record
            if pieces[number][0] == "fit":
                made, seconds = made + 1, seconds + record.seconds
        return fits, seconds, (made, len(wanted) * len(self.trained) - made)

    def _losses(
        self, work: MatrixWork, fits: Mapping[str, Mapping[int, FitRecord]], rehearsals: Sequence[Sequence[int]]
    ) -> dict[int, tuple[LossRecord, bool]]:
        """Every origin's losses: those that stand, and the others scored now."""
        records: dict[int, tuple[LossRecord, bool]] = {}
        pieces: list[Piece] = []
        places = []
        of_rows = {period: self.digests.of_rows_in([period]) for period in self.ends}
        for place, origin in enumerate(self.origins):
            trained = self._models(fits, rehearsals[place], place)
            if not trained.rounds:
                continue
            keys = {name: fits[name][place].key for name in trained.rounds}
            key = digest_of({"fits": keys, "rounds": trained.rounds, "stopped": trained.stopped_at})
            known = work.losses.read(origin.key)
            chunks = known.chunks if known is not None and known.key == key else {}
            wanted = {
                period: digest
                for period in later_periods(origin, sorted(self.ends), self.ends)
                if (digest := of_rows[period]) != (chunks[period].digest if period in chunks else "")
            }
            if known is None or known.key != key or wanted:
                pieces.append(("score", (origin, trained, key, wanted)))
                places.append(place)
            else:
                records[place] = (known, False)
        for number, record in self.crew.done("score", pieces):
            records[places[number]] = (record, True)
        return records

    def _models(
        self, fits: Mapping[str, Mapping[int, FitRecord]], rehearsals: Sequence[int], place: int
    ) -> TrainedModels:
        recipe = self.build.recipe.recipe
        usable = [name for name in self.trained if not fits[name][place].problem]
        rounds = {
            name: number for name in usable if (number := rounds_at(fits[name], rehearsals, place, recipe)) is not None
        }
        stopped = {name: fits[name][place].stopped_at for name in rounds}
        known = {name: number for name, number in stopped.items() if number is not None}
        return TrainedModels({}, rounds, known if len(known) == len(rounds) else {})


def _add(sums: NDArray[np.float64], at: NDArray[np.intp], more: ArrayLike) -> None:
    """Add what further rows lost on some days to sums by day, in which a day without rows so far is NaN."""
    sums[at] = np.where(np.isnan(sums[at]), 0.0, sums[at]) + more


@dataclass(frozen=True)
class _Assembly:
    """The matrix of what was fitted and scored."""

    stages: _Stages
    fits: Mapping[str, Mapping[int, FitRecord]]
    records: Mapping[int, tuple[LossRecord, bool]]
    rehearsals: Sequence[Sequence[int]]
    known_days: NDArray[np.datetime64] | None

    def matrix(self, days: Sequence[datetime], seconds: float, counts: tuple[int, int]) -> BuiltMatrix:
        recipe, origins = self.stages.build.recipe, self.stages.origins
        places = sorted(self.records)
        if not places:
            raise NotEnoughData(
                f"{recipe.recipe.model.name}: no origin could be trained. {' '.join(self._problems(days)[:3])}"
            )
        axis = np.array([np.datetime64(day, "D") for day in days])
        chosen = self._chosen(places)
        by_strategy, doubts, rows = self._by_day(places, axis)
        kept = [origins[place] for place in places]
        matrix = LossMatrix(
            np.array([np.datetime64(origin.moment, "us") for origin in kept]),
            np.array([np.datetime64(origin.trained_until, "us") for origin in kept]),
            axis,
            rows,
            np.array([by_strategy[name][number] for number, name in enumerate(chosen)]),
            recipe.recipe.model.label_delay,
            np.array([np.datetime64(self._gate_from(origin), "us") for origin in kept]),
            np.array([self._rehearsed(place, name) for place, name in zip(places, chosen, strict=True)]),
            None
            if recipe.recipe.model.task == "regression"
            else np.array([doubts[name][number] for number, name in enumerate(chosen)]),
            tuple(chosen),
            self.known_days,
        )
        for number in range(matrix.origins):  # a day on which training ended is partly known to the model
            first = matrix.tested_from[number]
            matrix.losses[number, :first] = np.nan
            for table in by_strategy.values():
                table[number, :first] = np.nan
        lightgbm = seconds + sum(record.seconds for record, now in self.records.values() if now)
        fit_seconds = tuple(sum(fits[place].seconds for fits in self.fits.values()) for place in places)
        problems = tuple(self._problems(days))
        return BuiltMatrix(
            matrix,
            tuple(kept),
            problems,
            *counts,
            fit_seconds,
            lightgbm,
            self.stages.unit,
            self.stages.crew.place.rows,
            by_strategy,
        )

    def _by_day(
        self, places: Sequence[int], axis: NDArray[np.datetime64]
    ) -> tuple[_ByStrategy, _ByStrategy, NDArray[np.float64]]:
        """Losses and doubts of every strategy alone, shape (places, days), and the rows of each day."""
        names = [*self.stages.trained, *([AVERAGE] if len(self.stages.trained) > 1 else [])]
        losses, doubts = ({name: np.full((len(places), axis.size), np.nan) for name in names} for _ in range(2))
        rows = np.zeros(axis.size)
        for number, place in enumerate(places):
            record, _ = self.records[place]
            own = np.zeros(axis.size)
            chunks = (record.chunks[period] for period in record.chunks if period in self.stages.ends)
            for chunk in chunks:  # of periods shorter than a day several have the same one
                at = np.searchsorted(axis, np.array(chunk.days, dtype="datetime64[D]"))
                own[at] += chunk.rows
                for found, known in ((losses, chunk.losses), (doubts, chunk.doubts)):
                    for name, sums in known.items():
                        _add(found[name][number], at, sums)
            rows = np.maximum(rows, own)
        return losses, doubts, rows

    def _chosen(self, places: Sequence[int]) -> list[str]:
        """The strategy that the spec would have chosen at each origin; a tie stays with that of the origin before."""
        policy, chosen, incumbent = self.stages.build.recipe.recipe.training, list[str](), "history"
        for place in places:
            record, _ = self.records[place]
            before = [self.records[at][0].rehearsal for at in self.rehearsals[place] if at in self.records]
            incumbent = preferred(before, list(record.rounds), incumbent, policy)
            chosen.append(incumbent)
        return chosen

    def _gate_from(self, origin: MatrixOrigin) -> datetime:
        recipe = self.stages.build.recipe
        return recipe.windows.gate.start(recipe.recipe.model.calendar, origin.trained_until)

    def _rehearsed(self, place: int, strategy: str) -> float:
        """Mean loss of the rehearsals of the strategy that serves an origin."""
        known = [self.records[at][0].rehearsal for at in self.rehearsals[place] if at in self.records]
        losses = [losses[strategy] for losses in known if strategy in losses]
        return fmean(losses) if losses else math.nan

    def _problems(self, days: Sequence[datetime]) -> list[str]:
        """Every origin that could not be trained, and every week of history without an outcome."""
        found = []
        for place, origin in enumerate(self.stages.origins):
            for name, fits in self.fits.items():
                if fits[place].problem:
                    found.append(f"{origin.key}, {name}: not trained, {fits[place].problem}.")
            if place not in self.records and not any(fits[place].problem for fits in self.fits.values()):
                found.append(f"{origin.key}: left out, no earlier origin could tell with how many rounds to serve.")
        first = self.stages.origins[0]
        if len(self.stages.origins) == MOST_ORIGINS:
            found.append(f"Replayed are the newest {MOST_ORIGINS} decisions, from {first.key} on.")
        calendar = self.stages.build.recipe.recipe.model.calendar
        held = {calendar.key(day) for day in days}
        for period in sorted(self.stages.ends):
            if min(held) <= period and period not in held:
                found.append(f"{period}: no row has an outcome, so no policy is measured there.")
        if self.stages.build.recipe.recipe.training.coverage.model_fields_set:
            found.append("training.coverage is not replayed: every strategy counts as covered at every origin.")
        return found
