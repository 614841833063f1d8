"""A metric of every make in the task that it fits, with rows on which one model is better in every respect."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrain_assets.metrics.metric import METRICS, OF_CLASS
from retrain_assets_tests.validation.own_metrics import MEDIAN, OWN
from retrain_assets_tests.validation.worlds import RULES, VALUE_RULES, gate_rows, suite

DECLARED = {
    "binary": {"own_cost": {"unit": "USD", "cost": {"column": "fare", "false_positive": 1, "false_negative": 5}}},
    "multiclass": {"own_cost": {"unit": "USD", "cost": {"column": "fare", "wrong": 2}}},
    "regression": {"own_cost": {"unit": "USD", "cost": {"column": "fare", "over": 1, "under": 3}}},
}
RIGHT = {"unit": "share", "callable": f"{OWN}:share_right", "higher_is_better": True}
OF_TASK = {
    task: [
        *sorted(name for name, known in METRICS.items() if task in known.tasks),
        *([f"{name}[1]" for name in OF_CLASS] if task == "multiclass" else []),
        *(["pinball[0.1]", "pinball[0.9]"] if task == "regression" else []),
        "own_cost",
        "own_function",
    ]
    for task in ("binary", "multiclass", "regression")
}
EVERY = [(task, name) for task, names in OF_TASK.items() for name in names]
GUARDING = [(task, name) for task, name in EVERY if name != "calibration_error"]
OF_EACH_MAKE = (
    *(("binary", "auc"), ("binary", "accuracy"), ("binary", "own_function")),
    *(("multiclass", "auc"), ("multiclass", "tpr[1]"), ("multiclass", "log_loss")),
    *(("regression", "wape"), ("regression", "own_cost")),
)
"""A rank, a count, a function of all rows, a mean over classes, a rate of one class, a loss, a ratio and a price."""


def rules_of(task):
    """Rules of the task with a cost and a function of one's own."""
    base = VALUE_RULES if task == "regression" else RULES
    own = DECLARED[task] | {"own_function": MEDIAN if task == "regression" else RIGHT}
    return base, {"metrics": own, "unit": "auto"}


def world(task, n=3000, seed=1):
    """Rows over 120 days, a champion, and a candidate that is better in every respect."""
    rng = np.random.default_rng(seed)
    if task == "regression":
        label = rng.gamma(2, 5, n)
        shared = rng.laplace(0, 1, n)
        champion, candidate = label + 2.0 * shared + rng.normal(0, 0.2, n), label + shared + rng.normal(0, 0.2, n)
        baseline, cases = np.full(n, np.median(label)), ((10.0,), (11.0,), (10.5,))
    elif task == "binary":
        seen = rng.normal(0, 2, n)
        label = (rng.random(n) < 1 / (1 + np.exp(-seen))).astype(float)
        candidate = 1 / (1 + np.exp(-seen + rng.normal(0, 0.1, n)))
        champion = 1 / (1 + np.exp(-1.6 * (0.3 * seen + rng.normal(0, 1.5, n)) - 0.9))
        baseline, cases = np.full(n, label.mean()), ((1.0,), (0.9,), (0.9,))
    else:
        seen = rng.normal(0, 2, (n, 3))
        chances = np.exp(seen) / np.exp(seen).sum(axis=1, keepdims=True)
        label = (chances.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).astype(float)
        noisy = 1.8 * (0.4 * seen + rng.normal(0, 1.5, (n, 3)))
        candidate, champion = chances, np.exp(noisy) / np.exp(noisy).sum(axis=1, keepdims=True)
        baseline, cases = (
            np.tile(np.bincount(label.astype(int)) / n, (n, 1)),
            ((1.0,), (np.eye(3)[1],), (np.eye(3)[1],)),
        )
    sex = np.where(np.arange(n) % 2 == 0, "F", "M").astype(object)
    time = np.datetime64("2024-01-01", "us") + (np.arange(n) * 120 // n).astype("m8[D]")
    rows = replace(gate_rows(label, {"sex": sex}, time), amounts={"fare": rng.gamma(4, 0.5, n)})
    return rows, champion, candidate, baseline, suite(*cases)
