"""Replay every policy through the matrix, and put the record of the backtest together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from retrain_assets.backtest.backtest import Backtest
from retrain_assets.backtest.families import Families, Offer
from retrain_assets.backtest.matrix.encoded_history import EncodedHistory
from retrain_assets.backtest.matrix.evaluation_matrix import BuiltMatrix
from retrain_assets.backtest.matrix.loss_matrix import LossMatrix, Stretch
from retrain_assets.backtest.matrix.progress import Progress
from retrain_assets.backtest.policies.clock import FixedClock
from retrain_assets.backtest.policies.feature_drift import FeatureIntervals
from retrain_assets.backtest.policies.oracle import front, oracle
from retrain_assets.backtest.policies.path import PolicyPath, clock_of, walk
from retrain_assets.backtest.procedure import procedure_evidence
from retrain_assets.backtest.record import (
    BacktestRecord,
    GatedResult,
    PolicyResult,
    Recommendation,
    Timeline,
)
from retrain_assets.backtest.saving import Saving, mean_limits, saving
from retrain_assets.backtest.sentences import recommended
from retrain_assets.monitoring.policy import USUAL_SHARE

COST_SHARES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Costs of a retrain that the table shows, as shares of the one in force."""

GATE_WEEKS, NON_INFERIOR_SHARE = (1, 2, 4), 0.05
"""Further gates that are replayed: lengths in weeks, and a margin as a share of the live model's loss."""

FEWEST_DECISIONS = 8
"""With fewer decisions in a half, the halves are not told apart."""


@dataclass(frozen=True)
class PolicyReplay:
    """One replay of every policy over a matrix that is built.

    Attributes:
        backtest: What it depends on.
        built: The matrix.
        progress: Is told how far it is.
    """

    backtest: Backtest
    built: BuiltMatrix
    progress: Progress

    @property
    def matrix(self) -> LossMatrix:
        """The losses."""
        return self.built.matrix

    def record(self, key: str, period: str) -> BacktestRecord:
        """Replay everything, and put the record together under its key."""
        backtest, matrix = self.backtest, self.matrix
        model, cost = backtest.model, self._cost()
        unit = self.built.unit
        labelled = EncodedHistory.mapped(self.built.rows_file)
        intervals = FeatureIntervals.of(labelled, matrix.moments, backtest.drift.reference_periods)
        families = Families(model, backtest.triggers, backtest.drift, backtest.cooldown, cost, unit, intervals)
        offers = list(families.offers())
        results = self._results(offers, cost)
        halves = matrix.halves()
        split = self._split
        first, middle = (int(matrix.served_from[half.first]) for half in halves)
        recommendation = self._recommendation(results, cost, unit, split)
        return BacktestRecord(
            model=model.name,
            key=key,
            loss=model.loss,
            unit=unit,
            retrain_cost=cost,
            cost_declared=backtest.triggers.retrain_cost is not None,
            rows=int(matrix.rows_of(first, matrix.days.size)),
            first_day=str(matrix.days[first]),
            middle_day=str(matrix.days[middle]),
            last_day=str(matrix.days[-1]),
            recommendation=recommendation,
            policies=tuple(result for result, _ in results),
            front=front(matrix, matrix.whole),
            timeline=self._timeline(),
            procedure=procedure_evidence(matrix, walk(families.declared, matrix, matrix.whole), unit),
            gated=self._gated(offers, recommendation.policy, unit, cost),
            problems=(*families.notes, *self.built.problems),
            fits=self.built.fits,
            known_fits=self.built.known_fits,
            cpu_seconds=round(self.built.lightgbm_seconds, 1),
            period=period,
        )

    def _cost(self) -> float:
        """What a retrain costs: as declared, else the usual share of a period's loss under fresh models.

        Of the first half, so that the second has no part in what it judges; of all where history is not split.
        """
        declared = self.backtest.triggers.retrain_cost
        if declared is not None:
            return declared
        matrix = self.matrix
        stretch = matrix.halves()[0] if self._split else matrix.whole
        fresh = PolicyPath(matrix, stretch, tuple(range(stretch.first, stretch.last)))
        calendar, days = self.backtest.model.calendar, matrix.days[fresh.first_day : stretch.end]
        periods = {calendar.key(day.astype("datetime64[us]").astype(object)) for day in days}
        return USUAL_SHARE * fresh.loss / max(len(periods), 1)

    @property
    def _split(self) -> bool:
        """Whether history is long enough for two halves."""
        return self.matrix.halves()[0].decisions >= FEWEST_DECISIONS

    def _against_clock(self, whole: PolicyPath, parts: Sequence[PolicyPath], cost: float) -> Saving:
        """What a path saves against the clock with as many retrains, on the half that had no part in choosing it.

        Where history is not split there are no limits, for the days are those that chose.
        """
        matrix = self.matrix
        if not self._split:
            return replace(saving(whole, clock_of(matrix, matrix.whole, whole.count), cost), low=None, high=None)
        second = parts[1]
        return saving(second, clock_of(matrix, second.stretch, second.count), cost)

    def _results(self, offers: Sequence[Offer], cost: float) -> list[tuple[PolicyResult, Offer | None]]:
        """Every policy walked over the whole and over both halves, the oracle last."""
        matrix, halves, found = self.matrix, self.matrix.halves(), []
        best = oracle(matrix, matrix.whole, cost)
        for number, offer in enumerate(offers):
            whole = walk(offer.policy, matrix, matrix.whole)
            parts = [walk(offer.policy, matrix, half) for half in halves if half.decisions > 0]
            found.append((self._result(offer, whole, parts, cost, best.cost(cost)), offer))
            self.progress("replay", number + 1, len(offers))
        bound = self._bound(best, [oracle(matrix, half, cost) for half in halves if half.decisions > 0], cost)
        results = _with_best_ranges([result for result, _ in found])
        results = _with_choices(results, self._split)
        return [*zip(results, (offer for _, offer in found), strict=True), (bound, None)]

    def _result(
        self, offer: Offer, whole: PolicyPath, parts: Sequence[PolicyPath], cost: float, least: float
    ) -> PolicyResult:
        low, high = mean_limits(whole)
        moments = self.matrix.moments
        seconds = sum(self.built.fit_seconds[origin] for origin in whole.retrains)
        return PolicyResult(
            name=offer.policy.name,
            family=offer.policy.family,
            parameters=dict(offer.parameters),
            triggers=None if offer.triggers is None else dict(offer.triggers),
            hindsight=False,
            retrains=tuple(str(moments[origin].astype("datetime64[D]")) for origin in whole.retrains[1:]),
            mean_loss=whole.mean_loss,
            low=low,
            high=high,
            loss=whole.loss,
            cost=whole.cost(cost),
            costs={f"{share * cost:.6g}": whole.cost(share * cost) for share in COST_SHARES},
            best_from=None,
            best_to=None,
            regret=whole.cost(cost) - least,
            worse_next=whole.worse_next,
            oldest_days=whole.oldest_days,
            cpu_seconds=round(seconds, 1),
            against_clock=self._against_clock(whole, parts, cost),
            first_half=parts[0].cost(cost) if len(parts) > 1 else None,
            second_half=parts[1].cost(cost) if len(parts) > 1 else None,
            second_retrains=parts[1].count if len(parts) > 1 else 0,
            chosen=False,
        )

    def _bound(self, best: PolicyPath, parts: Sequence[PolicyPath], cost: float) -> PolicyResult:
        offer = Offer(_Hindsight())
        return replace(self._result(offer, best, parts, cost, best.cost(cost)), hindsight=True)

    def _recommendation(
        self, results: Sequence[tuple[PolicyResult, Offer | None]], cost: float, unit: str, split: bool
    ) -> Recommendation:
        """The cheapest policy that a spec can declare, chosen on the first half, against the spec's on the second."""
        matrix, model = self.matrix, self.backtest.model
        offers = [(result, offer) for result, offer in results if offer is not None and offer.triggers is not None]
        chosen, offer = min(offers, key=lambda one: (one[0].first_half if split else one[0].cost) or 0.0)
        own = next(one for one in offers if one[0].family == "spec")
        stretch: Stretch = matrix.halves()[1] if split else matrix.whole
        saved: Saving | None = None
        if chosen.name != own[0].name:
            path, now = (walk(one.policy, matrix, stretch) for one in (offer, own[1]))
            saved = saving(path, now, cost)
        sentence = recommended(model, chosen, saved, stretch.decisions + 1, unit, tuned=not split)
        taken = chosen if saved is not None and saved.total > 0 else own[0]
        confirmed = saved if taken is chosen else None
        keys = dict(taken.triggers or {})
        return Recommendation(taken.name, taken.parameters, keys, confirmed, sentence, tuned_on_all=not split)

    def _gated(self, offers: Sequence[Offer], advised: str, unit: str, cost: float) -> tuple[GatedResult, ...]:
        """The spec's triggers, what is recommended and a retrain at every decision, under each rule of the gate."""
        matrix, own = self.matrix, self.backtest.gate
        chosen = [offer.policy for offer in offers if offer.policy.family == "spec" or offer.policy.name == advised]
        always = FixedClock(1, unit)
        policies = [*chosen, *([always] if always.name not in [one.name for one in chosen] else [])]
        rules = dict.fromkeys([own, *(replace(own, length=timedelta(weeks=weeks)) for weeks in GATE_WEEKS)])
        rules |= dict.fromkeys([replace(own, refit=not own.refit), replace(own, margin_share=NON_INFERIOR_SHARE)])
        found = []
        for policy in policies:
            free = walk(policy, matrix, matrix.whole).cost(cost)
            for rule in rules:
                path = walk(policy, matrix, matrix.whole, rule)
                total = path.cost(cost)
                counts = (path.paid, path.count)
                found.append(
                    GatedResult(policy.name, rule.name, rule == own, *counts, path.mean_loss, total, total - free)
                )
        return tuple(found)

    def _timeline(self) -> Timeline:
        matrix = self.matrix
        borders = np.append(matrix.served_from, matrix.days.size)
        never: list[float | None] = []
        fresh: list[float | None] = []
        for origin, (first, last) in enumerate(zip(borders, borders[1:], strict=False)):
            rows = matrix.rows_of(int(first), int(last))
            for found, model in ((never, 0), (fresh, origin)):
                found.append(matrix.lost(model, int(first), int(last)) / rows if rows else None)
        starts = tuple(str(moment.astype("datetime64[D]")) for moment in matrix.moments)
        return Timeline(starts, tuple(never), tuple(fresh), matrix.strategies)


@dataclass(frozen=True)
class _Hindsight:
    name: str = "hindsight (no policy can know it)"
    family: str = "oracle"

    def asks(self, past: object) -> bool:
        return False


def _with_best_ranges(results: Sequence[PolicyResult]) -> list[PolicyResult]:
    """Say of each policy in which range of costs of a retrain no other one is cheaper."""
    found = []
    for one in results:
        low, high = best_range(one.loss, len(one.retrains), [(each.loss, len(each.retrains)) for each in results])
        nowhere = low is None
        found.append(replace(one, best_from=low, best_to=None if nowhere or high == float("inf") else high))
    return found


def best_range(loss: float, retrains: int, others: Sequence[tuple[float, int]]) -> tuple[float | None, float | None]:
    """From which to which cost of a retrain no other policy costs less; None twice where there is none.

    >>> best_range(10.0, 1, [(10.0, 1), (20.0, 0), (8.0, 3)])
    (1.0, 10.0)
    >>> best_range(10.0, 1, [(9.0, 1)])
    (None, None)
    """
    low, high = 0.0, float("inf")
    for other, count in others:
        if count == retrains:
            if other < loss:
                return None, None
        elif count > retrains:
            low = max(low, (loss - other) / (count - retrains))
        else:
            high = min(high, (other - loss) / (retrains - count))
    return (low, high) if low <= high else (None, None)


def _with_choices(results: Sequence[PolicyResult], split: bool) -> list[PolicyResult]:
    """Mark the policy of each family that the first half chooses."""
    best: dict[str, PolicyResult] = {}
    for one in results:
        cost = one.first_half if split and one.first_half is not None else one.cost
        known = best.get(one.family)
        if known is None or cost < ((known.first_half if split else known.cost) or 0.0):
            best[one.family] = one
    return [replace(one, chosen=best[one.family] is one) for one in results]
