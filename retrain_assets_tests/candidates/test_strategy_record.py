"""What training a strategy left behind is read as it was written, with its model beside it."""

from datetime import date

import pytest

from benchmarks.worlds.changes import RECIPE, fares, span
from retrain_assets.candidates.coverage import Coverage
from retrain_assets.candidates.origin_losses import DailyLosses
from retrain_assets.candidates.rolling_origins import OriginLoss
from retrain_assets.candidates.strategies import HeldRows, train_strategy
from retrain_assets.candidates.strategy_record import StrategyRecord, read_strategy, training_seconds, write_strategy
from retrain_assets.errors import DataError
from retrain_assets.store import PeriodStore

WINDOW = span("2018-01-01", "2018-03-01")
ORIGINS = tuple(OriginLoss(f"2018-0{month}-01", "recent", loss, 90, 30, 400) for month, loss in ((2, 1.0), (3, 2.0)))


@pytest.fixture(scope="module")
def record():
    held = HeldRows(fares(2, lambda month, miles, zone: 3 * miles), RECIPE)
    daily = (DailyLosses("2018-02-01", "recent", (date(2018, 2, 1),), (10,), (12.5,)),)
    trained = train_strategy(held, WINDOW, "recent", 5, RECIPE)
    return StrategyRecord("recent", Coverage({"zone": 0}, {"label = 1": 9}, 2, ()), WINDOW, trained, ORIGINS, daily,
                          ("2018-01",), "5 rounds", 1.5)  # fmt: skip


def test_a_record_and_its_model_survive_the_store(record, tmp_path):
    store = PeriodStore(tmp_path)
    assert read_strategy(store, "recent", "2018-03") is None
    write_strategy(store, "2018-03", record)
    assert read_strategy(store, "recent", "2018-03") == record
    assert store.read_bytes("candidate_recent", "2018-03", "bst") == record.trained.model


def test_a_strategy_that_was_not_trained_keeps_what_it_lacks(tmp_path):
    store = PeriodStore(tmp_path)
    lacking = StrategyRecord("history", Coverage({}, {}, 1, ("1 of the 4 periods",)), WINDOW)
    write_strategy(store, "2018-03", lacking)
    assert read_strategy(store, "history", "2018-03") == lacking
    assert store.periods("candidate_history", "bst") == []


def test_the_selection_loss_is_the_mean_over_the_origins_and_unknown_without_one(record):
    assert record.selection_loss == 1.5
    assert StrategyRecord("recent", record.coverage, WINDOW).selection_loss is None


def test_the_seconds_of_a_period_are_those_of_its_strategies_together(record, tmp_path):
    store = PeriodStore(tmp_path)
    assert training_seconds(store, "2018-03") == 0.0
    write_strategy(store, "2018-03", record)
    write_strategy(store, "2018-03", StrategyRecord("history", record.coverage, WINDOW, record.trained, seconds=2.0))
    assert training_seconds(store, "2018-03") == pytest.approx(3.5)


def test_a_record_of_a_newer_release_is_refused(record):
    with pytest.raises(DataError, match="record of strategy recent .*schema 9"):
        StrategyRecord.from_dict(record.to_dict() | {"schema": 9}, b"")
