"""A refusal under the real webserver and daemon: the buttons of the UI do not get around a person's hold."""

from datetime import datetime

import pytest

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets.cli.runner import prepare_instance
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Release, Signature
from retrain_assets_tests.served import LAUNCH, TWO_WEEKS, serve

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live")]

WEEKS = ["2024-01-01", "2024-01-08"]
AGAIN = """mutation($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RUNS = """query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs {
  results { runId status tags { key value } } } } }"""
FAILURES = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {
  ... on ExecutionStepFailureEvent { error { message cause { message } } } } } } }"""
ENDED = ("SUCCESS", "FAILURE", "CANCELED")


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """The served home of a model whose first candidate has passed and is under a hold; its registry."""
    folder = tmp_path_factory.mktemp("held")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(folder))  # so that what `prepare_instance` sets is undone
        with prepare_instance(folder / "home") as instance:  # the run records that the webserver reads
            built = make_world(folder, rows_of(3), instance, **TWO_WEEKS)
            built.monitor(WEEKS)
            assets = [
                "feature_windows",
                "candidate_recent",
                "candidate_history",
                "candidate_model",
                "validation_report",
            ]
            assert built.run("retrain", WEEKS[-1], assets=assets).success
    registry = Registry(folder / "home" / "registry", "delivery")
    registry.rule(Hold(Signature("ann", "tariffs change", datetime(2024, 1, 15), WEEKS[-1])))
    with serve(folder) as running:
        yield running, registry


def ended(running, **chosen):
    """The runs of a filter, once there is one and all have ended, each with the sentences of its failed steps."""

    def all_ended():
        try:
            runs = running.ask(RUNS, filter=chosen)["runsOrError"]["results"]
        except AssertionError:  # the code location is not loaded yet
            return None
        return runs if runs and all(run["status"] in ENDED for run in runs) else None

    runs = running.wait(all_ended, f"{chosen} did not end", 240)
    return {run["runId"]: (run["status"], failures(running, run["runId"])) for run in runs}


def failures(running, run_id):
    events = running.ask(FAILURES, id=run_id)["logsForRun"]["events"]
    errors = [event["error"] for event in events if event.get("error")]
    return "\n".join(f"{error['message']} {(error['cause'] or {}).get('message')}" for error in errors)


def launched(running, mutation, what, **params):
    """What a mutation started, once the webserver answers."""

    def answer():
        try:
            found = running.ask(mutation, params=params)
        except AssertionError:
            return None
        (found,) = found.values()
        return found if found["__typename"] in ("LaunchRunSuccess", "LaunchBackfillSuccess") else None

    return running.wait(answer, f"{what} was not launched", 120)


def materialize(running, week):
    """The button 'Materialize selected' on `production_model` alone."""
    run = launched(
        running,
        LAUNCH,
        "production_model",
        mode="default",
        runConfigData={},
        selector={
            "repositoryLocationName": "retrain_assets.definitions",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["delivery", "production_model"]}],
            "assetCheckSelection": [],
        },
        executionMetadata={"tags": [{"key": "dagster/partition", "value": week}]},
    )
    return run["run"]["runId"]


def test_materialize_reexecute_and_backfill_are_refused_under_a_hold_and_promote_after_its_release(held):
    running, registry = held
    first = materialize(running, WEEKS[-1])
    status, sentence = ended(running, runIds=[first])[first]
    assert status == "FAILURE"
    assert "promotion refused: Held: delivery 2024-01-08: ann holds the model" in sentence

    again = launched(running, AGAIN, "the re-execution", parentRunId=first, strategy="FROM_FAILURE")["run"]["runId"]
    status, sentence = ended(running, runIds=[again])[again]
    assert (status, "refused: Held" in sentence) == ("FAILURE", True)

    asked = {"assetSelection": [{"path": ["delivery", "production_model"]}], "partitionNames": WEEKS}
    backfill = launched(running, BACKFILL, "the backfill", **asked)["backfillId"]

    def both():
        filled = ended(running, tags=[{"key": "dagster/backfill", "value": backfill}])
        return filled if len(filled) == len(WEEKS) else None

    filled = running.wait(both, "the backfill did not start both runs", 240)
    assert [status for status, _ in filled.values()] == ["FAILURE", "FAILURE"]
    sentences = "\n".join(sentence for _, sentence in filled.values())
    assert "refused: Held" in sentences
    assert "refused: IncompleteVerdict: delivery 2024-01-01: no verdict" in sentences
    assert registry.live() is None

    registry.rule(Release(Signature("ann", "the tariffs are in", datetime(2024, 1, 16), WEEKS[-1])))
    last = materialize(running, WEEKS[-1])
    status, sentence = ended(running, runIds=[last])[last]
    assert status == "SUCCESS", sentence
    assert registry.live().name == "v1"
