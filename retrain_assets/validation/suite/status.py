"""Where each case of a regression suite stands: does it count, is its row there, does the live model get it right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.trained_scorer import TrainedScorer
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.validation.suite.cases import SuiteCase, right_rows
from retrain_assets.validation.suite.proposals import Harvest, answer_words
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window


@dataclass(frozen=True)
class CaseStatus:
    """One case as of the last stored period.

    Attributes:
        state: `live`, `expired`, or `later` while its `added` is still to come.
        row: Whether the row is stored; None when its period is not.
        outcome: Whether its outcome is known.
        right: Whether the live version gets it right; None without a model, row or outcome.
        said: What the live version says of it, and the outcome, in words.
        by_heart: The live version was trained on the time of this row before it became a case, so that being right may
            be memory.
    """

    case: SuiteCase
    state: str
    row: bool | None
    outcome: bool
    right: bool | None = None
    said: str = ""
    by_heart: bool = False


def standings(
    harvest: Harvest, cases: Sequence[SuiteCase], store: PeriodStore, registry: Registry
) -> tuple[CaseStatus, ...]:
    """Where each case stands, in the order of the file.

    Raises:
        DataError: A stored period lacks a column that the live version reads.
    """
    live = registry.live()
    scorer = TrainedScorer.from_files(registry.read(live.digest)) if live else None
    stored = store.periods("raw_data")
    today = harvest.model.calendar.bounds(stored[-1])[1].date() if stored else None
    found: dict[str, CaseStatus] = {}
    for period in sorted({case.period for case in cases}):
        keys, rows = _known(harvest, store, period, scorer)
        for case in cases:
            if case.period == period:
                state = "live" if today is None else _state(case, today)
                standing = CaseStatus(case, state, case.id in keys if keys is not None else None, outcome=False)
                found[case.id] = _answered(harvest, standing, rows, scorer)
    return tuple(found[case.id] for case in cases)


def row_is_stored(store: PeriodStore, period: str, key: str, row: str) -> bool:
    """Whether a row of that key stands in a period's stored rows."""
    keys = _keys(store, period, key)
    return keys is not None and row in keys


def periods_of(store: PeriodStore, key: str, row: str) -> list[str]:
    """The stored periods that hold a row of that key."""
    return [period for period in store.periods("raw_data") if row_is_stored(store, period, key, row)]


def _keys(store: PeriodStore, period: str, key: str) -> set[str] | None:
    rows = store.read_table("raw_data", [period], [key])
    return None if rows is None else set(rows[key].cast(pa.string()).to_pylist())


def _known(
    harvest: Harvest, store: PeriodStore, period: str, scorer: TrainedScorer | None
) -> tuple[set[str] | None, pa.Table | None]:
    """The keys of a period's stored rows, and those rows whose outcome is known by now."""
    keys, outcomes = _keys(store, period, harvest.model.key), store.periods("outcomes")
    if keys is None or not outcomes:
        return keys, None
    columns = list(scorer.contract.names) if scorer else []
    span = Span((period,), datetime.min, datetime.max)
    return keys, load_window(store, harvest.model, span, columns, max(outcomes[-1], period))


def _state(case: SuiteCase, today: Any) -> str:
    if case.expired(today):
        return "expired"
    return "live" if case.added <= today else "later"


def _answered(
    harvest: Harvest, standing: CaseStatus, rows: pa.Table | None, scorer: TrainedScorer | None
) -> CaseStatus:
    """The standing with the outcome, and with what the live version says, where both are known."""
    case, key = standing.case, harvest.model.key
    chosen = rows.filter(pc.equal(rows[key].cast(pa.string()), case.id)) if rows is not None else None
    if chosen is None or not chosen.num_rows:
        return standing
    if scorer is None:
        return replace(standing, outcome=True)
    label, scores = chosen[LABEL].to_numpy(), scorer.scores(chosen)
    moment = chosen[harvest.model.time][0].as_py()
    return replace(
        standing,
        outcome=True,
        right=bool(right_rows(harvest.policy, harvest.model.task, label, scores)[0]),
        said=f"{answer_words(harvest.model.task, harvest.policy.threshold, scores[0])}, it was {label[0]:g}",
        by_heart=_by_heart(case, moment, scorer, harvest),
    )


def _by_heart(case: SuiteCase, moment: datetime, scorer: TrainedScorer, harvest: Harvest) -> bool:
    """Whether the row's time lies in the version's training, as of a day before the case was added."""
    training = scorer.training
    inside = training.start <= moment < training.end
    return inside and harvest.model.calendar.bounds(training.as_of)[1].date() < case.added
