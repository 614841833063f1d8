"""A feature contract as it is stored beside a model."""

from retrain_assets.scoring.feature_contract import FeatureContract


def test_a_contract_comes_back_from_json_with_its_order_and_codes():
    levels = {"zone": ("EWR", "JFK"), "day": ("Mo",)}
    kinds = {"zone": "categorical", "miles": "numeric", "day": "categorical"}
    contract = FeatureContract(("zone", "miles", "day"), kinds, levels)
    again = FeatureContract.from_dict(contract.to_dict())
    assert again == contract
    assert (again.categorical, again.codes["zone"]["JFK"]) == (("zone", "day"), 1)
