"""Labels of each task, and each way in which they can be unusable."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.raw.labels import check_labels, latest_per_key
from retrain_assets_tests.raw.rides import intake, source

START = datetime(2019, 2, 1)


def arrived(labels, keys=None, times=None, known_at=None):
    rows = len(labels)
    times = times if times is not None else [START] * rows
    known_at = known_at or [START + timedelta(days=1)] * rows
    stamp = pa.timestamp("us")
    return pa.table(
        {
            "id": list(range(rows)) if keys is None else keys,
            "label": labels,
            "time": pa.array(times, stamp),
            "known_at": pa.array(known_at, stamp),
        }
    )


def judged(labels, task="binary", classes=2, values=None, objective="", **columns):
    declared = source("rides.parquet").model_copy(update={"label_values": values or {}})
    declared = intake(declared, task=task, classes=classes, objective=objective)
    return check_labels(arrived(labels, **columns), declared, "rides.parquet, 2019-02")


def told(problems):
    return [(problem.check, problem.blocking, problem.column, problem.count) for problem in problems]


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1],
        [0.0, 1.0],
        [False, True],
        ["0", "1"],
        [Decimal(0), Decimal(1)],
        pa.array([0, 1], pa.int8()),
        pa.array(["0", "1"]).dictionary_encode(),
    ],
    ids=str,
)
def test_classes_of_every_storage_type_become_the_same_numbers(labels):
    typed, problems = judged(labels)
    assert problems == ()
    assert typed["label"].type == pa.float64()
    assert typed["label"].to_pylist() == [0.0, 1.0]


def test_labels_that_are_words_block_and_show_the_first():
    _, problems = judged(["late", "on time"])
    assert told(problems)[0] == ("schema", True, "late", 2)
    assert "late holds no number, first 'late'" in problems[0].sentence


def test_a_few_labels_that_are_words_block():
    assert told(judged(["0", "1", "?"])[1]) == [("schema", True, "late", 1)]


def test_labels_of_an_impossible_type_block():
    assert told(judged(pa.array([START, START]))[1])[0] == ("schema", True, "late", 2)


@pytest.mark.parametrize(
    ("task", "classes", "label", "blocks"),
    [
        ("binary", 2, 2.0, True),
        ("binary", 2, 0.5, True),
        ("binary", 2, -1.0, True),
        ("multiclass", 3, 2.0, False),
        ("multiclass", 3, 3.0, True),
        ("regression", 2, -1e6, False),
        ("regression", 2, math.inf, True),
        ("binary", 2, -math.inf, True),
    ],
)
def test_a_label_must_be_a_declared_class_or_a_finite_value(task, classes, label, blocks):
    _, problems = judged([0.0, 1.0, label], task, classes)
    assert told(problems) == ([("ranges", True, "late", 1)] if blocks else [])


@pytest.mark.parametrize("gap", [None, math.nan])
def test_missing_labels_are_left_out_and_counted(gap):
    typed, problems = judged([0.0, gap, 1.0])
    assert typed["id"].to_pylist() == [0, 2]
    assert told(problems) == [("nulls", False, "late", 1)]


def test_labels_that_are_all_missing_block():
    assert ("nulls", True, "late", 2) in told(judged([None, None])[1])


@pytest.mark.parametrize(("task", "reported"), [("binary", True), ("multiclass", True), ("regression", False)])
def test_a_single_class_is_reported(task, reported):
    typed, problems = judged([1, 1, 1], task, 3 if task == "multiclass" else 2)
    assert typed.num_rows == 3
    assert told(problems) == ([("ranges", False, "late", 3)] if reported else [])


def test_outcomes_of_no_known_row_are_left_out_and_counted():
    typed, problems = judged([0, 1, 1], times=[START, None, START])
    assert typed["id"].to_pylist() == [0, 2]
    assert told(problems) == [("keys", False, "id", 1)]


def test_two_different_outcomes_of_one_row_at_one_moment_block():
    _, problems = judged([0, 1, 1, 0], keys=[7, 7, 8, 9])
    assert told(problems) == [("keys", True, "id", 1)]
    assert "first 7" in problems[0].sentence


def test_the_same_outcome_told_twice_counts_once():
    typed, problems = judged([1, 1, 0], keys=[7, 7, 8])
    assert problems == ()
    assert typed["id"].to_pylist() == [7, 8]


def test_a_corrected_outcome_replaces_the_earlier_one():
    later = [START + timedelta(days=3), START + timedelta(days=1), START + timedelta(days=1)]
    typed, problems = judged([1, 0, 0], keys=[7, 7, 8], known_at=later)
    assert problems == ()
    assert dict(zip(typed["id"].to_pylist(), typed["label"].to_pylist(), strict=True)) == {7: 1.0, 8: 0.0}


def test_no_outcome_at_all_is_no_problem_of_the_labels():
    assert judged(pa.array([], pa.float64()), keys=pa.array([], pa.int64()))[1] == ()


def test_latest_per_key_agrees_with_pandas():
    numbers = np.random.default_rng(3)
    frame = pd.DataFrame({"id": numbers.integers(0, 200, 1_000), "known_at": numbers.integers(0, 50, 1_000)})
    frame["label"] = numbers.normal(size=1_000)
    ours = latest_per_key(pa.Table.from_pandas(frame, preserve_index=False), "id").to_pandas()
    theirs = frame.sort_values("known_at", kind="stable").drop_duplicates("id", keep="last")
    pd.testing.assert_frame_equal(
        ours.sort_values("id", ignore_index=True), theirs.sort_values("id", ignore_index=True)
    )


@pytest.mark.parametrize(
    "labels", [["Y", "N"], ["yes", "No"], ["TRUE", "false"], ["t", "f"], [" y", "n"], ["Y", "0"]], ids=str
)
def test_yes_and_no_are_one_and_zero_where_there_are_two_classes(labels):
    typed, problems = judged(labels)
    assert typed["label"].to_pylist() == [1.0, 0.0]
    assert [problem.blocking for problem in problems] == [False]
    assert judged(labels, "regression")[1][0].blocking


@pytest.mark.parametrize(
    ("labels", "values"),
    [
        (["gone", "here"], {"gone": 1, "here": 0}),
        (["gone", " here "], {"gone": 1, "here": 0}),
        ([2, 1], {"2": 1, "1": 0}),
        ([2.0, 1.0], {"2": 1, "1": 0}),
        (["Y", "N"], {"True": 1, "False": 0}),
        ([True, False], {"True": 1, "False": 0}),
        (["Y", "N"], {"N": 0, "Y": 1}),
    ],
    ids=str,
)
def test_labels_are_mapped_as_declared(labels, values):
    typed, problems = judged(labels, values=values)
    assert typed["label"].to_pylist() == [1.0, 0.0]
    assert problems == ()


def test_a_label_that_the_mapping_lacks_blocks_and_is_named_with_its_key():
    problems = judged(["Y", "maybe", "N"], keys=[7, 8, 9], values={"Y": 1, "N": 0})[1]
    assert told(problems) == [("schema", True, "late", 1)]
    assert "first id 8: maybe" in problems[0].sentence
    assert problems[0].sentence.startswith("rides.parquet, 2019-02: late: 1 of 3 outcomes are no declared value")


@pytest.mark.parametrize(
    ("objective", "labels", "wrong"),
    [
        ("poisson", [0.0, 2.0, -1.0], 2),
        ("poisson", [0.0, 2.0], None),
        ("tweedie", [0.0, -2.0], 1),
        ("gamma", [0.0, 2.0, 1.0], 0),
        ("cross_entropy", [0.5, 1.5], 1),
        ("regression", [-1.0, 2.0], None),
        ("regression", [1e39, 2.0], 0),
    ],
)
def test_what_an_objective_cannot_learn_blocks_with_its_key(objective, labels, wrong):
    problems = judged(labels, "regression", objective=objective)[1]
    assert told(problems) == ([("ranges", True, "late", 1)] if wrong is not None else [])
    assert all(f"first id {wrong}:" in problem.sentence for problem in problems)


@pytest.mark.parametrize(("values", "kind"), [({}, "number"), ({"yes": 1.0, "no": 0.0}, "category")])
@pytest.mark.parametrize("labels", [[["yes"], ["no"]], [b"yes", b"no"]], ids=["lists", "bytes"])
def test_labels_of_a_type_that_holds_no_values_block_with_the_type(labels, values, kind):
    _, problems = judged(labels, values=values)
    assert told(problems)[0] == ("schema", True, "late", 2)
    assert problems[0].sentence.endswith(f", no {kind}, 2 outcomes. Store it as text or as numbers.")
