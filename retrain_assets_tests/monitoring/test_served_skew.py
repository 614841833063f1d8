"""Rows that a server really logged, against the source's and the version's own."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.records.skew_record import read_skew
from retrain_assets.monitoring.served_skew import served_skew
from retrain_assets.periods import Calendar
from retrain_assets.registry.registry import Registry
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.serving.served_log import ServedLog, ServedRows
from retrain_assets.store import PeriodStore
from retrain_assets_tests.serving.world import ROWS, promoted, registry_in

CALENDAR = Calendar(every="month", start="2024-01-01")


class Rides:
    name, key, time, calendar = MODEL, "id", "at", CALENDAR


@pytest.fixture
def at(tmp_path):
    promoted(registry_in(tmp_path), 1)
    return PeriodAccess(PeriodStore(tmp_path / "data" / MODEL), Registry(tmp_path / "registry", MODEL), "2024-01")


@pytest.fixture
def logged(tmp_path, at):
    """Logs rows as a server does that answers on 20 January, with scores changed by `wrong`."""
    live = at.registry.live()

    def log(rows, wrong=None):
        scorer = Scorer.from_files(at.registry.read(live.digest), live.name, live.digest)
        columns = {name: rows[name].to_pylist() for name in ("id", "c", "x")}
        columns["at"] = [moment.isoformat() for moment in rows["at"].to_pylist()]
        encoded, _ = scorer.encoded(columns)
        scores = scorer.predicted(encoded)
        written = ServedLog(tmp_path / "served", Rides)
        given = scores if wrong is None else scores + wrong
        written.add(ServedRows(scorer, None, columns, encoded, given, "r1", datetime(2024, 1, 20, 14)))
        written.flush()
        assert written.lost == 0
        return scores

    return log


def found(at, tmp_path):
    return served_skew(Rides, at, tmp_path / "served")


def test_what_was_served_alike_is_no_difference(at, logged, tmp_path):
    logged(ROWS)
    at.store.write_table("raw_data", "2024-01", ROWS)
    skew = found(at, tmp_path)
    assert (skew.rows, skew.recomputed, skew.compared, skew.facts()) == (4, 4, 4, [])
    assert read_skew(at.store, "2024-01") == skew


def test_a_feature_that_the_source_has_otherwise_is_named_with_the_first_row(at, logged, tmp_path):
    logged(ROWS)
    source = ROWS.set_column(3, "x", pa.array([0.5, 9.0, 1.0, 2.5])).set_column(
        1, "c", pa.array(["11", "12", None, "Y"])
    )
    at.store.write_table("raw_data", "2024-01", source.take([3, 2, 1, 0]))
    x, c = found(at, tmp_path).features
    assert (x.column, x.rows, x.key, x.served, x.expected) == ("x", 2, "2", "1.5", "9")
    assert (c.column, c.rows, c.key, c.served, c.expected) == ("c", 1, "4", "new", "Y")


def test_single_precision_of_a_source_is_no_difference(at, logged, tmp_path):
    rows = ROWS.set_column(3, "x", pa.array([0.1, 1.7, None, 2.3]))
    logged(rows)
    at.store.write_table("raw_data", "2024-01", rows.set_column(3, "x", rows["x"].cast(pa.float32())))
    assert found(at, tmp_path).features == ()


def test_a_score_that_its_version_does_not_give_is_named(at, logged, tmp_path):
    scores = logged(ROWS, wrong=np.array([0.0, 0.0, 1.0, 0.5]))
    skew = found(at, tmp_path)
    assert (skew.scores.rows, skew.scores.key) == (2, "3")
    assert float(skew.scores.served) == pytest.approx(scores[2] + 1)
    assert float(skew.scores.expected) == pytest.approx(scores[2])
    assert skew.compared == 0


def test_only_rows_of_the_period_count_and_without_any_there_is_no_record(at, logged, tmp_path):
    assert found(at, tmp_path) is None
    logged(ROWS.set_column(2, "at", pa.array([datetime(2024, 1, 31), *[datetime(2024, 2, 1)] * 3])))
    assert found(at, tmp_path).rows == 1
    assert found(at.of("2024-03"), tmp_path) is None


def test_rows_of_a_version_whose_files_are_deleted_are_not_computed_again(at, logged, tmp_path, monkeypatch):
    from retrain_assets.errors import NotFound

    logged(ROWS)

    def gone(digest):
        raise NotFound(digest)

    at = PeriodAccess(at.store, type("Gone", (), {"read": staticmethod(gone)}), at.period)
    skew = found(at, tmp_path)
    assert (skew.rows, skew.sampled, skew.recomputed, skew.scores) == (4, 4, 0, None)
    assert skew.sentence().endswith("Nothing could be compared.")


def test_a_torn_file_of_the_log_is_named_and_the_others_are_compared(at, logged, tmp_path):
    logged(ROWS)
    (tmp_path / "served" / "2024-01-21T08-other.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "served" / "notes.parquet").write_bytes(b"nobody's hour")
    skew = found(at, tmp_path)
    assert (skew.rows, skew.recomputed, skew.unread) == (4, 4, ("2024-01-21T08-other.parquet",))
    assert "2024-01-21T08-other.parquet of the served log cannot be read" in skew.facts()[0]


def test_keys_that_the_source_counts_as_numbers_are_the_same(at, logged, tmp_path):
    logged(ROWS.set_column(0, "id", pa.array(["001", "002", "003", "004"])))
    at.store.write_table("raw_data", "2024-01", ROWS)
    assert found(at, tmp_path).compared == 4
