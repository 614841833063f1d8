"""How much memory this machine has, and a stop to reading rows that would take too much of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.errors import SourceError
from retrain_assets.raw.notation.values import is_text


def memory_bytes() -> int:
    """The memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def within_memory(batches: Iterable[pa.RecordBatch], path: str) -> Iterator[pa.RecordBatch]:
    """The same batches, as long as all of them fit: a few kilobytes on the disk may be gigabytes of rows.

    Args:
        batches: The rows, piece by piece.
        path: The file that they are of.

    Raises:
        SourceError: Unpacked they would take more than a quarter of this machine's memory.
    """
    rows, size, most = 0, 0, memory_bytes() // 4
    for batch in batches:
        rows, size = rows + batch.num_rows, size + sum(map(_unpacked, batch.columns))
        if size > most:
            raise SourceError(
                f"{path}: the first {rows:,} of the rows asked for take {size / 1e9:.1f} GB unpacked, more "
                f"than a quarter of this machine's memory ({most / 1e9:.1f} GB). If they are meant to be there, "
                "choose a shorter period or a larger machine; else write the file again."
            )
        yield batch


def _unpacked(column: pa.Array) -> int:
    """Bytes of a column's values, those of categories written out for every row."""
    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    kind = column.dictionary.type
    lengths = pc.binary_length(column.dictionary) if is_text(kind) else None
    if lengths is None:
        return int(len(column) * column.dictionary.nbytes // max(1, len(column.dictionary)))
    return int(pc.sum(lengths.cast(pa.int64()).take(column.indices)).as_py() or 0)
