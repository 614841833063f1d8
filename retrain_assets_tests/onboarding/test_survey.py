"""Every period is read as monitoring would take it in, and what was odd is said of its own period."""

import pandas as pd
import pytest

from retrain_assets.onboarding.draft import drafted
from retrain_assets.onboarding.roles import Named
from retrain_assets.onboarding.spec_text import spec_text
from retrain_assets.onboarding.survey import survey
from retrain_assets.onboarding.table import read_table
from retrain_assets.spec.loading import load_spec
from retrain_assets.store import PeriodStore
from retrain_assets_tests.onboarding.tables import subscriptions


@pytest.fixture
def spec(tmp_path):
    rows = subscriptions(tmp_path)
    draft = drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())
    (tmp_path / "left.yaml").write_text(spec_text(draft, tmp_path))
    return load_spec(tmp_path / "left.yaml")


def found(spec, tmp_path):
    return {one.period: one for one in survey(spec, PeriodStore(tmp_path / "store"))}


def test_every_period_is_read_with_its_rows_and_outcomes(spec, tmp_path):
    periods = found(spec, tmp_path)
    assert list(periods) == [f"2024-0{month}" for month in range(1, 7)]
    assert {one.rows for one in periods.values()} == {120}
    assert periods["2024-01"].outcomes == 1.0
    assert not any(one.stops for one in periods.values())


def test_a_fault_is_said_of_its_own_period(spec, tmp_path):
    path = tmp_path / "rows" / "2024-03.csv"
    rows = pd.read_csv(path)
    pd.concat([rows.assign(plan="trial"), rows.head(1).assign(plan="other")]).to_csv(path, index=False)
    periods = found(spec, tmp_path)
    assert [one.period for one in periods.values() if one.stops] == ["2024-03"]
    (stop,) = periods["2024-03"].stops
    assert stop.startswith("1 of 120 keys in account_id stand more than once with different values")


def test_new_values_are_found_in_the_period_in_which_they_come(spec, tmp_path):
    path = tmp_path / "rows" / "2024-04.csv"
    pd.read_csv(path).assign(plan="trial").to_csv(path, index=False)
    periods = found(spec, tmp_path)
    assert any("trial" in sentence for sentence in periods["2024-04"].found)
    assert not any("trial" in sentence for sentence in periods["2024-03"].found)


@pytest.mark.parametrize("month", ["2024-04", "2024-06"])
def test_a_file_that_cannot_be_read_stops_the_period_of_its_name_and_no_other(spec, tmp_path, month):
    (tmp_path / "rows" / f"{month}.csv").write_bytes(b"account_id,signed_up\n1,2,3\0\n")
    periods = found(spec, tmp_path)
    assert [one.period for one in periods.values() if one.stops] == [month]
    stop = f"{month}.csv: cannot be read: line 2 holds what no text does (byte 27 of the file): damaged. Correct the"
    assert periods[month].stops[0].startswith(stop)
    assert len(periods) == 6
