"""Made-up periods whose truth is known, counted into profiles without drawing their rows one by one.

Every numeric column takes 500 values, and a period's rows are drawn as the counts of these values: the same law as
drawing row by row and reading the table (`from_rows` does that, and a row of the level table shows that both agree), at
a cost that does not grow with the rows. All rows of a day share an effect, which moves the values by so many sd and
tilts the categories; effects of consecutive days may be correlated. As for a live model, the bins come from the rows of
the reference periods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import special

from retrain_assets.monitoring.drift.report import DriftReport, drift
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.column_reader import CategoryPiece, NumericPiece, names, numbers
from retrain_assets.monitoring.profiles.edges import category_edges, merged_edges, numeric_edges
from retrain_assets.monitoring.profiles.profile import Edges, Profile, categorical_column, numeric_column
from retrain_assets.monitoring.profiles.value_counts import Tally

Rng = np.random.Generator
Floats = npt.NDArray[np.float64]

ATOMS = 500
MISSING = 0.02
EVERY_SIZE = DriftPolicy(min_mean_shift=0, min_share_shift=0, min_missing_shift=0)
"""No change is too small to count, so that nothing but the test holds a false alarm back."""

_NORMAL = special.ndtri((np.arange(ATOMS) + 0.5) / ATOMS)


def _rain(latent: Floats) -> Floats:
    return np.maximum(latent - 1, 0) / 0.27


_SHAPES = (_NORMAL, np.exp(_NORMAL) / 2.16, _rain(_NORMAL))
"""A normal column, a lognormal one, and one that is mostly 0 such as rain, each with a standard deviation near 1."""

_RAIN = 2


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
        zeros_stay: The zeros of a column that is mostly 0 are 0 on every day, and a day has more or fewer of them;
            otherwise its effect moves them like every other value, so that no two days share one.
        from_rows: Every row is drawn by itself and read like a file.
    """

    rows: int
    days: int = 1
    numeric: int = 6
    levels: Sequence[int] = (12,)
    effect_sd: float = 0.0
    autocorrelation: float = 0.0
    plain: bool = False
    zeros_stay: bool = False
    from_rows: bool = False

    def periods(self, rng: Rng, changes: Sequence[Change]) -> Iterator[Period]:
        """The rows of one period per change, in order of time."""
        columns = self.numeric + len(self.levels)
        keep = np.sqrt(1 - self.autocorrelation**2)
        effects = rng.normal(0, self.effect_sd, columns)
        for change in changes:
            days = []
            for _ in range(self.days):
                days.append(self._day(rng, effects, change))
                effects = self.autocorrelation * effects + keep * rng.normal(0, self.effect_sd, columns)
            yield Period.of(days)

    def _day(self, rng: Rng, effects: Floats, change: Change) -> Period:
        shift = [effect + change.mean_sd * (n == 0) for n, effect in enumerate(effects[: self.numeric])]
        tilts = effects[self.numeric :]
        if self.from_rows:
            return _read(self._table(rng, shift, tilts, change))
        return Period(
            {f"x{n}": [self._numbers(rng, n, by, change)] for n, by in enumerate(shift)},
            {f"c{n}": [self._names(rng, n, tilt, change)] for n, tilt in enumerate(tilts)},
            self.rows,
        )

    def _numbers(self, rng: Rng, at: int, shift: float, change: Change) -> NumericPiece:
        missing = int(rng.binomial(self.rows, change.missing)) if at == 0 else 0
        counts = rng.multinomial(self.rows - missing, np.full(ATOMS, 1 / ATOMS))
        values, place = np.unique(self._values(at, shift), return_inverse=True)
        rows = np.bincount(place, counts).astype(np.int64)
        kept = Tally(values[rows > 0], rows[rows > 0])
        return NumericPiece(self.rows, kept, float(kept.values[0]), float(kept.values[-1]), missing=missing)

    def _names(self, rng: Rng, at: int, tilt: float, change: Change) -> CategoryPiece:
        counts = rng.multinomial(self.rows, self._weights(at, tilt, change))
        names = np.append(_level_names(self.levels[at]), "new")
        return CategoryPiece(self.rows, pa.array(names[counts > 0]), counts[counts > 0])

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
        columns = {f"x{n}": rng.choice(self._values(n, by), self.rows) for n, by in enumerate(shift)}
        columns["x0"][rng.random(self.rows) < change.missing] = np.nan
        for n, tilt in enumerate(tilts):
            names = np.append(_level_names(self.levels[n]), "new")
            columns[f"c{n}"] = rng.choice(names, self.rows, p=self._weights(n, tilt, change))
        return pa.table(columns)

    def _values(self, at: int, shift: float) -> Floats:
        """The values that a column takes on a day, increasing."""
        kind = 0 if self.plain else at % len(_SHAPES)
        if kind == _RAIN and self.zeros_stay:
            return np.asarray(_rain(_NORMAL + shift))
        return np.asarray(_SHAPES[kind] + shift)


@dataclass(frozen=True)
class Period:
    """The rows of one period as the pieces that they were read in, as `reading` gives them."""

    numbers: Mapping[str, Sequence[NumericPiece]]
    names: Mapping[str, Sequence[CategoryPiece]]
    rows: int

    @classmethod
    def of(cls, days: Sequence[Period]) -> Period:
        """The rows of several days."""
        numbers = {name: [piece for day in days for piece in day.numbers[name]] for name in days[0].numbers}
        names = {name: [piece for day in days for piece in day.names[name]] for name in days[0].names}
        return cls(numbers, names, sum(day.rows for day in days))

    def profile(self, edges: Edges) -> Profile:
        """The rows in the bins of a reference."""
        columns = {name: numeric_column(pieces, edges, name) for name, pieces in self.numbers.items()}
        columns |= {name: categorical_column(pieces, edges, name) for name, pieces in self.names.items()}
        return Profile(self.rows, columns, edges)


class Reference:
    """What a version remembers: its bins, from the rows of its own reference periods together, and their profiles."""

    def __init__(self, periods: Sequence[Period]) -> None:
        whole = Period.of(periods)
        numeric = [numeric_edges(name, pieces, whole.rows) for name, pieces in whole.numbers.items()]
        self.edges = merged_edges([*numeric, *(category_edges(name, pieces) for name, pieces in whole.names.items())])
        self.profiles = {f"{n:03}": one.profile(self.edges) for n, one in enumerate(periods)}

    def report(self, policy: DriftPolicy, current: Period, previous: DriftReport | None = None) -> DriftReport:
        """The project's own verdict on one period."""
        return drift(policy, self.profiles, current.profile(self.edges), "999", previous)


def _read(table: pa.Table) -> Period:
    return Period(
        {name: list(numbers(table, name)) for name in table.column_names if name[0] == "x"},
        {name: list(names(table, name)) for name in table.column_names if name[0] == "c"},
        table.num_rows,
    )


def _level_names(size: int) -> npt.NDArray[np.str_]:
    return np.array([f"L{n:05}" for n in range(size)])
