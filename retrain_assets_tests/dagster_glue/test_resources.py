"""A run's clock tells the present, or the past that is replayed, never the future; its home is the deployment's."""

from datetime import datetime, timedelta

import dagster as dg
import pytest
from dagster._core.errors import DagsterResourceFunctionError

from retrain_assets.dagster_glue.resources import Clock, Home


def test_without_a_replay_the_clock_tells_the_present():
    before = datetime.now().replace(microsecond=0)
    assert before <= Clock().now() <= datetime.now()


def test_a_replay_stands_still_in_the_past():
    assert Clock(replay_at="2024-02-26T00:00:00").now() == datetime(2024, 2, 26)


def test_a_replay_of_the_future_which_would_pass_a_hold_that_stands_today_is_refused():
    later = (datetime.now() + timedelta(days=1)).isoformat()
    with pytest.raises(dg.Failure, match="lies in the future: a run cannot act as if a hold that stands today"):
        Clock(replay_at=later).now()


@dg.op
def reads(home: Home) -> None:
    home.store("delivery")


@dg.job
def reading() -> None:
    reads()


def test_a_run_works_in_the_home_of_its_deployment_and_in_no_other(tmp_path):
    home, other = Home(path=str(tmp_path / "home")), str(tmp_path / "other")
    assert reading.execute_in_process(resources={"home": home}).success
    config = {"resources": {"home": {"config": {"path": other}}}}
    with pytest.raises(DagsterResourceFunctionError, match="home") as refused:
        reading.execute_in_process(resources={"home": home}, run_config=config)
    assert "names resources.home: a run works in the home of its deployment" in str(refused.value.__cause__)
    assert not (tmp_path / "other").exists()
