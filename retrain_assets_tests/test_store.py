"""A file of the store is the old one or the new one, whatever happens while it is written."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import asdict

import pyarrow as pa
import pytest

from retrain_assets.store import PeriodStore, finite, write_atomically
from retrain_assets.verdict import Finding, GateWindow, Outcome


class PowerCut(BaseException):
    pass


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_crash_during_writing_leaves_the_old_file_and_no_litter(tmp_path, monkeypatch, step):
    path = tmp_path / "2024-01.json"
    write_atomically(path, b"old")

    def crash(*args):
        raise PowerCut("no current")

    monkeypatch.setattr(os, step, crash)
    with pytest.raises(PowerCut, match="no current"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_process_killed_between_writing_and_renaming_leaves_the_old_file(tmp_path):
    path = tmp_path / "raw_data" / "2024-01.json"
    store = PeriodStore(tmp_path)
    store.write_json("raw_data", "2024-01", {"rows": 1})
    code = f"""
        import os, pathlib, signal
        os.replace = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        from retrain_assets.store import write_atomically
        write_atomically(pathlib.Path({str(path)!r}), b"half of a ")
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert store.read_json("raw_data", "2024-01") == {"rows": 1}
    assert store.periods("raw_data", "json") == ["2024-01"]  # what the dead process left is no period


def test_a_reader_of_the_old_file_keeps_it_while_it_is_replaced(tmp_path):
    path = tmp_path / "model.bst"
    write_atomically(path, b"old" * 1000)
    with path.open("rb") as reading:
        begun = reading.read(3)
        write_atomically(path, b"new" * 1000)
        assert begun + reading.read() == b"old" * 1000
    assert path.read_bytes() == b"new" * 1000


def test_periods_are_read_in_order_with_only_the_columns_asked_for(tmp_path):
    store = PeriodStore(tmp_path)
    for period, value in (("2024-02", 2), ("2024-01", 1)):
        store.write_table("raw_data", period, pa.table({"id": [value], "zone": pa.array(["a"]).dictionary_encode()}))
    assert store.periods("raw_data") == ["2024-01", "2024-02"]
    table = store.read_table("raw_data", ["2024-01", "2024-02", "2024-03"], ["id"])
    assert table.to_pydict() == {"id": [1, 2]}


def test_what_was_never_written_is_none(tmp_path):
    store = PeriodStore(tmp_path)
    assert store.read_table("raw_data", ["2024-01"]) is None
    assert store.read_json("drift_report", "2024-01") is None
    assert store.periods("raw_data") == []


def test_categories_that_differ_between_periods_are_joined_by_their_text(tmp_path):
    store = PeriodStore(tmp_path)
    for period, levels in (("2024-01", ["x", "y"]), ("2024-02", ["y", "z"])):
        store.write_table("raw_data", period, pa.table({"zone": pa.array(levels).dictionary_encode()}))
    assert store.read_table("raw_data", ["2024-01", "2024-02"])["zone"].to_pylist() == ["x", "y", "y", "z"]


def test_json_that_cannot_be_written_leaves_the_old_record(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json("drift_report", "2024-01", {"psi": float("inf")})
    with pytest.raises(TypeError, match="not JSON serializable"):
        store.write_json("drift_report", "2024-01", {"psi": object()})
    assert store.read_json("drift_report", "2024-01") == {"psi": None}


def test_a_dataclass_is_written_as_the_standard_library_takes_it_apart_but_for_what_json_cannot_hold():
    finding = Finding("fairness", Outcome.PASS, "no group lost", low=float("nan"), high=0.25)
    window = GateWindow(("2019-02", "2019-03"), "2019-02-01", "2019-04-01", 9_870, "00")
    apart = json.loads(json.dumps({"of": [asdict(finding), asdict(window)]}).replace("NaN", "null"))
    assert finite({"of": (finding, window)}) == apart
