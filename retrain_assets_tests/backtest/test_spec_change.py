import pytest
import yaml

from retrain_assets.backtest.spec_change import changed_spec, difference
from retrain_assets.spec.loading import SHIPPED

HEAD = "name: taxi        # the model\n\n"
TAIL = "\nvalidation:\n  primary: mae\n"
BLOCK = "triggers:\n  retrain_cost: 2000   # dollars\n  # how old\n  max_age_periods: 1\n  cooldown: 0w\n"


def test_other_keys_and_comments_stay():
    after = changed_spec(HEAD + BLOCK + TAIL, {"on_excess_loss": False, "max_age": "8w"})
    assert after.startswith(HEAD)
    assert after.endswith(TAIL)
    assert "retrain_cost: 2000   # dollars" in after
    assert yaml.safe_load(after)["triggers"] == {
        "retrain_cost": 2000,
        "cooldown": "0w",
        "on_excess_loss": False,
        "max_age": "8w",
    }


@pytest.mark.parametrize("block", ["", "triggers: {retrain_cost: 2000, max_age: 4w}\n", "triggers:\n"])
def test_a_block_in_one_line_an_empty_one_and_none(block):
    after = changed_spec(HEAD + block + TAIL, {"on_excess_loss": 4000.0})
    kept = {"retrain_cost": 2000} if "2000" in block else {}
    assert yaml.safe_load(after)["triggers"] == {**kept, "on_excess_loss": 4000}
    assert yaml.safe_load(after)["validation"] == {"primary": "mae"}


@pytest.mark.parametrize("name", ["taxi_charge", "flight_delays", "employment"])
def test_the_shipped_specs_change_in_their_triggers_alone(name):
    before = (SHIPPED / f"{name}.yaml").read_text()
    after = changed_spec(before, {"on_excess_loss": False})
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    assert new.pop("triggers")["on_excess_loss"] is False
    old.pop("triggers")
    assert old == new
    shown = difference(before, after, f"{name}.yaml")
    assert "+  on_excess_loss: false" in shown


def test_a_last_block_without_a_line_s_end_and_values_over_several_lines_stay_whole():
    block = "triggers:\n  max_age: 4w\n  cooldown: 2w\n  on_columns:\n    - miles\n    - zone"
    after = changed_spec(HEAD + block, {"on_excess_loss": 400.0})
    assert after.startswith(HEAD)
    assert yaml.safe_load(after)["triggers"] == {
        "cooldown": "2w",
        "on_columns": ["miles", "zone"],
        "on_excess_loss": 400,
    }
    assert after.endswith("    - zone\n  on_excess_loss: 400\n")
