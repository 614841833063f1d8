"""A file of a few kilobytes that is gigabytes of rows is refused before it fills the memory."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.errors import SourceError
from retrain_assets.raw.cache import memory
from retrain_assets.raw.policy import Source
from retrain_assets.raw.sources import read_rows


@pytest.mark.parametrize("column", ["number", "category", "bytes"])
def test_a_small_file_of_rows_beyond_this_machines_memory_is_refused_before_they_are_read(
    tmp_path, monkeypatch, column
):
    rows = 200_000
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, "int32")), ["x" * 1000])
    codes = pa.DictionaryArray.from_arrays(words.indices, [b"x" * 1000])
    at = pa.array(np.full(rows, np.datetime64("2024-01-01T12:00", "us")))
    held = {"number": np.ones(rows), "category": words, "bytes": codes}[column]
    table = pa.table({"id": np.zeros(rows), "at": at, column: held})
    pq.write_table(table, tmp_path / "bomb.parquet", compression="zstd")
    declared = {"path": str(tmp_path / "bomb.parquet"), "key": "id", "time": "at", "label": "y", "label_delay": "1d"}
    assert (tmp_path / "bomb.parquet").stat().st_size < 50_000
    monkeypatch.setattr(memory, "memory_bytes", lambda: 4_000_000)

    with pytest.raises(SourceError, match=r"bomb.parquet: the first [\d,]+ of the rows asked for take .* GB unpacked"):
        read_rows(Source.model_validate(declared), [column], datetime(2024, 1, 1), datetime(2024, 1, 2))
