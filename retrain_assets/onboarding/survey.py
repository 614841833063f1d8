"""What a model's source gives in every period, found by taking each in as monitoring would, into a passing store.

Nothing here is kept. What the findings mean for the model stands in `outlook`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import DataError
from retrain_assets.raw.cache.known_files import KNOWN
from retrain_assets.raw.contract import Checked, ContractProblem
from retrain_assets.raw.ingest import ingest, ingest_outcomes
from retrain_assets.raw.notation.keys import comparable_keys
from retrain_assets.raw.sources import describe, newest_time
from retrain_assets.spec.model_spec import ModelSpec
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
    with KNOWN.held():
        last = last_period(spec)
        found = []
        for period in spec.period.between(spec.period.first, last) if last is not None else ():
            tell(period)
            found.append(_taken_in(spec, store, period))
    known = _known_shares(spec, store)
    return [replace(one, outcomes=known.get(one.period, 0.0)) for one in found]


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
    starts = [f"{describe(table)}{of}: " for table in tables for of in (f", {period}", "")]
    folders = [table.path.rpartition("/")[0] + "/" for table in tables if table.path is not None and "/" in table.path]

    def short(sentence: str) -> str:
        for start in starts:
            sentence = sentence.removeprefix(start)
        for folder in folders:
            sentence = sentence.replace(folder, "")
        return sentence

    return short


def _known_shares(spec: ModelSpec, store: PeriodStore) -> dict[str, float]:
    """For each period with rows, the share of them whose outcome is stored."""
    key, periods = spec.source.key, store.periods("raw_data")
    rows = [store.require_table("raw_data", period, [key])[key].cast(pa.string()) for period in periods]
    outcomes = store.read_table("outcomes", store.periods("outcomes"), [key])
    if outcomes is None or not rows:
        return {}
    wanted, among = comparable_keys(pa.chunked_array([part for keys in rows for part in keys.chunks]), outcomes[key])
    known = pc.is_in(wanted, value_set=among)
    ends = list(accumulate(map(len, rows)))
    shares = {}
    for period, keys, end in zip(periods, rows, ends, strict=True):
        if len(keys):
            shares[period] = float(pc.mean(known.slice(end - len(keys), len(keys))).as_py())
    return shares
