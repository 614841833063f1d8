"""The strategies and the choice between them in Dagster: what is shown of a trained, a lacking and a chosen one."""

from dataclasses import replace
from types import SimpleNamespace

import dagster as dg
import pytest

from benchmarks.worlds.changes import RECIPE, TRIPS, fares, span
from retrain_assets.candidates.assets import STRATEGIES, candidate_assets
from retrain_assets.candidates.candidate_record import CandidateRecord
from retrain_assets.candidates.coverage import Coverage
from retrain_assets.candidates.rolling_origins import OriginLoss
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.candidates.strategy_record import StrategyRecord
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.tags import OUTCOME_TAG
from retrain_assets.errors import NotCovered

FRAME = Frame("trips", ("team:tests",), TRIPS.calendar)
WINDOW = span("2018-01-01", "2018-03-01")
COVERED = Coverage({"zone": 4}, {}, 2, ())
ORIGIN = OriginLoss("2018-02-01", "recent", 1.5, 90, 30, 400)


@pytest.fixture(scope="module")
def record():
    held = HeldRows(fares(2, lambda month, miles, zone: 3 * miles), RECIPE)
    return StrategyRecord("recent", COVERED, WINDOW, train_strategy(held, WINDOW, "recent", 5, RECIPE), (ORIGIN,))


@pytest.fixture
def run(instance, tmp_path):
    """Materializes some of the assets with a stand-in for the training."""

    def materialize(training, *names):
        assets = candidate_assets(FRAME, TRIPS, lambda: training)
        return dg.materialize(
            assets, selection=[FRAME.key(name) for name in names], instance=instance, partition_key="2018-03",
            resources={"home": Home(path=str(tmp_path))},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip

    return materialize


def shown(result, name):
    (made,) = result.asset_materializations_for_node(f"trips__{name}")
    return {key: value.value for key, value in made.metadata.items()}


def test_a_trained_strategy_shows_its_rows_rounds_and_loss(run, record):
    asked = []

    def train(access, strategy):
        asked.append((access.period, strategy))
        return record

    result = run(SimpleNamespace(train=train), "candidate_recent")
    assert asked == [("2018-03", "recent")]
    found = shown(result, "candidate_recent")
    assert (found["selection_mae"], found["rounds"], found["dagster/row_count"]) == (1.5, 5, record.trained.rows)
    assert found["digest"] == record.trained.digest[:12]
    assert found["summary"].startswith(f"Trained on **{record.trained.rows:,}** rows in **5** rounds. Mean mae **1.5**")


def test_a_strategy_without_rehearsals_says_so(run, record):
    alone = replace(record, origins=())
    found = shown(run(SimpleNamespace(train=lambda *_: alone), "candidate_recent"), "candidate_recent")
    assert found["summary"].endswith("There are too few periods to rehearse it.")


def test_a_strategy_that_is_not_eligible_is_shown_with_what_it_lacks(run):
    lacking = StrategyRecord("recent", replace(COVERED, problems=("3 of 12 rows", "1 of 4 periods")), WINDOW)
    found = shown(run(SimpleNamespace(train=lambda *_: lacking), "candidate_recent"), "candidate_recent")
    assert found["summary"] == "**Not eligible**, not trained: 3 of 12 rows; 1 of 4 periods."
    assert "digest" not in found


def test_the_chosen_one_is_shown_with_its_reason_and_every_loss(run):
    candidate = CandidateRecord("9f" * 32, "recent", 5, "It lost least.", {"recent": 1.5, "history": 2.0}, (ORIGIN,),
                                ("recent", "history"))  # fmt: skip
    found = shown(run(SimpleNamespace(choose=lambda access: candidate), "candidate_model"), "candidate_model")
    assert found["summary"] == "**recent** goes to the gate. It lost least."
    assert (found["selection_recent"], found["selection_history"]) == (1.5, 2.0)
    assert found["eligible"] == "recent, history"


def test_where_none_is_eligible_the_run_ends_well_and_keeps_what_is_live(run, instance):
    def choose(access):
        raise NotCovered("no window holds enough")

    result = run(SimpleNamespace(choose=choose), "candidate_model")
    assert result.success
    assert instance.get_run_by_id(result.run_id).tags[OUTCOME_TAG] == "insufficient"


def test_there_is_an_asset_for_each_strategy_and_one_for_the_choice():
    keys = [key.path[-1] for asset in candidate_assets(FRAME, TRIPS, lambda: None) for key in asset.keys]
    assert keys == [*(f"candidate_{name}" for name in STRATEGIES), "candidate_model"]
