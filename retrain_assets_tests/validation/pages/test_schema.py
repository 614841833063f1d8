"""The JSON form of the report and its published schema."""

import json
from dataclasses import fields

import pytest
from jsonschema import Draft202012Validator

import retrain_assets.validation.pages.schema as module
from retrain_assets.validation.pages.schema import PUBLISHED, report_json, report_schema
from retrain_assets.verdict import Finding


def schema():
    return Draft202012Validator(json.loads(PUBLISHED.read_text()))


def test_the_published_schema_is_the_one_that_follows_from_the_records():
    assert json.loads(PUBLISHED.read_text()) == report_schema(), "run retrain_assets.validation.pages.schema.publish()"
    Draft202012Validator.check_schema(report_schema())


def test_a_verdict_and_its_json_report_keep_the_published_schema(judged):
    schema().validate(judged.to_dict())
    schema().validate(report_json(judged))
    assert report_json(judged)["sha256"] == judged.digest
    assert report_json(judged)["decision"] == judged.decision.value


def test_every_field_of_the_records_is_described(judged):
    for name, record in report_schema()["$defs"].items():
        for field, value in record.get("properties", {}).items():
            assert value.get("description"), f"{name}.{field}"
    assert {field.name for field in fields(Finding)} == set(report_schema()["$defs"]["Finding"]["properties"])


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda r: r["findings"][0].pop("rows"), "'rows' is a required property"),
        (lambda r: r["findings"][0].update(outcome="maybe"), "'maybe' is not one of"),
        (lambda r: r["gate"].update(rows="many"), "'many' is not of type 'integer'"),
        (lambda r: r.update(blessed=True), "Additional properties are not allowed"),
        (lambda r: r["evidence"]["groups"][0].update(score=1), "Additional properties are not allowed"),
    ],
)
def test_a_record_that_breaks_the_schema_is_told(judged, broken, told):
    record = json.loads(judged.to_json())
    broken(record)

    assert told in " ".join(error.message for error in schema().iter_errors(record))


def test_publishing_writes_the_schema_that_follows_from_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PUBLISHED", tmp_path / "report.schema.json")
    assert json.loads(module.publish().read_text()) == json.loads(PUBLISHED.read_text())
    assert module.PUBLISHED.read_bytes() == PUBLISHED.read_bytes()
