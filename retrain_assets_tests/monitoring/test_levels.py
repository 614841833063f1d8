"""How often the drift verdict is wrong: the tables of `benchmarks.monitoring`, asked less often."""

import pytest

from benchmarks.monitoring import history
from benchmarks.monitoring.cases import level, power
from benchmarks.tables import FORGIVEN, ask_often

FAST = {case.name: case for case in (*level(), *power()) if case.fast and "year" not in case.name}


@pytest.mark.parametrize("case", FAST.values(), ids=FAST.keys())
def test_the_drift_verdict_is_wrong_no_more_often_than_accepted(case):
    reps = max(8, case.fast // 4)
    found = ask_often(case, reps)
    assert found.within(FORGIVEN), f"{found.share:.4f} +- {found.error:.4f}, must be {case.limit}"


def test_few_flight_weeks_warn_and_christmas_does():
    weeks = history.flight_weeks()
    warned = [week.key for week in weeks if week.warned]
    assert len(warned) / len(weeks) <= history.LARGEST_SHARE
    assert history.CHRISTMAS in warned


def test_taxi_changes_show_in_their_month():
    months = {month.key: set(month.warned) for month in history.taxi_months()}
    nulls = history.EXPECTED["2019-07"]
    assert not any(nulls & warned for key, warned in months.items() if key < "2019-07")
    assert months["2019-07"] >= nulls
    assert months["2019-02"] <= {"passengers"}  # 16 % of its trips say 0 passengers; the surcharge is in no feature
    assert "minute_of_day" in months["2020-03"]
    assert not any("minute_of_day" in warned for key, warned in months.items() if key < "2020-03")
