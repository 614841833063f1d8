"""A strategy at the rolling origins: on which rows it is rehearsed, its losses and rounds, and what is said of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.metrics import mean_absolute_error

from benchmarks.worlds.changes import LATE, RECIPE, fares, span, windows
from retrain_assets.candidates.boosting.lightgbm_model import Learner, parameters
from retrain_assets.candidates.rolling_origins import Rehearsal, held_out, prefer, rehearse, rounds_from, widest
from retrain_assets.candidates.strategies import HeldRows, Recipe
from retrain_assets.errors import DataError, NotEnoughData
from retrain_assets.scoring.booster import lgb
from retrain_assets.store import LABEL
from retrain_assets.windows.cut import Span, Windows

STEADY = fares(12, lambda month, miles, zone: 3 * miles + zone)


def rehearsed(world: pa.Table, cut: Windows, strategy: str = "history", recipe: Recipe = RECIPE) -> Rehearsal:
    """A rehearsal on rows held in memory."""
    return rehearse(HeldRows(world, recipe), cut, strategy, recipe)


def test_the_loss_at_an_origin_is_that_of_a_model_made_by_hand_with_pandas() -> None:
    cut, fast = windows(12, origins=1), RECIPE.training.model_copy(update={"learning_rate": 0.5})
    noisy = fares(12, lambda month, miles, zone: 0.1 * miles)
    (found,) = rehearsed(noisy, cut, "recent", replace(RECIPE, training=fast)).origins
    origin = cut.origins[0]
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
    assert found.loss == pytest.approx(by_hand, rel=1e-9)
    assert found.rounds == booster.best_iteration < 30
    assert (found.train_rows, found.selection_rows) == (len(train), len(judge))


@pytest.mark.parametrize("strategy", ["recent", "history"])
def test_a_strategys_own_rows_are_loaded_once_and_none_of_the_gate_window(strategy: str) -> None:
    asked: list[Span] = []
    cut, held = windows(12), HeldRows(STEADY, RECIPE)

    def loader(wanted: Span) -> pa.Table:
        asked.append(wanted)
        return held(wanted)

    rehearse(loader, cut, strategy, RECIPE)
    assert asked == [widest(cut, strategy)]
    assert asked[0].end <= cut.gate.start
    first = min(getattr(origin, f"train_{strategy}").start for origin in cut.origins)
    assert asked[0].start == min(first, getattr(cut, strategy).start)


def test_a_rehearsal_is_blind_to_the_gate_window() -> None:
    cut = windows(12)
    label = np.where(STEADY["at"].to_numpy() >= np.datetime64(cut.gate.start), 1e6, STEADY[LABEL].to_numpy())
    spoiled = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, pa.array(label))
    assert (label == 1e6).any()
    assert rehearsed(spoiled, cut) == rehearsed(STEADY, cut)


def test_the_same_rows_give_the_same_rehearsal() -> None:
    assert rehearsed(STEADY, windows(12)) == rehearsed(STEADY, windows(12))


def test_the_widest_span_holds_every_window_that_trains_or_selects() -> None:
    cut = windows(12)
    recent, whole = widest(cut, "recent"), widest(cut, "history")
    assert whole.start < recent.start
    for origin in cut.origins:
        for part in (origin.train_history, origin.early_stop, origin.selection):
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


def test_the_reason_names_loss_unit_and_origins() -> None:
    found = rehearsed(STEADY, windows(12), "recent")
    mean = np.mean([origin.loss for origin in found.origins])
    where = "mean of 3 origins (2018-09-01, 2018-10-01, 2018-11-01)"
    assert found.reason == f"recent: mae {mean:.4g} label units, {where}"
    assert found.rounds == rounds_from([origin.rounds for origin in found.origins], RECIPE)


@pytest.mark.parametrize("strategy", ["recent", "history"])
def test_without_origins_the_rounds_come_from_rows_held_out_and_the_reason_says_so(strategy: str) -> None:
    found = rehearsed(STEADY, windows(2), strategy)
    assert found.origins == ()
    assert found.reason.startswith(f"{strategy}: no origin to rehearse on before 2018-02-01")
    assert "held out by the hash of their key" in found.reason
    assert 10 <= found.rounds <= 60


def test_an_origin_without_early_stop_rows_stops_on_rows_of_its_own() -> None:
    cut = windows(12, origins=1)
    bare = replace(cut, origins=(replace(cut.origins[0], early_stop=None),))
    (whole,), (held,) = (rehearsed(STEADY, each).origins for each in (cut, bare))
    assert held.loss == pytest.approx(whole.loss, rel=0.2)


def test_an_origin_of_a_single_class_is_skipped_and_named() -> None:
    recipe = LATE
    early = STEADY["at"].to_numpy() < np.datetime64("2018-07-31")
    label = np.where(early, 0.0, STEADY[LABEL].to_numpy() > 15)
    world = STEADY.set_column(STEADY.column_names.index(LABEL), LABEL, pa.array(label))
    found = rehearsed(world, windows(12, origins=3, recent=2), "recent", recipe)
    assert len(found.skipped) == 1
    assert found.skipped[0].startswith("2018-09-01: all ")
    assert {row.origin for row in found.origins} == {"2018-10-01", "2018-11-01"}


def test_no_labelled_row_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughData, match="no labelled row before 2018-12-01"):
        rehearsed(STEADY.slice(0, 0), windows(12))


def test_a_loader_whose_rows_are_not_in_time_order_is_refused() -> None:
    shuffled = STEADY.take(np.random.default_rng(2).permutation(STEADY.num_rows))
    with pytest.raises(DataError, match="3,600 rows are not sorted by at: hold them as HeldRows"):
        rehearse(lambda wanted: shuffled, windows(12), "history", RECIPE)


def test_a_missing_feature_is_named() -> None:
    with pytest.raises(DataError, match="feature 'zone' is missing"):
        rehearsed(STEADY.drop_columns(["zone"]), windows(12))


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
    assert widest(windows(12), "history").periods == span("2018-01-01", "2018-12-01").periods
