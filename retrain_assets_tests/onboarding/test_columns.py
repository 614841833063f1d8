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
