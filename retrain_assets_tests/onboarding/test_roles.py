"""Key, time, label and delay are told from the tables, or asked for with the flag that says them."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from retrain_assets.errors import DataError
from retrain_assets.onboarding.columns import facts_of
from retrain_assets.onboarding.roles import Named, find_roles
from retrain_assets.onboarding.table import read_table
from retrain_assets_tests.onboarding.tables import subscriptions


def roles(rows, outcomes=None, **named):
    table = read_table(str(rows))
    facts = {name: facts_of(table, name) for name in table.rows.column_names}
    return find_roles(table, read_table(str(outcomes)) if outcomes else None, facts, Named(**named))


def written(tmp_path, frame, name="rows.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


ROWS = pd.DataFrame({"id": range(40), "at": pd.date_range("2024-01-01", periods=40), "size": [1.5, 2.5] * 20})


def test_roles_and_delay_of_outcomes_in_another_file(tmp_path):
    found = roles(subscriptions(tmp_path), tmp_path / "outcomes.csv")
    assert (found.key, found.time, found.label.name, found.known_at) == ("account_id", "day", "left", "seen_at")
    assert found.delay == timedelta(days=20)
    assert found.label.values == {"no": 0.0, "yes": 1.0}
    assert np.isfinite(found.labels).all()


def test_an_exact_duplicate_does_not_hide_the_key(tmp_path):
    frame = pd.concat([ROWS] * 50, ignore_index=True).assign(id=range(2_000), y=[0, 1] * 1_000)
    found = roles(written(tmp_path, pd.concat([frame, frame.tail(1)])))
    assert (found.key, found.repeated) == ("id", 1)


def test_a_table_whose_keys_repeat_is_refused_with_the_nearest_column(tmp_path):
    frame = ROWS.assign(id=[number // 2 for number in range(40)], y=[0, 1] * 20)
    with pytest.raises(DataError, match=r"no column names one row for good. id comes nearest, with 50 %.*--key"):
        roles(written(tmp_path, frame))


def test_a_label_by_position_says_that_it_is_a_guess(tmp_path):
    found = roles(written(tmp_path, ROWS.assign(rain=[0, 1] * 20)))
    assert (found.label.name, found.label.task, found.label.why) == ("rain", "binary", "taken as the last column")


@pytest.mark.parametrize(
    ("values", "task", "mapping"),
    [
        ([1, 2], "binary", {"1": 0.0, "2": 1.0}),
        ([0, 1, 2, 3], "multiclass", {}),
        (["low", "mid", "high", "low"], "multiclass", {"high": 0.0, "low": 1.0, "mid": 2.0}),
        ([0.5, 1.5, 2.25, 9.0], "regression", {}),
    ],
)
def test_the_task_is_told_from_the_labels_values(tmp_path, values, task, mapping):
    found = roles(written(tmp_path, ROWS.assign(label=values * (40 // len(values)))))
    assert (found.label.task, found.label.values) == (task, mapping)


def test_the_positive_value_can_be_said(tmp_path):
    subscriptions(tmp_path)
    found = roles(tmp_path / "rows" / "*.csv", tmp_path / "outcomes.csv", positive="no")
    assert found.label.values == {"no": 1.0, "yes": 0.0}


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"key": "uid"}, "no column 'uid' for --key. It has id, at, size, y"),
        ({"time": "when"}, "no column 'when' for --time"),
        ({"label": "z"}, "no column 'z' for --label"),
        ({"time": "size"}, "size is no time. Name another column with --time."),
        ({"label": "y", "known_at": "y"}, "y cannot be the label and the date at which it is known"),
    ],
)
def test_a_column_that_is_not_there_or_cannot_be_what_is_said_is_named_with_its_flag(tmp_path, named, message):
    with pytest.raises(DataError, match=message):
        roles(written(tmp_path, ROWS.assign(y=[0, 1] * 20)), **named)


def test_outcomes_of_other_rows_are_refused(tmp_path):
    written(tmp_path, ROWS)
    other = written(tmp_path, pd.DataFrame({"id": range(1_000, 1_040), "y": [0, 1] * 20}), "outcomes.csv")
    with pytest.raises(DataError, match="only 0 % of the rows of .* have an outcome"):
        roles(tmp_path / "rows.csv", other)


@pytest.mark.parametrize(
    ("first", "second"), [("yes", "NO"), ("ja", "nein"), ("oui", "non"), ("True", "n"), ("1", "no")]
)
def test_yes_and_no_in_any_spelling_are_two_values(tmp_path, first, second):
    found = roles(written(tmp_path, ROWS.assign(churned=["Yes", "No", first, second] * 10)))
    assert found.label.task == "binary"
    assert {found.label.values[word] for word in ("Yes", first)} == {1.0}
    assert {found.label.values[word] for word in ("No", second)} == {0.0}


def test_a_value_that_says_that_nothing_is_known_is_no_class(tmp_path):
    found = roles(written(tmp_path, ROWS.assign(churned=["yes", "no", "open", "no"] * 10)))
    assert (found.label.task, found.label.unknown) == ("binary", ("open",))
    assert np.isnan(found.labels).sum() == 10


def test_a_label_is_taken_by_the_name_of_an_event_and_never_a_protected_attribute(tmp_path):
    frame = ROWS.assign(defaulted=[0, 1] * 20, region=["a", "b", "c", "d"] * 10, sex=["F", "M"] * 20)
    assert roles(written(tmp_path, frame)).label.name == "defaulted"
    assert roles(written(tmp_path, frame.drop(columns="defaulted"))).label.name == "region"


def test_of_several_outcomes_the_only_one_of_two_values_is_meant_and_the_others_are_named(tmp_path):
    outcomes = pd.DataFrame(
        {"id": range(40), "ok": [0, 1] * 20, "minutes": np.arange(40) / 3, "code": ["a", "b", "c", "d"] * 10}
    )
    found = roles(written(tmp_path, ROWS), written(tmp_path, outcomes, "outcomes.csv"))
    assert (found.label.name, found.label.others) == ("ok", ("ok", "minutes"))


def test_the_key_may_have_another_name_or_leading_zeros_in_the_outcomes(tmp_path):
    rows = written(tmp_path, ROWS.assign(id=[f"{number:05}" for number in range(40)]))
    outcomes = pd.DataFrame({"customer": range(40), "y": [0, 1] * 20})
    found = roles(rows, written(tmp_path, outcomes, "outcomes.csv"))
    assert (found.key, found.joined) == ("id", "customer")
    assert np.isfinite(found.labels).all()


def test_many_exact_copies_do_not_hide_the_key_and_rows_that_differ_are_counted_apart(tmp_path):
    frame = pd.concat([ROWS] * 50, ignore_index=True).assign(id=range(2_000), y=[0, 1] * 1_000)
    torn = frame.head(1).assign(size=7.0)
    found = roles(written(tmp_path, pd.concat([frame, frame.tail(100), torn])))
    assert (found.key, found.repeated, found.torn) == ("id", 100, 1)


def test_newest_rows_without_an_outcome_tell_how_late_it_comes(tmp_path):
    found = roles(written(tmp_path, ROWS.assign(y=[0.0, 1.0] * 15 + [None] * 10)))
    assert found.delay == timedelta(days=10)


@pytest.mark.parametrize("unit", [1, 1_000])
def test_a_time_may_be_a_number_of_seconds_or_milliseconds(tmp_path, unit):
    epoch = ROWS["at"].astype("datetime64[s]").astype("int64") * unit
    found = roles(written(tmp_path, ROWS.assign(at=epoch, y=[0, 1] * 20)))
    assert found.times[0] == np.datetime64("2024-01-01")


@pytest.mark.parametrize(
    ("label", "named", "message"),
    [
        ([1] * 40, {}, "y: only one outcome is known, 1. Name another --label."),
        (["yes", "no"] * 20, {"positive": "perhaps"}, "y: no value 'perhaps' for --positive. There are yes, no."),
        ([f"class {n % 20}" for n in range(40)], {}, "y: 20 different texts are too many classes"),
    ],
)
def test_a_label_that_cannot_be_learnt_is_refused(tmp_path, label, named, message):
    with pytest.raises(DataError, match=message):
        roles(written(tmp_path, ROWS.assign(y=label)), label="y", **named)


def test_a_table_of_key_and_time_alone_has_no_label(tmp_path):
    with pytest.raises(DataError, match=r"no column could be the label. Name it with --label."):
        roles(written(tmp_path, ROWS[["id", "at"]]))


def test_outcomes_without_the_key_are_refused_with_the_flag(tmp_path):
    rows = written(tmp_path, ROWS.assign(id=[f"A{n}" for n in range(40)]))
    outcomes = pd.DataFrame({"customer": [f"B{n}" for n in range(40)], "y": [0, 1] * 20})
    with pytest.raises(DataError, match=r"outcomes.csv: no column 'id' for --key. It has customer, y."):
        roles(rows, written(tmp_path, outcomes, "outcomes.csv"))


SEEN = [f"2024-03-{n:02}" if n % 2 else "pending" for n in range(1, 31)] + ["pending"] * 10
OUTCOMES = pd.DataFrame({"id": range(40), "y": [0, 1] * 20, "seen_at": SEEN})


def test_a_date_of_outcomes_that_half_of_them_have_in_words_is_no_date(tmp_path):
    found = roles(written(tmp_path, ROWS), written(tmp_path, OUTCOMES, "outcomes.csv"), label="y")
    assert (found.known_at, found.delay) == (None, None)


def test_a_date_of_outcomes_that_is_said_and_is_no_date_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"outcomes.csv: seen_at is no time. Name another column with --known-at."):
        roles(written(tmp_path, ROWS), written(tmp_path, OUTCOMES, "outcomes.csv"), label="y", known_at="seen_at")


@pytest.mark.parametrize(
    ("first", "second", "chosen"), [("begun", "finished", "begun"), ("begun", "booking_date", "booking_date")]
)
def test_of_several_times_the_one_called_so_is_meant_and_else_the_earliest(tmp_path, first, second, chosen):
    later = ROWS["at"] + pd.Timedelta(days=3)
    frame = ROWS.rename(columns={"at": first}).assign(**{second: later}, y=[0, 1] * 20)
    assert roles(written(tmp_path, frame)).time == chosen


def test_years_are_times_where_no_column_holds_dates(tmp_path):
    frame = ROWS.drop(columns="at").assign(year=np.arange(40) // 10 + 2010, y=[0, 1] * 20)
    found = roles(written(tmp_path, frame))
    assert (found.time, found.times[0]) == ("year", np.datetime64("2010-01-01"))


@pytest.mark.parametrize("month", [[1, 2] * 20, ["01/02/2023", None] * 20], ids=["numbers", "either order, with gaps"])
def test_a_table_without_times_is_refused_with_the_flag(tmp_path, month):
    with pytest.raises(DataError, match="no column holds times like 2024-03-01. Name the column with --time"):
        roles(written(tmp_path, ROWS.drop(columns="at").assign(month=month, y=[0, 1] * 20)))
