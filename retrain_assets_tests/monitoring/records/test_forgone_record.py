from dataclasses import replace

import pytest

from retrain_assets.documents.units import LossUnits
from retrain_assets.errors import DataError
from retrain_assets.monitoring.records.forgone_record import ForgoneRecord, read_forgone, write_forgone
from retrain_assets.store import PeriodStore

KNOWN = ForgoneRecord("2019-03", "v2", 2412.0, 2050.0, 0.9, 0.04, 310.0, 63, 50)


def test_it_is_read_back_as_it_was_written(tmp_path):
    store = PeriodStore(tmp_path)
    assert read_forgone(store, "2019-03") is None
    write_forgone(store, KNOWN)
    assert read_forgone(store, "2019-03") == KNOWN


def test_a_newer_record_is_refused(tmp_path):
    store = PeriodStore(tmp_path)
    store.write_json("forgone_gain", "2019-03", KNOWN.to_dict() | {"schema": 9})
    with pytest.raises(DataError, match="forgone_gain of 2019-03 has schema 9"):
        read_forgone(store, "2019-03")


def test_the_sentence_names_age_share_and_what_a_retrain_would_save():
    assert KNOWN.sentence(LossUnits("ride", "USD")).startswith("models aged 9 weeks did 4 % worse than fresh ones")


def test_too_few_days_are_no_limit_of_nothing():
    said = replace(KNOWN, low=None, days=3).sentence(LossUnits("ride", "USD"))
    assert said == "3 days of fresh models beside one aged 9 weeks are too few to tell how much worse it is"
