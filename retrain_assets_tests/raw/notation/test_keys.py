"""Keys meet whatever types two files or two periods give them."""

from decimal import Decimal

import pyarrow as pa
import pytest

from retrain_assets.raw.notation.keys import as_keys, as_stored, comparable_keys


@pytest.mark.parametrize(
    ("keys", "canonical"),
    [
        ([7, None], [7, None]),
        ([7.0, None], [7, None]),
        ([7.0, float("nan")], [7, None]),
        ([Decimal("7"), None], [7, None]),
        (["7.0", ""], ["7", None]),
        ([" 7 ", "C7"], ["7", "C7"]),
        (["007", "7.5"], ["007", "7.5"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["a", "b"]),
    ],
    ids=str,
)
def test_a_key_has_one_form_whatever_the_file_makes_of_it(keys, canonical):
    assert as_keys(pa.chunked_array([keys])).to_pylist() == canonical


@pytest.mark.parametrize(
    ("keys", "stored", "expected"),
    [
        (["7", "8"], pa.int64(), [7, 8]),
        (["7", "C8"], pa.int64(), ["7", "C8"]),
        (["07"], pa.int64(), ["07"]),
        ([7], pa.string(), ["7"]),
        (["7"], None, ["7"]),
    ],
)
def test_keys_follow_the_type_of_the_first_ingestion_where_all_of_them_can(keys, stored, expected):
    assert as_stored(pa.chunked_array([keys]), stored).to_pylist() == expected


def test_keys_of_two_types_are_compared_as_text():
    left, right = comparable_keys(pa.chunked_array([[7, 8]]), pa.chunked_array([["8"], ["C9"]]))
    assert (left.to_pylist(), right.to_pylist()) == (["7", "8"], ["8", "C9"])


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [(["007"], ["7"], ["7"]), (["7"], ["007"], ["7"]), (["007", "7"], ["7"], ["007", "7"])],
    ids=["zeros on the left", "on the right", "which tell two keys apart"],
)
def test_leading_zeros_that_only_one_side_has_do_not_count_unless_two_keys_would_be_one(left, right, same):
    found = comparable_keys(pa.chunked_array([left]), pa.chunked_array([right]))[0]
    assert found.to_pylist() == same
