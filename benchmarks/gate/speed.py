"""Time and memory of the whole gate on a million rows, 12 metrics and 3 protected attributes, for every task."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.gate import worlds
from benchmarks.gate.peers import seconds
from benchmarks.gate.worlds import CLASSES, VALUES, Rng
from retrain_assets.metrics.metric import METRICS, OF_CLASS, Array
from retrain_assets.validation.judge import GateRows
from retrain_assets.validation.policy import ValidationPolicy

ROWS, RAILS, DAYS, KINDS, CLUSTERS = 1_000_000, 12, 90, 3, 200_000
ATTRIBUTES = {"sex": 2, "age": 4, "region": 6}
LARGEST, NEARLY_ALL, ALIKE = 0.8, 0.95, 0.9
"""Share of the rows that the first value of `sex` holds, ordinarily and at the most (the other attributes' values are
equally frequent), and of the rows that have one and the same score where scores are alike."""

COSTS: dict[str, Any] = {
    f"missed_{price}": {"cost": {"false_positive": 1, "false_negative": price}, "unit": "USD"}
    for price in (5, 10, 20, 40)
}
"""Declared costs of a binary task: a missed case is so many times as dear as a false alarm."""

TASKS = ("binary", "regression", "multiclass")


@dataclass(frozen=True)
class World:
    """What the gate is given: rows, and the scores of two models."""

    task: str
    rows: GateRows
    champion: Array
    candidate: Array

    def ask(self, policy: ValidationPolicy) -> None:
        """One whole gate on rows that nobody has counted yet."""
        worlds.ask(policy, self.task, replace(self.rows), self.champion, self.candidate)


@dataclass(frozen=True)
class Cost:
    """CPU seconds of the gate, and of scikit-learn's pair of `roc_auc_score` and `log_loss` on as many rows."""

    gate: float
    pair: float

    @property
    def ratio(self) -> float:
        """How many pairs one gate takes."""
        return self.gate / self.pair


def measure(task: str, seed: int, repeats: int) -> Cost:
    """The gate and the pair in turn, medians.

    The pair is of the same labels and scores; of a regression, which has no such metrics, that of a binary task.
    """
    asked = world(task, seed)
    known = world("binary", seed) if task == "regression" else asked

    def pair() -> None:
        roc_auc_score(known.rows.label, known.candidate, multi_class="ovr")
        log_loss(known.rows.label, known.candidate)

    gate = partial(asked.ask, rules(task))
    for warm_up in (gate, pair):
        warm_up()
    taken = [(seconds(gate, 1), seconds(pair, 1)) for _ in range(repeats)]
    return Cost(*(statistics.median(each) for each in zip(*taken, strict=True)))


def peaks(task: str, seed: int) -> Mapping[str, float]:
    """The gate's peak beyond what it was given, in float64 columns of `ROWS` rows, by what makes it hard.

    Measured by `tracemalloc`, which sees NumPy and pandas. Given are labels, times, groups, clusters and the scores of
    both models and of the constant.
    """
    plain, sliced = rules(task), rules(task, slices=True)
    by_cluster = rules(task, slices=True, unit="vehicle")
    cases: dict[str, tuple[World, ValidationPolicy]] = {
        "as timed": (world(task, seed), plain),
        "slices too": (world(task, seed), sliced),
        f"slices too, one with {NEARLY_ALL:.0%} of the rows": (world(task, seed, largest=NEARLY_ALL), sliced),
        f"the same, {CLUSTERS:,} clusters": (world(task, seed, largest=NEARLY_ALL, clusters=CLUSTERS), by_cluster),
        f"slices too, one score on {ALIKE:.0%} of the rows": (world(task, seed, alike=ALIKE), sliced),
    }
    return {name: _peak_columns(partial(made.ask, policy)) for name, (made, policy) in cases.items()}


def metrics(task: str) -> list[str]:
    """12 metrics of a task: its own, then those with a parameter (a class, a quantile) or declared costs."""
    own = [name for name, known in METRICS.items() if task in known.tasks and name != "calibration_error"]
    further = {
        "binary": list(COSTS),
        "regression": [f"pinball[{0.1 * place:.1f}]" for place in range(1, 10)],
        "multiclass": [f"{name}[{number}]" for name in OF_CLASS for number in range(KINDS)],
    }
    return [*own, *further[task]][:RAILS]


def rules(task: str, *, slices: bool = False, unit: str = "auto") -> ValidationPolicy:
    """A policy of 12 guardrails, with every value of every attribute as protected group, and as slice if asked."""
    base = VALUES if task == "regression" else CLASSES
    rails: list[dict[str, Any]] = [{"metric": name, "margin": 0.5} for name in metrics(task)]
    rates = ["mae"] if task == "regression" else ["tpr", "fpr"]
    fairness = {"groups": list(ATTRIBUTES), "metrics": rates, "margin": 0.5}
    of_slices = [{"metric": name, "margin": 0.5} for name in (("mae", "rmse") if task == "regression" else ("auc",))]
    sliced = {"slices": {"guardrails": of_slices}} if slices else {}
    declared = {"metrics": COSTS} if task == "binary" else {}
    return worlds.rules(base, unit=unit, guardrails=rails, fairness=fairness, **sliced, **declared)


def world(task: str, seed: int, *, largest: float = LARGEST, clusters: int = 0, alike: float = 0.0) -> World:
    """Made-up rows of 90 days with three attributes.

    Args:
        task: `binary`, `regression` or `multiclass`.
        seed: Of all that is drawn.
        largest: Share of the rows in the largest group.
        clusters: How many values the cluster column has; 0 for no such column.
        alike: Share of the rows to which each model gives one and the same score.
    """
    rng = np.random.default_rng(seed)
    label, champion, candidate = worlds.classifier(rng, ROWS) if task == "binary" else _scored(task, rng)
    groups = {name: _values(rng, name, count, largest) for name, count in ATTRIBUTES.items()}
    time = np.sort(worlds.DAY_ZERO + rng.integers(0, DAYS * 86_400_000_000, ROWS).astype("m8[us]"))
    vehicles = np.array([f"vehicle {number}" for number in range(clusters)], object)
    cluster = rng.choice(vehicles, ROWS) if clusters else None
    if alike:
        for scores in (champion, candidate):
            scores[rng.random(ROWS) < alike] = scores[0]
    return World(task, GateRows(np.arange(ROWS), label, time, groups, cluster), champion, candidate)


def _scored(task: str, rng: Rng) -> tuple[Array, Array, Array]:
    if task == "regression":
        label = rng.gamma(4, 5, ROWS)
        return label, label + rng.normal(0, 1, ROWS), label + rng.normal(0, 1, ROWS)
    seen = rng.normal(0, 1, (ROWS, KINDS))
    label = np.argmax(seen + rng.gumbel(size=(ROWS, KINDS)), axis=1).astype(np.float64)
    champion, candidate = (np.exp(seen + rng.normal(0, 0.5, (ROWS, KINDS))) for _ in range(2))
    return label, champion / champion.sum(axis=1, keepdims=True), candidate / candidate.sum(axis=1, keepdims=True)


def _values(rng: Rng, name: str, count: int, largest: float) -> npt.NDArray[np.object_]:
    share = [largest, *[(1 - largest) / (count - 1)] * (count - 1)] if name == "sex" else None
    return rng.choice(np.array([f"{name} {number}" for number in range(count)], object), ROWS, p=share)


def _peak_columns(gate: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        gate()
        return tracemalloc.get_traced_memory()[1] / (8 * ROWS)
    finally:
        tracemalloc.stop()
