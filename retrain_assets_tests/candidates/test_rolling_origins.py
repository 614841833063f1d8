"""The choice between the strategies: who wins in which world, on which rows, and what is said about it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import mean_absolute_error

from benchmarks.worlds.changes import LATE, RECIPE, fares, span, windows
from retrain_assets.candidates.boosting.lightgbm_model import Learner, parameters
from retrain_assets.candidates.rolling_origins import AVERAGE, Choice, choose, held_out, prefer, rounds_from, widest
from retrain_assets.candidates.strategies import HeldRows, Recipe
from retrain_assets.errors import DataError, NotEnoughData
from retrain_assets.scoring.booster import lgb
from retrain_assets.store import LABEL
from retrain_assets.windows.cut import Span, Windows

STEADY = fares(12, lambda month, miles, zone: 3 * miles + zone)
SURCHARGE = fares(12, lambda month, miles, zone: 3 * miles + np.where(month >= 6, 8.0, 0.0) * (zone == 2))


def chosen(world: pa.Table, cut: Windows, recipe: Recipe = RECIPE, incumbent: str = "history") -> Choice:
    """The choice on rows held in memory."""
    return choose(HeldRows(world, recipe), cut, recipe, incumbent)


def test_recent_rows_win_after_an_abrupt_change() -> None:
    choice = chosen(SURCHARGE, windows(12))
    assert choice.strategy == "recent"
    assert choice.losses["recent"] < 0.9 * choice.losses["history"]


def test_all_history_wins_where_rare_cases_need_more_rows_than_the_recent_window_has() -> None:
    world = fares(12, lambda month, miles, zone: 3 * miles + 30 * (miles > 9.7))
    choice = chosen(world, windows(12, recent=1), incumbent="recent")
    assert choice.strategy == "history"
    assert choice.losses["history"] < 0.9 * choice.losses["recent"]


def test_the_loss_at_an_origin_is_that_of_a_model_made_by_hand_with_pandas() -> None:
    cut, fast = windows(12, origins=1), RECIPE.training.model_copy(update={"learning_rate": 0.5})
    noisy = fares(12, lambda month, miles, zone: 0.1 * miles)
    choice, origin = chosen(noisy, cut, replace(RECIPE, training=fast)), cut.origins[0]
    frame = noisy.to_pandas()
    frame["zone"] = pd.Categorical(frame["zone"].astype(str), categories=["Z0", "Z1", "Z2", "Z3", "Z4"])
    train, stop, judge = (
        frame[(frame["at"] >= part.start) & (frame["at"] < part.end)]
        for part in (origin.train_recent, origin.early_stop, origin.selection)
    )
    params = parameters(Learner(fast, "regression")) | {"metric": "l1"}
    features = ["miles", "zone"]
    rows = lgb.Dataset(train[features], train[LABEL])
    later = rows.create_valid(stop[features], stop[LABEL])
    booster = lgb.train(params, rows, 60, valid_sets=[later], callbacks=[lgb.early_stopping(10, verbose=False)])
    by_hand = mean_absolute_error(judge[LABEL], booster.predict(judge[features]))
    found = next(row for row in choice.origins if row.strategy == "recent")
    assert found.loss == pytest.approx(by_hand, rel=1e-9)
    assert found.rounds == booster.best_iteration < 30
    assert (found.train_rows, found.selection_rows) == (len(train), len(judge))


def test_each_origin_compares_both_strategies_and_their_average() -> None:
    choice = chosen(STEADY, windows(12))
    assert len(choice.origins) == 9
    for name in ("recent", "history", AVERAGE):
        losses = [row.loss for row in choice.origins if row.strategy == name]
        assert choice.losses[name] == pytest.approx(np.mean(losses))
    for origin in {row.origin for row in choice.origins}:
        loss = {row.strategy: row.loss for row in choice.origins if row.origin == origin}
        assert loss[AVERAGE] <= (loss["recent"] + loss["history"]) / 2  # the absolute error is convex


def test_rows_are_loaded_once_and_none_of_the_gate_window() -> None:
    asked: list[Span] = []
    cut, held = windows(12), HeldRows(STEADY, RECIPE)

    def loader(wanted: Span) -> pa.Table:
        asked.append(wanted)
        return held(wanted)

    choose(loader, cut, RECIPE)
    assert asked == [widest(cut)]
    assert asked[0].end <= cut.gate.start


def test_the_choice_is_blind_to_the_gate_window() -> None:
    cut = windows(12)
    label = np.where(STEADY["at"].to_numpy() >= np.datetime64(cut.gate.start), 1e6, STEADY[LABEL].to_numpy())
    spoiled = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, pa.array(label))
    assert (label == 1e6).any()
    assert chosen(spoiled, cut) == chosen(STEADY, cut)


def test_the_same_rows_give_the_same_choice() -> None:
    assert chosen(SURCHARGE, windows(12)) == chosen(SURCHARGE, windows(12))


def test_the_widest_span_holds_every_window_that_trains_or_selects() -> None:
    cut = windows(12)
    whole = widest(cut)
    for origin in cut.origins:
        for part in (origin.train_recent, origin.train_history, origin.early_stop, origin.selection):
            assert part is not None
            assert whole.start <= part.start <= part.end <= whole.end
            assert set(part.periods) <= set(whole.periods)


@pytest.mark.parametrize(
    ("losses", "incumbent", "winner"),
    [
        ({"recent": 1.0, "history": 2.0}, "history", "recent"),
        ({"recent": 1.0, "history": 1.0009}, "history", "history"),
        ({"recent": 1.0, "history": 1.0011}, "history", "recent"),
        ({"recent": 1.0009, "history": 1.0}, "recent", "recent"),
        ({"recent": float("nan"), "history": 9.0}, "recent", "history"),
        ({"recent": 9.0, "history": float("inf")}, "history", "recent"),
        ({"recent": float("nan"), "history": float("nan")}, "history", "history"),
        ({"recent": 1.0}, "history", "recent"),
    ],
)
def test_the_lower_loss_wins_and_a_tie_stays_with_the_live_strategy(losses: dict, incumbent: str, winner: str) -> None:
    assert prefer(losses, incumbent) == winner


@pytest.mark.parametrize(("best", "rounds"), [([1, 2, 3], 10), ([20, 50, 30], 30), ([20, 31], 26), ([60, 60, 60], 60)])
def test_rounds_are_the_median_of_the_origins_within_ten_and_the_limit(best: list[int], rounds: int) -> None:
    assert rounds_from(best, RECIPE) == rounds


def test_a_limit_below_ten_rounds_is_kept() -> None:
    recipe = replace(RECIPE, training=RECIPE.training.model_copy(update={"max_rounds": 5}))
    assert rounds_from([5, 5], recipe) == 5


def test_the_choice_names_losses_origins_and_unit() -> None:
    choice = chosen(SURCHARGE, windows(12))
    assert choice.reason.startswith(f"recent: mae {choice.losses['recent']:.4g} against {choice.losses['history']:.4g}")
    assert "with history" in choice.reason
    assert "mean of 3 origins (2018-09-01, 2018-10-01, 2018-11-01)" in choice.reason
    assert choice.rounds == choice.rounds_of["recent"]


def test_a_tie_is_called_one_and_stays_with_the_live_strategy() -> None:
    label = pa.array(np.full(STEADY.num_rows, 5.0))
    even = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, label)
    for incumbent in ("recent", "history"):
        choice = chosen(even, windows(12), incumbent=incumbent)
        assert choice.strategy == incumbent
        assert choice.reason.endswith("a tie within 0.1% stays with the live strategy")
    assert "tie" not in chosen(SURCHARGE, windows(12)).reason


def test_without_origins_all_history_trains_and_says_so() -> None:
    choice = chosen(STEADY, windows(2))
    assert (choice.strategy, choice.origins, choice.losses) == ("history", (), {})
    assert "no origin to compare the strategies on before 2018-02-01" in choice.reason
    assert "held out by the hash of their key" in choice.reason
    assert 10 <= choice.rounds <= 60


def test_without_origins_a_policy_of_recent_rows_only_stays_recent() -> None:
    only = replace(RECIPE, training=RECIPE.training.model_copy(update={"strategies": ("recent",)}))
    assert chosen(STEADY, windows(2), only).strategy == "recent"


def test_one_declared_strategy_still_finds_its_rounds_on_the_origins() -> None:
    only = replace(RECIPE, training=RECIPE.training.model_copy(update={"strategies": ("history",)}))
    choice = chosen(STEADY, windows(12), only)
    assert choice.strategy == "history"
    assert len(choice.origins) == 3
    assert choice.reason.endswith("the only strategy declared")


def test_an_origin_without_early_stop_rows_stops_on_rows_of_its_own() -> None:
    cut = windows(12, origins=1)
    bare = replace(cut, origins=(replace(cut.origins[0], early_stop=None),))
    whole, held = chosen(STEADY, cut), chosen(STEADY, bare)
    assert [row.strategy for row in held.origins] == [row.strategy for row in whole.origins]
    assert held.losses["history"] == pytest.approx(whole.losses["history"], rel=0.2)


def test_an_origin_of_a_single_class_is_skipped_and_named() -> None:
    recipe = LATE
    early = STEADY["at"].to_numpy() < np.datetime64("2018-07-31")
    label = np.where(early, 0.0, STEADY[LABEL].to_numpy() > 15)
    world = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, pa.array(label))
    choice = chosen(world, windows(12, origins=3, recent=2), recipe)
    assert len(choice.skipped) == 1
    assert choice.skipped[0].startswith("2018-09-01: all ")
    assert {row.origin for row in choice.origins} == {"2018-10-01", "2018-11-01"}


def test_no_labelled_row_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughData, match="no labelled row before 2018-12-01"):
        chosen(STEADY.slice(0, 0), windows(12))


def test_a_loader_whose_rows_are_not_in_time_order_is_refused() -> None:
    shuffled = STEADY.take(np.random.default_rng(2).permutation(STEADY.num_rows))
    with pytest.raises(DataError, match="3,600 rows are not sorted by at: hold them as HeldRows"):
        choose(lambda wanted: shuffled, windows(12), RECIPE)


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(DataError, match="feature 'zone' is missing"):
        chosen(STEADY.drop_columns(["zone"]), windows(12))


@pytest.mark.parametrize("kind", [int, str])
def test_rows_are_held_out_by_key_alone(kind: type) -> None:
    keys = np.array([kind(number) for number in range(20_000)])
    order = np.random.default_rng(1).permutation(len(keys))
    out = held_out(pa.chunked_array([keys]))
    shuffled = held_out(pa.chunked_array([keys[order][:7], keys[order][7:]]))
    np.testing.assert_array_equal(shuffled, out[order])
    assert out.mean() == pytest.approx(0.15, abs=0.01)
    halves = out.reshape(2, -1).mean(axis=1)
    assert halves == pytest.approx(0.15, abs=0.015)


def test_a_spans_rows_outside_the_stored_periods_are_not_named() -> None:
    assert widest(windows(12)).periods == span("2018-01-01", "2018-12-01").periods
