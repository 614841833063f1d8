"""Time and memory of the whole gate on a million rows, 12 metrics and 3 protected attributes, for every task."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.gate import worlds
from benchmarks.gate.peers import seconds
from benchmarks.gate.worlds import CLASSES, VALUES, Rng
from retrain_assets.metrics import METRICS, OF_CLASS, Array
from retrain_assets.validation.gate import GateRows
from retrain_assets.validation.policy import ValidationPolicy

ROWS, RAILS, DAYS, KINDS = 1_000_000, 12, 90, 3
ATTRIBUTES = {"sex": 2, "age": 4, "region": 6}
LARGEST = 0.8
"""Share of the rows that the first value of `sex` holds; the other attributes' values are equally frequent."""
COSTS: dict[str, Any] = {
    f"missed_{price}": {"cost": {"false_positive": 1, "false_negative": price}, "unit": "USD"} for price in (5, 10, 20, 40)
}
"""Declared costs of a binary task: a missed case is so many times as dear as a false alarm."""

TASKS = ("binary", "regression", "multiclass")


@dataclass(frozen=True)
class Cost:
    """Seconds of the gate and of scikit-learn's pair on as many rows, and the gate's peak beyond what it was given.

    `columns` counts float64 columns of `ROWS` rows, `with_slices` where every attribute slices as well. Given are
    labels, times, groups and the scores of both models and of the constant.
    """

    task: str
    gate: float
    pair: float
    columns: float
    with_slices: float

    @property
    def ratio(self) -> float:
        """How many pairs of `roc_auc_score` and `log_loss` one gate takes."""
        return self.gate / self.pair


def measure(task: str, seed: int, repeats: int = 5) -> Cost:
    """The gate and the pair in turn, medians; then one more gate under `tracemalloc`, which sees NumPy and pandas.

    The pair is always that of a binary task of as many rows, so that the tasks can be compared.
    """
    rng = np.random.default_rng(seed)
    binary = worlds.classifier(rng, ROWS)
    label, champion, candidate = binary if task == "binary" else _world(task, rng)
    groups = {name: _values(rng, name, count) for name, count in ATTRIBUTES.items()}
    time = np.sort(worlds.DAY_ZERO + rng.integers(0, DAYS * 86_400_000_000, ROWS).astype("m8[us]"))
    key = np.arange(ROWS)

    def gate(slices: bool = False) -> None:
        worlds.ask(rules(task, slices=slices), task, GateRows(key, label, time, groups), champion, candidate)

    def pair() -> None:
        roc_auc_score(binary[0], binary[2])
        log_loss(binary[0], binary[2])

    for warm_up in (gate, pair):
        warm_up()
    taken = [(seconds(gate, 1), seconds(pair, 1)) for _ in range(repeats)]
    peaks = _peak_columns(gate), _peak_columns(partial(gate, slices=True))
    return Cost(task, *(statistics.median(each) for each in zip(*taken, strict=True)), *peaks)


def metrics(task: str) -> list[str]:
    """12 metrics of a task: its own, then those with a parameter (a class, a quantile) or declared costs."""
    own = [name for name, known in METRICS.items() if task in known.tasks and name != "calibration_error"]
    further = {
        "binary": list(COSTS),
        "regression": [f"pinball[{0.1 * place:.1f}]" for place in range(1, 10)],
        "multiclass": [f"{name}[{number}]" for name in OF_CLASS for number in range(KINDS)],
    }
    return [*own, *further[task]][:RAILS]


def rules(task: str, *, slices: bool) -> ValidationPolicy:
    """A policy of 12 guardrails, with every value of every attribute as protected group, and as slice if asked."""
    base = VALUES if task == "regression" else CLASSES
    rails: list[dict[str, Any]] = [{"metric": name, "margin": 0.5} for name in metrics(task)]
    rates = ["mae"] if task == "regression" else ["tpr", "fpr"]
    fairness = {"groups": list(ATTRIBUTES), "metrics": rates, "margin": 0.5}
    of_slices = [{"metric": name, "margin": 0.5} for name in (("mae", "rmse") if task == "regression" else ("auc",))]
    sliced = {"slices": {"guardrails": of_slices}} if slices else {}
    declared = {"metrics": COSTS} if task == "binary" else {}
    return worlds.rules(base, unit="auto", guardrails=rails, fairness=fairness, **sliced, **declared)


def _world(task: str, rng: Rng) -> tuple[Array, Array, Array]:
    if task == "regression":
        label = rng.gamma(4, 5, ROWS)
        return label, label + rng.normal(0, 1, ROWS), label + rng.normal(0, 1, ROWS)
    seen = rng.normal(0, 1, (ROWS, KINDS))
    label = np.argmax(seen + rng.gumbel(size=(ROWS, KINDS)), axis=1).astype(np.float64)
    champion, candidate = (np.exp(seen + rng.normal(0, 0.5, (ROWS, KINDS))) for _ in range(2))
    return label, champion / champion.sum(axis=1, keepdims=True), candidate / candidate.sum(axis=1, keepdims=True)


def _values(rng: Rng, name: str, count: int) -> npt.NDArray[np.object_]:
    share = [LARGEST, *[(1 - LARGEST) / (count - 1)] * (count - 1)] if name == "sex" else None
    return rng.choice(np.array([f"{name} {number}" for number in range(count)], object), ROWS, p=share)


def _peak_columns(gate: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        gate()
        return tracemalloc.get_traced_memory()[1] / (8 * ROWS)
    finally:
        tracemalloc.stop()
