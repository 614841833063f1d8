"""Requests of the protocol and by name as columns, and what is refused with a sentence."""

import json

import numpy as np
import pytest

from retrain_assets.errors import DataError
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.scorer import Scored
from retrain_assets.serving.inference import InferenceRequest, metadata, named_answer, tensor_answer

WANTED = ("id", "x", "c")
X = {"name": "x", "shape": [1], "datatype": "FP64", "data": [0.5]}


def read(request, reader):
    return reader(json.dumps(request).encode())


@pytest.mark.parametrize(
    "request_",
    [
        {"rows": [{"c": "11", "x": 0.5, "z": 1}, {"x": None, "c": None}]},
        {"columns": {"x": [0.5, None], "c": ["11", None], "z": [1, 1]}},
    ],
    ids=["rows", "columns"],
)
def test_rows_and_columns_by_name_are_the_same_columns(request_):
    asked = InferenceRequest.by_name(json.dumps(request_).encode(), WANTED)
    assert (asked.columns, asked.rows) == ({"x": [0.5, None], "c": ["11", None]}, 2)


def test_a_tensor_of_one_column_may_have_two_dimensions():
    for data in ([1, 2], [[1], [2]]):
        asked = read({"inputs": [{**X, "shape": [2, 1], "data": data}]}, InferenceRequest.from_json)
        assert asked.columns == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ([], "no JSON object"),
        ({"rows": [1]}, 'write {"rows"'),
        ({"rows": [{"x": 1}, {"c": "11"}]}, "row 1 has no 'x': write null"),
        ({"columns": {"x": 1}}, "column 'x' is no list"),
    ],
)
def test_what_is_no_request_by_name_is_refused(request_, message):
    with pytest.raises(DataError, match=message):
        InferenceRequest.by_name(json.dumps(request_).encode(), WANTED)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"inputs": []}, 'write {"inputs"'),
        ({"inputs": [X, X]}, "input 'x' stands twice"),
        ({"inputs": [{"name": "x"}]}, "an input lacks 'shape'"),
        ({"inputs": [{**X, "datatype": "TEXT"}]}, "datatype 'TEXT': numbers are FP64 or INT64, text is BYTES"),
        ({"inputs": [{**X, "data": 0.5}]}, "input 'x' has no list of data"),
        ({"inputs": [{**X, "shape": [2]}]}, r"shape \[2\] and 1 values"),
        ({"inputs": [{**X, "shape": [1, 2], "data": [1, 2]}]}, r"shape \[rows\] or \[rows, 1\]"),
    ],
)
def test_what_is_no_request_of_the_protocol_is_refused(request_, message):
    with pytest.raises(DataError, match=message):
        InferenceRequest.from_json(json.dumps(request_).encode())


def test_bytes_that_are_no_json_are_refused():
    with pytest.raises(DataError, match="the request is no JSON"):
        InferenceRequest.from_json(b"{")


def test_answers_name_version_and_digest_and_hold_every_score_to_the_last_bit():
    scores = np.array([[0.1, 0.9], [1 / 3, 2 / 3]])
    scored = Scored(scores, {"c": 1}, "v3", "9f")
    named, tensor = (json.loads(answer("m", scored, "r")) for answer in (named_answer, tensor_answer))
    assert named == {
        "model": "m",
        "version": "v3",
        "digest": "9f",
        "request_id": "r",
        "scores": scores.tolist(),
        "unseen": {"c": 1},
    }
    output = tensor["outputs"][0]
    assert (output["shape"], output["data"]) == ([2, 2], scores.ravel().tolist())
    assert (tensor["model_version"], tensor["id"]) == ("v3", "r")
    assert tensor["parameters"] == {"digest": "9f", "unseen_categories": 1}


def test_a_score_that_is_no_number_is_never_an_answer():
    with pytest.raises(ValueError, match="not JSON compliant"):
        named_answer("m", Scored(np.array([np.nan]), {}, "v3", "9f"), "r")


def test_metadata_lists_the_columns_with_their_kinds():
    contract = FeatureContract(("x", "c"), {"x": "numeric", "c": "categorical"}, {"c": ("a",)})
    told = metadata("m", ["v3"], contract, 3)
    assert [(one["name"], one["datatype"]) for one in told["inputs"]] == [("x", "FP64"), ("c", "BYTES")]
    assert told["outputs"][0]["shape"] == [-1, 3]
