"""What is known of files that were read before: how they are written, which times they hold, and their blocks of text.

A file is the same one while its size, its dates and its number on the disk are. What is small is kept for as long as
the process lives; blocks of text only while somebody reads one period after the other (`held`), up to a share of this
machine's memory. Files elsewhere than on a local disk are read anew each time.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retrain_assets.raw.cache.memory import memory_bytes

RESTED_NS = 2_000_000_000
"""How old the last change of a file must be before what is read of it counts for later: a disk's clock is coarse."""

SHARE_OF_MEMORY = 8
"""One part of so many of this machine's memory may hold blocks of text."""

MOST_FILES = 20_000


@dataclass(frozen=True)
class TimeSpan:
    """The first and the last of a column's times in a file; None of both where it holds none.

    `loose` says that some rows without a time stand beside none with one, so that they may belong to any period.
    """

    first: datetime | None = None
    last: datetime | None = None
    loose: bool = False

    def may_hold(self, start: datetime, end: datetime) -> bool:
        """Whether a row of the file may lie in [start, end).

        >>> TimeSpan(datetime(2024, 1, 1), datetime(2024, 1, 7)).may_hold(datetime(2024, 1, 8), datetime(2024, 1, 15))
        False
        """
        if self.loose:
            return True
        return self.first is not None and self.last is not None and self.first < end and start <= self.last


def span_of_times(blocks: Sequence[pa.ChunkedArray]) -> TimeSpan:
    """The span of a column that was read block by block.

    >>> span_of_times([pa.chunked_array([[datetime(2024, 1, 2), None]])]).last
    datetime.datetime(2024, 1, 2, 0, 0)
    """
    limits = [tuple(pc.min_max(times).as_py().values()) for times in blocks]
    there = [(first, last) for first, last in limits if first is not None]
    loose = any(len(times) and first is None for times, (first, _) in zip(blocks, limits, strict=True))
    if not there:
        return TimeSpan(loose=loose)
    return TimeSpan(min(first for first, _ in there), max(last for _, last in there), loose)


def span_in_footer(footer: pq.FileMetaData, column: str) -> TimeSpan | None:
    """The span of a column of times as the footer of a Parquet file tells it; None where it does not.

    A row without a time may belong to any period.
    """
    at = next((at for at, name in enumerate(footer.schema.names) if name == column), None)
    if at is None:
        return None
    found = [footer.row_group(group).column(at).statistics for group in range(footer.num_row_groups)]
    if any(one is None or not one.has_null_count for one in found):
        return None
    if any(one.null_count for one in found):
        return TimeSpan(loose=True)
    if any(not one.has_min_max for one in found):
        return None
    limits = [_wall_clock(moment) for one in found for moment in (one.min, one.max)]
    moments = [moment for moment in limits if moment is not None]
    if len(moments) < len(limits):
        return None
    return TimeSpan(min(moments), max(moments)) if moments else TimeSpan()


def _wall_clock(moment: object) -> datetime | None:
    if isinstance(moment, datetime):
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return datetime(moment.year, moment.month, moment.day) if isinstance(moment, date) else None


@dataclass
class KnownFile:
    """What is known of one file: `facts` under the name of each, and its `blocks`, where they are held.

    One that does not `last` is known to nobody else.
    """

    lasts: bool = False
    facts: dict[Hashable, Any] = field(default_factory=dict)
    blocks: dict[Hashable, Any] = field(default_factory=dict)
    size: int = 0


class KnownFiles:
    """Every file that was read, by its path and how it is declared to be written."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, str], tuple[Hashable, KnownFile]] = OrderedDict()
        self._holders = 0
        self._size = 0

    @property
    def holding(self) -> bool:
        """Whether blocks are held."""
        return self._holders > 0

    def file(self, path: str, written: str) -> KnownFile:
        """What is known of a local file as it is now, which is nothing of one that is new, changed, or not at rest."""
        try:
            state = os.stat(path)
        except OSError:
            return KnownFile()
        if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < RESTED_NS:
            return KnownFile()
        mark = (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
        before = self._files.get((path, written))
        if before is not None and before[0] == mark:
            self._files.move_to_end((path, written))
            return before[1]
        known = KnownFile(lasts=True)
        if before is not None:
            self._release(before[1])
        self._files[path, written] = (mark, known)
        if len(self._files) > MOST_FILES:
            self._release(self._files.popitem(last=False)[1][1])
        return known

    def hold(self, known: KnownFile, name: Hashable, value: Any, size: int) -> None:
        """Hold something large of a file, and let go of what was used longest ago where it is too much."""
        if not (self.holding and known.lasts):
            return
        known.blocks[name] = value
        known.size += size
        self._size += size
        for _, other in list(self._files.values()):
            if self._size <= _most_bytes():
                break
            self._release(other)

    def _release(self, known: KnownFile) -> None:
        self._size -= known.size
        known.size = 0
        known.blocks.clear()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the blocks of what is read, for whoever reads period after period of the same files."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self.holding:
                for _, known in self._files.values():
                    self._release(known)


def _most_bytes() -> int:
    return memory_bytes() // SHARE_OF_MEMORY


KNOWN = KnownFiles()
"""What this process knows."""
