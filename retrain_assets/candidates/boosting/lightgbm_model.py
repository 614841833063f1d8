"""Fit LightGBM on Arrow, with and without early stopping. Models are the native text format, as bytes.

The same rows, parameters and seed give the same bytes, however the Arrow table is chunked. Which rows to train on is
decided in `strategies` and `rolling_origins`; what the columns mean, in `scoring.features`; loading and scoring stand
in `scoring.booster`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from retrain_assets.candidates.boosting.passed_parameters import resolved
from retrain_assets.candidates.policy import TrainingPolicy
from retrain_assets.errors import DataError, NotEnoughData, SpecError
from retrain_assets.model import Task
from retrain_assets.scoring.booster import lgb, predict, require_numbers, text_of

__all__ = [
    "Examples",
    "Learner",
    "check_labels",
    "fit",
    "fit_early_stopped",
    "fit_past_stop",
    "parameters",
    "predict",
    "release_memory",
]

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


@dataclass(frozen=True)
class Learner:
    """Everything about fitting but the rows: what is predicted, and with which parameters.

    Attributes:
        policy: Hyperparameters and the seed.
        task: What is predicted.
        classes: How many classes; not read for regression.
    """

    policy: TrainingPolicy
    task: Task
    classes: int = 2


@dataclass(frozen=True)
class Examples:
    """Rows to learn from.

    Attributes:
        features: Features as numbers (`scoring.features.encode`), one row per label.
        label: Shape (n,), an array or an Arrow column: 0/1, 0..k-1, or a value in the label's unit.
        weight: Shape (n,), relative; None weighs all rows alike.
        categorical: Which columns hold codes.
    """

    features: pa.Table
    label: ArrayLike
    weight: ArrayLike | None = None
    categorical: Sequence[str] = ()


def parameters(learner: Learner, columns: Sequence[str] = ()) -> dict[str, Any]:
    """Collect LightGBM's parameters: what the policy sets, and what is fixed for the sake of the same bytes.

    Bin edges come from a sample of 50,000 rows: LightGBM's 200,000 would take more memory than the training window
    itself. Row-wise histograms are fixed because letting LightGBM time both ways makes the outcome depend on the
    machine. What the spec passes on under `lightgbm` is in between: it cannot take the place of what is fixed.

    Raises:
        SpecError: The objective does not belong to the task, the number of classes is wrong, or a passed parameter
            names a column that is no feature.

    >>> parameters(Learner(TrainingPolicy(objective="binary"), "binary"))["deterministic"]
    True
    """
    training, task, n_classes = learner.policy, learner.task, learner.classes
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
        "seed": training.seed,
        "deterministic": True,
        "force_row_wise": True,
        "bin_construct_sample_cnt": _BIN_SAMPLE_ROWS,
        "verbose": -1,
    }
    extra: dict[str, Any] = {"num_class": n_classes} if task == "multiclass" else {}
    if training.quantile is not None:
        extra["alpha"] = training.quantile
    try:
        passed = resolved(training.lightgbm, columns)
    except KeyError as unknown:
        raise SpecError(str(unknown.args[0])) from None
    return chosen | extra | passed | fixed


def fit(learner: Learner, examples: Examples, rounds: int) -> bytes:
    """Train a model of exactly so many boosting rounds, and return it as LightGBM's native text.

    Raises:
        DataError: A column is no number, a label is missing or impossible, or LightGBM refuses the rows.
        NotEnoughData: No rows, or a single class.

    >>> rows, fare = pa.table({"miles": np.arange(100.0)}), np.arange(100.0) * 3
    >>> policy = TrainingPolicy(objective="regression_l1", min_data_in_leaf=5)
    >>> model = fit(Learner(policy, "regression"), Examples(rows, fare), rounds=30)
    >>> predict(model, rows.slice(50, 1)).round(-1)
    array([150.])
    """
    params = parameters(learner, examples.features.column_names)
    booster = _train(params, _dataset(params, learner, examples), rounds)
    return text_of(booster, booster.current_iteration())


def fit_early_stopped(learner: Learner, examples: Examples, later: Examples, loss: str) -> tuple[bytes, int]:
    """Train a model with as many rounds as do best on later rows, up to the policy's limit; return it and the rounds.

    Args:
        learner: Its policy says `max_rounds` and `early_stopping_rounds`.
        examples: The training rows.
        later: The rows that say when to stop, same columns; their weights are not read.
        loss: What to do best on: log_loss, brier, mae, mse, or pinball[q] at the quantile that is trained.

    Raises:
        DataError: As in `fit`.
        NotEnoughData: As in `fit`, or nothing to stop on.
        SpecError: The loss does not belong to the task.
    """
    booster = _early_stopped(learner, examples, later, loss)
    return text_of(booster, booster.best_iteration), booster.best_iteration


def fit_past_stop(learner: Learner, examples: Examples, later: Examples, loss: str) -> tuple[bytes, int]:
    """As `fit_early_stopped`, but the model keeps the rounds after the best one that early stopping tried.

    A model of fewer rounds is the beginning of it, so that one fit answers for any number of rounds up to its own.
    """
    booster = _early_stopped(learner, examples, later, loss)
    return text_of(booster, booster.current_iteration()), booster.best_iteration


def _early_stopped(learner: Learner, examples: Examples, later: Examples, loss: str) -> lgb.Booster:
    params = parameters(learner, examples.features.column_names)
    params |= {"metric": _stopping_metric(learner.task, loss, params.get("alpha"))}
    rows = _dataset(params, learner, examples)
    valid = _valid_set(rows, learner, later)
    stop = lgb.early_stopping(learner.policy.early_stopping_rounds, verbose=False)
    return _train(params, rows, learner.policy.max_rounds, valid_sets=[valid], callbacks=[stop])


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


def _dataset(params: Mapping[str, Any], learner: Learner, examples: Examples) -> lgb.Dataset:
    encoded, values = examples.features, check_labels(examples.label, learner.task, learner.classes)
    if learner.task != "regression" and values.min() == values.max():
        raise NotEnoughData(f"all {len(values):,} training labels are {values[0]:g}: a classifier needs two classes")
    if params["objective"] == "poisson" and values.min() < 0:
        raise DataError(f"a poisson objective needs labels of 0 or more, the smallest is {values.min():g}")
    require_numbers(encoded)
    _require_rows(encoded, values)
    dataset = lgb.Dataset(
        encoded,
        label=values,
        weight=None if examples.weight is None else _weights(examples.weight, len(values)),
        feature_name=[quote(name, safe="") for name in encoded.column_names],
        categorical_feature=[encoded.column_names.index(name) for name in examples.categorical],
        params=dict(params),
    )
    with _refusals():
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


def _valid_set(rows: lgb.Dataset, learner: Learner, later: Examples) -> lgb.Dataset:
    values = check_labels(later.label, learner.task, learner.classes)
    require_numbers(later.features)
    _require_rows(later.features, values)
    return rows.create_valid(later.features, label=values)


def _train(params: Mapping[str, Any], rows: lgb.Dataset, rounds: int, **options: Any) -> lgb.Booster:
    with _refusals():
        return lgb.train(dict(params), rows, rounds, keep_training_booster=True, **options)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what LightGBM refuses, rows or a passed parameter, into an error of ours."""
    try:
        yield
    except lgb.basic.LightGBMError as error:
        cause = str(error).split(" at /")[0].strip()
        raise DataError(f"LightGBM cannot train on these rows with these parameters: {cause}") from None


def _require_rows(encoded: pa.Table, label: NDArray[np.float64]) -> None:
    if encoded.num_rows != len(label):
        raise DataError(f"{encoded.num_rows:,} rows of features and {len(label):,} labels: one label per row")
