"""A metric of a team's own that makes a judgement last: it waits for as long as the file `wait` is in RETRAIN_HOME."""

import os
import time
from pathlib import Path

import numpy as np


def mean_error(labels: np.ndarray, scores: np.ndarray) -> float:
    """By how much the scores are too high, in the label's unit."""
    while Path(os.environ.get("RETRAIN_HOME", "."), "wait").exists():
        time.sleep(0.1)
    return float(np.mean(scores - labels))
