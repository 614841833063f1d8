"""A model that a team trained by itself, with LightGBM and pandas, outside of everything that is tested."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pandas as pd

FEATURES = ["distance", "weight", "vehicle"]


def table(rows: int = 400, seed: int = 3) -> pd.DataFrame:
    """Two numbers, one of them called with a blank, an unordered and an ordered category, and a constant one."""
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "tenure": chance.integers(0, 50, rows),
            "Monthly Fee": chance.random(rows),
            "plan": pd.Categorical(chance.choice(list("fbcdea"), rows), categories=list("fbcdea")),
            "size": pd.Categorical(chance.choice(["low", "high"], rows), categories=["low", "high"], ordered=True),
            "land": pd.Categorical(["x"] * rows),
            "zone": pd.Categorical(chance.choice([9, 3, 7], rows), categories=[9, 3, 7]),
        }
    )


def trained(rows: pd.DataFrame, label: np.ndarray, rounds: int = 3, **parameters: object) -> lgb.Booster:
    """A booster of a few small trees."""
    given = {"objective": "binary", "verbose": -1, "min_data_in_leaf": 5, "num_leaves": 6, "min_data_per_group": 5,
             "max_cat_to_onehot": 2, "cat_smooth": 1, "num_threads": 1} | parameters  # fmt: skip
    return lgb.train(given, lgb.Dataset(rows, label), rounds)


def text_model(**parameters: object) -> bytes:
    """The text of a booster on `table`, as `save_model` writes it."""
    rows = table()
    label = ((rows.tenure > 20) ^ rows.plan.isin(["a", "c"]) ^ (rows.zone == 7)).astype(int).to_numpy()
    if parameters.get("num_class"):
        label = np.arange(len(rows)) % 3
    booster = trained(rows, label, **parameters)
    end = '\npandas_categorical:[["f","b","c","d","e","a"],["low","high"],["x"],[9,3,7]]\n'
    text = booster.model_to_string()
    return (text if "pandas_categorical" in text else text + end).encode()


def parcels_model(rows: pd.DataFrame, **parameters: object) -> lgb.Booster:
    """A booster on the parcels of `benchmarks.worlds.parcels`, its vehicles in an order that is not the alphabet's."""
    features = rows[FEATURES].copy()
    features["vehicle"] = pd.Categorical(features.vehicle, categories=["van", "bike", "car"])
    return trained(features, rows.minutes.to_numpy(), 40, **({"objective": "regression_l1"} | parameters))
