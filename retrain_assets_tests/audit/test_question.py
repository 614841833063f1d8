"""Which decision or moment a typed text means."""

from datetime import datetime

import pytest

from benchmarks.worlds.verdicts import MODEL
from retrain_assets.audit.question import last_instant
from retrain_assets.errors import NotFound
from retrain_assets.periods import Calendar
from retrain_assets.store import PeriodStore
from retrain_assets_tests.audit.pasts import ask, told


@pytest.mark.parametrize("which", ["v9", "2030-01-01", "e77", "e0", ""])
def test_what_is_not_there_is_refused_and_what_is_there_is_named(past, which):
    with pytest.raises(NotFound, match=r"no decision .* v1, v2, v3, and events e1 to e8"):
        ask(past, which)


def test_an_empty_journal_says_how_to_begin(registry, tmp_path):
    with pytest.raises(NotFound, match=f"no decision yet. Run `retrain replay {MODEL}`"):
        ask((registry, PeriodStore(tmp_path)))
    text = told((registry, PeriodStore(tmp_path)), at="2019-05-03")
    assert "no version was live at 2019-05-03 23:59. Nothing has been live since." in text


@pytest.mark.parametrize(
    ("every", "text", "expected"),
    [
        ("month", "2019-05", datetime(2019, 5, 31, 23, 59, 59, 999999)),
        ("year", "2016", datetime(2016, 12, 31, 23, 59, 59, 999999)),
        ("hour", "2019-05-03-10:00", datetime(2019, 5, 3, 10, 59, 59, 999999)),
        ("month", "2019-05-03", datetime(2019, 5, 3, 23, 59, 59, 999999)),
        ("month", "2019-05-03 10:30", datetime(2019, 5, 3, 10, 30)),
        ("month", "2019-05-03T00:00", datetime(2019, 5, 3)),
    ],
)
def test_a_day_and_a_period_mean_their_last_instant_and_a_time_means_itself(every, text, expected):
    assert last_instant(text, Calendar(every=every, start="2015-01-01")) == expected


@pytest.mark.parametrize("text", ["May", "2019-13-01", "2019-05-03T10:30+02:00", "2019-05-03T10:30Z", ""])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"is no day like 2019-05-03|has a time zone"):
        last_instant(text, Calendar(every="month", start="2015-01-01"))
