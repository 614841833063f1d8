"""The cases that count as of a period, and their rows: nothing of a later period, and no row that is not there."""

from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
import yaml

from retrain_assets.errors import DataError, SpecError
from retrain_assets.model import PeriodAccess
from retrain_assets.periods import Calendar
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.validation.suite.rows import live_cases, suite_rows
from retrain_assets_tests.monitoring.facts import delivery

MONTHS = Calendar(every="month", start="2024-01-01")
MODEL = delivery(MONTHS)
ENTRY = {"id": 1, "period": "2024-01", "owner": "ops", "added": date(2024, 2, 1), "reason": "x", "severity": "normal"}


@pytest.fixture
def suite(tmp_path):
    def build(*entries):
        path = tmp_path / "delivery.suite.yaml"
        path.write_text(yaml.safe_dump({"cases": [ENTRY | entry for entry in entries]}))
        return path

    return build


@pytest.fixture
def access(tmp_path):
    """Rows 1 to 3 of January and 4 of February; the outcomes of 1 and 4 are known by the end of February."""
    store = PeriodStore(tmp_path / "store")
    for period, keys in (("2024-01", [1, 2, 3]), ("2024-02", [4])):
        start = datetime.fromisoformat(f"{period}-01")
        time = pa.array([start + timedelta(hours=n) for n in range(len(keys))], pa.timestamp("us"))
        store.write_table("raw_data", period, pa.table({"id": keys, "time": time, "miles": [float(k) for k in keys]}))
    known = pa.table({"id": [1, 4], "label": [0.0, 1.0]})
    time = pa.array([datetime(2024, 1, 1), datetime(2024, 2, 1)], pa.timestamp("us"))
    known = known.append_column("time", time).append_column("known_at", time)
    store.write_table("outcomes", "2024-02", known)
    return PeriodAccess(store, None, "2024-02")


def ids(cases):
    return [case.id for case in cases]


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ({"period": "2024-03", "added": date(2024, 1, 1)}, "2024-03"),
        ({"added": date(2024, 3, 1)}, "2024-02"),
        ({"added": date(2024, 3, 2)}, "2024-03"),
    ],
    ids=["its period", "the day it was added", "a day later"],
)
def test_a_case_counts_from_its_period_and_its_day_on(suite, change, first):
    path = suite({}, change | {"id": 2})
    counted = {period: ids(live_cases(path, period, MONTHS)) for period in ("2024-02", "2024-03")}
    assert counted == {period: ["1", "2"] if period >= first else ["1"] for period in counted}


def test_a_case_that_has_expired_counts_no_more(suite):
    path = suite({"expires": date(2024, 3, 1)})
    assert ids(live_cases(path, "2024-02", MONTHS)) == ["1"]
    assert live_cases(path, "2024-03", MONTHS) == ()


def test_a_case_of_no_period_of_the_calendar_is_named(suite):
    with pytest.raises(SpecError, match=r"delivery.suite.yaml: case 1: period '2024-02-05' is not one of this model's"):
        live_cases(suite({"period": "2024-02-05"}), "2024-02", MONTHS)


def test_the_rows_of_cases_come_with_their_outcomes_where_these_are_known(suite, access):
    cases = live_cases(suite({}, {"id": 2}, {"id": 4, "period": "2024-02"}), "2024-02", MONTHS)
    found = suite_rows(MODEL, access, cases, ["miles"])
    assert found.select(["id", LABEL, "miles"]).to_pydict() == {"id": [1, 4], LABEL: [0.0, 1.0], "miles": [1.0, 4.0]}


def test_a_case_that_is_no_row_of_its_period_is_named(suite, access):
    cases = live_cases(suite({}, {"id": 9}, {"id": 4}), "2024-02", MONTHS)
    with pytest.raises(DataError, match=r"no row of 2024-01 is 4, 9. Correct the id or the period of the case."):
        suite_rows(MODEL, access, cases, ["miles"])


def test_cases_of_a_period_that_is_not_stored_wait(suite, access):
    cases = live_cases(suite({"period": "2023-12"}), "2024-02", MONTHS)
    assert suite_rows(MODEL, access, cases, ["miles"]) is None
