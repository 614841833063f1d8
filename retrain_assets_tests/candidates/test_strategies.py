"""Training one strategy: which rows and weights reach the model, what is recorded, how much memory it takes."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor

from benchmarks.worlds.changes import LATE, RECIPE, fares, span
from retrain_assets.candidates.boosting.lightgbm_model import Examples, fit
from retrain_assets.candidates.strategies import HeldRows, baseline_of, strategy_weights, train_strategy
from retrain_assets.errors import DataError, NotEnoughData, SpecError
from retrain_assets.scoring.booster import predict
from retrain_assets.scoring.features import contract_of, encode
from retrain_assets.store import LABEL

STEADY = fares(6, lambda month, miles, zone: 3 * miles + zone)
WHOLE, SPRING = span("2018-01-01", "2018-07-01"), span("2018-03-01", "2018-05-01")


def test_a_held_span_is_start_included_and_end_excluded() -> None:
    times = np.array(["2018-02-28T23:59:59", "2018-03-01", "2018-04-30T23:59:59.999999", "2018-05-01"], "M8[us]")
    held = HeldRows(pa.table({"trip": [1, 2, 3, 4], "at": times}), RECIPE)
    assert held(SPRING)["trip"].to_pylist() == [2, 3]


def test_a_held_span_shares_memory_with_the_rows_that_were_loaded() -> None:
    part = HeldRows(STEADY, RECIPE)(SPRING)
    assert 0 < part.num_rows < STEADY.num_rows
    for name in ("miles", LABEL, "at"):
        assert part[name].chunk(0).buffers()[1].address == STEADY[name].chunk(0).buffers()[1].address


def test_held_categories_keep_their_values_and_are_encoded_without_a_copy() -> None:
    chunked = pa.concat_tables([STEADY.slice(0, 700), STEADY.slice(700)])
    held = HeldRows(chunked, RECIPE)(WHOLE)
    codes = encode(held, contract_of(held, RECIPE.columns)).table["zone"]
    assert held["zone"].to_pylist() == STEADY["zone"].to_pylist()
    assert codes.equals(encode(chunked, contract_of(chunked, RECIPE.columns)).table["zone"])
    for code, chunk in zip(codes.chunks, held["zone"].chunks, strict=True):
        assert code.buffers()[1].address == chunk.indices.buffers()[1].address


def test_rows_out_of_order_are_sorted_by_time_and_key() -> None:
    shuffled = STEADY.take(np.random.default_rng(2).permutation(STEADY.num_rows))
    assert HeldRows(shuffled, RECIPE)(WHOLE).to_pylist() == STEADY.to_pylist()


def test_a_row_without_a_time_is_refused() -> None:
    rows = pa.table({"trip": [1, 2], "at": pa.array([None, None], pa.timestamp("us"))})
    with pytest.raises(DataError, match="2 of 2 labelled rows have no at"):
        HeldRows(rows, RECIPE)


@pytest.mark.parametrize("strategy", ["recent", "history"])
def test_the_same_window_gives_the_same_bytes_whatever_lies_outside_it(strategy: str) -> None:
    other = fares(6, lambda month, miles, zone: np.where((month == 2) | (month == 3), 3 * miles + zone, -50.0))
    outside = (STEADY["at"].to_numpy() < np.datetime64("2018-03-01")) | (
        STEADY["at"].to_numpy() >= np.datetime64("2018-05-01")
    )
    assert (STEADY[LABEL].to_numpy() != other[LABEL].to_numpy())[outside].all()
    once, again, elsewhere = (
        train_strategy(HeldRows(rows, RECIPE), SPRING, strategy, 20, RECIPE) for rows in (STEADY, STEADY, other)
    )
    assert once == again == elsewhere


def test_the_recent_strategy_weighs_all_rows_alike() -> None:
    trained = train_strategy(HeldRows(STEADY, RECIPE), SPRING, "recent", 20, RECIPE)
    table = HeldRows(STEADY, RECIPE)(SPRING)
    rows = encode(table, trained.contract).table
    plain = fit(RECIPE.learner, Examples(rows, table[LABEL].to_numpy(), None, ["zone"]), rounds=20)
    assert trained.model == plain
    assert trained.rows == trained.effective_rows == table.num_rows


def test_the_history_strategy_halves_a_rows_weight_every_half_life() -> None:
    trained = train_strategy(HeldRows(STEADY, RECIPE), WHOLE, "history", 20, RECIPE)
    time = STEADY["at"].to_numpy()
    age_months = (np.datetime64("2018-07-01") - time) / np.timedelta64(1, "s") / (365.25 * 86_400 / 12)
    by_hand = 0.5 ** (age_months / RECIPE.half_life.periods)
    weight = strategy_weights("history", time, WHOLE.end, RECIPE)
    np.testing.assert_allclose(weight, by_hand / by_hand.mean(), rtol=1e-6)
    assert trained.effective_rows == pytest.approx(by_hand.sum() ** 2 / (by_hand**2).sum(), rel=1e-6)
    assert trained.effective_rows < trained.rows == STEADY.num_rows


def test_the_history_strategy_follows_the_later_of_two_prices_that_contradict_each_other() -> None:
    world = fares(6, lambda month, miles, zone: np.where(month < 3, 10.0, 20.0))
    trained = train_strategy(HeldRows(world, RECIPE), WHOLE, "history", 60, RECIPE)
    scores = predict(trained.model, encode(world, trained.contract).table)
    assert np.median(scores) > 19


def test_a_level_that_only_rows_outside_the_span_hold_is_unknown_to_the_model() -> None:
    early = STEADY["at"].to_numpy() < np.datetime64("2018-02-01")
    zone = pa.array(np.where(early, "CLOSED", STEADY["zone"].to_pylist())).dictionary_encode()
    world = STEADY.set_column(STEADY.column_names.index("zone"), "zone", zone)
    trained = train_strategy(HeldRows(world, RECIPE), SPRING, "recent", 20, RECIPE)
    assert trained.contract.levels == {"zone": ("Z0", "Z1", "Z2", "Z3", "Z4")}
    assert encode(world, trained.contract).unseen == {"zone": int(early.sum())}
    alone = HeldRows(world.filter(pa.array(~early)), RECIPE)
    assert train_strategy(alone, SPRING, "recent", 20, RECIPE) == trained


@pytest.mark.parametrize(("loss", "constant"), [("mae", "median"), ("mse", "mean")])
def test_the_regression_baseline_is_scikit_learns_dummy(loss: str, constant: str) -> None:
    label = np.random.default_rng(4).exponential(size=101)
    dummy = DummyRegressor(strategy=constant).fit(np.zeros((101, 1)), label)
    assert baseline_of(label, "regression", 0, loss) == pytest.approx(dummy.constant_.item())


def test_the_classifier_baseline_is_scikit_learns_dummy() -> None:
    label = np.random.default_rng(4).integers(0, 4, 101)
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((101, 1)), label)
    assert baseline_of(label, "multiclass", 4, "log_loss") == pytest.approx(tuple(dummy.class_prior_))
    late = DummyClassifier(strategy="prior").fit(np.zeros((101, 1)), label == 1)
    assert baseline_of(label == 1, "binary", 2, "log_loss") == pytest.approx(late.class_prior_[1])


def test_a_span_without_labelled_rows_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughData, match=r"recent: no labelled row in 2020-01-01 to 2020-02-01: widen"):
        train_strategy(HeldRows(STEADY, RECIPE), span("2020-01-01", "2020-02-01"), "recent", 20, RECIPE)


def test_a_missing_label_is_refused() -> None:
    hole = pa.array(STEADY[LABEL].to_numpy(), mask=np.arange(STEADY.num_rows) == 5)
    world = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, hole)
    with pytest.raises(DataError, match="1 of 1,800 labels are missing"):
        train_strategy(HeldRows(world, RECIPE), WHOLE, "recent", 20, RECIPE)


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(SpecError, match="unknown strategy 'newest': use one of recent, history"):
        train_strategy(HeldRows(STEADY, RECIPE), SPRING, "newest", 20, RECIPE)


def test_a_classifier_trains_on_shares_of_its_classes() -> None:
    label = pa.array((STEADY[LABEL].to_numpy() > 15).astype(float))
    world = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, label)
    recipe = LATE
    trained = train_strategy(HeldRows(world, recipe), WHOLE, "history", 20, recipe)
    scores = predict(trained.model, encode(world, trained.contract).table)
    assert trained.baseline == pytest.approx(label.to_numpy().mean())
    assert ((scores > 0) & (scores < 1)).all()
