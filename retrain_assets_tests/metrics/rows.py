"""Labels and scores of two models, and metrics written out, for the tests of metrics."""

import numpy as np
from sklearn.calibration import calibration_curve

from retrain_assets.metrics.metric import METRICS


def binned_calibration_error(label, scores):
    """Shares and frequencies from scikit-learn's curve, bin sizes from numpy's histogram; edges belong above."""
    scores = scores + 1e-9
    seen, said = calibration_curve(label, scores, n_bins=10, strategy="uniform")
    sizes, _ = np.histogram(scores, bins=np.linspace(0, 1, 11))
    return float((sizes[sizes > 0] * np.abs(seen - said)).sum() / len(label))


def binary_rows(seed: int, n: int = 300):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(float)
    scores = [np.clip(rng.normal(0.35 + 0.2 * label, 0.2), 0.01, 0.99).round(2) for _ in range(2)]
    return label, *scores


def value_rows(seed: int, n: int = 300):
    rng = np.random.default_rng(seed)
    label = rng.gamma(2, 5, n)
    return label, label + rng.normal(0, 3, n), label + rng.normal(0.5, 2, n)


def rows_for(name: str, seed: int = 1):
    """Rows of a task that the metric fits."""
    return value_rows(seed) if "regression" in METRICS[name].tasks else binary_rows(seed)


def jackknife(value, n):
    """Pseudo-values of a function of row positions: n·all - (n - 1)·(all but row i)."""
    keep, whole = ~np.eye(n, dtype=bool), value(np.ones(n, dtype=bool))
    return n * whole - (n - 1) * np.array([value(rows) for rows in keep])
