"""`retrain rollback`: what a person does when a live model is bad."""

import json

import pytest

from retrain_assets.alerts import read as read_alerts
from retrain_assets.cli.runner import prepare_instance
from retrain_assets_tests.commanded import registry, retrain


def test_rollback_puts_the_former_version_back_and_explain_says_so(own_home):
    assert registry(own_home).live().name == "v2"
    assert "rolled back v2: v1 is live (run " in retrain("rollback", "delivery", "--reason", "drivers complain").output
    event = registry(own_home).history()[-1]
    assert (event.action, event.from_version, event.to_version) == ("rolled_back", "v2", "v1")
    assert (event.reason, event.actor) == ("drivers complain", "ada")
    told = [(alert.kind, alert.sentence) for alert in read_alerts(own_home)]
    asked = "Nothing to do now; team:tests looks at v2."
    assert told == [("rolled_back", f"v2 was rolled back, v1 is live: drivers complain. {asked}")]
    text = retrain("explain", "delivery").output
    assert "v2 was rolled back to v1" in text
    assert "Why: drivers complain" in text


def test_a_rollback_behind_the_first_model_goes_to_the_fallback_and_one_more_is_refused_and_changes_nothing(own_home):
    retrain("rollback", "delivery", "--reason", "first")
    retrain("rollback", "delivery", "--reason", "second", "--to", "v0")
    before = registry(own_home).history()
    assert (before[-1].from_version, before[-1].to_version) == ("v1", "v0")
    sentence = retrain("rollback", "delivery", "--reason", "third", code=2).stderr
    assert "delivery: live is v0; versions served before and not rolled back: none" in sentence
    assert "Retrain to get another version" in sentence
    assert registry(own_home).history() == before


def test_a_person_who_does_not_name_the_constant_does_not_get_it_and_no_run_starts(own_home):
    retrain("rollback", "delivery", "--reason", "first")
    before = registry(own_home).history()
    with prepare_instance(own_home) as instance:
        runs = len(instance.get_runs())
        said = retrain("rollback", "delivery", "--reason", "second", code=2).stderr
        assert len(instance.get_runs()) == runs
    constant = "nothing but v0 is left, a constant that gives every row the same answer: add --to v0 if you want that."
    assert constant in said
    assert registry(own_home).history() == before
    done = retrain("rollback", "delivery", "--reason", "second", "--to", "v0")
    assert "rolled back v1: v0 is live (run " in done.output


def test_after_a_retirement_the_commands_name_the_way_back_and_it_is_no_rollback_of_anything(own_home, tmp_path):
    said = retrain("retire", "delivery", "--reason", "the law").output.splitlines()
    back = "`retrain rollback delivery --reason TEXT` puts v2 back"
    assert said[1] == f"To take that back: `retrain release delivery --reason TEXT` and then {back}."
    said = retrain("release", "delivery", "--reason", "it fell").output.splitlines()
    assert said == ["released: the model (ada)", f"Nothing is live: {back}."], "its calendar has no later period"
    asked = retrain("score", "delivery", "rows.parquet", tmp_path / "scores.csv", code=2).stderr
    assert f"delivery has no live version: {back} (RETRAIN_HOME" in asked
    assert retrain("rollback", "delivery", "--reason", "as before").output.startswith("v2 is live again (run ")
    assert read_alerts(own_home) == []
    (record,) = json.loads(retrain("status", "delivery", "--json").stdout)
    assert (record["live"], record["cooldown"]) == ("v2", None)
    assert "v2 is live again as before" in retrain("history", "delivery").output.splitlines()[-1]


def test_a_hold_and_its_release_stand_at_once_on_the_page_that_is_opened_first(own_home):
    def page():
        return max((own_home / "data" / "delivery" / "model_status").glob("*.html")).read_text()

    assert "tariffs change" not in page()
    retrain("hold", "delivery", "--reason", "tariffs change")
    assert "ettle the hold, then" in page()
    assert "tariffs change" in page()
    retrain("release", "delivery", "--reason", "they are in")
    assert "ettle the hold" not in page()


def damage(home, version):
    path = registry(home).folder / "versions" / version.digest / "model.bst"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-100])


def test_a_damaged_target_does_not_stop_a_person_who_names_an_older_one(own_home):
    damage(own_home, registry(own_home).versions()[0])
    sentence = retrain("rollback", "delivery", "--reason", "drivers complain", code=1).output
    assert "model.bst has digest" in sentence
    assert "To go back further: `retrain rollback delivery --to v0`; there are v0." in sentence
    assert registry(own_home).live().name == "v2"
    done = retrain("rollback", "delivery", "--reason", "drivers complain", "--to", "v0", "--by", "ann", "--json").stdout
    assert json.loads(done)["outcome"] == "rolled_back"
    event = registry(own_home).history()[-1]
    assert (event.from_version, event.to_version, event.actor, event.person) == ("v2", "v0", "ann", True)


@pytest.mark.parametrize("name", ["v2", "v7", "2024-01-15"])
def test_a_rollback_to_what_never_served_or_is_live_is_bad_input_and_starts_no_run(own_home, name):
    before = registry(own_home).history()
    sentence = retrain("rollback", "delivery", "--reason", "x", "--to", name, code=2).stderr
    assert f"live is v2; versions served before and not rolled back: v1, v0, not {name}." in sentence
    assert registry(own_home).history() == before


def test_a_rollback_without_a_live_model_is_refused(empty_home):
    sentence = retrain("rollback", "delivery", "--reason", "x", code=2).stderr
    assert "no version is live, so there is nothing to roll back. Run `retrain status delivery`" in sentence


def test_a_rollback_needs_a_reason(own_home):
    assert "--reason" in retrain("rollback", "delivery", code=2).stderr


@pytest.mark.parametrize(
    "words",
    [
        ("hold", "delivery"),
        ("release", "delivery"),
        ("rollback", "delivery"),
        ("retire", "delivery"),
        ("approve", "delivery", "--anchor", "v1"),
        ("adopt", "delivery", __file__, "--trained-until", "2024-01-01"),
    ],
)
def test_a_decision_whose_reason_is_empty_is_bad_input_and_starts_no_run(own_home, words):
    with prepare_instance(own_home) as instance:
        before = registry(own_home).history(), len(instance.get_runs())
        for reason in ("", "  ", "\n\t"):
            assert "--reason is empty: say why." in retrain(*words, "--reason", reason, code=2).stderr
        assert (registry(own_home).history(), len(instance.get_runs())) == before
