"""Small tables of a stranger, written as files."""

from pathlib import Path

import numpy as np
import pandas as pd

MONTHS = 6


def subscriptions(folder: Path, rows: int = 120, **changes: object) -> Path:
    """Six months of subscriptions, one CSV a month, and their outcomes 20 days later in another; returns the glob.

    `changes` replace or add columns: a list of a month's length, or one value.
    """
    random = np.random.default_rng(3)
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    outcomes = []
    for number in range(MONTHS):
        month = pd.Period("2024-01", "M") + number
        day = month.start_time + pd.to_timedelta(random.integers(0, 28, rows), "D")
        tenure = random.integers(0, 60, rows)
        left = random.random(rows) < 1 / (1 + np.exp(tenure / 12 - 1))
        frame = pd.DataFrame(
            {
                "account_id": np.arange(rows) + number * rows,
                "day": day.strftime("%Y-%m-%d"),
                "tenure": tenure,
                "fee": random.gamma(2, 20, rows).round(2),
                "plan": random.choice(["basic", "plus"], rows),
                "gender": random.choice(["F", "M"], rows),
            }
        ).assign(**changes)
        frame.to_csv(folder / "rows" / f"{month}.csv", index=False)
        later = (day + pd.Timedelta(days=20)).strftime("%Y-%m-%d")
        frame = frame.assign(left=np.where(left, "yes", "no"), seen_at=later)
        outcomes.append(frame[["account_id", "left", "seen_at"]])
    pd.concat(outcomes).to_csv(folder / "outcomes.csv", index=False)
    return folder / "rows" / "*.csv"
