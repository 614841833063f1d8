"""The loop by itself, under the real webserver and daemon, once a person has launched its first run."""

import pytest

from retrain_assets.verdict import CHECKS

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]


@pytest.mark.parametrize("sensor", ["new_data", "retrain_trigger"])
def test_nothing_runs_before_a_person_has_launched_the_first_run(served, sensor):
    first = served.first_tick(f"delivery__{sensor}")

    assert first["status"] == "SKIPPED"
    assert first["skipReason"].startswith("waits for its first run, which a person starts. ")
    assert first["skipReason"].endswith(
        "or run delivery__monitor for 2024-01-01 in the UI; the later periods follow by themselves."
    )


def test_the_terminal_says_what_to_open_and_what_waits_and_warns_of_nothing(served):
    opens = f"Open {served.url} (Ctrl-C stops it)."
    served.wait(lambda: opens in served.log.read_text() or None, "the page to open is not named", 30)
    said = served.log.read_text()

    assert "Nothing runs for delivery until you start it: `retrain replay delivery`" in said
    assert "arning" not in said
    assert "WARNING" not in said


def test_the_sensors_take_the_loop_from_the_first_run_to_a_live_model(served):
    retrain = served.finished("delivery__retrain")

    assert retrain["status"] == "SUCCESS", served.log.read_text()[-4000:]
    assert retrain["tags"]["dagster/sensor_name"] == "delivery__retrain_trigger"
    assert retrain["tags"]["dagster/partition"] == "2024-01-08"
    assert retrain["tags"]["retrain/trigger"] == "bootstrap"
    assert retrain["tags"]["retrain/outcome"] == "promoted"

    monitors = served.runs("delivery__monitor")
    assert [run["tags"]["dagster/partition"] for run in monitors] == ["2024-01-08", "2024-01-01"]
    assert [run["tags"].get("dagster/sensor_name") for run in monitors] == ["delivery__new_data", None]
    assert {run["status"] for run in monitors} == {"SUCCESS"}

    (production,) = served.materializations("delivery", "production_model")
    assert production == {"partition": "2024-01-08", "runId": retrain["runId"]}


def test_the_four_checks_are_shown_and_what_could_be_asked_passed_and_none_blocks(served):
    served.finished("delivery__retrain")

    checks = served.checks("delivery", "validation_report")

    assert {check["name"] for check in checks} == set(CHECKS)
    assert not any(check["blocking"] for check in checks)
    latest = {check["name"]: check["executionForLatestMaterialization"] for check in checks}
    assert {execution["status"] for execution in latest.values()} == {"SUCCEEDED"}
    said = {name: execution["evaluation"]["description"] for name, execution in latest.items()}
    assert said.pop("regression_suite") == "not asked: no live model has got a case right yet, of 1 case"
    assert [sentence[:6] for sentence in said.values()] == ["pass: "] * 3


def test_the_same_evidence_starts_no_second_retrain(served):
    ended = served.finished("delivery__retrain")["endTime"]

    trigger = served.tick_after(ended, "delivery__retrain_trigger")
    new_data = served.tick_after(ended, "delivery__new_data")

    assert (trigger["status"], trigger["skipReason"]) == ("SKIPPED", "no new performance report")
    assert (new_data["status"], new_data["skipReason"]) == ("SKIPPED", "every period that has ended is monitored")
    assert len(served.runs("delivery__retrain")) == 1
