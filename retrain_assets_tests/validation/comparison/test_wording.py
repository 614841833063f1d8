"""How a comparison reads: the direction in a word, numbers in their unit, and how sure it is."""

import pytest

from retrain_assets.validation.comparison.wording import fresh, moved, perhaps, surely


@pytest.mark.parametrize(
    ("name", "unit", "before", "after", "said"),
    [
        ("mae", "USD", 1.8, 1.444, "MAE fell from $1.80 to $1.44 a ride (-20 %)"),
        ("mae", "", 14.7, 14.3, "MAE fell from 14.7 to 14.3 a ride (-3 %)"),
        ("mae", "USD", 1.0, 1.002, "MAE rose from $1.000 to $1.002 a ride (+0.2 %)"),
        ("mae", "USD", 1.5, float("nan"), "MAE moved from $1.50 to unknown a ride"),
    ],
)
def test_a_mean_loss_is_told_a_row_and_by_its_share(name, unit, before, after, said):
    assert moved(name, unit, before, after, a_row="ride") == said


def test_points_of_a_share_are_not_taken_for_a_share_of_it():
    assert moved("accuracy", "share", 0.9, 0.92) == "accuracy rose from 90 % to 92 %"
    assert moved("auc", "", 0.71, 0.73) == "AUC rose from 0.71 to 0.73"
    assert moved("log_loss", "nats", 0.35, 0.34) == "log loss fell from 0.35 to 0.34 nats (-3 %)"


def test_values_that_differ_are_never_written_alike():
    assert moved("auc", "", 0.912345, 0.912399) == "AUC rose from 0.9123 to 0.9124"
    assert moved("auc", "", 0.9, 0.9) == "AUC stays at 0.9"


def test_a_limit_is_told_by_its_side():
    assert surely(0.0, "USD", "95 %") == "at most $0 worse with 95 % confidence"
    assert perhaps(float("nan"), "", "95 %") == "nothing is ruled out"


def test_rows_go_by_their_name_and_other_units_by_theirs():
    assert fresh(1, "row", "person") == "1 fresh person"
    assert fresh(4, "7-day block", "ride") == "4 blocks of 7 days of fresh rides"
