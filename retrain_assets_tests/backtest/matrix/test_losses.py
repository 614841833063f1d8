from datetime import datetime

import numpy as np
import pytest

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.losses import LossFiles, LossRecord, TrainedModels, scored
from retrain_assets.backtest.matrix.origins import origin_at
from retrain_assets.candidates.boosting.lightgbm_model import fit
from retrain_assets.scoring.booster import load, predict
from retrain_assets.store import PeriodStore
from retrain_assets_tests.backtest.worlds import matrix_recipe


@pytest.fixture(scope="module")
def record(built):
    spec, rows, _, _ = built
    recipe = matrix_recipe(spec).single
    history = EncodedHistory.load(rows, recipe, dated=False)
    origin = origin_at(spec.model, spec.windows, datetime(2024, 1, 24))
    models = {
        name: fit(recipe.learner, history.training(origin, name, recipe).examples(history.contract), 5)
        for name in ("recent", "history")
    }
    trained = TrainedModels(models, {"recent": 5, "history": 5}, {"recent": 3, "history": 5})
    wanted = {"2024-01-22": "a", "2024-02-05": "b"}
    return history, origin, models, scored(history, origin, trained, recipe, wanted)


def test_sums_by_day_are_those_of_the_rows(record):
    history, _, models, found = record
    chunk = found.chunks["2024-02-05"]
    day = np.datetime64(chunk.days[2])
    here = history.time.astype("datetime64[D]") == day
    rows = history.rows.where(here)
    expected = np.abs(rows.label.to_numpy() - predict(models["recent"], rows.features)).sum()
    assert chunk.rows[2] == here.sum()
    assert chunk.losses["recent"][2] == pytest.approx(expected)


def test_no_day_before_the_end_of_training_counts(record):
    _, origin, _, found = record
    assert origin.trained_until == datetime(2024, 1, 23)
    assert found.chunks["2024-01-22"].days[0] == "2024-01-23"
    assert set(found.chunks) == {"2024-01-22", "2024-02-05"}


def test_the_average_scores_the_mean_of_both(record):
    history, _, models, found = record
    day = np.datetime64(found.chunks["2024-02-05"].days[0])
    rows = history.rows.where(history.time.astype("datetime64[D]") == day)
    both = (predict(models["recent"], rows.features) + predict(models["history"], rows.features)) / 2
    expected = np.abs(rows.label.to_numpy() - both).sum()
    assert found.chunks["2024-02-05"].losses["average"][0] == pytest.approx(expected)


def test_the_rehearsal_takes_the_round_that_was_best_before_it(record):
    history, origin, models, found = record
    rows = history.rows.within(origin.selection)
    three = load(models["recent"]).predict(rows.features, num_iteration=3, num_threads=1)
    assert found.rehearsal["recent"] == pytest.approx(np.abs(rows.label.to_numpy() - three).mean())
    assert found.selection_rows == len(rows)


def test_a_record_is_read_back_as_it_was_written(record, tmp_path):
    *_, found = record
    files = LossFiles(PeriodStore(tmp_path))
    assert files.read("2024-01-24") is None
    files.write("2024-01-24", found)
    assert files.read("2024-01-24") == found
    assert isinstance(found, LossRecord)
