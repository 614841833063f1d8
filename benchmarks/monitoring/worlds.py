"""Made-up periods whose truth is known, counted into profiles without drawing their rows one by one.

Every numeric column takes 500 values, and a period's rows are drawn as the counts of these values: the same law as
drawing row by row and profiling the table (`from_rows` does that, and a row of the level table shows that both agree),
at a cost that does not grow with the rows. All rows of a day share an effect, which moves the values by so many sd and
tilts the categories; effects of consecutive days may be correlated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import special

from retrain_assets.monitoring.drift import DriftReport, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profile import ColumnProfile, Edges, Profile, profile, reference_edges

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]

ATOMS = 500
MISSING = 0.02
EVERY_SIZE = DriftPolicy(min_mean_shift=0, min_share_shift=0, min_missing_shift=0)
"""No change is too small to count, so that nothing but the test holds a false alarm back."""

_NORMAL = special.ndtri((np.arange(ATOMS) + 0.5) / ATOMS)
_SHAPES = (_NORMAL, np.exp(_NORMAL) / 2.16, np.maximum(_NORMAL - 1, 0) / 0.27)
"""A normal column, a lognormal one, and one that is mostly 0 such as rain, each with a standard deviation near 1."""


@dataclass(frozen=True)
class Change:
    """What is planted into a period; shares are of all rows."""

    mean_sd: float = 0.0
    mass_moved: float = 0.0
    new_share: float = 0.0
    missing: float = MISSING


@dataclass(frozen=True)
class World:
    """Columns and days that are alike or not.

    Attributes:
        rows: Rows of one day.
        days: Days of one period.
        numeric: Numeric columns: normal, lognormal and mostly 0 in turn, or all normal with `plain`.
        levels: Number of levels of each categorical column.
        effect_sd: Standard deviation of what the rows of a day share, in standard deviations of a row.
        autocorrelation: Of consecutive days' effects.
    """

    rows: int
    days: int = 1
    numeric: int = 6
    levels: Sequence[int] = (12,)
    effect_sd: float = 0.0
    autocorrelation: float = 0.0
    plain: bool = False
    from_rows: bool = False

    @cached_property
    def edges(self) -> Edges:
        """Bins from the world's own law."""
        table = {f"x{n}": self._shape(n) for n in range(self.numeric)}
        table |= {f"c{n}": np.resize(_level_names(size), max(ATOMS, size)) for n, size in enumerate(self.levels)}
        longest = max(len(values) for values in table.values())
        return reference_edges(
            pa.table({name: np.resize(values, longest) for name, values in table.items()}),
            [name for name in table if name[0] == "x"],
            [name for name in table if name[0] == "c"],
        )

    @cached_property
    def steps(self) -> Mapping[str, int]:
        """How many steps the moments' grid has, asked of a profile of one row at the upper limit."""
        return {name: self._at_top(name) for name in self.edges.numeric}

    def periods(self, rng: Rng, changes: Sequence[Change]) -> Iterator[Profile]:
        """One profile per change, in order of time."""
        columns = self.numeric + len(self.levels)
        keep = np.sqrt(1 - self.autocorrelation**2)
        effects = rng.normal(0, self.effect_sd, columns)
        for change in changes:
            total: Profile | None = None
            for _ in range(self.days):
                day = self._day(rng, effects, change)
                total = day if total is None else total.merge(day)
                effects = self.autocorrelation * effects + keep * rng.normal(0, self.effect_sd, columns)
            assert total is not None
            yield total

    def _day(self, rng: Rng, effects: Floats, change: Change) -> Profile:
        shift = [effect + change.mean_sd * (n == 0) for n, effect in enumerate(effects[: self.numeric])]
        tilts = effects[self.numeric :]
        if self.from_rows:
            return profile(self._table(rng, shift, tilts, change), self.edges)
        columns = {f"x{n}": self._numbers(rng, n, by, change) for n, by in enumerate(shift)}
        columns |= {f"c{n}": self._names(rng, n, tilt, change) for n, tilt in enumerate(tilts)}
        return Profile(self.rows, columns, self.edges)

    def _numbers(self, rng: Rng, at: int, shift: float, change: Change) -> ColumnProfile:
        name = f"x{at}"
        missing = rng.binomial(self.rows, change.missing) if at == 0 else 0
        values = self._shape(at) + shift
        counts = rng.multinomial(self.rows - missing, np.full(ATOMS, 1 / ATOMS))
        running = np.append(0, np.cumsum(counts))
        edges = self.edges.numeric[name]
        below, up_to = (running[np.searchsorted(values, edges, side=side)] for side in ("left", "right"))
        cells = np.diff(np.column_stack([below, up_to]).ravel(), prepend=0, append=running[-1])
        low, high = self.edges.limits_of(name)
        steps = np.rint((values.clip(low, high) - low) * (self.steps[name] / (high - low))).astype(np.int64)
        return ColumnProfile(
            "numeric",
            self.rows,
            tuple(cells.tolist()),
            missing=int(missing),
            first=int(steps @ counts),
            second=int(steps**2 @ counts),
            least=float(values[0]),
            greatest=float(values[-1]),
        )

    def _names(self, rng: Rng, at: int, tilt: float, change: Change) -> ColumnProfile:
        counts = rng.multinomial(self.rows, self._weights(at, tilt, change))
        new = int(counts[-1])
        return ColumnProfile(
            "categorical", self.rows, tuple(counts[:-1].tolist()), unseen=new, new={"new": new} if new else {}
        )

    def _weights(self, at: int, tilt: float, change: Change) -> Floats:
        """Probability of each level and, last, of a new one; a change moves mass from the commonest to the rarest."""
        size = self.levels[at]
        weights = np.linspace(2, 1, size) * np.exp(tilt * np.linspace(-1, 1, size))
        weights = np.append(weights / weights.sum(), 0.0)
        if at == 0:
            moved = change.mass_moved * np.array([1.0, -1.0])
            weights[[size - 1, 0]] += moved
            weights *= 1 - change.new_share
            weights[-1] = change.new_share
        return weights.clip(0, 1)

    def _table(self, rng: Rng, shift: Sequence[float], tilts: Floats, change: Change) -> pa.Table:
        columns = {f"x{n}": rng.choice(self._shape(n), self.rows) + by for n, by in enumerate(shift)}
        columns["x0"][rng.random(self.rows) < change.missing] = np.nan
        for n, tilt in enumerate(tilts):
            names = np.append(_level_names(self.levels[n]), "new")
            columns[f"c{n}"] = rng.choice(names, self.rows, p=self._weights(n, tilt, change))
        return pa.table(columns)

    def _shape(self, at: int) -> Floats:
        return np.asarray(_SHAPES[0 if self.plain else at % len(_SHAPES)])

    def _at_top(self, name: str) -> int:
        top = self.edges.limits_of(name)[1]
        return profile(pa.table({name: [top]}), replace(self.edges, categories={})).columns[name].first


def report(
    policy: DriftPolicy, reference: Sequence[Profile], current: Profile, previous: DriftReport | None = None
) -> DriftReport:
    """The project's own verdict on one period."""
    named = {f"{n:03}": one for n, one in enumerate(reference)}
    return drift(policy, named, current, "999", previous)


def _level_names(size: int) -> npt.NDArray[np.str_]:
    return np.array([f"L{n:05}" for n in range(size)])
