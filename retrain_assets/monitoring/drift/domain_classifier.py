"""Can a classifier tell a period's rows from the other periods'? It sees what no single column shows.

A change of how columns go together leaves every column as it was. The classifier's cross-validated AUC is one more
number per period and falls under the same rule as all others: each reference period is told from the rest of the
reference in the same way, and what counts is whether the current one is easier to tell than they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain_assets.documents.units import percent
from retrain_assets.monitoring.drift.column_change import Measured, Sizes
from retrain_assets.monitoring.drift.summaries import Summary

Floats = NDArray[np.float32]

JOINT = "(joint)"
ROWS = 10_000
"""Rows taken at most of the period that is asked about, and of the others together."""
FEWEST_ROWS = 500
NAMED = 3

_FOLDS, _ROUNDS = 3, 40
_PARAMETERS = {
    "objective": "binary",
    "num_leaves": 16,
    "learning_rate": 0.1,
    "max_bin": 63,
    "extra_trees": True,  # no column helps alone where only their interplay changed: greedy first splits miss it
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Separation:
    """How well two sets of rows can be told apart.

    Attributes:
        auc: Cross-validated: .5 when they cannot be, 1 when they surely can.
        noise: Variance of the AUC by chance if they cannot be told apart and rows are independent.
        important: The columns that the classifier gained most from, with their share of the gain; most first.
    """

    auc: float
    noise: float
    important: tuple[tuple[str, float], ...]


def tell_apart(one: pa.Table, other: pa.Table, categorical: Sequence[str], seed: int) -> Separation:
    """Train a LightGBM classifier to tell two tables' rows apart, and score it on rows that it has not seen.

    Args:
        one: Encoded rows: numeric columns, categories as codes, null where a value is missing.
        other: Rows with the same columns.
        categorical: Which columns hold codes.
        seed: Of the folds and of the classifier; the same seed gives the same answer.

    Source: Lopez-Paz & Oquab (2017), Revisiting Classifier Two-Sample Tests, ICLR.

    >>> x = np.random.default_rng(1).normal(size=(3, 600))
    >>> told = tell_apart(pa.table({"a": x[0], "b": x[2]}), pa.table({"a": x[1], "b": x[2] + 2}), [], seed=0)
    >>> told.auc > 0.85, told.important[0][0]
    (True, 'b')
    """
    import lightgbm as lgb
    from sklearn.metrics import roc_auc_score

    names = one.column_names
    rows = np.vstack([_matrix(one), _matrix(other)])
    label = np.repeat([1.0, 0.0], [one.num_rows, other.num_rows])
    fold = np.random.default_rng(seed).permutation(rows.shape[0]) % _FOLDS
    parameters = {**_PARAMETERS, "seed": seed, "min_data_in_leaf": max(5, rows.shape[0] // 100)}
    aucs, gain = [], np.zeros(len(names))
    for left_out in range(_FOLDS):
        seen = fold != left_out
        data = lgb.Dataset(
            rows[seen],
            label[seen],
            feature_name=[f"f{n}" for n in range(len(names))],
            categorical_feature=[n for n, name in enumerate(names) if name in set(categorical)],
            params=parameters,
        )
        booster = lgb.train(parameters, data, _ROUNDS)
        gain += booster.feature_importance("gain")
        aucs.append(float(roc_auc_score(label[~seen], np.asarray(booster.predict(rows[~seen])))))
    share = gain / max(gain.sum(), 1e-12)
    order = np.argsort(-share, kind="stable")[:NAMED]
    important = tuple((names[n], round(float(share[n]), 4)) for n in order if share[n] > 0)
    noise = (rows.shape[0] + 1) / (12 * one.num_rows * other.num_rows)
    return Separation(float(np.mean(aucs)), noise, important)


def joint_series(
    reference: Mapping[str, pa.Table],
    current: pa.Table,
    categorical: Sequence[str],
    seed: int,
    known: Mapping[str, float] | None = None,
) -> tuple[Measured, dict[str, float]]:
    """The AUC of every reference period and of the current one, as a column for `drift`.

    Args:
        reference: Encoded rows of each reference period by its key.
        current: Encoded rows of the period under test.
        categorical: Which columns hold codes.
        seed: Of the samples, the folds and the classifiers.
        known: AUCs of reference periods from an earlier report on the same reference, which are not computed again.

    Returns:
        The column, without a summary when fewer than 5 periods or fewer than 500 current rows are there; and the AUC
        of each reference period, to be handed in as `known` next time.
    """
    if len(reference) < 2 or current.num_rows < FEWEST_ROWS:
        return Measured(JOINT, "numeric", Sizes(), ()), {}
    aucs = dict(known or {})
    for key in reference:
        if key not in aucs:
            others = [reference[other] for other in reference if other != key]
            aucs[key] = _against(reference[key], others, categorical, seed).auc
    aucs = {key: aucs[key] for key in reference}
    told = _against(current, list(reference.values()), categorical, seed)
    values = np.array([*aucs.values(), told.auc])
    noise = np.full(values.shape, told.noise)
    before = float(np.mean(values[:-1]))
    summary = Summary("joint", "", values, noise, before, told.auc)
    mostly = ", ".join(f"{name} ({percent(share)})" for name, share in told.important)
    return Measured(JOINT, "numeric", Sizes(), (summary,), mostly), aucs


def _against(one: pa.Table, others: Sequence[pa.Table], categorical: Sequence[str], seed: int) -> Separation:
    each = -(-ROWS // len(others))
    rest = pa.concat_tables([_sample(other, each, seed) for other in others], promote_options="permissive")
    return tell_apart(_sample(one, ROWS, seed), rest, categorical, seed)


def _sample(rows: pa.Table, most: int, seed: int) -> pa.Table:
    if rows.num_rows <= most:
        return rows
    return rows.take(np.sort(np.random.default_rng(seed).choice(rows.num_rows, most, replace=False)))


def _matrix(table: pa.Table) -> Floats:
    columns = [table[name].cast(pa.float32()).to_numpy() for name in table.column_names]
    return np.column_stack(columns) if columns else np.empty((table.num_rows, 0), np.float32)
