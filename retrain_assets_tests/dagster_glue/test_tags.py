"""The tags that the project reads again: its own, told apart, and stable, for stored runs carry them."""

from retrain_assets.dagster_glue import tags
from retrain_assets.verdict import Decision

STORED = {
    "MODEL_TAG": "retrain/model",
    "TRIGGER_TAG": "retrain/trigger_id",
    "KIND_TAG": "retrain/trigger",
    "EVENT_TAG": "retrain/event",
    "OUTCOME_TAG": "retrain/outcome",
    "AGAIN_TAG": "retrain/again",
    "TURN_TAG": "retrain/turn",
}


def test_runs_of_earlier_releases_are_found_by_the_tags_they_carry():
    tagged = {name: value for name, value in vars(tags).items() if name.endswith("_TAG")}
    assert {name: value for name, value in tagged.items() if not value.startswith("dagster/")} == STORED


def test_the_outcomes_that_keep_the_live_version_are_the_decisions_that_promote_nothing_and_what_none_is_taken_for():
    said = {"reject": "rejected"}
    kept = {said.get(one.value, one.value) for one in Decision if one is not Decision.PROMOTE}
    assert set(tags.KEPT) == {*kept, tags.HELD_BACK}
