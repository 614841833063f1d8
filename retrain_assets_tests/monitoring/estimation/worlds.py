"""Made-up rows whose truth is known: a model that knows one of the two features that matter."""

import numpy as np
import pyarrow as pa
from scipy.special import expit

ROWS, NEW = 4000, 2000


def world(seed, rows, shift=0.0, concept=0.0):
    """Features, the model's score, the true P(y = 1 | x) and outcomes; the model knows x but not z."""
    random = np.random.default_rng(seed)
    x, z = random.normal(0, 1, rows), random.normal(shift, 1, rows)
    true = expit(1.5 * x + 1.5 * z - 1.5 + concept)
    label = (random.uniform(size=rows) < true).astype(float)
    return pa.table({"x": x, "z": z}), expit(1.1 * x - 1.1), true, label
