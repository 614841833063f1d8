from datetime import datetime

import numpy as np
import pytest

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.fits import FitFiles, FitRecord, best_round, longer, train_at
from retrain_assets.backtest.matrix.origins import origin_at
from retrain_assets.candidates.boosting.lightgbm_model import fit, fit_early_stopped
from retrain_assets.candidates.strategies import row_weights
from retrain_assets.scoring.booster import load
from retrain_assets.store import PeriodStore
from retrain_assets_tests.backtest.worlds import matrix_recipe


@pytest.fixture(scope="module")
def trained(built):
    spec, rows, _, _ = built
    recipe = matrix_recipe(spec).single
    history = EncodedHistory.load(rows, recipe, dated=False)
    origin = origin_at(spec.model, spec.windows, datetime(2024, 1, 22))
    return history, origin, recipe, train_at(history, origin, "recent", recipe, stop_known=True, first=True)


def test_the_best_round_is_that_of_a_model_stopped_early_on_the_rows_after(trained):
    history, origin, recipe, (model, record) = trained
    train = history.training(origin, "recent", recipe)
    later = history.rows.within(origin.stop)
    _, best = fit_early_stopped(
        recipe.learner, train.examples(history.contract), later.examples(history.contract), recipe.model.loss
    )
    assert record.stopped_at == best
    assert record.trees == load(model).current_iteration() >= best


def test_rounds_that_are_told_later_are_those_that_early_stopping_would_have_found(trained):
    history, origin, recipe, (_, record) = trained
    whole, late = train_at(history, origin, "recent", recipe, stop_known=False, first=False)
    assert (late.stopped_at, late.trees) == (None, recipe.training.max_rounds)
    assert best_round(whole, history.rows.within(origin.stop), recipe) == record.stopped_at


def test_a_model_of_fewer_rounds_is_the_beginning_of_a_longer_one(trained):
    history, origin, recipe, (model, _) = trained
    train = history.training(origin, "recent", recipe)
    weight = row_weights(train, "recent", origin.recent, recipe)
    short = fit(recipe.learner, train.examples(history.contract, weight), 3)
    rows = history.rows.within(origin.selection).features
    np.testing.assert_array_equal(
        load(model).predict(rows, num_iteration=3, num_threads=1), load(short).predict(rows, num_threads=1)
    )
    again = longer(history, origin, "recent", recipe, 12)
    np.testing.assert_array_equal(
        load(again).predict(rows, num_iteration=3, num_threads=1), load(short).predict(rows, num_threads=1)
    )


def test_an_early_origin_finds_its_rounds_on_a_held_out_share(trained):
    _, _, recipe, (_, record) = trained
    assert 1 <= record.held_out_at <= recipe.training.max_rounds


def test_a_fit_is_read_back_as_it_was_written(tmp_path):
    files = FitFiles(PeriodStore(tmp_path))
    record = FitRecord("key", 12, 840, 9, None, 0.5)
    assert files.read("2024-01-22", "recent") is None
    files.write("2024-01-22", "recent", record, b"tree\n")
    assert files.read("2024-01-22", "recent") == record
    assert files.model("2024-01-22", "recent") == b"tree\n"
