"""What a model's source gives in every period, found by taking each in as monitoring would, into a passing store.

Nothing here is kept. What the findings mean for the model stands in `outlook`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.raw.contract import Checked, ContractProblem
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.raw.keys import comparable_keys
from retrain_assets.raw.sources import describe, newest_time
from retrain_assets.spec import ModelSpec
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class PeriodFindings:
    """One period as it would be taken in.

    Attributes:
        rows: Accepted ones.
        out: Rows taken out, with their reason in `found`.
        missing: Mean share of missing values over the features.
        outcomes: Share of the rows whose outcome is known by the end of the data.
        found: What was odd, one sentence each.
        stops: What would stop the period.
    """

    period: str
    rows: int = 0
    out: int = 0
    missing: float = 0.0
    outcomes: float = 0.0
    found: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()


def last_period(spec: ModelSpec) -> str | None:
    """The last ended period that the source has rows of, or a file that cannot be read; None without any.

    Raises:
        SourceError: The source cannot be read.
    """
    latest = newest_time(spec.source, spec.period.start)
    ended = spec.period.ended_by(datetime.now())
    if latest is None or not ended:
        return None
    return min(spec.period.key(latest), ended[-1])


def survey(spec: ModelSpec, store: PeriodStore, tell: Callable[[str], None] = lambda _: None) -> list[PeriodFindings]:
    """Take every period in, in order, and say what was found.

    Args:
        spec: Of the model.
        store: An empty one, which then holds what monitoring would have stored.
        tell: Called with each period before it is read.

    Raises:
        SourceError: The source cannot be read at all.
    """
    last = last_period(spec)
    if last is None:
        return []
    periods = spec.period.between(spec.period.first, last)
    found = []
    for period in periods:
        tell(period)
        found.append(_taken_in(spec, store, period))
    return [replace(one, outcomes=_known_share(spec, store, one.period)) for one in found]


def _taken_in(spec: ModelSpec, store: PeriodStore, period: str) -> PeriodFindings:
    sentences: list[str] = []
    stops: list[str] = []
    checked: Checked | None = None
    try:
        checked = ingest(spec.intake, store, period)
        _sort(checked.problems, sentences, stops)
        if not checked.blocked:
            _, problems = ingest_outcomes(spec.intake, store, period)
            _sort(problems, sentences, stops)
    except DataError as error:
        stops.append(str(error))
    shorten = _shortener(spec, period)
    said, stopped = (tuple(dict.fromkeys(map(shorten, lines))) for lines in (sentences, stops))
    if checked is None:
        return PeriodFindings(period, found=said, stops=stopped)
    shares = [column.missing for column in checked.summary if column.column in spec.columns.features]
    missing = sum(shares) / len(shares) if shares else 0.0
    return PeriodFindings(period, checked.table.num_rows, checked.rejected.num_rows, missing, found=said, stops=stopped)


def _sort(problems: tuple[ContractProblem, ...], sentences: list[str], stops: list[str]) -> None:
    for problem in problems:
        (stops if problem.blocking else sentences).append(problem.sentence)


def _shortener(spec: ModelSpec, period: str) -> Callable[[str], str]:
    """Takes from a sentence the names of the source and the period, which its line has already."""
    tables = [table for table in (spec.source.features, spec.source.outcomes) if table is not None]
    starts = [f"{describe(table)}, {period}: " for table in tables]
    folders = [table.path.rpartition("/")[0] + "/" for table in tables if table.path is not None and "/" in table.path]

    def short(sentence: str) -> str:
        for start in starts:
            sentence = sentence.removeprefix(start)
        for folder in folders:
            sentence = sentence.replace(folder, "")
        return sentence

    return short


def _known_share(spec: ModelSpec, store: PeriodStore, period: str) -> float:
    """The share of a period's rows whose outcome is stored."""
    key = spec.source.key
    rows = store.read_table("raw_data", [period], [key])
    later = [known for known in store.periods("outcomes") if known >= period]
    outcomes = store.read_table("outcomes", later, [key]) if later else None
    if rows is None or not rows.num_rows or outcomes is None:
        return 0.0
    wanted, known = comparable_keys(rows[key], outcomes[key])
    return float(pc.mean(pc.is_in(wanted, value_set=known)).as_py())
