from dataclasses import replace
from datetime import timedelta

import numpy as np

from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def test_outcomes_are_known_a_label_delay_after_their_day():
    matrix = matrix_of(ageing(3), delay=timedelta(days=2))
    assert matrix.known_until.tolist() == [0, 5, 12]
    assert matrix_of(ageing(3)).known_until.tolist() == [0, 7, 14]


def test_a_day_of_which_a_part_is_known_is_not_known():
    matrix = matrix_of(ageing(3), delay=timedelta(hours=12))
    assert matrix.known_until.tolist() == [0, 6, 13]
    noon = matrix.days[3].astype("datetime64[us]") + np.timedelta64(12, "h")
    assert matrix.ended_by(np.array([noon])).tolist() == [3]


def test_a_model_serves_from_its_moment_on():
    matrix = matrix_of(ageing(3))
    assert matrix.served_from.tolist() == [0, 7, 14]
    assert matrix.lost(0, 7, 14) == 7 * 10 * 2.0
    assert matrix.rows_of(3, 5) == 20


def test_days_of_the_training_have_no_loss_and_add_nothing():
    matrix = matrix_of(ageing(3))
    assert np.isnan(matrix.losses[2, :14]).all()
    assert matrix.lost(2, 0, 14) == 0


def test_the_halves_share_no_day():
    first, second = matrix_of(ageing(5)).halves()
    assert (first.first, first.last, first.end) == (0, 2, 14)
    assert (second.first, second.last, second.end) == (2, 5, 35)
    assert first.decisions == 1


def test_days_are_known_when_their_outcomes_say_so_and_not_before_those_before_them():
    matrix = matrix_of(ageing(3))
    known = matrix.days.astype("datetime64[us]") + np.timedelta64(2, "D")
    known[3] += np.timedelta64(6, "D")
    dated = replace(matrix, known_at=known)
    assert matrix.known_until.tolist() == [0, 7, 14]
    assert dated.known_until.tolist() == [0, 3, 13]
