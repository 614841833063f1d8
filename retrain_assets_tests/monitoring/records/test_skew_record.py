"""The record of what was served against what it should have been."""

import pytest

from retrain_assets.errors import DataError
from retrain_assets.monitoring.records.skew_record import Difference, ServedSkew, read_skew
from retrain_assets.store import PeriodStore

SKEW = ServedSkew(
    "2024-01",
    9,
    9,
    8,
    5,
    ("14-a.parquet",),
    Difference("score", 2, "a1", "4.2", "4.9"),
    (Difference("km", 3, "a2", "nothing", "1"),),
)


def test_a_stored_record_is_the_same_again(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json("served_skew", "2024-01", SKEW.to_dict())
    assert read_skew(store, "2024-01") == SKEW
    assert read_skew(store, "2024-02") is None


def test_each_difference_is_a_fact_of_its_own():
    unread, scores, km = SKEW.facts()
    assert unread == "14-a.parquet of the served log cannot be read: restore it, or move it away."
    assert scores == (
        "2 of 8 served scores are not those of the version that they name: row a1 got 4.2, the version gives 4.9."
    )
    assert km == (
        "3 of 5 served rows had another km than the source has now: row a2 was scored with nothing, the source has 1."
    )
    assert SKEW.sentence().startswith(
        "9 rows were served. 8 of 9 sampled scores were computed again, and 5 rows compared with the source's. 14-a"
    )


def test_no_difference_is_said_only_where_something_was_compared():
    assert (
        ServedSkew("2024-01", 9, 9, 9, 0).sentence().endswith("and 0 rows compared with the source's. No difference.")
    )
    assert ServedSkew("2024-01", 9, 9, 0, 0).sentence().endswith("source's. Nothing could be compared.")


def test_a_record_of_a_newer_release_is_refused():
    with pytest.raises(DataError, match="Upgrade it"):
        ServedSkew.from_dict(SKEW.to_dict() | {"schema": 2})


@pytest.mark.parametrize("column", ["row", "rows"])
def test_a_column_that_is_called_row_keeps_its_name(column):
    skew = ServedSkew("2024-01", 9, 9, 9, 9, features=(Difference(column, 3, "a1", "1.5", "2.5"),))
    assert skew.facts("parcel") == [
        f"3 of 9 served parcels had another {column} than the source has now: parcel a1 was scored with 1.5, the "
        "source has 2.5."
    ]
    assert skew.sentence("parcel").startswith("9 parcels were served. ")
