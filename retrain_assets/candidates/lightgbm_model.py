"""Fitting LightGBM on Arrow, with and without early stopping. Models are the native text format, as bytes.

The same rows, parameters and seed give the same bytes, however the Arrow table is chunked. Which rows to train on is
decided in `strategies` and `choice`; what the columns mean, in `features`; loading and scoring stand in `booster`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import DataError, NotEnoughData, SpecError
from retrain_assets.scoring.booster import lgb, predict, require_numbers

__all__ = ["check_labels", "fit", "fit_early_stopped", "parameters", "predict", "release_memory"]

_OBJECTIVES = {
    "binary": ("binary",),
    "multiclass": ("multiclass",),
    "regression": ("regression", "regression_l1", "huber", "poisson", "quantile"),
}
_STOPPING_METRIC = {
    ("binary", "log_loss"): "binary_logloss",
    ("binary", "brier"): "l2",
    ("multiclass", "log_loss"): "multi_logloss",
    ("multiclass", "brier"): "multi_logloss",
    ("regression", "mae"): "l1",
    ("regression", "mse"): "l2",
}
_BIN_SAMPLE_ROWS = 50_000


def parameters(training: TrainingPolicy, task: str, n_classes: int, seed: int) -> dict[str, Any]:
    """LightGBM's parameters: what the policy sets, and what is fixed for the sake of the same bytes.

    Bin edges come from a sample of 50,000 rows: LightGBM's 200,000 would take more memory than the training window
    itself. Row-wise histograms are fixed because letting LightGBM time both ways makes the outcome depend on the
    machine.

    Raises:
        SpecError: The objective does not belong to the task, or the number of classes is wrong.

    >>> parameters(TrainingPolicy(objective="binary"), "binary", 2, seed=7)["deterministic"]
    True
    """
    if training.objective not in _OBJECTIVES.get(task, ()):
        allowed = ", ".join(_OBJECTIVES.get(task, ())) or f"none, the task must be one of {', '.join(_OBJECTIVES)}"
        raise SpecError(f"training.objective {training.objective!r} is not for task {task!r}: use {allowed}")
    if task == "multiclass" and n_classes < 3:
        raise SpecError(f"a multiclass model has {n_classes} classes: declare at least 3, or the task binary")
    chosen = training.model_dump(
        include={
            "objective",
            "learning_rate",
            "num_leaves",
            "min_data_in_leaf",
            "feature_fraction",
            "lambda_l2",
            "max_cat_to_onehot",
        }
    )
    fixed = {
        "num_threads": training.threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "bin_construct_sample_cnt": _BIN_SAMPLE_ROWS,
        "verbose": -1,
    }
    extra: dict[str, Any] = {"num_class": n_classes} if task == "multiclass" else {}
    if training.quantile is not None:
        extra["alpha"] = training.quantile
    return chosen | fixed | extra


def fit(
    training: TrainingPolicy,
    task: str,
    n_classes: int,
    encoded: pa.Table,
    label: ArrayLike,
    weight: ArrayLike | None,
    rounds: int,
    seed: int,
    categorical: Sequence[str],
) -> bytes:
    """A model of exactly so many boosting rounds.

    Args:
        training: Hyperparameters.
        task: "binary", "multiclass" or "regression".
        n_classes: Number of classes; not read for regression.
        encoded: Features as numbers (`features.encode`), one row per label.
        label: Shape (n,), an array or an Arrow column: 0/1, 0..k-1, or a value in the label's unit.
        weight: Shape (n,), relative; None weighs all rows alike.
        rounds: Boosting rounds.
        seed: Of every random choice.
        categorical: Which columns hold codes.

    Returns:
        The model as LightGBM's native text.

    Raises:
        DataError: A column is no number, a label is missing or impossible, or LightGBM refuses the rows.
        NotEnoughData: No rows, or a single class.

    >>> rows, fare = pa.table({"miles": np.arange(100.0)}), np.arange(100.0) * 3
    >>> policy = TrainingPolicy(objective="regression_l1", min_data_in_leaf=5)
    >>> model = fit(policy, "regression", 0, rows, fare, None, rounds=30, seed=7, categorical=[])
    >>> predict(model, rows.slice(50, 1)).round(-1)
    array([150.])
    """
    params = parameters(training, task, n_classes, seed)
    booster = _train(params, _dataset(params, task, n_classes, encoded, label, weight, categorical), rounds)
    return _text(booster, booster.current_iteration())


def fit_early_stopped(
    training: TrainingPolicy,
    task: str,
    n_classes: int,
    encoded: pa.Table,
    label: ArrayLike,
    weight: ArrayLike | None,
    valid: pa.Table,
    valid_label: ArrayLike,
    loss: str,
    seed: int,
    categorical: Sequence[str],
) -> tuple[bytes, int]:
    """A model with as many rounds as do best on later rows, up to the policy's limit, and that number of rounds.

    Args:
        training: Hyperparameters, `max_rounds` and `early_stopping_rounds`.
        task: "binary", "multiclass" or "regression".
        n_classes: Number of classes; not read for regression.
        encoded: Training features as numbers.
        label: Training labels, shape (n,).
        weight: Training weights, shape (n,), or None.
        valid: Features of the rows that say when to stop, same columns.
        valid_label: Their labels, shape (m,).
        loss: What to do best on: log_loss, brier, mae, mse, or pinball[q] at the quantile that is trained.
        seed: Of every random choice.
        categorical: Which columns hold codes.

    Raises:
        DataError: As in `fit`.
        NotEnoughData: As in `fit`, or nothing to stop on.
        SpecError: The loss does not belong to the task.
    """
    params = parameters(training, task, n_classes, seed)
    params |= {"metric": _stopping_metric(task, loss, params.get("alpha"))}
    rows = _dataset(params, task, n_classes, encoded, label, weight, categorical)
    later = _valid_set(rows, task, n_classes, valid, valid_label)
    stop = lgb.early_stopping(training.early_stopping_rounds, verbose=False)
    booster = _train(params, rows, training.max_rounds, valid_sets=[later], callbacks=[stop])
    return _text(booster, booster.best_iteration), booster.best_iteration


def _stopping_metric(task: str, loss: str, quantile: float | None) -> str:
    """LightGBM's name of a loss; a pinball loss that is not of the trained quantile is stood for by the mean error."""
    pinball = loss.startswith("pinball[")
    if pinball and float(loss[len("pinball[") : -1]) == quantile:
        return "quantile"
    metric = _STOPPING_METRIC.get((task, "mae" if pinball else loss))
    if metric is None:
        raise SpecError(f"a {task} model cannot be early stopped on {loss!r}: name a mean loss of that task")
    return metric


def check_labels(label: ArrayLike, task: str, n_classes: int) -> NDArray[np.float64]:
    """Labels as float64, or the reason why a model cannot learn from them.

    Raises:
        DataError: A label is missing, infinite, or no class of the task.
        NotEnoughData: There are no labels.
    """
    values = np.asarray(label, dtype=np.float64)
    if not len(values):
        raise NotEnoughData("no labelled row in the training window: widen it, or wait for outcomes")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise DataError(f"{bad:,} of {len(values):,} labels are missing or infinite: leave rows without outcome out")
    if task == "regression":
        return values
    classes = 2 if task == "binary" else n_classes
    wrong = ~np.isin(values, np.arange(classes))
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum()):,} of {len(values):,} labels are no class 0..{classes - 1}, "
            f"the first is {values[wrong][0]:g}: a classifier's label counts from 0"
        )
    return values


def release_memory() -> None:
    """Give memory that was freed back to the system; allocators keep it, and beside the next step's it adds up.

    Reading and binning rows leave a multiple of the rows' own size behind.
    """
    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()


def _dataset(
    params: Mapping[str, Any],
    task: str,
    n_classes: int,
    encoded: pa.Table,
    label: ArrayLike,
    weight: ArrayLike | None,
    categorical: Sequence[str],
) -> lgb.Dataset:
    values = check_labels(label, task, n_classes)
    if task != "regression" and values.min() == values.max():
        raise NotEnoughData(f"all {len(values):,} training labels are {values[0]:g}: a classifier needs two classes")
    if params["objective"] == "poisson" and values.min() < 0:
        raise DataError(f"a poisson objective needs labels of 0 or more, the smallest is {values.min():g}")
    require_numbers(encoded)
    _require_rows(encoded, values)
    dataset = lgb.Dataset(
        encoded,
        label=values,
        weight=None if weight is None else _weights(weight, len(values)),
        feature_name=[quote(name, safe="") for name in encoded.column_names],
        categorical_feature=[encoded.column_names.index(name) for name in categorical],
        params=dict(params),
    )
    dataset.construct()
    dataset.label = dataset.weight = None  # LightGBM has its own; these copies would take 8 bytes a row all through
    release_memory()  # the sample for the bin edges is gone
    return dataset


def _weights(weight: ArrayLike, rows: int) -> NDArray[np.float32]:
    values = np.asarray(weight, dtype=np.float32)
    usable = values.shape == (rows,) and np.isfinite(values).all() and values.min() >= 0 and values.max() > 0
    if not usable:
        raise DataError(f"{len(values):,} weights for {rows:,} rows: one finite weight of 0 or more per row, not all 0")
    return values


def _valid_set(rows: lgb.Dataset, task: str, n_classes: int, valid: pa.Table, label: ArrayLike) -> lgb.Dataset:
    values = check_labels(label, task, n_classes)
    require_numbers(valid)
    _require_rows(valid, values)
    return rows.create_valid(valid, label=values)


def _train(params: Mapping[str, Any], rows: lgb.Dataset, rounds: int, **options: Any) -> lgb.Booster:
    try:
        return lgb.train(dict(params), rows, rounds, keep_training_booster=True, **options)
    except lgb.basic.LightGBMError as error:
        raise DataError(f"LightGBM cannot train on these rows: {error}") from None


def _text(booster: lgb.Booster, rounds: int) -> bytes:
    return booster.model_to_string(num_iteration=rounds).encode()


def _require_rows(encoded: pa.Table, label: NDArray[np.float64]) -> None:
    if encoded.num_rows != len(label):
        raise DataError(f"{encoded.num_rows:,} rows of features and {len(label):,} labels: one label per row")
