"""Time and memory of the whole gate on a million rows, 12 metrics and 3 protected attributes."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from benchmarks.gate import worlds
from benchmarks.gate.peers import seconds
from benchmarks.gate.worlds import CLASSES
from retrain_assets.metrics import METRICS
from retrain_assets.validation.gate import GateRows
from retrain_assets.validation.policy import ValidationPolicy

ROWS, RAILS, DAYS = 1_000_000, 12, 90
ATTRIBUTES = {"sex": 2, "age": 4, "region": 6}


@dataclass(frozen=True)
class Cost:
    """Seconds of the gate and of scikit-learn's pair on the same rows, and the gate's peak beyond what it was given.

    `columns` counts float64 columns of `ROWS` rows. Given are labels, times, groups and the scores of both models and
    of the constant.
    """

    gate: float
    pair: float
    columns: float

    @property
    def ratio(self) -> float:
        """How many pairs of `roc_auc_score` and `log_loss` one gate takes."""
        return self.gate / self.pair


def measure(seed: int, repeats: int = 5) -> Cost:
    """The gate and the pair in turn, medians; then one more gate under `tracemalloc`, which sees NumPy and pandas."""
    rng = np.random.default_rng(seed)
    label, champion, candidate = worlds.classifier(rng, ROWS)
    groups = {
        name: rng.choice(np.array([f"{name} {n}" for n in range(k)], object), ROWS) for name, k in ATTRIBUTES.items()
    }
    time = np.sort(worlds.DAY_ZERO + rng.integers(0, DAYS * 86_400_000_000, ROWS).astype("m8[us]"))
    policy, key = _policy(), np.arange(ROWS)

    def gate() -> None:
        worlds.ask(policy, "binary", GateRows(key, label, time, groups), champion, candidate)

    def pair() -> None:
        roc_auc_score(label, candidate)
        log_loss(label, candidate)

    for warm_up in (gate, pair):
        warm_up()
    taken = [(seconds(gate, 1), seconds(pair, 1)) for _ in range(repeats)]
    return Cost(*(statistics.median(each) for each in zip(*taken, strict=True)), _peak_columns(gate))


def metrics() -> list[str]:
    """12 metrics: all that fit a binary task, and errors of the probability as a number after them."""
    names = sorted(METRICS, key=lambda name: "binary" not in METRICS[name].tasks)
    return names[:RAILS]


def _policy() -> ValidationPolicy:
    rails = [{"metric": name, "margin": 0.5} for name in metrics()]
    fairness = {"groups": list(ATTRIBUTES), "metrics": ["tpr", "fpr"], "margin": 0.5}
    return worlds.rules(CLASSES, unit="auto", guardrails=rails, fairness=fairness)


def _peak_columns(gate: Callable[[], None]) -> float:
    tracemalloc.start()
    try:
        gate()
        return tracemalloc.get_traced_memory()[1] / (8 * ROWS)
    finally:
        tracemalloc.stop()
