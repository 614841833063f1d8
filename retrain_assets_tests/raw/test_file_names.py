"""Which files a path names, and of which time their names speak."""

from datetime import datetime

import pytest

from retrain_assets.raw.file_names import columns_in, span_of
from retrain_assets.raw.files import files_of
from retrain_assets.raw.policy import Table

MARCH = (datetime(2023, 3, 1), datetime(2023, 4, 1))


@pytest.mark.parametrize(
    ("path", "span"),
    [
        ("data/rows-2023-03.csv", MARCH),
        ("data/rows_202303.csv", MARCH),
        ("data/year=2023/month=3/part-0.parquet", MARCH),
        ("data/month=2023-03/part-0.parquet", MARCH),
        ("rows_2023-03-05.csv", (datetime(2023, 3, 5), datetime(2023, 3, 6))),
        ("rows_2023-03-01_2023-03-31.csv", MARCH),
        ("rows_2023Q2.csv", (datetime(2023, 4, 1), datetime(2023, 7, 1))),
        ("rows_2023.csv", (datetime(2023, 1, 1), datetime(2024, 1, 1))),
        ("rows_2023-W10.csv", (datetime(2023, 3, 6), datetime(2023, 3, 13))),
        ("rows_2023_KW01.csv", (datetime(2023, 1, 2), datetime(2023, 1, 9))),
        ("rows.csv", None),
        ("customer_1234567.csv", None),
    ],
)
def test_the_name_of_a_file_says_which_time_it_holds(path, span):
    assert span_of(path) == span


def test_a_folder_names_the_files_in_it_but_not_the_hidden_ones(tmp_path):
    for name in ("b.csv", "deep/er/a.parquet", "_logs/c.csv", ".d.csv", "notes.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n1\n")
    found = [file.path.removeprefix(f"{tmp_path}/") for file in files_of(Table(path=str(tmp_path)))]
    assert found == ["b.csv", "deep/er/a.parquet"]


def test_an_empty_value_of_a_partition_is_none():
    assert columns_in("data/plan=__HIVE_DEFAULT_PARTITION__/month=3/a.parquet") == {"plan": None, "month": "3"}
