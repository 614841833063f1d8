"""Summaries of columns with few rows."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.profiles.profile import profile, reference_edges
from retrain_assets_tests.monitoring.drift.worlds import POLICY


def test_the_standard_deviation_of_a_few_rows_is_not_known():
    rng = np.random.default_rng(9)
    tables = [pa.table({"x": rng.integers(0, 2, rows)}) for rows in (*[1000] * 12, 20)]
    edges = reference_edges(tables[0], ["x"], [])
    *seen, few = (profile(table, edges) for table in tables)
    reference = {f"{n:02}": one for n, one in enumerate(seen)}
    assert drift(POLICY, reference, seen[0], "99", None).tests - drift(POLICY, reference, few, "99", None).tests == 1
