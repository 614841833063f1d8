"""The fairness check against fairlearn's bootstrap: the same question, its time and how often its limits hold."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate

from benchmarks.gate import worlds
from benchmarks.gate.cases import small_group_rows
from benchmarks.gate.worlds import CLASSES
from retrain_assets.metrics.metric import Array
from retrain_assets.validation.comparison.comparison import Level
from retrain_assets.validation.criteria.fairness import fairness

RESAMPLES = 50
LEVEL = Level(alpha=0.05, power=0.8)
RATES = {"tpr": true_positive_rate, "fpr": false_positive_rate}


@dataclass(frozen=True)
class Coverage:
    """How often the limits hold the true drop: both together (asked: .90), and the upper one alone (asked: .95)."""

    both: float
    upper: float


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median CPU time of a call, which says the same however busy the machine is."""
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def times_faster(seed: int, *, bare: bool, rows: int = 20_000) -> dict[str, float]:
    """Seconds for the true and false positive rates of five groups: ours, fairlearn's, and fairlearn's bare functions.

    fairlearn is asked about one model, ours about the change between two. `bare` is fairlearn's bootstrap around
    functions of one line each, so that what is timed is the resampling and not scikit-learn's confusion matrix.
    """
    rng = np.random.default_rng(seed)
    label, champion, candidate = worlds.classifier(rng, rows)
    part = rng.choice(np.array(list("ABCDE"), dtype=object), rows)
    policy = worlds.rules(CLASSES, fairness={"metrics": ["tpr", "fpr"]})
    ours = seconds(lambda: fairness(policy, "binary", worlds.gate_rows(label, part), champion, candidate, LEVEL), 15)
    asked = {"fairlearn": RATES} | ({"bare": {"tpr": _tpr, "fpr": _fpr}} if bare else {})
    taken = {"ours": ours}
    for name, metrics in asked.items():
        work = partial(bootstrap, metrics, label, candidate >= 0.5, part, seed)
        taken[name] = seconds(work, 1)
    return taken


def coverage(reps: int, seed: int, positives: int = 100, lost: float = 0.10, gained: float = 0.02) -> list[Coverage]:
    """How often our limits, and those of fairlearn's bootstrap, hold the true drop of a small group's TPR."""
    rng, policy = np.random.default_rng(seed), worlds.rules(CLASSES, fairness={"pool_below": 20})
    ours, theirs = np.empty((reps, 2)), np.empty((reps, 2))
    for rep in range(reps):
        rows, champion, candidate = small_group_rows(rng, positives, lost, gained)
        found = fairness(policy, "binary", rows, champion, candidate, LEVEL)
        small = next(finding for finding in found if finding.group == "part=small")
        ours[rep] = -(small.high or np.nan), -(small.low or np.nan)
        answers = 2.0 * (champion >= 0.5) + (candidate >= 0.5)
        frame = bootstrap({"drop": _drop}, rows.label, answers, rows.groups["part"], rep)
        theirs[rep] = [limits.loc["small", "drop"] for limits in frame.by_group_ci]
    return [_held(ours, lost - gained), _held(theirs, lost - gained)]


def bootstrap(
    metrics: dict[str, Callable[..., float]],
    label: Array,
    answers: npt.NDArray[np.generic],
    part: npt.NDArray[np.object_],
    seed: int,
) -> MetricFrame:
    """The metrics by group from fairlearn, with the 5 % and 95 % points of 50 resamples."""
    with np.errstate(invalid="ignore"):  # it also takes quantiles of ratios, some of which divide by zero
        return MetricFrame(
            metrics=metrics,
            y_true=label,
            y_pred=answers,
            sensitive_features=part,
            n_boot=RESAMPLES,
            ci_quantiles=[1 - 0.95, 0.95],
            random_state=seed,
        )


def _held(limits: Array, drop: float) -> Coverage:
    above, below = limits[:, 0] <= drop, limits[:, 1] >= drop
    return Coverage(float((above & below).mean()), float(below.mean()))


def _tpr(label: Array, answer: Array) -> float:
    return float(np.mean(np.asarray(answer)[np.asarray(label) == 1]))


def _fpr(label: Array, answer: Array) -> float:
    return float(np.mean(np.asarray(answer)[np.asarray(label) != 1]))


def _drop(label: Array, answers: Array) -> float:
    of_positives = np.asarray(answers)[np.asarray(label) == 1]
    return float(np.mean(of_positives >= 2) - np.mean(of_positives % 2))
