"""Profiles and their edges as Parquet: a small row per column and period, the edges once beside them.

registry: edges.parquet, profiles.parquet    a version's reference: its bins, and its last training periods in them
store: drift_profile/<period>.parquet        a period's rows and scores in the bins of the version in charge
store: score_edges/<digest>.parquet          a version's bins for its scores, chosen from the first period it scored
store: label_profile/<period>.parquet        the outcomes that arrived in a period
store: label_edges/first.parquet             their bins, chosen from the first period in which some arrived
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retrain_assets.errors import DataError
from retrain_assets.monitoring.profiles.profile import ColumnProfile, Edges, Profile, reference_edges
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.store import Json, PeriodStore

EDGES_FILE, PROFILES_FILE = "edges.parquet", "profiles.parquet"
DRIFT_PROFILES, LABEL_PROFILES = "drift_profile", "label_profile"
_SCORE_EDGES, _LABEL_EDGES = "score_edges", "label_edges"

_WHOLE = pa.decimal128(38, 0)
_EDGES = pa.schema(
    [
        ("column", pa.string()), ("kind", pa.string()), ("points", pa.list_(pa.float64())), ("low", pa.float64()),
        ("high", pa.float64()), ("levels", pa.list_(pa.string())), ("beyond", pa.int64()),
    ]
)  # fmt: skip
_PROFILES = pa.schema(
    [
        ("edges", pa.string()), ("period", pa.string()), ("column", pa.string()), ("kind", pa.string()),
        ("rows", pa.int64()), ("counts", pa.list_(pa.int64())), ("missing", pa.int64()), ("absent", pa.int64()),
        ("wrong", pa.int64()), ("wrong_example", pa.string()), ("infinite", pa.int64()), ("first", _WHOLE),
        ("second", _WHOLE), ("least", pa.float64()), ("greatest", pa.float64()), ("unseen", pa.int64()),
        ("new_names", pa.list_(pa.string())), ("new_rows", pa.list_(pa.int64())), ("rest", pa.int64()),
    ]
)  # fmt: skip
_PLAIN = tuple(
    name for name in _PROFILES.names if name not in ("edges", "period", "column", "counts", "new_names", "new_rows")
)


@dataclass(frozen=True)
class _StoredEdges:
    """A row of an edges file: the bins of one column."""

    column: str
    kind: str
    points: Sequence[float] | None = None
    low: float | None = None
    high: float | None = None
    levels: Sequence[str] | None = None
    beyond: int | None = None


@dataclass(frozen=True)
class _StoredProfile:
    """A row of a profiles file: one column of a period, and the digest of the edges that it was counted with."""

    edges: str
    period: str
    name: str
    column: ColumnProfile

    def to_dict(self) -> Json:
        column = self.column
        lists = {"counts": column.counts, "new_names": list(column.new), "new_rows": list(column.new.values())}
        plain = {name: getattr(column, name) for name in _PLAIN}
        return {"edges": self.edges, "period": self.period, "column": self.name} | plain | lists

    @classmethod
    def from_dict(cls, row: Json) -> _StoredProfile:
        plain = {name: row[name] for name in _PLAIN} | {"first": int(row["first"]), "second": int(row["second"])}
        new = dict(zip(row["new_names"], row["new_rows"], strict=True))
        column = ColumnProfile(**plain, counts=tuple(row["counts"]), new=new)
        return cls(row["edges"], row["period"], row["column"], column)


def reference_of(registry: Registry, version: Version) -> tuple[Edges, dict[str, Profile]]:
    """A version's own reference: its bins, and the profile of each of its last training periods."""
    files = registry.read(version.digest)
    edges = edges_from_parquet(files[EDGES_FILE])
    return edges, profiles_from_parquet(files[PROFILES_FILE], edges)


def reference_files(edges: Edges, profiles: Mapping[str, Profile]) -> dict[str, bytes]:
    """The files of a version that `reference_of` reads."""
    return {EDGES_FILE: edges_to_parquet(edges), PROFILES_FILE: profiles_to_parquet(profiles.items())}


def keep_profiles(store: PeriodStore, asset: str, period: str, profiles: Sequence[Profile]) -> None:
    """Replace the profiles of a period."""
    store.write_bytes(asset, period, "parquet", profiles_to_parquet((period, one) for one in profiles))


def kept_profiles(store: PeriodStore, asset: str, periods: Sequence[str], edges: Edges) -> dict[str, Profile]:
    """The kept profile of each period that was counted with these edges.

    Raises:
        FileNotFoundError: A period has none.
    """
    found: dict[str, Profile] = {}
    for period in periods:
        if not store.path(asset, period).exists():
            raise FileNotFoundError(f"{asset} of {period} is not there: materialize drift_report of {period} again.")
        found |= profiles_from_parquet(store.read_bytes(asset, period, "parquet"), edges)
    return found


def score_edges(store: PeriodStore, version: Version, scores: pa.Table | None = None) -> Edges:
    """The bins for a version's scores; where there are none yet they are chosen from `scores` and kept.

    Raises:
        FileNotFoundError: There are none, and no scores to choose them from.
    """
    if scores is None:
        return edges_from_parquet(store.read_bytes(_SCORE_EDGES, version.digest, "parquet"))
    return _edges_once(store, _SCORE_EDGES, version.digest, scores, numeric=True)


def label_edges(store: PeriodStore, outcomes: pa.Table, numeric: bool) -> Edges:
    """The bins for the outcomes; where there are none yet they are chosen from `outcomes` and kept."""
    return _edges_once(store, _LABEL_EDGES, "first", outcomes, numeric)


def _edges_once(store: PeriodStore, asset: str, name: str, rows: pa.Table, numeric: bool) -> Edges:
    if store.path(asset, name).exists():
        return edges_from_parquet(store.read_bytes(asset, name, "parquet"))
    names = rows.column_names
    edges = reference_edges(rows, names if numeric else [], [] if numeric else names)
    store.write_bytes(asset, name, "parquet", edges_to_parquet(edges))
    return edges


def edges_to_parquet(edges: Edges) -> bytes:
    """One row per column; the same edges give the same bytes.

    >>> edges = Edges({"x": np.array([1.0, 2.0])}, {"c": ("a",)}, {"x": (0.0, 3.0)})
    >>> edges_from_parquet(edges_to_parquet(edges)) == edges
    True
    """
    rows: list[_StoredEdges] = []
    for name, points in edges.numeric.items():
        low, high = edges.limits.get(name, (None, None))
        rows.append(_StoredEdges(name, "numeric", points.tolist(), low, high))
    for name, levels in edges.categories.items():
        rows.append(_StoredEdges(name, "categorical", levels=list(levels), beyond=edges.beyond.get(name, 0)))
    return _written([asdict(row) for row in rows], _EDGES)


def edges_from_parquet(data: bytes) -> Edges:
    """Read what `edges_to_parquet` wrote.

    Raises:
        DataError: The bytes are something else.
    """
    rows = [_StoredEdges(**row) for row in _read(data, _EDGES, "edges")]
    numeric = [row for row in rows if row.kind == "numeric"]
    named = [row for row in rows if row.kind == "categorical"]
    return Edges(
        {row.column: np.asarray(row.points, dtype=float) for row in numeric},
        {row.column: tuple(row.levels or ()) for row in named},
        {row.column: (row.low, row.high) for row in numeric if row.low is not None and row.high is not None},
        {row.column: row.beyond for row in named if row.beyond},
    )


def profiles_to_parquet(profiles: Iterable[tuple[str, Profile]]) -> bytes:
    """One row per period and column; the profiles may have different edges, whose digest each row names."""
    rows = [
        _StoredProfile(one.edges.digest, period, name, column).to_dict()
        for period, one in profiles
        for name, column in one.columns.items()
    ]
    return _written(rows, _PROFILES)


def profiles_from_parquet(data: bytes, edges: Edges) -> dict[str, Profile]:
    """The profiles by period that were counted with these edges; others in the file are left out.

    Raises:
        DataError: The bytes are something else.

    >>> import pyarrow as pa
    >>> from retrain_assets.monitoring.profiles.profile import profile, reference_edges
    >>> table = pa.table({"x": [1.0, 2.0, 2.0, None]})
    >>> seen = profile(table, reference_edges(table, ["x"], []))
    >>> profiles_from_parquet(profiles_to_parquet([("2024-01", seen)]), seen.edges) == {"2024-01": seen}
    True
    """
    found: dict[str, dict[str, ColumnProfile]] = {}
    for row in _read(data, _PROFILES, "profiles"):
        stored = _StoredProfile.from_dict(row)
        if stored.edges == edges.digest:
            found.setdefault(stored.period, {})[stored.name] = stored.column
    return {period: Profile(next(iter(columns.values())).rows, columns, edges) for period, columns in found.items()}


def _written(rows: list[Json], schema: pa.Schema) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _read(data: bytes, schema: pa.Schema, what: str) -> list[Json]:
    try:
        table = pq.read_table(pa.BufferReader(data))
    except pa.ArrowInvalid as error:
        raise DataError(f"stored {what} cannot be read: {error}. Materialize what wrote them again.") from error
    if table.schema.names != schema.names:
        raise DataError(
            f"stored {what} have the columns {', '.join(table.schema.names)}, not {', '.join(schema.names)}: another "
            "release wrote them. Materialize what wrote them again."
        )
    rows: list[Json] = table.to_pylist()
    return rows
