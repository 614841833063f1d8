"""Numbers with their unit: what a person reads, whatever the size."""

import numpy as np
import pytest

from retrain_assets.documents.units import LossUnits, amount, amounts, loss_unit
from retrain_assets.metrics.metric import metric
from retrain_assets.metrics.names import TASKS
from retrain_assets.spec.loading import SHIPPED, load_spec


@pytest.mark.parametrize(
    ("value", "said"),
    [(0, "$0"), (0.004, "$0.004"), (0.05, "$0.05"), (99.99, "$99.99"), (99.999, "$100"), (-17_175.4, "-$17,175")],
)
def test_money_is_written_in_cents_below_a_hundred_and_in_whole_ones_above(value, said):
    assert amount(value, "USD") == said


def test_no_number_is_written_with_a_power_of_ten_below_a_billion():
    assert not any("e" in amount(scale * 9.9996) for scale in (0.001, 0.1, 1, 10, 100, 1e3, 1e6, 1e8))


def test_a_loss_has_a_unit_of_the_label_exactly_where_its_metric_says_so():
    losses = [name for name, tasks in TASKS.items() if tasks == {"regression"} and name != "wape"]
    for name in [*losses, "pinball[0.9]"]:
        assert loss_unit(name, "label units") == metric(name).unit
    assert {loss_unit(name, "USD") for name in ("brier", "accuracy")} == {""}
    assert loss_unit("log_loss", "") == metric("log_loss").unit


def test_the_shipped_specs_say_what_a_row_is():
    assert load_spec(SHIPPED / "taxi_charge.yaml").model.units == LossUnits("ride", "USD")
    assert load_spec(SHIPPED / "flight_delays.yaml").model.units == LossUnits("flight", "nats", "log_loss")
    assert load_spec(SHIPPED / "employment.yaml").model.units.rows(2) == "2 people"


@pytest.mark.parametrize(("unit", "scale"), [("", 1), ("USD", 1), ("minutes", 1), ("share", 100)])
def test_numbers_side_by_side_are_each_rounded_from_the_value_itself(unit, scale):
    for pair in np.random.default_rng(1).uniform(0.001, 1 if unit == "share" else 2000, (200, 2)):
        for value, said in zip(pair, amounts(pair, unit), strict=True):
            written = said.removeprefix("$").replace(",", "").split()[0]
            places = len(written.partition(".")[2])
            assert written == f"{scale * value:.{places}f}"


def test_two_losses_in_one_sentence_have_as_many_decimals():
    assert LossUnits("order", "minutes").levels("v2", 10.06, "v1", 9.437) == (
        "v2 was off by 10.06 minutes an order on average, v1 by 9.44 minutes"
    )
