"""The average of two models is one LightGBM model whose raw scores are the mean of theirs."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest

from retrain_assets.candidates.boosting.lightgbm_model import Examples, Learner, fit
from retrain_assets.candidates.boosting.model_average import average_models, from_raw, union
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import DataError
from retrain_assets.raw.policy import Columns
from retrain_assets.scoring.booster import importance, load, predict
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.scoring.features import contract_of, encode

COLUMNS = Columns(numeric=["x", "ünder score"], categorical=["zone", "never"])
OBJECTIVES = {
    "regression": "regression",
    "regression_l1": "regression",
    "huber": "regression",
    "poisson": "regression",
    "binary": "binary",
    "multiclass": "multiclass",
}


@dataclass(frozen=True)
class Model:
    text: bytes
    contract: FeatureContract

    def raw(self, rows: pa.Table) -> np.ndarray:
        return load(self.text).predict(encode(rows, self.contract).table, raw_score=True)


def rows_of(low: int, high: int, seed: int, count: int = 1500) -> pa.Table:
    """Rows with zones from `low` to `high`, one in seventeen missing, and a category that is never there."""
    random = np.random.default_rng(seed)
    zones = random.integers(low, high, count)
    return pa.table(
        {
            "x": random.normal(size=count),
            "ünder score": random.integers(0, 9, count),
            "zone": pa.array([None if zone % 17 == 0 else f"Z{zone:03d}" for zone in zones], pa.string()),
            "never": pa.array([None] * count, pa.string()),
            "code": zones,
        }
    )


def model_of(objective: str, rows: pa.Table, rounds: int = 15, **knobs: object) -> Model:
    contract = contract_of(rows, COLUMNS)
    value = np.sin(rows["code"].to_numpy()) + rows["x"].to_numpy()
    task = OBJECTIVES[objective]
    label = {"regression": np.abs(value), "binary": value > 0.3, "multiclass": np.digitize(value, [-0.5, 0.7])}[task]
    policy = TrainingPolicy(objective=objective, threads=1, **knobs)
    encoded = encode(rows, contract).table
    return Model(
        fit(Learner(policy, task, 3), Examples(encoded, label.astype(float), None, contract.categorical), rounds),
        contract,
    )


def merge(one: Model, other: Model) -> Model:
    return Model(*average_models(one.text, one.contract, other.text, other.contract))


@pytest.mark.parametrize(("objective", "max_cat_to_onehot"), [*zip(OBJECTIVES, [4, 200] * 3, strict=True)])
def test_the_merged_models_raw_scores_are_the_mean_of_the_two(objective: str, max_cat_to_onehot: int) -> None:
    """Zones that only one of the two knows, that none knows, and missing ones are among the rows."""
    one = model_of(objective, rows_of(0, 40, 1), max_cat_to_onehot=max_cat_to_onehot)
    other = model_of(objective, rows_of(25, 80, 2), rounds=22)
    merged, rows = merge(one, other), rows_of(0, 110, 3, 2000)
    mean = (one.raw(rows) + other.raw(rows)) / 2
    assert np.abs(merged.raw(rows) - mean).max() < 1e-12
    assert np.abs(one.raw(rows) - other.raw(rows)).max() > 0.1
    scores = predict(merged.text, encode(rows, merged.contract).table)
    assert scores == pytest.approx(from_raw(mean, objective), abs=1e-12)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_scores_of_raw_scores_are_lightgbms_own(objective: str) -> None:
    rows = rows_of(0, 40, 1)
    model = model_of(objective, rows)
    encoded = encode(rows, model.contract).table
    assert predict(model.text, encoded) == pytest.approx(from_raw(predict(model.text, encoded, raw=True), objective))


@pytest.mark.parametrize("objective", ["regression", "multiclass"])
def test_lightgbm_reads_and_writes_the_merged_text_without_changing_a_byte(objective: str) -> None:
    merged = merge(model_of(objective, rows_of(0, 40, 1)), model_of(objective, rows_of(25, 80, 2)))
    booster = lgb.Booster(model_str=merged.text.decode())
    assert booster.model_to_string().encode() == merged.text
    assert booster.num_trees() == 2 * 15 * (3 if objective == "multiclass" else 1)


def test_the_same_two_models_give_the_same_bytes_and_importances_add_up() -> None:
    one, other = model_of("binary", rows_of(0, 40, 1)), model_of("binary", rows_of(25, 80, 2))
    merged = merge(one, other)
    assert merge(one, other).text == merged.text
    counts = [load(model.text).feature_importance("split") for model in (one, other, merged)]
    assert (counts[0] + counts[1] == counts[2]).all()
    assert set(importance(merged.text)) == set(COLUMNS.features)


def test_a_model_of_stumps_without_a_split_averages_too() -> None:
    flat = model_of("regression", rows_of(0, 40, 1), rounds=1, min_data_in_leaf=10_000)
    other, rows = model_of("regression", rows_of(25, 80, 2)), rows_of(0, 90, 3)
    mean = (flat.raw(rows) + other.raw(rows)) / 2
    assert np.abs(merge(flat, other).raw(rows) - mean).max() < 1e-12
    assert np.abs(merge(other, flat).raw(rows) - mean).max() < 1e-12


def test_the_average_of_a_model_with_itself_scores_like_it() -> None:
    one, rows = model_of("binary", rows_of(0, 40, 1)), rows_of(0, 60, 3)
    assert np.abs(merge(one, one).raw(rows) - one.raw(rows)).max() < 1e-12


def test_the_merged_contract_knows_every_level_of_both_in_order() -> None:
    one, other = model_of("binary", rows_of(0, 40, 1)), model_of("binary", rows_of(25, 80, 2))
    held = merge(one, other).contract.levels["zone"]
    assert held == tuple(sorted({*one.contract.levels["zone"], *other.contract.levels["zone"]}))
    assert len(held) > len(one.contract.levels["zone"])


def test_models_of_another_objective_are_refused() -> None:
    rows = rows_of(0, 40, 1)
    with pytest.raises(DataError, match="objective is 'regression' in one, 'poisson' in the other"):
        merge(model_of("regression", rows), model_of("poisson", rows))


def test_models_of_other_features_are_refused() -> None:
    contracts = [FeatureContract((name,), {name: "numeric"}, {}) for name in ("x", "y")]
    with pytest.raises(DataError, match="one reads x, the other y"):
        union(*contracts)


@pytest.mark.parametrize("text", [b"", b"tree\n\n", b"no model at all\n\nend of trees"])
def test_a_text_that_is_no_model_is_refused(text: bytes) -> None:
    one = model_of("regression", rows_of(0, 40, 1))
    with pytest.raises(DataError, match="LightGBM"):
        average_models(one.text, one.contract, text, one.contract)


def test_linear_leaves_are_refused() -> None:
    one = model_of("regression", rows_of(0, 40, 1))
    linear = one.text.replace(b"is_linear=0", b"is_linear=1")
    with pytest.raises(DataError, match="linear leaves"):
        average_models(one.text, one.contract, linear, one.contract)


def test_a_forest_has_no_average() -> None:
    one = model_of("regression", rows_of(0, 40, 1))
    label = np.arange(100) % 2
    options = {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5, "verbose": -1, "objective": "binary"}
    forest = lgb.train(options, lgb.Dataset(np.arange(100.0)[:, None], label), 3).model_to_string().encode()
    with pytest.raises(DataError, match="a LightGBM model without importances and parameters, or a forest, cannot be"):
        average_models(one.text, one.contract, forest, one.contract)
