from retrain_assets.backtest.policies.excess import AccumulatedExcess
from retrain_assets.backtest.policies.path import Past, walk
from retrain_assets.backtest.policies.promise import promise
from retrain_assets.documents.units import LossUnits
from retrain_assets_tests.backtest.worlds import ageing, matrix_of

DOLLARS = LossUnits("ride", "USD")


def largest_recent_sum(values):
    """The cumulative sum that is cut off at 0, as the largest sum of the last few values."""
    return max(sum(values[start:]) for start in range(len(values) + 1))


def test_it_asks_once_the_excess_pays_for_a_retrain():
    matrix = matrix_of(ageing(20))
    path = walk(AccumulatedExcess(400.0, DOLLARS), matrix, matrix.whole)
    for live, asked in zip(path.retrains, path.retrains[1:], strict=False):
        held_to = promise(Past(matrix, asked, (live,))).mean
        excess = [70 * (1.0 + age - held_to) for age in range(asked - live)]
        assert largest_recent_sum(excess) >= 400 > largest_recent_sum(excess[:-1])
    assert path.count >= 2


def test_a_model_that_keeps_its_promise_is_never_retrained():
    matrix = matrix_of(ageing(12, slope=0.0))
    assert walk(AccumulatedExcess(1.0, DOLLARS), matrix, matrix.whole).retrains == (0,)
    assert AccumulatedExcess(1000.0, DOLLARS).name == "$1,000 more error than expected"
