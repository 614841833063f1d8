"""`retrain check` in a terminal: one screen that never calls ready what cannot work."""

import json
import os

import dagster as dg

from benchmarks.worlds.parcels import make_world, rows_of
from retrain_assets_tests.commanded import retrain


def test_a_model_that_can_work_says_when_it_begins_and_what_is_not_asked(at_home):
    output = retrain("check", "delivery").output
    assert "delivery can work: the first model can be judged as of" in output.splitlines()[-1]
    assert "8 weeks end before a harm of 1 standard deviation between blocks can be ruled out" in output
    assert "triggers.retrain_cost" not in output
    assert "2024-02-12" in output


def test_every_model_is_read_and_the_answer_is_no_when_one_cannot_work(empty_home, monkeypatch, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        make_world(tmp_path / "short", rows_of(1), instance, contract={"min_rows": 500})
        make_world(tmp_path / "zgone", rows_of(1), instance, name="zgone")
    (tmp_path / "zgone" / "rows.parquet").unlink()
    monkeypatch.setenv("RETRAIN_MODELS", os.pathsep.join([str(tmp_path / "short"), str(tmp_path / "zgone")]))
    monkeypatch.setenv("RETRAIN_SHIPPED", "0")
    output = retrain("check", code=1).output
    assert "delivery cannot work as it is:" in output
    assert "420 usable rows, 500 needed" in output
    assert "rows.parquet: no such file. Name an existing file" in output


def test_what_was_found_can_be_read_by_a_program(at_home):
    record = json.loads(retrain("check", "delivery", "--json").output)
    assert (record["model"], record["ready"], len(record["periods"])) == ("delivery", True, 7)
    assert {period["rows"] for period in record["periods"]} == {420}
