"""A draft leaves suspects out, and a person takes them in."""

from datetime import timedelta

import pandas as pd
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


ROWS = pd.DataFrame(
    {
        "id": range(60),
        "at": pd.date_range("2024-01-01", periods=60, freq="12h").astype(str),
        "size": [1.5, 4.5, 2.5, 3.5, 0.5] * 12,
        "y": ["no", "yes"] * 30,
    }
)


def drafted_from(folder, rows, outcomes=None, **named):
    rows.to_csv(folder / "rows.csv", index=False)
    if outcomes is not None:
        outcomes.to_csv(folder / "outcomes.csv", index=False)
        outcomes = read_table(str(folder / "outcomes.csv"))
    return drafted("y", read_table(str(folder / "rows.csv")), outcomes, Named(**named), every="week")


def test_a_number_that_was_left_out_can_be_taken_in_and_a_date_or_a_text_cannot(tmp_path):
    rows = ROWS.assign(year=[2000 + n // 10 for n in range(60)], signed=[f"2024-01-{n % 28 + 1:02}" for n in range(60)])
    draft = drafted_from(tmp_path, rows, label="y", time="at")
    assert [one.reason for one in draft.suspects] == ["clock", "date"]
    taken = draft.with_feature("year")
    assert (taken.numeric, [one.name for one in taken.suspects]) == (("size", "year"), ["signed"])
    with pytest.raises(DataError, match="signed is time, which is no feature. Make a number or a category of it"):
        draft.with_feature("signed")
    with pytest.raises(DataError, match=r"no column 'sex' in .*rows.csv. It has id, at, size, y, year, signed."):
        draft.with_group("sex")


def test_numbers_with_a_unit_among_many_remarks_are_a_text_which_is_no_feature(tmp_path):
    rows = pd.concat([ROWS] * 20, ignore_index=True).assign(id=range(1_200))
    weights = [f"{n + 300} kg" if n % 20 else "unweighed" + "!" * (n // 20) for n in range(1_200)]
    with pytest.raises(DataError, match="weight is text, which is no feature"):
        drafted_from(tmp_path, rows.assign(weight=weights), label="y").with_feature("weight")


def test_a_line_of_totals_is_left_out_and_said(tmp_path):
    draft = drafted_from(tmp_path, pd.concat([ROWS, ROWS.tail(1).assign(id=99, at="Total")]))
    assert draft.table.rows.num_rows == 60
    assert draft.table.remarks == ("1 of 61 rows have no at that can be read, and are left out",)


def test_a_date_beside_the_label_in_the_same_table_tells_when_it_is_known(tmp_path):
    later = (pd.to_datetime(ROWS["at"]) + pd.Timedelta(days=3)).dt.strftime("%Y-%m-%d %H:%M")
    draft = drafted_from(tmp_path, ROWS.assign(resolved_on=later))
    assert (draft.roles.known_at, draft.roles.delay, draft.delay) == ("resolved_on", timedelta(days=3), "3d")
    assert draft.numeric == ("size",)


def test_a_key_of_another_name_in_the_outcomes_is_declared_as_renamed(tmp_path):
    rows = ROWS.assign(id=[f"A{n}" for n in range(60)])
    outcomes = pd.DataFrame({"customer": rows["id"], "y": rows["y"]})
    draft = drafted_from(tmp_path, rows.drop(columns="y"), outcomes)
    assert (draft.roles.key, draft.outcomes.written) == ("id", {"rename": {"customer": "id"}})


@pytest.mark.parametrize("apart", [False, True], ids=["in the rows", "in outcomes of their own"])
def test_words_for_an_outcome_that_is_not_known_yet_are_declared_where_they_stand(tmp_path, apart):
    rows = ROWS.assign(y=["no", "yes", "open"] * 20)
    draft = (
        drafted_from(tmp_path, rows[["id", "at", "size"]], rows[["id", "y"]]) if apart else drafted_from(tmp_path, rows)
    )
    own, other = (draft.outcomes, draft.table) if apart else (draft.table, draft.outcomes)
    assert own.written == {"null_values": ["open"]}
    assert other is None or other.written == {}


@pytest.mark.parametrize(
    ("form", "order"), [("%d/%m/%Y", "day-first"), ("%m/%d/%Y", "month-first"), ("%Y-%m-%d", None)]
)
def test_an_order_of_day_and_month_that_one_file_alone_does_not_tell_is_declared(tmp_path, form, order):
    for start in ("2024-01-02", "2024-02-20"):
        days = pd.date_range(start, periods=10)
        frame = ROWS.head(10).assign(id=[f"{start} {n}" for n in range(10)], at=days.strftime(form))
        frame.to_csv(tmp_path / f"{start}.csv", index=False)
    draft = drafted("y", read_table(str(tmp_path / "*.csv")), None, Named(), every="month")
    assert draft.table.written.get("time_format") == order


def test_the_margin_of_accuracy_is_what_a_gate_of_two_weeks_can_show(tmp_path):
    rows = pd.concat([ROWS] * 30, ignore_index=True).assign(id=range(1_800), y=["a", "b", "c"] * 600)
    draft = drafted_from(tmp_path, rows)
    assert draft.cadence.usual_rows == 420
    # 2.93 · √(0.4 / 840) = 0.0639
    assert (draft.roles.label.task, draft.guardrail_margin) == ("multiclass", 0.07)
