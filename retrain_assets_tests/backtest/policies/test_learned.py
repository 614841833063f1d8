from retrain_assets.backtest.policies.learned import ForecastLoss
from retrain_assets.backtest.policies.path import Past, walk
from retrain_assets_tests.backtest.worlds import ageing, matrix_of


def test_it_learns_that_models_age_and_retrains_where_that_pays():
    matrix = matrix_of(ageing(40, slope=0.2))
    path = walk(ForecastLoss(cost=200.0, horizon=8), matrix, matrix.whole)
    assert path.count >= 3
    dear = walk(ForecastLoss(cost=200_000.0, horizon=8), matrix, matrix.whole)
    assert dear.count == 0


def test_a_steady_loss_teaches_to_keep_the_model():
    matrix = matrix_of(ageing(40, slope=0.0))
    assert walk(ForecastLoss(cost=1.0), matrix, matrix.whole).count == 0


def test_it_waits_until_enough_is_known():
    matrix = matrix_of(ageing(40, slope=5.0))
    assert not ForecastLoss(cost=1.0).asks(Past(matrix, 7, (0,)))
    assert ForecastLoss(cost=1.0).asks(Past(matrix, 8, (0,)))


def test_more_certainty_retrains_no_more_often():
    matrix = matrix_of(ageing(40, slope=0.2))
    counts = [walk(ForecastLoss(200.0, 8, level), matrix, matrix.whole).count for level in (0.5, 0.8, 0.99)]
    assert counts == sorted(counts, reverse=True)
