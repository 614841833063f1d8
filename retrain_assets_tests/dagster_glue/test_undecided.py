"""A retrain with nothing to judge ends well: what is live stays, and the period says so."""

import dagster as dg
import pytest

from benchmarks.worlds import verdicts
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.dagster_glue.undecided import keep_live
from retrain_assets.periods import Calendar

FRAME = Frame(verdicts.MODEL, (), Calendar(every="month", start="2019-01-01"))


@pytest.mark.parametrize(("promoted", "kept"), [(0, "no version is live yet"), (1, "kept v1")])
def test_the_decision_of_the_period_is_to_keep_what_is_live_and_the_next_step_is_skipped(
    instance, tmp_path, promoted, kept
):
    home = Home(path=str(tmp_path))
    verdicts.promoted(home.registry(verdicts.MODEL), range(promoted))
    later = []

    @FRAME.asset("candidate_model", description="A candidate.", kinds={"lightgbm"}, output_required=False)
    def candidate_model(context: dg.AssetExecutionContext) -> None:
        keep_live(context, FRAME, home, "nothing was covered.")
        yield from ()

    @FRAME.asset("validation_report", deps=("candidate_model",), description="A report.", kinds={"scipy"})
    def validation_report() -> None:
        later.append("ran")

    result = dg.materialize([candidate_model, validation_report], instance=instance, partition_key="2019-02",
                            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}})  # fmt: skip
    assert result.success
    assert later == []
    assert instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"
    wanted = dg.AssetRecordsFilter(FRAME.key("production_model"), ["2019-02"])
    (record,) = instance.fetch_materializations(wanted, limit=1).records
    shown = {name: value.value for name, value in record.asset_materialization.metadata.items()}
    assert shown["summary"] == f"**{kept}**, there is nothing to judge: nothing was covered."
    assert (shown["decision"], shown["live"]) == ("insufficient", "v1" if promoted else "none")
