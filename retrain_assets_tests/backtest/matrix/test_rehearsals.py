from datetime import timedelta

import pytest

from retrain_assets.backtest.matrix.fits import FitRecord
from retrain_assets.backtest.matrix.origins import origin_at
from retrain_assets.backtest.matrix.rehearsals import preferred, rehearsed, rounds_at
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.model import Model
from retrain_assets.periods import Calendar
from retrain_assets.windows.cut import UsedRows, cut
from retrain_assets.windows.policy import WindowsPolicy
from retrain_assets_tests.backtest.worlds import matrix_recipe

WEEKS = Calendar(every="week", start="2024-01-01")
MODEL = Model("rides", "regression", 2, WEEKS, "id", "at", "fare", timedelta(days=1), "mae")
WINDOWS = WindowsPolicy(recent="4w", gate="2w", selection="2w", selection_origins=3, min_train="2w")
ORIGINS = [origin_at(MODEL, WINDOWS, WEEKS.bounds(week)[0]) for week in WEEKS.between("2024-01-15", "2024-06-10")]


def test_the_origins_that_stand_for_a_retrain_are_its_own_rounded_to_the_grid():
    place = len(ORIGINS) - 1
    found = [ORIGINS[at] for at in rehearsed(ORIGINS, place, WINDOWS, WEEKS)]
    own = cut(MODEL, WINDOWS, "2024-06-03", WEEKS.between("2024-01-01", "2024-06-03"), UsedRows())
    assert len(found) == len(own.origins) == 3
    for ours, theirs in zip(found, own.origins, strict=True):
        assert timedelta(0) <= theirs.selection.end - ours.selection.end < timedelta(weeks=1)
        assert ours.selection.end <= own.gate.start


def test_an_early_origin_has_none():
    assert rehearsed(ORIGINS, 3, WINDOWS, WEEKS) == []


def test_rounds_are_the_median_of_the_rehearsals_best(built):
    recipe = matrix_recipe(built[0]).recipe
    fits = {place: FitRecord("", stopped_at=best) for place, best in enumerate((10, 12, 11))}
    assert rounds_at(fits, [0, 1, 2], 2, recipe) == 11
    assert rounds_at({0: FitRecord("", held_out_at=12)}, [], 0, recipe) == 12
    assert rounds_at({0: FitRecord("")}, [], 0, recipe) is None
    failed = {0: FitRecord("", problem="one class"), 1: FitRecord("", held_out_at=11), 2: FitRecord("")}
    assert rounds_at(failed, [0], 2, recipe) == 11


@pytest.mark.parametrize(
    ("incumbent", "expected"), [("recent", "recent"), ("history", "history")], ids=["live recent", "live history"]
)
def test_a_tie_stays_with_the_incumbent(incumbent, expected):
    policy = TrainingPolicy(objective="regression")
    losses = [{"recent": 1.0, "history": 1.0}]
    assert preferred(losses, ["recent", "history"], incumbent, policy) == expected


def test_the_average_competes_where_it_is_declared():
    losses = [{"recent": 1.0, "history": 1.2, "average": 0.9}]
    both = TrainingPolicy(objective="regression", strategies=("recent", "history", "average"))
    assert preferred(losses, ["recent", "history"], "history", both) == "average"
    assert preferred(losses, ["recent", "history"], "history", TrainingPolicy(objective="regression")) == "recent"
