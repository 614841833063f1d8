import pytest

from retrain_assets.backtest.record import (
    read_backtest,
    write_backtest,
)
from retrain_assets.errors import DataError
from retrain_assets.store import PeriodStore
from retrain_assets_tests.backtest.by_hand import backtest_record


def test_a_record_is_read_back_as_it_was_written(tmp_path):
    store, record = PeriodStore(tmp_path), backtest_record()
    assert read_backtest(store) is None
    write_backtest(store, record)
    assert read_backtest(store) == record
    assert read_backtest(store, "2018-12") == record
    assert read_backtest(store, "2018-11") is None


def test_the_json_leads_with_what_a_program_asks_for():
    told = backtest_record().to_dict()
    assert told["recommendation"]["policy"] == "a clock of 8 weeks"
    assert (told["recommendation"]["saves"], told["recommendation"]["distinguishable"]) == (100.0, True)
    assert "never" in [policy["name"] for policy in told["policies"]]


def test_a_newer_record_is_refused(tmp_path):
    store = PeriodStore(tmp_path)
    write_backtest(store, backtest_record(schema=99))
    with pytest.raises(DataError, match="policy_backtest of 2018-12 has schema 99"):
        read_backtest(store)
