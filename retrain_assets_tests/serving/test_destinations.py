"""What is written is there as a whole, or the earlier result is."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrain_assets.serving.destinations import file_writer


def test_a_file_takes_the_place_of_an_earlier_one_only_at_the_end(tmp_path):
    out = tmp_path / "out.parquet"
    out.write_text("earlier")
    with file_writer(out) as writer:
        writer.write_table(pa.table({"a": [1]}))
        writer.write_table(pa.table({"a": [2]}))
        assert out.read_text() == "earlier"
    assert pq.read_table(out)["a"].to_pylist() == [1, 2]


def fails_midway(out):
    with file_writer(out) as writer:
        writer.write_table(pa.table({"a": [1]}))
        raise RuntimeError("midway")


def test_a_failure_leaves_the_earlier_file_and_nothing_beside_it(tmp_path):
    out = tmp_path / "out.parquet"
    out.write_text("earlier")
    with pytest.raises(RuntimeError, match="midway"):
        fails_midway(out)
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert out.read_text() == "earlier"
