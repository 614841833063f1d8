"""Rows of flights and their edges, shared by the tests of profiles."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.profiles.profile import reference_edges


def world(rows=5000, seed=1):
    rng = np.random.default_rng(seed)
    miles = rng.lognormal(6, 0.8, rows)
    return pa.table(
        {
            "miles": pa.array(miles, mask=rng.random(rows) < 0.1),
            "day": rng.integers(1, 8, rows),
            "carrier": pa.array(rng.choice(["AA", "B6", "DL"], rows)).dictionary_encode(),
            "tail": pa.array([f"N{number:03}" for number in rng.integers(0, 400, rows)]),
        }
    )


NUMERIC, NAMES = ["miles", "day"], ["carrier", "tail"]


WORLD = world()


EDGES = reference_edges(WORLD, NUMERIC, NAMES)


def many_levels():
    common = [f"common{number:04}" for number in range(9000)] * 3
    return pa.table({"id": common + [f"rare{number:05}" for number in range(4000)]})
