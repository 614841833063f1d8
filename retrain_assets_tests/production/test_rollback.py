"""The probe: a version that does not load, or scores otherwise than when it was trained, does not come back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks.worlds.verdicts import fresh, promote, promoted, rolled_back, verdict
from retrain_assets.errors import DataError
from retrain_assets.production.rollback import probe_model

ROWS = [[0.1, None, 2.0], [0.7, 1.0, 0.0], [0.4, 5.0, 1.0]]
TASKS = {"regression_l1": {}, "binary": {}, "multiclass": {"num_class": 3}}


def trained(objective: str) -> dict[str, bytes]:
    """A small real model with its probe, scored by LightGBM itself."""
    import lightgbm

    chance = np.random.default_rng(7)
    features = chance.normal(size=(300, 3))
    classes = {"binary": 2, "multiclass": 3}.get(objective)
    label = chance.integers(classes, size=300) if classes else features[:, 0] * 10
    parameters = {"objective": objective, "verbose": -1, "num_threads": 1, **TASKS[objective]}
    booster = lightgbm.train(parameters, lightgbm.Dataset(features, label), num_boost_round=5)
    scores = booster.predict(np.asarray(ROWS, dtype=float))
    probe = {"rows": ROWS, "scores": scores.tolist()}
    return {"model.bst": booster.model_to_string().encode(), "probe.json": json.dumps(probe).encode()}


@pytest.fixture(scope="module")
def regression() -> dict[str, bytes]:
    return trained("regression_l1")


def with_probe(files: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    return files | {"probe.json": json.dumps(json.loads(files["probe.json"]) | changes).encode()}


@pytest.mark.parametrize("objective", TASKS)
def test_a_model_that_scores_as_it_was_trained_passes(objective: str) -> None:
    probe_model(trained(objective))


@pytest.mark.parametrize("shift", [0.001, -0.001, float("nan"), float("inf")])
def test_one_score_that_differs_is_refused_with_its_row(regression: dict[str, bytes], shift: float) -> None:
    scores = json.loads(regression["probe.json"])["scores"]
    scores[1] += shift
    with pytest.raises(DataError, match=r"1 of 3 probe rows score otherwise than recorded: row 2 gets"):
        probe_model(with_probe(regression, scores=scores))


def test_a_model_that_gives_scores_that_are_not_finite_is_refused_even_where_the_record_agrees(
    regression: dict[str, bytes],
) -> None:
    broken = re.sub(r"(?<=leaf_value=).*", with_infinite_values, regression["model.bst"].decode())
    files = with_probe(regression | {"model.bst": broken.encode()}, scores=[float("inf")] * 3)
    with pytest.raises(DataError, match="a leaf that is no finite number"):
        probe_model(files)


def with_infinite_values(values: re.Match[str]) -> str:
    """The same number of values in the same number of characters."""
    return " ".join("1e999".ljust(len(value), "9") for value in values[0].split(" "))


def test_a_text_with_other_trees_than_it_announces_is_refused_before_it_reaches_lightgbm(
    regression: dict[str, bytes],
) -> None:
    """LightGBM aborts the process on some of them, which no test could catch."""
    whole = regression["model.bst"]
    trees, end = whole.index(b"Tree=0"), whole.index(b"end of trees")
    torn = [whole[:length] for length in range(0, end, 50)]
    longer = whole[:trees] + whole[trees:end].replace(b"shrinkage=", b"shrinkage= ") + whole[end:]
    fewer = whole[:trees] + whole[end:]
    for text in (*torn, longer, fewer):
        with pytest.raises(DataError, match="model.bst does not load or does not score: "):
            probe_model(regression | {"model.bst": text})


def test_another_model_in_the_place_of_this_one_is_refused(regression: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match="probe rows score otherwise"):
        probe_model(regression | {"model.bst": trained("binary")["model.bst"]})
    with pytest.raises(DataError, match=r"gives scores \(3, 3\), recorded were \(3,\)"):
        probe_model(regression | {"model.bst": trained("multiclass")["model.bst"]})


@pytest.mark.parametrize("model", [b"", b"not a model", b"tree\nversion=v4\n"])
def test_bytes_that_are_no_model_are_refused(regression: dict[str, bytes], model: bytes) -> None:
    with pytest.raises(
        DataError, match="model.bst does not load or does not score: (it (is empty|begins with)|'' is no line)"
    ):
        probe_model(regression | {"model.bst": model})


def test_a_probe_with_another_number_of_features_is_refused(regression: dict[str, bytes]) -> None:
    with pytest.raises(DataError, match="does not load or does not score"):
        probe_model(with_probe(regression, rows=[[1.0, 2.0]] * 3))


@pytest.mark.parametrize("name", ["model.bst", "probe.json"])
def test_a_missing_file_is_named(regression: dict[str, bytes], name: str) -> None:
    with pytest.raises(DataError, match=f"the version has no {name} among"):
        probe_model({other: data for other, data in regression.items() if other != name})


@pytest.mark.parametrize(
    "probe",
    [b"", b"[]", b"{}", b'{"rows": [], "scores": []}', b'{"rows": [[1], [1, 2]], "scores": [1, 2]}',
     b'{"rows": [[1, 2, 3]], "scores": [1, 2]}', b'{"rows": [["JFK", 1, 1]], "scores": [1]}'],
)  # fmt: skip
def test_a_probe_that_says_nothing_is_refused(regression: dict[str, bytes], probe: bytes) -> None:
    with pytest.raises(DataError, match="probe.json"):
        probe_model(regression | {"probe.json": probe})


def test_a_rollback_to_a_model_that_scores_otherwise_leaves_the_live_version(
    tmp_path: Path, regression: dict[str, bytes]
) -> None:
    registry = fresh(tmp_path)
    shifted = with_probe(regression, scores=[1.0, 2.0, 3.0])
    promote(registry, verdict(registry, 0, registry.add(regression)), 0)
    promote(registry, verdict(registry, 1, registry.add(shifted)), 1)
    promoted(registry, [2])
    with pytest.raises(DataError, match="3 of 3 probe rows"):
        rolled_back(registry, 3, probe=probe_model)
    assert registry.live().name == "v3"
    assert rolled_back(registry, 3, probe=probe_model, to="v1").to_version == "v1"
