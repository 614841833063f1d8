"""What the version in charge of a period reads of its rows, whatever the spec declares by now."""

import json
from types import SimpleNamespace

import pytest

from retrain_assets.errors import IntegrityError, NotFound
from retrain_assets.raw.served import served_kinds
from retrain_assets.scoring.feature_contract import FeatureContract

KINDS = {"miles": "numeric", "zone": "categorical"}
CONTRACT = json.dumps(FeatureContract(("miles", "zone"), KINDS, {"zone": ("JFK",)}).to_dict()).encode()
SERVED = {"2019-02": SimpleNamespace(digest="d1")}


def test_the_kinds_are_those_of_the_version_in_charge_of_the_period():
    registry = SimpleNamespace(served_in=SERVED.get, read={"d1": {"features.json": CONTRACT}}.get)
    assert served_kinds(registry, "2019-02") == KINDS
    assert served_kinds(registry, "2019-01") == {}


@pytest.mark.parametrize("error", [IntegrityError, NotFound])
def test_a_damaged_version_asks_for_nothing_and_keeps_no_data_out(error):
    def damaged(digest):
        raise error(digest)

    assert served_kinds(SimpleNamespace(served_in=SERVED.get, read=damaged), "2019-02") == {}
