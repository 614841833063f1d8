"""LightGBM models as bytes: scoring against LightGBM's own pandas path, damaged bytes, importance."""

import os

import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retrain_assets.candidates.boosting.lightgbm_model import Examples, Learner, fit, parameters
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import DataError
from retrain_assets.raw.policy import Columns
from retrain_assets.scoring.booster import importance, load, predict
from retrain_assets.scoring.features import contract_of, encode

POLICY = TrainingPolicy(objective="binary", num_leaves=7)
COLUMNS = Columns(numeric=["miles", "seats"], categorical=["zone"])


def flights(rows: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Rows with missing values of every kind and a label that depends on all of them."""
    rng = np.random.default_rng(seed)
    miles, zone = rng.normal(size=rows), rng.integers(0, 12, rows)
    seats = rng.integers(0, 200, rows)
    label = miles + (zone % 3 - 1) + 0.01 * seats + rng.normal(size=rows) > 1
    table = pa.table(
        {
            "miles": pa.array(np.where(rng.random(rows) < 0.1, np.nan, miles).astype(np.float32)),
            "seats": pa.array(seats, pa.int16(), mask=rng.random(rows) < 0.1),
            "zone": pa.array([f"Z{code:02d}" for code in zone], mask=rng.random(rows) < 0.1).dictionary_encode(),
        }
    )
    return table, label.astype(float)


@pytest.fixture(scope="module")
def model() -> bytes:
    table, label = flights(2000, seed=1)
    rows = encode(table, contract_of(table, COLUMNS)).table
    return fit(Learner(POLICY, "binary"), Examples(rows, label, None, ["zone"]), rounds=30)


def test_scores_are_those_of_a_model_trained_on_pandas_categoricals(model: bytes) -> None:
    table, label = flights(2000, seed=1)
    zones = table["zone"].to_pylist()
    frame = pd.DataFrame(
        {
            "miles": table["miles"].to_numpy(),
            "seats": table["seats"].to_pandas().astype("float64"),
            "zone": pd.Categorical(zones, categories=sorted(set(zones) - {None})),
        }
    )
    booster = lgb.train(parameters(Learner(POLICY, "binary")), lgb.Dataset(frame, label), 30)
    rows = encode(table, contract_of(table, COLUMNS)).table
    np.testing.assert_array_equal(predict(model, rows), booster.predict(frame))


def test_an_unseen_level_scores_exactly_as_a_missing_one(model: bytes) -> None:
    table, _ = flights(2000, seed=1)
    contract = contract_of(table, COLUMNS)
    position = table.column_names.index("zone")
    unseen, missing = (
        table.set_column(position, "zone", pa.array([value] * table.num_rows, pa.string())) for value in ("QQQ", None)
    )
    np.testing.assert_array_equal(
        predict(model, encode(unseen, contract).table), predict(model, encode(missing, contract).table)
    )


def test_rows_score_alone_as_they_score_together(model: bytes) -> None:
    table, _ = flights(50, seed=2)
    rows = encode(table, contract_of(flights(2000, seed=1)[0], COLUMNS)).table
    alone = [predict(model, rows.slice(row, 1))[0] for row in range(50)]
    np.testing.assert_array_equal(predict(load(model), rows), alone)


def test_no_rows_give_no_scores(model: bytes) -> None:
    table, _ = flights(2000, seed=1)
    assert predict(model, encode(table.slice(0, 0), contract_of(table, COLUMNS)).table).shape == (0,)


def test_other_columns_than_the_models_are_refused(model: bytes) -> None:
    table, _ = flights(20, seed=1)
    rows = encode(table, contract_of(table, COLUMNS)).table
    with pytest.raises(DataError, match="the model reads miles, seats, zone; the rows have zone, miles, seats"):
        predict(model, rows.select(["zone", "miles", "seats"]))


def test_a_matrix_of_more_columns_than_the_models_is_refused(model: bytes) -> None:
    with pytest.raises(DataError, match="the model reads 3 features; the rows have 4"):
        predict(model, np.zeros((2, 4)))


def test_a_whole_text_that_lightgbm_itself_refuses_is_refused_by_its_reason(model: bytes) -> None:
    with pytest.raises(DataError, match="LightGBM cannot read a model of .* bytes: Sigmoid parameter"):
        load(model.replace(b"sigmoid:1", b"sigmoid:0", 1))


def test_a_text_column_is_refused_before_it_can_end_the_process(model: bytes) -> None:
    table, _ = flights(20, seed=1)
    with pytest.raises(DataError, match="'zone' is dictionary.*: encode the rows first"):
        predict(model, table)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.9])
def test_a_model_that_was_cut_short_is_refused_and_does_not_end_the_process(model: bytes, share: float) -> None:
    with pytest.raises(DataError, match="cut short or changed|no LightGBM text model"):
        load(model[: int(share * len(model))])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b'{"tree": 1}', b"tree\nnonsense"])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(DataError, match=r"no LightGBM text model|cut short or changed"):
        load(content)


def test_importance_is_each_features_share_of_the_gain(model: bytes) -> None:
    gain = lgb.Booster(model_str=model.decode()).feature_importance("gain")
    shares = importance(model)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares == pytest.approx(dict(zip(("miles", "seats", "zone"), gain / gain.sum(), strict=True)))
    assert list(shares.values()) == sorted(shares.values(), reverse=True)


def test_a_model_without_a_split_gives_no_feature_importance() -> None:
    rows = pa.table({"constant": np.zeros(100)})
    model = fit(Learner(POLICY, "binary"), Examples(rows, [0, 1] * 50), rounds=3)
    assert importance(model) == {"constant": 0.0}
    np.testing.assert_allclose(predict(model, rows), 0.5)


def test_any_column_name_comes_back_as_it_was() -> None:
    rng = np.random.default_rng(3)
    names = ["trip distance", 'a {"b"}: [c], d', "%20", "größe"]
    rows = pa.table({name: rng.normal(size=200) for name in names})
    model = fit(Learner(POLICY, "binary"), Examples(rows, rng.integers(0, 2, 200)), rounds=3)
    assert set(importance(model)) == set(names)
    assert predict(model, rows).shape == (200,)


def test_idle_threads_do_not_spin() -> None:
    assert int(os.environ["GOMP_SPINCOUNT"]) <= 1000
