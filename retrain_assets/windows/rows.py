"""Loading a window: stored rows joined to the outcomes known as of a period, their weights, and their identity.

The one rule of this module: nothing that was not known at the end of `as_of` is read. `outcomes` of a period holds what
arrived in it, so that reading the files up to `as_of` is enough.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import counted
from retrain_assets.errors import DataError
from retrain_assets.model import RowNames
from retrain_assets.periods import Calendar, Length
from retrain_assets.raw.labels import latest_per_key
from retrain_assets.raw.notation.keys import Keys, comparable_keys, one_array
from retrain_assets.store import KNOWN_AT, LABEL, OUTCOME, OUTCOME_TIME, PeriodStore, of_one_kind
from retrain_assets.windows.cut import Span

MAX_MOVED_SHARE = 0.01
"""Share of rows whose outcome names another time; above it the tables do not belong together."""

_SECONDS_PER_YEAR = 365.25 * 86_400


def load_window(
    store: PeriodStore,
    names: RowNames,
    span: Span,
    columns: Sequence[str],
    as_of: str,
    exclude_keys: Collection[str] = (),
) -> pa.Table:
    """Read the rows of a span whose outcome is known at the end of a period, sorted by time, each key once.

    Of several outcomes of one row the latest known as of the period counts. A row belongs to its outcome when key and
    time agree, so that a row whose time was corrected into another period never stands in two windows.

    Args:
        store: The model's files; reads `raw_data` of the span's periods and `outcomes` of those up to `as_of`.
        names: Says which columns are key and time, such as the `Model`.
        span: Which rows; its periods after `as_of` are not read.
        columns: Columns wanted besides key and time.
        as_of: The period at whose end the decision is taken.
        exclude_keys: Keys, as text, of rows to leave out.

    Returns:
        Columns key, time, `columns`, and the outcome (`store.LABEL`) as float64 without nulls. A column that a stored
        period lacks is missing in its rows. Empty when nothing is known.

    Raises:
        DataError: Rows and outcomes disagree on the time of too many keys.
    """
    key, time = names.key, names.time
    wanted = list(dict.fromkeys((key, time, *columns)))
    periods = [period for period in span.periods if period <= as_of]
    known = _known_outcomes(store, key, periods, as_of)
    parts: list[pa.Table] = []
    for period in periods if known else ():
        rows = _read(store, period, wanted)
        if rows is not None:
            parts.append(without(within(rows, span, time), key, exclude_keys))
    if not parts:
        nothing = {name: pa.array([], pa.timestamp("us") if name == time else pa.null()) for name in wanted}
        return pa.table({**nothing, LABEL: pa.array([], pa.float64())})
    parts = of_one_kind(parts)
    window = pa.concat_tables(_labelled(parts, known, key, time), promote_options="permissive").unify_dictionaries()
    del parts, known
    pa.default_memory_pool().release_unused()  # what joining took would else stay beside the model's training
    return window


def within(rows: pa.Table, span: Span, time: str) -> pa.Table:
    """The rows whose time lies in the span, without a copy when that is all of them."""
    return _filtered(rows, pc.and_(pc.greater_equal(rows[time], span.start), pc.less(rows[time], span.end)))


def without(rows: pa.Table, key: str, excluded: Collection[str]) -> pa.Table:
    """The rows whose key, as text, is none of the excluded ones."""
    if not excluded:
        return rows
    out = pa.array(sorted(excluded), pa.string())
    return _filtered(rows, pc.invert(pc.is_in(rows[key].cast(pa.string()), value_set=out)))


def require_disjoint(windows: Mapping[str, Keys]) -> None:
    """Assert that no key stands in two of the named windows.

    Raises:
        DataError: Two windows share a key.

    >>> require_disjoint({"training": pa.array([1, 2]), "gate": pa.array([3])})
    """
    names = list(windows)
    for number, name in enumerate(names):
        for other in names[number + 1 :]:
            left, right = comparable_keys(windows[name], windows[other])
            shared = left.filter(pc.is_in(left, value_set=right))
            if len(shared):
                raise DataError(
                    f"the {name} and the {other} window share {counted(len(shared), 'key')}, first {shared[0]}: a "
                    "row must not train and judge. Ingest the periods of both windows again."
                )


def rowset_sha256(keys: Keys) -> str:
    """Digest of a set of rows by their keys, whatever their order.

    >>> rowset_sha256(pa.array([3, 1])) == rowset_sha256(pa.chunked_array([["1"], ["3"]]))
    True
    """
    text = one_array(keys).cast(pa.large_string())
    ordered = text.take(pc.sort_indices(text))
    _, offsets, characters = ordered.buffers()
    ends = np.frombuffer(offsets, dtype="<i8", count=len(ordered) + 1) if len(ordered) else np.zeros(1, dtype="<i8")
    body = memoryview(characters)[: int(ends[-1])] if characters is not None else b""
    return hashlib.sha256(ends.tobytes() + body).hexdigest()


def weights(
    time: npt.ArrayLike, calendar: Calendar, as_of_start: datetime, half_life: Length
) -> npt.NDArray[np.float64]:
    """Weigh rows so that the weights halve every half-life, normalised to mean 1.

    wᵢ ∝ 2^(−ageᵢ / half-life), with ageᵢ the time from row i to `as_of_start`; a row at or after it has age 0.

    Args:
        time: Times of the rows, shape (n,).
        calendar: Says how long a period is.
        as_of_start: The moment at which a row has full weight.
        half_life: Age at which a row weighs half.

    >>> years = Calendar(every="year", start="2015-01-01")
    >>> moments = np.array(["2016-01-01", "2017-01-01"], "M8[us]")
    >>> weights(moments, years, datetime(2017, 1, 1), Length.parse("52w")).round(2)
    array([0.66, 1.34])
    """
    moments = np.asarray(time, dtype="datetime64[us]")
    seconds = (np.datetime64(as_of_start, "us") - moments).astype(np.int64) / 1e6
    age = np.maximum(seconds, 0.0) * calendar.per_year / _SECONDS_PER_YEAR
    raw = np.exp2((age.min() - age) / half_life.in_periods(calendar)) if len(age) else age
    return np.asarray(raw / raw.mean() if len(raw) else raw, dtype=np.float64)


def effective_rows(weight: npt.ArrayLike) -> float:
    """How many equally weighted rows carry as much information: (Σw)² / Σw² (Kish).

    >>> effective_rows([1, 1, 1, 1]), effective_rows([1, 0, 0, 0])
    (4.0, 1.0)
    """
    values = np.asarray(weight, dtype=np.float64)
    squares = float(np.square(values).sum())
    return float(values.sum()) ** 2 / squares if squares > 0 else 0.0


def _read(store: PeriodStore, period: str, columns: Sequence[str]) -> pa.Table | None:
    """Read one period's rows; None when the period is not stored."""
    return store.read_table("raw_data", [period], columns)


def _known_outcomes(store: PeriodStore, key: str, periods: Sequence[str], as_of: str) -> pa.Table | None:
    """The latest outcome of each key among those that arrived from the first of the periods up to `as_of`."""
    if not periods:
        return None
    arrived = [period for period in store.periods("outcomes") if periods[0] <= period <= as_of]
    outcomes = store.read_table("outcomes", arrived, [key, OUTCOME, OUTCOME_TIME, KNOWN_AT])
    return latest_per_key(outcomes, key).select([key, OUTCOME, OUTCOME_TIME]) if outcomes is not None else None


def _labelled(parts: list[pa.Table], known: pa.Table, key: str, time: str) -> list[pa.Table]:
    """The rows that have an outcome, with it; each part is let go as its successor is made, to save memory."""
    keys = pa.concat_tables([part.select([key]) for part in parts], promote_options="permissive")[key]
    at = _positions(*comparable_keys(keys, known[key]))
    matched = moved = offset = 0
    example = ""
    for number, rows in enumerate(parts):
        here = at.slice(offset, rows.num_rows)
        offset += rows.num_rows
        found = here.is_valid()
        rows, here = _filtered(rows, found), here.filter(found)
        outcome_time = known[OUTCOME_TIME].take(here)
        agrees = pc.equal(rows[time], outcome_time)
        differs = pc.indices_nonzero(pc.invert(agrees).combine_chunks())  # older pyarrow crashes on no chunk at all
        matched, moved = matched + rows.num_rows, moved + len(differs)
        if len(differs) and not example:
            first = differs[0].as_py()
            example = f"{key} {rows[key][first]}: {rows[time][first]} against {outcome_time[first]}"
        parts[number] = _filtered(rows.append_column(LABEL, known[OUTCOME].take(here)), agrees)
    if moved > MAX_MOVED_SHARE * matched:
        raise DataError(
            f"rows and outcomes disagree on {time} for {moved:,} of {matched:,} keys ({example}): a key must name one "
            f"row for good. Ingest the outcomes again, or build {key} from more columns."
        )
    return parts


def _positions(wanted: pa.ChunkedArray, among: pa.Array) -> pa.ChunkedArray:
    """Where each wanted key stands among the others, null where it does not.

    Whole numbers are looked up in a sorted copy, which takes a third of the memory of Arrow's hash table.
    """
    if not pa.types.is_integer(among.type) or wanted.null_count or among.null_count or not len(among):
        return pc.index_in(wanted, value_set=among)
    values = among.to_numpy()
    order = np.argsort(values, kind="stable").astype(np.int32)
    ordered = values[order]
    chunks = []
    for chunk in wanted.chunks:
        keys = chunk.to_numpy()
        place = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
        chunks.append(pa.array(order[place], mask=ordered[place] != keys))
    return pa.chunked_array(chunks, pa.int32())


def _filtered(rows: pa.Table, keep: pa.ChunkedArray) -> pa.Table:
    """The rows to keep, without a copy when that is all of them."""
    return rows if pc.all(keep, min_count=0).as_py() else rows.filter(keep)
