"""Metrics of a team's own, as a spec names them: `retrain_assets_tests.validation.own_metrics:bias`."""

from __future__ import annotations

import numpy as np

from retrain_assets_tests.validation.worlds import VALUE_RULES, policy

OWN = __name__
MEDIAN = {"callable": f"{OWN}:median_error", "higher_is_better": False, "unit": "minutes"}
ANSWER = 42


def declares(**metrics):
    """A policy with metrics of one's own."""
    return policy(VALUE_RULES, metrics=metrics)


def median_error(label, scores):
    """A function that is no mean of rows."""
    return np.median(np.abs(scores - label))


def mean_error(label, scores):
    """A mean of rows that is not said to be one."""
    return np.mean(np.abs(scores - label))


def gini(label, scores):
    from sklearn.metrics import roc_auc_score

    return 2 * roc_auc_score(label, scores) - 1 if 0 < label.mean() < 1 else float("nan")


def share_right(label, scores):
    given = scores.argmax(axis=1) if scores.ndim == 2 else scores >= 0.5
    return float((given == label).mean())


def breaks(label, scores):
    raise KeyError("fare")


def words(label, scores):
    return "good"
