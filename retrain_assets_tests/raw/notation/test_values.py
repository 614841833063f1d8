"""Categories keep their codes, and are spelled as earlier periods spelled them."""

import pyarrow as pa
import pytest

from retrain_assets.raw.notation.values import read_categories, same_levels


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["11.0", None, "12.0"], ["11", None, "12"]),
        (["11.0", "11"], ["11", "11"]),
        (["1.0", "x"], ["1.0", "x"]),
        (["011", "11"], ["011", "11"]),
        ([11.0, None], ["11", None]),
        ([11.5, 12.0], ["11.5", "12"]),
        ([True, None], ["true", None]),
        (["NA", "NULL"], ["NA", "NULL"]),
        (pa.array(["11.0", None, "12"]).dictionary_encode(), ["11", None, "12"]),
    ],
    ids=str,
)
def test_a_code_does_not_change_because_another_row_is_blank(values, text):
    assert read_categories(pa.chunked_array([values]))[0].to_pylist() == text


@pytest.mark.parametrize(
    ("now", "known", "same"),
    [
        ({"yes"}, {"true", "false"}, {"yes": "true"}),
        ({"yes"}, {"true", "T"}, {}),
        ({"yes"}, {"Y", "unknown"}, {}),
        ({"11"}, {"11.0", "12.0"}, {"11": "11.0"}),
        ({"11.0"}, {"11", "x"}, {"11.0": "11"}),
        ({" north"}, {"north"}, {" north": "north"}),
        ({"North"}, {"north"}, {}),
        ({"east"}, {"north"}, {}),
        ({"Y"}, set(), {}),
    ],
    ids=lambda values: ",".join(sorted(map(str, values))) or "none",
)
def test_a_level_is_the_earlier_one_only_where_it_can_be_no_other(now, known, same):
    assert same_levels(now, known) == same
