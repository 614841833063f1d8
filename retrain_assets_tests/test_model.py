"""A model's facts as one value: the words it gives sentences, and access to one period after another."""

from dataclasses import FrozenInstanceError, replace

import pytest

from retrain_assets.model import PeriodAccess
from retrain_assets.store import PeriodStore
from retrain_assets_tests.monitoring.stored import TAXI


@pytest.mark.parametrize(
    ("facts", "loss"),
    [({}, "$1.50 a ride"), ({"label_unit": ""}, "1.5 a ride"), ({"label_unit": "min"}, "1.5 min a ride")],
)
def test_sentences_name_the_loss_in_the_labels_unit_where_that_is_declared(facts, loss):
    assert replace(TAXI, **facts).units.a_row(1.5) == loss


def test_rows_are_called_by_their_name():
    assert (TAXI.units.rows(1), TAXI.units.rows(2000)) == ("1 ride", "2,000 rides")


def test_facts_do_not_change_and_another_period_has_the_same_store_and_registry(tmp_path):
    with pytest.raises(FrozenInstanceError, match="loss"):
        TAXI.loss = "mse"
    access = PeriodAccess(PeriodStore(tmp_path), None, "2019-01")
    assert access.of("2019-02") == PeriodAccess(access.store, access.registry, "2019-02")
    assert access.period == "2019-01"
