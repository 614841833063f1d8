"""A draft leaves suspects out, and a person takes them in."""

import pytest

from retrain_assets.errors import DataError
from retrain_assets.onboarding.draft import drafted
from retrain_assets.onboarding.roles import Named
from retrain_assets.onboarding.table import read_table
from retrain_assets_tests.onboarding.tables import subscriptions


@pytest.fixture
def draft(tmp_path):
    rows = subscriptions(tmp_path)
    return drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())


def test_features_are_what_is_left(draft):
    assert (draft.numeric, draft.categorical, draft.protected) == (("tenure", "fee"), ("plan",), ("gender",))
    assert (draft.delay, draft.min_rows) == ("20d", 60)


def test_a_protected_attribute_can_be_protected_or_used_or_both(draft):
    assert draft.with_group("gender").groups == ("gender",)
    assert "gender" not in draft.with_group("gender").categorical
    assert draft.with_feature("gender").categorical == ("plan", "gender")
    with pytest.raises(DataError, match="no column 'sex'"):
        draft.with_feature("sex")


def test_a_table_without_a_feature_is_refused_with_the_reasons(tmp_path):
    rows = subscriptions(tmp_path, tenure=1, fee=2, plan="x")
    with pytest.raises(DataError, match="no column is left to learn from .*always 1.*--use"):
        drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())


def test_numbers_with_a_unit_are_numbers_and_said(tmp_path):
    rows = subscriptions(tmp_path, rows=1200, weight=[f"{n + 300} kg" for n in range(1200)])
    table = read_table(str(rows))
    draft = drafted("left", table, read_table(str(tmp_path / "outcomes.csv")), Named())
    assert "weight" in draft.numeric
    assert (draft.facts["weight"].low, draft.facts["weight"].high) == (300, 1499)
    assert any("1,200 values of weight are written like 300 kg, read as 300" in said for said in table.remarks)


@pytest.mark.parametrize(("month", "units"), [([" kg", " t"], "kg and t"), ([" kg"], "g and kg")])
def test_numbers_in_two_units_are_left_out_with_both_in_one_file_or_in_two(tmp_path, month, units):
    rows = subscriptions(tmp_path, rows=1200, weight=[f"{n + 300}{month[n % len(month)]}" for n in range(1200)])
    last = tmp_path / "rows" / "2024-06.csv"
    last.write_text(last.read_text().replace(" kg", " g" if len(month) == 1 else " kg"))
    draft = drafted("left", read_table(str(rows)), read_table(str(tmp_path / "outcomes.csv")), Named())
    (said,) = [one.sentence for one in draft.suspects if one.name == "weight"]
    assert said == f"numbers in several units, {units}: write them in one, then use it"
