"""What a spec may say of its sources: how a CSV is written, values of the label, names that are not ours."""

import pytest
from pydantic import ValidationError

from retrain_assets.raw.notation.dialect import Notation
from retrain_assets.raw.policy import Columns, Source, Table
from retrain_assets_tests.specs import changed, refusal, written

PLAIN = {"features": {"path": "rows.csv"}, "key": "id", "time": "at", "label": "y", "label_delay": "1d"}


@pytest.mark.parametrize(
    ("written", "notation"),
    [
        ({}, None),
        ({"decimal": ","}, Notation(",", "")),
        ({"thousands": ","}, Notation(".", ",")),
        ({"thousands": "."}, Notation(",", ".")),
        ({"decimal": ",", "thousands": " "}, Notation(",", " ")),
    ],
)
def test_the_notation_is_what_is_declared(written, notation):
    assert Table(path="rows.csv", **written).notation == notation


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"path": "rows.csv", "decimal": ",", "thousands": ","}, "decimal and thousands are both"),
        ({"path": "rows.csv", "encoding": "klingon"}, "unknown encoding 'klingon'"),
        ({"sql": "select 1"}, "sql needs url_env, the environment variable that holds the database URL"),
        (
            {"path": "rows.csv", "time_format": "european"},
            "'european' is no form of times: write day-first, month-first",
        ),
        ({"sql": "select 1", "url_env": "URL", "separator": ";"}, "separator: a query gives typed values"),
    ],
)
def test_what_cannot_be_written_so_is_refused(table, message):
    with pytest.raises(ValidationError, match=message):
        Table(**table)


def test_a_label_may_map_its_values():
    source = Source.model_validate(PLAIN | {"label": {"churned": {"Y": 1, True: 1, 2: 0}}})
    assert (source.label, source.label_values) == ("churned", {"Y": 1.0, "True": 1.0, "2": 0.0})
    with pytest.raises(ValidationError, match="write the column and its values"):
        Source.model_validate(PLAIN | {"label": {"churned": {"Y": 1}, "other": {"N": 0}}})


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("key", "label"),
        ("key", "time"),
        ("key", "score_0"),
        ("key", "retrain:x"),
        ("time", "score"),
        ("time", "version"),
    ],
)
def test_key_and_time_are_not_called_like_what_stands_beside_them(role, name):
    with pytest.raises(ValidationError, match=name):
        Source.model_validate(PLAIN | {role: name})
    assert Source.model_validate(PLAIN | {"time": "time"}).time == "time"


def test_a_feature_may_have_any_name_but_one_of_ours():
    names = ["label", "score", "time", "known_at", "version", "reason", "score_0", "row"]
    assert Columns(numeric=names).features == tuple(names)
    with pytest.raises(ValidationError, match="names that begin with 'retrain:' are our own"):
        Columns(numeric=["retrain:label"])


@pytest.mark.parametrize(
    "path",
    ["s3://AKIA:hunter22@bucket/rows.parquet", "sftp://ann:hunter22@host/rows.csv", "https://host/rows.csv?sig=hunter22",
     "https://host/rows.csv?v=1&access_token=hunter22"],
)  # fmt: skip
def test_a_login_in_an_address_is_refused_and_not_repeated(path, spec_folder):
    sentence = refusal(written(spec_folder, changed("source", "features", to={"path": path})))
    assert "path: a login or a key stands in the address" in sentence
    assert "hunter22" not in sentence


@pytest.mark.parametrize("path", ["abfs://rows@account.host/a.parquet", "s3://bucket/a:b@c/rows.csv", "rows?.csv"])
def test_an_address_without_a_login_is_read(path):
    assert Table(path=path).path == path


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "no feature is declared: list columns under numeric or categorical"),
        ({"categorical": {"zone": {"min": 0}}}, "a category has no range: take min and max from zone"),
        ({"numeric": "miles"}, "valid dictionary"),
    ],
)
def test_columns_that_no_model_can_have_are_refused(columns, message):
    with pytest.raises(ValidationError, match=message):
        Columns(**columns)


def test_rows_that_were_served_need_outcomes_of_their_own():
    with pytest.raises(ValidationError, match="rows that were served have no outcome: declare source.outcomes"):
        Source.model_validate(PLAIN | {"features": {"served": "delivery"}})
