"""Feature drift: the rows since the last decision against those before the live model's training ended.

Every distance is asked in two ways: against the constant that textbooks and tools name for it, and against how far the
reference's own intervals lie from one another. Outcomes are not needed, so nothing waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.loss_matrix import Days, Floats
from retrain_assets.backtest.policies.path import Past
from retrain_assets.monitoring.drift.column_change import Sizes, sizes_of
from retrain_assets.monitoring.drift.report import DriftReport, drift
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS, period_tests
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.profile import Profile, profile, reference_edges
from retrain_assets.scoring.feature_contract import FeatureContract
from retrain_assets.statistics.multiple_testing import holm

Distance = Literal["psi", "jensen_shannon", "ks", "wasserstein", "total_variation"]

TEXTBOOK: Mapping[Distance, float] = {
    "psi": 0.2,
    "jensen_shannon": 0.1,
    "ks": 0.1,
    "wasserstein": 0.1,
    "total_variation": 0.1,
}
"""The constants: .2 for the population stability index (Siddiqi 2006), .1 for the others, Evidently's default."""

WORDS: Mapping[Distance, str] = {
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon",
    "ks": "Kolmogorov-Smirnov",
    "wasserstein": "Wasserstein",
    "total_variation": "total variation",
}


@dataclass
class FeatureIntervals:
    """Profiles of the rows between two decisions, and the distances between them, each computed once.

    Attributes:
        profiles: Of the rows before the first decision, between the first and the second, and so on; the interval that
            ends with the decision of origin i has the number i.
        reference: How many intervals before the live model's training make its reference.
    """

    profiles: Sequence[Profile]
    reference: int
    _sizes: dict[tuple[int, int], dict[str, Sizes]] = field(default_factory=dict)
    _own: dict[int, dict[str, list[Sizes]]] = field(default_factory=dict)
    _reports: dict[tuple[int, int], DriftReport] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: EncodedHistory, moments: Days, reference: int) -> FeatureIntervals:
        """Profile every interval in the bins of the rows before the first decision.

        Args:
            rows: All labelled rows.
            moments: When the decisions fall.
            reference: How many intervals make a reference; as many are taken before the first decision.
        """
        contract, time = rows.contract, rows.time
        numeric = [name for name in contract.names if contract.kinds[name] == "numeric"]
        step = moments[1] - moments[0] if moments.size > 1 else np.timedelta64(7, "D")
        earlier = moments[0] - step * np.arange(reference - 1, 0, -1)
        borders = np.searchsorted(time, np.concatenate([moments[:1] - step * reference, earlier, moments]))
        first = _named(rows.rows.features.slice(0, int(borders[reference])), contract)
        edges = reference_edges(first, numeric, list(contract.categorical))
        parts = [
            _named(rows.rows.features.slice(int(start), int(end - start)), contract)
            for start, end in zip(borders, borders[1:], strict=False)
        ]
        return cls([profile(part, edges) for part in parts], reference)

    def interval(self, origin: int, origins: int) -> int:
        """The number of the interval that ends with an origin's decision."""
        return origin + len(self.profiles) - origins

    def sizes(self, live: int, now: int) -> dict[str, Sizes]:
        """How far each column of an interval lies from the reference of a model; both are numbers of intervals."""
        if (live, now) not in self._sizes:
            used = [*self._reference(live), self.profiles[now]]
            self._sizes[live, now] = {name: sizes_of(used, name) for name in self.profiles[now].columns}
        return self._sizes[live, now]

    def own_sizes(self, live: int) -> dict[str, list[Sizes]]:
        """How far each interval of a model's reference lies from the others of it, by column."""
        if live not in self._own:
            used = self._reference(live)
            self._own[live] = {
                name: [sizes_of([*used[:at], *used[at + 1 :], used[at]], name) for at in range(len(used))]
                for name in self.profiles[live].columns
            }
        return self._own[live]

    def report(self, policy: DriftPolicy, live: int, now: int) -> DriftReport:
        """The product's own drift report of an interval, the reports since the model's training before it."""
        if (live, now) not in self._reports:
            previous = self.report(policy, live, now - 1) if now - 1 > live else None
            used = {f"{number:04}": one for number, one in enumerate(self._reference(live))}
            self._reports[live, now] = drift(policy, used, self.profiles[now], "now", previous)
        return self._reports[live, now]

    def _reference(self, live: int) -> list[Profile]:
        """The last intervals before a model's decision that have rows."""
        held = [one for one in self.profiles[: live + 1] if one.rows]
        return held[-self.reference :]


@dataclass(frozen=True)
class TextbookDrift:
    """Retrain when some column's distance is at least a constant.

    Attributes:
        intervals: The profiles.
        distance: Which.
    """

    intervals: FeatureIntervals
    distance: Distance
    family: str = "drift, textbook constant"

    @property
    def name(self) -> str:
        """Distance and constant."""
        return f"drift, {WORDS[self.distance]} ≥ {TEXTBOOK[self.distance]:g}"

    def asks(self, past: Past) -> bool:
        """Whether some column is that far away."""
        live, now = _numbers(self.intervals, past)
        values = (getattr(one, self.distance) for one in self.intervals.sizes(live, now).values())
        return any(value is not None and value >= TEXTBOOK[self.distance] for value in values)


@dataclass(frozen=True)
class CalibratedDrift:
    """Retrain when some column's distance is beyond what the reference's own intervals show, twice in a row.

    The distance of an interval is held against those of the reference's intervals from the rest of it, by the
    prediction t with Holm over the columns.

    Attributes:
        intervals: The profiles.
        distance: Which.
        alpha: One-sided level over all columns.
    """

    intervals: FeatureIntervals
    distance: Distance
    alpha: float = 0.05
    family: str = "drift, calibrated"

    @property
    def name(self) -> str:
        """The distance."""
        return f"drift, {WORDS[self.distance]}, calibrated"

    def asks(self, past: Past) -> bool:
        """Whether the same column is beyond it in the last two intervals."""
        live, now = _numbers(self.intervals, past)
        return now - 1 > live and bool(self._beyond(live, now) & self._beyond(live, now - 1))

    def _beyond(self, live: int, now: int) -> frozenset[str]:
        own, current = self.intervals.own_sizes(live), self.intervals.sizes(live, now)
        names = [name for name in current if getattr(current[name], self.distance) is not None]
        if not names:
            return frozenset()
        values = np.array(
            [[*_known(own[name], self.distance), getattr(current[name], self.distance)] for name in names]
        )
        if values.shape[1] <= FEWEST_PERIODS:
            return frozenset()
        t, p = period_tests(values, np.zeros_like(values))
        adjusted = holm(np.where(t > 0, p / 2, 1.0))
        return frozenset(name for name, level in zip(names, adjusted, strict=True) if level < self.alpha)


@dataclass(frozen=True)
class ConfirmedDrift:
    """Retrain when the product's own drift report asks for it (`triggers.on_confirmed_drift`)."""

    intervals: FeatureIntervals
    policy: DriftPolicy
    name: str = "drift, confirmed by the drift report"
    family: str = "confirmed drift"

    def asks(self, past: Past) -> bool:
        """Whether the newest report triggers."""
        live, now = _numbers(self.intervals, past)
        return now > live and self.intervals.report(self.policy, live, now).triggers


def _numbers(intervals: FeatureIntervals, past: Past) -> tuple[int, int]:
    """The numbers of the intervals that end with the live model's decision and with this one."""
    origins = past.matrix.origins
    return intervals.interval(past.live, origins), intervals.interval(past.now, origins)


def _known(sizes: Sequence[Sizes], distance: Distance) -> Floats:
    return np.array([np.nan if (value := getattr(one, distance)) is None else value for one in sizes], dtype=float)


def _named(features: pa.Table, contract: FeatureContract) -> pa.Table:
    """Encoded features with the names of their levels in place of codes."""
    columns = {}
    for name in contract.names:
        column = features[name]
        if contract.kinds[name] == "categorical":
            levels = pa.array(contract.levels[name], pa.string())
            chunks = [pa.DictionaryArray.from_arrays(chunk, levels) for chunk in column.chunks]
            column = pa.chunked_array(chunks, pa.dictionary(column.type, pa.string()))
        columns[name] = column
    return pa.table(columns)
