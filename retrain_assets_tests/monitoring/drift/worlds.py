"""Periods whose drift is known, and what can be changed in one of them."""

import numpy as np
import pyarrow as pa

from retrain_assets.monitoring.drift.report import drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import profile, reference_edges

POLICY = DriftPolicy()
EVERY_SIZE = DriftPolicy(min_mean_shift=0, min_share_shift=0, min_missing_shift=0)
"""Reports a change of any size."""


NUMERIC = [f"x{number}" for number in range(6)]


NAMES = ["c0", "c1"]


LEVELS = np.array([f"L{number}" for number in range(12)])


def period(rng, rows, effect_sd):
    """Rows of one period, each column moved by an effect that all its rows share."""
    columns = {name: rng.normal(rng.normal(0, effect_sd), 1, rows) for name in NUMERIC}
    for name in NAMES:
        weights = np.linspace(1, 2, LEVELS.size) * np.exp(rng.normal(0, effect_sd) * np.linspace(-1, 1, LEVELS.size))
        codes = rng.choice(LEVELS.size, rows, p=weights / weights.sum()).astype(np.int32)
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(LEVELS))
    columns["x0"] = np.where(rng.random(rows) < 0.02, np.nan, columns["x0"])
    return pa.table(columns)


class World:
    """Many periods of one world, from which reports are drawn."""

    def __init__(self, seed, rows, effect_sd, periods=60):
        self.rng = np.random.default_rng(seed)
        self.rows, self.effect_sd = rows, effect_sd
        self.tables = [period(self.rng, rows, effect_sd) for _ in range(periods)]
        self.edges = reference_edges(pa.concat_tables(self.tables).unify_dictionaries(), NUMERIC, NAMES)
        self.profiles = [profile(table, self.edges) for table in self.tables]

    def report(self, policy=POLICY, periods=12, change=None):
        order = self.rng.permutation(len(self.profiles))[: periods + 1]
        reference = {f"{n:03}": self.profiles[at] for n, at in enumerate(order[:-1])}
        current = self.profiles[order[-1]]
        if change is not None:
            current = profile(change(self.rng, self.tables[order[-1]]), self.edges)
        return drift(policy, reference, current, "999", None)


def replaced(table, name, values):
    return table.set_column(table.column_names.index(name), name, values)


def moved_mean(rng, table):
    return replaced(table, "x3", pa.array(table["x3"].to_numpy() + 0.25))


def more_missing(rng, table):
    return replaced(table, "x0", pa.array(np.where(rng.random(len(table)) < 0.05, np.nan, table["x0"].to_numpy())))


def moved_mass(rng, table):
    names = np.array(table["c1"].to_pylist(), dtype=object)
    names[rng.choice(np.flatnonzero(names == "L11"), int(0.05 * names.size), replace=False)] = "L0"
    return replaced(table, "c1", pa.array(names, pa.string()))


def new_category(rng, table):
    names = np.array(table["c1"].to_pylist(), dtype=object)
    names[rng.random(names.size) < 0.01] = "brand new"
    return replaced(table, "c1", pa.array(names, pa.string()))


def at(world, current, previous=None, policy=POLICY):
    reference = {f"{n:03}": one for n, one in enumerate(world.profiles[:12])}
    return drift(policy, reference, profile(current, world.edges), "012", previous)
