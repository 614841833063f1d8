"""What an asset asks of its run: its period, an end that is a refusal, and the cause of a failure."""

from types import SimpleNamespace

import dagster as dg
import pytest

from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.run_context import cause_of, period_of, refused
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.periods import Calendar

FRAME = Frame("taxi", (), Calendar(every="month", start="2024-01-01"))
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def run_of(body, instance, **options):
    @FRAME.asset("predictions", description="Scores.", kinds={"parquet"})
    def made(context: dg.AssetExecutionContext) -> None:
        body(context)

    return dg.materialize([made], instance=instance, raise_on_error=False, run_config=QUIET, **options)


def test_a_run_knows_the_period_it_is_for(instance):
    seen = []
    assert run_of(lambda context: seen.append(period_of(context)), instance, partition_key="2024-02").success
    assert seen == ["2024-02"]


def test_a_run_without_a_period_is_refused_and_not_taken_for_all_of_them():
    context = SimpleNamespace(has_partition_key=False, asset_key=FRAME.key("predictions"))
    with pytest.raises(dg.Failure, match="belongs to a period") as refusal:
        period_of(context)
    assert refusal.value.description.startswith("taxi/predictions belongs to a period: launch it with a partition key")
    assert not refusal.value.allow_retries


def test_a_refusal_fails_the_run_once_and_is_tagged_so_that_it_is_no_crash(instance):
    def refuse(context):
        raise refused(context, "not while it is held")

    result = run_of(refuse, instance, partition_key="2024-02")
    assert not result.success
    assert instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "refused"
    (error,) = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    assert cause_of(error) == "not while it is held"


def test_the_cause_is_the_innermost_error_without_the_path_of_its_class(instance):
    def fail(context):
        try:
            raise KeyError("fare")
        except KeyError as missing:
            raise RuntimeError("outer") from missing

    result = run_of(fail, instance, partition_key="2024-02")
    (error,) = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    assert cause_of(error) == "KeyError: 'fare'"
    told = SimpleNamespace(message="retrain_assets.errors.Held: until Monday\n", cause=None)
    assert cause_of(SimpleNamespace(message="outer", cause=told)) == "until Monday"
    assert cause_of(None) == "unknown"
