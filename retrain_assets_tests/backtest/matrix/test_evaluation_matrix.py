import os

import numpy as np
import pytest

from benchmarks.worlds.parcels import SPEC, rows_of
from retrain_assets.backtest.matrix.evaluation_matrix import ROWS, MatrixBuild, _add
from retrain_assets.backtest.matrix.losses import LossFiles
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.errors import NotEnoughData
from retrain_assets.scoring.booster import load
from retrain_assets.scoring.scorer import Scorer
from retrain_assets.store import LABEL, PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import load_window
from retrain_assets_tests.backtest.worlds import matrix_recipe, parcels, take_in


def test_a_cell_is_the_loss_of_the_model_that_the_product_would_have_trained(built):
    spec, rows, results, found = built
    recipe = matrix_recipe(spec).single
    place = 5
    origin = found.origins[place]
    stored = tuple(rows.periods("raw_data"))
    as_of = spec.period.shift(spec.period.key(origin.moment), -1)
    names = list(spec.columns.features)
    span = Span(stored, origin.history.start, origin.history.end)
    held = HeldRows(load_window(rows, spec.model, span, names, as_of), recipe)
    rounds = LossFiles(results).read(origin.key).rounds["history"]
    trained = train_strategy(held, span, "history", rounds, recipe)
    scorer = Scorer(load(trained.model), trained.contract)
    day = found.matrix.served_from[place] + 3
    start = found.matrix.days[day].astype("datetime64[us]").astype(object)
    end = found.matrix.days[day + 1].astype("datetime64[us]").astype(object)
    table = load_window(rows, spec.model, Span(stored, start, end), names, stored[-1])
    expected = np.abs(table[LABEL].to_numpy() - scorer.scores(table)).sum()
    assert found.by_strategy["history"][place, day] == pytest.approx(expected)
    assert found.matrix.rows[day] == table.num_rows


def test_there_is_one_fit_per_origin_and_strategy(built):
    *_, found = built
    assert found.matrix.origins == 6
    assert found.fits == 2 * 6
    assert len(found.fit_seconds) == 6
    assert found.lightgbm_seconds > 0


def test_a_build_that_stands_costs_no_fit(own_build):
    spec, rows, results = own_build
    again = MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()
    assert (again.fits, again.known_fits) == (0, 12)
    assert again.lightgbm_seconds == 0


def test_an_interrupted_build_is_taken_up(own_build, built):
    spec, rows, results = own_build
    for origin in ("2024-02-12.recent", "2024-02-19.history"):
        results.path("backtest_models", origin, "json").unlink()
    results.path("backtest_losses", "2024-02-05", "json").unlink()
    again = MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()
    assert again.fits == 2
    np.testing.assert_allclose(again.matrix.losses, built[3].matrix.losses)


def test_a_new_period_costs_the_fits_of_its_own_origin(own_build, tmp_path):
    spec, rows, results = own_build
    more, _ = parcels(tmp_path / "longer", weeks=10)
    take_in(more, rows, 10)
    again = MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()
    assert again.matrix.origins == 7
    assert again.fits == 2


def test_the_future_reaches_no_earlier_model(built, tmp_path):
    spec, *_, found = built
    rows = rows_of(9, 5)
    late = rows["at"] >= "2024-02-12"
    rows.loc[late, "minutes"] = 500.0
    other, store = parcels(tmp_path, rows=rows)
    changed = MatrixBuild(matrix_recipe(other), store, PeriodStore(tmp_path / "results"), workers=1).build()
    until = int(np.searchsorted(found.matrix.days, np.datetime64("2024-02-11")))
    same = found.matrix.moments < np.datetime64("2024-02-05")
    first = np.flatnonzero(same)[:2]
    np.testing.assert_array_equal(
        changed.by_strategy["recent"][first, :until], found.by_strategy["recent"][first, :until]
    )
    assert spec.model.label_delay.days == 1


def test_a_spec_that_trains_otherwise_is_fitted_anew(own_build, tmp_path):
    _, rows, results = own_build
    training = SPEC["training"] | {"max_rounds": 10, "num_leaves": 5}
    other, _ = parcels(tmp_path / "other", training=training)
    again = MatrixBuild(matrix_recipe(other), rows, results, workers=1).build()
    assert again.fits == 12


def test_a_period_without_outcomes_is_named(own_build):
    spec, rows, results = own_build
    for period in ("2024-02-12", "2024-02-19"):
        arrived = rows.read_table("outcomes", [period])
        rows.write_table("outcomes", period, arrived.slice(0, 0))
    again = MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()
    assert any("2024-02-12: no row has an outcome" in problem for problem in again.problems)


def test_a_history_that_is_too_short_says_what_is_missing(tmp_path):
    spec, rows = parcels(tmp_path, weeks=2)
    with pytest.raises(NotEnoughData, match="is too short to replay: a first model needs windows.min_train 2w"):
        MatrixBuild(matrix_recipe(spec), rows, PeriodStore(tmp_path / "results")).build()


def test_an_origin_that_cannot_be_trained_is_named_and_the_others_go_on(tmp_path):
    rows = rows_of(9, 5)
    early = rows["at"] < "2024-01-25"
    rows["late"] = (rows["minutes"] > 60).astype(int).where(~early, 0)
    source = SPEC["source"] | {"label": "late"}
    validation = {"primary": "log_loss", "guardrails": [{"metric": "auc", "margin": 0.1}], "unit": "row"}
    training = SPEC["training"] | {"objective": "binary", "max_rounds": 8, "early_stopping_rounds": 3}
    spec, store = parcels(
        tmp_path, rows=rows, task="binary", source=source, validation=validation, training=training, probation={}
    )
    found = MatrixBuild(matrix_recipe(spec), store, PeriodStore(tmp_path / "results"), workers=1).build()
    named = [problem for problem in found.problems if problem.startswith("2024-01-22")]
    assert len(named) == 2
    assert "all 1,200 training labels are 0" in named[0] or "two classes" in named[0]
    assert found.matrix.origins == 5
    assert found.matrix.doubts is not None


def test_the_rows_of_an_earlier_state_are_forgotten_after_a_day(own_build):
    spec, rows, results = own_build
    fresh, old = (results.path(ROWS, name, "arrow") for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_bytes(b"")
    os.utime(old, (0, 0))
    found = MatrixBuild(matrix_recipe(spec), rows, results, workers=1).build()
    assert found.rows_file.exists()
    assert fresh.exists()
    assert not old.exists()


def test_the_hours_of_a_day_are_added_and_a_day_without_rows_stays_unknown():
    sums = np.full(3, np.nan)
    _add(sums, np.array([0, 1]), [2.0, 3.0])
    _add(sums, np.array([1]), [4.0])
    assert np.array_equal(sums, [2.0, 7.0, np.nan], equal_nan=True)
