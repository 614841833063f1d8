"""A retrain that was asked for too early ends well, with the decision to keep what is live, and judges nothing."""

from benchmarks.worlds.parcels import failure_of
from retrain_assets.dagster_glue.tags import OUTCOME_TAG


def test_a_retrain_before_there_are_gate_rows_keeps_what_is_live_and_skips_the_rest(world):
    built = world(weeks=3)
    week = built.weeks(1)[0]
    built.monitor([week])
    result = built.run("retrain", week)
    assert result.success, failure_of(result)
    assert built.instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"
    (made,) = result.asset_materializations_for_node("delivery__feature_windows")
    assert (made.asset_key.path[-1], made.partition) == ("production_model", week)
    assert made.metadata["summary"].value.startswith("**no version is live yet**, there is nothing to judge: ")
    assert {event.step_key for event in result.all_events if event.is_step_success} == {"delivery__feature_windows"}
    assert built.registry.history() == ()
