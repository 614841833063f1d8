"""Which files a path names, what the parts of a path hold, and the time that the name of a file speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote

import fsspec
from fsspec.implementations.local import LocalFileSystem

from retrain_assets.errors import SourceError
from retrain_assets.periods import Bounds
from retrain_assets.raw.policy import Table
from retrain_assets.raw.served import served_files, served_folder

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".csv.bz2", ".tsv", ".tsv.gz", ".txt")
_HIVE = re.compile(r"([^/=]+)=([^/]*)")
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d{2})(?:[-_.]?(?:([Qq][1-4])|(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?))?(?!\d)"
)

_WEEK = re.compile(
    r"(?<!\d)((?:19|20)\d{2})[-_. ]?(?:W|KW|CW|week)[-_. ]?(0?[1-9]|[1-4]\d|5[0-3])(?!\d)", re.IGNORECASE
)


def listed(table: Table) -> tuple[fsspec.AbstractFileSystem, list[str]]:
    """The files of a table as its file system names them.

    Raises:
        SourceError: There is none, or the path cannot be reached.
    """
    if table.served is not None:
        return LocalFileSystem(), served_files(served_folder(table.served))
    return found(str(table.path))


def found(path: str) -> tuple[fsspec.AbstractFileSystem, list[str]]:
    """The files that a path, a glob, a folder or an fsspec URL names, in name order.

    Of a folder those count whose name says that they hold rows, in folders within it too.

    Raises:
        SourceError: There is none, or the path cannot be reached.
    """
    try:
        system, inner = fsspec.core.url_to_fs(path)
        named = sorted(system.glob(inner)) if any(mark in inner for mark in "*?[") else [inner]
        names = [name for name in named if system.isfile(name)]
        if not names:
            names = [name for folder in named if system.isdir(folder) for name in _within(system, folder)]
    except (ImportError, ValueError, OSError) as error:
        raise SourceError(f"{path}: {error}. Name a reachable file, glob or fsspec URL.") from None
    if not names:
        raise SourceError(f"{path}: no such file. Name an existing file, or a glob that matches one: data/*.parquet.")
    return system, names


def _within(system: fsspec.AbstractFileSystem, folder: str) -> list[str]:
    names = sorted(name for name in system.find(folder) if name.endswith((*PARQUET, *CSV)))
    hidden = [any(part.startswith((".", "_")) for part in name[len(folder) :].split("/")) for name in names]
    return [name for name, out in zip(names, hidden, strict=True) if not out]


def columns_in(path: str) -> Mapping[str, str | None]:
    """The columns that the folders of a path hold, like `month=2023-01`, with their value.

    >>> columns_in("data/year=2024/plan=a%20b/part-0.parquet")
    {'year': '2024', 'plan': 'a b'}
    """
    found = {name: unquote(value) for name, value in _HIVE.findall(path.rpartition("/")[0])}
    return {name: None if value == "__HIVE_DEFAULT_PARTITION__" else value for name, value in found.items()}


def span_of(path: str) -> Bounds | None:
    """The time that the name of a file speaks of; None when it speaks of none. Numbered weeks are those of ISO 8601.

    >>> span_of("data/churn_2024-08.csv")
    (datetime.datetime(2024, 8, 1, 0, 0), datetime.datetime(2024, 9, 1, 0, 0))
    >>> span_of("data/loans_2025-W31.csv")
    (datetime.datetime(2025, 7, 28, 0, 0), datetime.datetime(2025, 8, 4, 0, 0))
    >>> span_of("data/year=2024/month=8/part-0.parquet"), span_of("data/part-0.parquet")
    ((datetime.datetime(2024, 8, 1, 0, 0), datetime.datetime(2024, 9, 1, 0, 0)), None)
    """
    parts = dict(_HIVE.findall(path.rpartition("/")[0]))
    named = path.rpartition("/")[2]
    if parts.get("year", "").isdecimal():
        numbers = [parts[name].zfill(2) for name in ("month", "day") if parts.get(name, "").isdecimal()]
        named = "-".join([parts["year"], *numbers])
    elif not _DATE.search(named):
        named = " ".join(parts.values())
    weeks = [_week(*map(int, match.groups())) for match in _WEEK.finditer(named)]
    spans = weeks or [_span(*match.groups()) for match in _DATE.finditer(named)]
    return (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None


def _span(year: str, quarter: str | None, month: str | None, day: str | None) -> Bounds:
    if quarter:
        months, first = 3, datetime(int(year), 3 * int(quarter[1]) - 2, 1)
    else:
        months, first = 1 if month else 12, datetime(int(year), int(month or 1), 1)
    if day:
        first += timedelta(days=int(day) - 1)
        return first, first + timedelta(days=1)
    later = first.month - 1 + months
    return first, datetime(first.year + later // 12, later % 12 + 1, 1)


def _week(year: int, week: int) -> Bounds:
    first = datetime.fromisocalendar(year, 1, 1) + timedelta(weeks=week - 1)
    return first, first + timedelta(weeks=1)
