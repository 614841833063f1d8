"""What a column is told to be, from its values and its name."""

import pyarrow as pa
import pytest

from retrain_assets.onboarding.columns import facts_of, kind_of, limits_with_room, positive_of
from retrain_assets.onboarding.table import ForeignTable


def facts(values, name="x"):
    return facts_of(ForeignTable("t.csv", (), pa.table({name: values}), ()), name)


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        ([1.5, None], "x", "number"),
        (["1", "2.5"], "x", "number"),
        (["007", "012"], "x", "category"),
        (["1", "2", "1"], "zone", "category"),
        ([True, False], "x", "category"),
        (["2024-01-05 10:00", "2024-01-06 11:00"], "x", "time"),
        (["14.02.2023", "15.02.2023"], "x", "time"),
        (["A", "B"], "x", "category"),
        (["01/02/2023", "03/02/2023"], "x", "time"),
        (pa.array([None, None], pa.string()), "day", "category"),
        ([[1], [2]], "x", "text"),
        ([f"free text {number}" for number in range(1_200)], "x", "text"),
    ],
)
def test_kinds_are_told_from_values_and_names(values, name, kind):
    assert kind_of(pa.chunked_array([values]), name) == kind


def test_two_spellings_of_yes_and_no_are_two_values():
    assert facts(["Y", "N", "True", "False"] * 5).distinct == 2


def test_limits_leave_room_and_ignore_one_absurd_value():
    assert limits_with_room(facts([1.0, 2.0, 9.0])) == (0.0, 20.0)
    assert limits_with_room(facts([float(value % 30) for value in range(5_000)] + [46_826.0]))[1] <= 200
    assert limits_with_room(facts([20.0, 60.0], "temp_f"))[0] < 0


def test_a_serial_number_identifies_and_a_salary_does_not():
    assert facts(list(range(100, 200))).identifies
    assert not facts([round(1_000 * 1.03**number) for number in range(100)]).identifies


def test_the_rarer_of_two_values_without_a_word_for_yes_is_the_positive_one():
    assert positive_of(facts(["kept"] * 5 + ["lost"]).levels) == "lost"


def test_numbers_that_are_all_missing_have_no_limits():
    empty = facts([float("nan"), None, float("inf")])
    assert (empty.kind, empty.missing, empty.distinct) == ("number", 3, 0)
    assert limits_with_room(empty) == (None, None)


def test_a_number_of_nines_far_from_the_others_counts_as_missing():
    found = facts([3.0, 9.0, 12.0] * 5 + [-999.0] * 5)
    assert (found.sentinel, found.missing, found.low, found.high) == (-999.0, 5, 3.0, 12.0)


@pytest.mark.parametrize(
    ("values", "name", "limits"),
    [([9, 17], "pickup_hour", (0, 24)), ([9, 31], "hour", (0.0, 60.0)), ([48.1, 52.3], "lat", (-90, 90))],
)
def test_what_a_name_makes_certain_is_the_limit_unless_a_value_lies_beyond(values, name, limits):
    assert limits_with_room(facts(values, name)) == limits


def test_one_absurd_negative_value_does_not_widen_the_limits():
    assert limits_with_room(facts([float(value % 30) - 15 for value in range(5_000)] + [-46_826.0]))[0] == -200


@pytest.mark.parametrize(("levels", "yes"), [(("N", "O"), "O"), (("S", "N"), "S"), (("O", "S"), "S")])
def test_one_letter_beside_an_n_is_yes_in_other_languages(levels, yes):
    assert positive_of(levels) == yes
