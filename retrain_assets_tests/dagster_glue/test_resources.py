"""The clock of a run tells the present, or the past that is replayed, and never the future."""

from datetime import datetime, timedelta

import dagster as dg
import pytest

from retrain_assets.dagster_glue.resources import Clock


def test_without_a_replay_the_clock_tells_the_present():
    before = datetime.now().replace(microsecond=0)
    assert before <= Clock().now() <= datetime.now()


def test_a_replay_stands_still_in_the_past():
    assert Clock(replay_at="2024-02-26T00:00:00").now() == datetime(2024, 2, 26)


def test_a_replay_of_the_future_which_would_pass_a_hold_that_stands_today_is_refused():
    later = (datetime.now() + timedelta(days=1)).isoformat()
    with pytest.raises(dg.Failure, match="lies in the future: a run cannot act as if a hold that stands today"):
        Clock(replay_at=later).now()
