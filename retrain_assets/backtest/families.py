"""The policies that are replayed, by family: those of one family differ in a parameter that the first half chooses."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from retrain_assets.backtest.policies.budget import Budgeted
from retrain_assets.backtest.policies.clock import FixedClock, Never
from retrain_assets.backtest.policies.decay import CusumDecay, RelativeDecay
from retrain_assets.backtest.policies.declared import DeclaredTriggers
from retrain_assets.backtest.policies.excess import AccumulatedExcess
from retrain_assets.backtest.policies.feature_drift import (
    TEXTBOOK,
    CalibratedDrift,
    ConfirmedDrift,
    FeatureIntervals,
    TextbookDrift,
)
from retrain_assets.backtest.policies.forgone import ForgoneGain
from retrain_assets.backtest.policies.learned import ForecastLoss
from retrain_assets.backtest.policies.path import RetrainPolicy
from retrain_assets.backtest.policies.uncertainty import RisingUncertainty
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import DriftPolicy, TriggerPolicy
from retrain_assets.periods import Length
from retrain_assets.store import Json

EVERY = {"week": (1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 26, 39, 52), "day": (7, 14, 28, 91), "hour": (168,)}
"""Decisions between two retrains of a clock, by the unit of decisions; 1, 2 and 4 of a longer unit."""

AGES = {"week": (2, 3, 4, 6, 8, 13, 26, 52), "month": (4, 8, 13, 17, 26, 39, 52), "quarter": (13, 26, 52)}
"""Ages in weeks at which a spec with such periods could ask for a retrain; 52 and 104 for years."""

EXCESS_SHARES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Excess losses that ask for a retrain, as shares of what a retrain costs."""

DECAY_SHARES, CUSUM_LIMITS, BUDGETS, CERTAINTIES = (0.05, 0.1, 0.2), (5.0, 10.0, 20.0), (1, 2, 4, 6), (0.5, 0.8, 0.95)

FORGONE_CERTAINTIES = (0.5, 0.8, 0.95)

ASKING = (
    "max_age",
    "max_age_periods",
    "new_labels",
    "on_business_metrics",
    "on_confirmed_drift",
    "on_estimated_loss",
    "on_forgone_gain",
    "on_uncertainty",
)
"""Keys of `triggers` that ask for a retrain; a variant leaves those out that it does not name."""


@dataclass(frozen=True)
class Offer:
    """A policy and what a spec would have to say for the product to follow it.

    Attributes:
        policy: The policy.
        triggers: Keys of the spec's `triggers`; None where no spec can declare it.
        parameters: Its parameters, for programs.
    """

    policy: RetrainPolicy
    triggers: Mapping[str, object] | None = None
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Families:
    """What the policies of one model are made of.

    Attributes:
        model: Its facts.
        triggers: The spec's block, replayed as `your triggers`.
        drift: The spec's drift policy.
        cooldown: The spec's rest after a rollback.
        cost: Of a retrain, in loss summed over rows.
        unit: What lies between two decisions: `week`, or the model's period.
        intervals: Profiles of the features between decisions.
    """

    model: Model
    triggers: TriggerPolicy
    drift: DriftPolicy
    cooldown: Length
    cost: float
    unit: str
    intervals: FeatureIntervals

    @property
    def declared(self) -> DeclaredTriggers:
        """What the spec says now."""
        drift = ConfirmedDrift(self.intervals, self.drift).asks if self.triggers.on_confirmed_drift else None
        doubt = RisingUncertainty(self.triggers.patience).asks if self.triggers.on_uncertainty else None
        return DeclaredTriggers(self.model, self.triggers, self.cooldown, drift, doubt)

    @property
    def notes(self) -> list[str]:
        """What of the spec's triggers the replay leaves out."""
        policy = self.triggers
        named = {
            "on_estimated_loss": policy.on_estimated_loss,
            "on_business_metrics": bool(policy.on_business_metrics),
        }
        out = [name for name, declared in named.items() if declared]
        return (
            [f"triggers.{', triggers.'.join(out)}: not replayed, so your triggers may ask more often."] if out else []
        )

    def offers(self) -> Iterator[Offer]:
        """Every policy of every family, those that a spec can declare first."""
        yield Offer(self.declared, {})
        yield Offer(Never(), {"on_excess_loss": False})
        for name, family, keys in self._variants():
            yield Offer(self._variant(name, family, keys), keys, dict(keys))
        if self.unit != self.model.calendar.every:
            for every in EVERY.get(self.unit, (1, 2, 4)):
                yield Offer(
                    FixedClock(every, self.unit, f"clock, by {self.unit}"), None, {"every": every, "unit": self.unit}
                )
            for share in EXCESS_SHARES:
                amount = round(share * self.cost, 6)
                policy = AccumulatedExcess(
                    amount, self.model.units, f", asked every {self.unit}", f"excess loss, by {self.unit}"
                )
                yield Offer(policy, None, {"excess": amount})
            for certainty in FORGONE_CERTAINTIES:
                surely = ForgoneGain(self.cost, certainty, self.model.units, f"forgone gain, by {self.unit}")
                yield Offer(surely, None, {"certainty": certainty})
        for a_year in BUDGETS:
            capped = Budgeted(AccumulatedExcess(self.cost, self.model.units), a_year)
            yield Offer(capped, None, {"excess": self.cost, "per_year": a_year})
        for share in DECAY_SHARES:
            yield Offer(RelativeDecay(share), None, {"share": share})
        for limit in CUSUM_LIMITS:
            yield Offer(CusumDecay(limit), None, {"limit": limit})
        for distance in TEXTBOOK:
            yield Offer(TextbookDrift(self.intervals, distance), None, {"distance": distance})
            yield Offer(CalibratedDrift(self.intervals, distance), None, {"distance": distance})
        for certainty in CERTAINTIES:
            yield Offer(ForecastLoss(self.cost, 12, certainty), None, {"certainty": certainty})

    def _variants(self) -> Iterator[tuple[str, str, dict[str, object]]]:
        """What the spec's `triggers` could say instead: name, family and keys."""
        every, units = self.model.calendar.every, self.model.units
        for weeks in AGES.get(every, (52, 104) if every == "year" else (1, 2, 4, 13)):
            keys: dict[str, object] = {"on_excess_loss": False, "max_age": f"{weeks}w", "cooldown": "0w"}
            a_year = math.ceil(365 / (7 * weeks))
            if a_year > self.triggers.max_per_year:
                keys["max_per_year"] = a_year
            yield f"a clock of {weeks} weeks", "clock", keys
        for share in EXCESS_SHARES:
            amount = round(share * self.cost, 6)
            said = units.excess(amount)
            yield said, "excess loss", {"on_excess_loss": amount}
        for certainty in FORGONE_CERTAINTIES:
            said = f"fresh models better by the cost of a retrain, {100 * certainty:g} % certain"
            yield said, "forgone gain", {"on_excess_loss": False, "on_forgone_gain": certainty}
            either: dict[str, object] = {"on_excess_loss": True, "on_forgone_gain": certainty}
            yield f"{said}, or as much more error than expected", "forgone gain or excess loss", either
        if self.model.task != "regression":
            for patience in (1, 2, 3):
                said = f"uncertainty up {('once', 'twice in a row', 'three times in a row')[patience - 1]}"
                yield said, "uncertainty", {"on_excess_loss": False, "on_uncertainty": True, "patience": patience}
        yield "drift that the report confirms", "drift", {"on_excess_loss": False, "on_confirmed_drift": True}

    def _variant(self, name: str, family: str, keys: Mapping[str, object]) -> DeclaredTriggers:
        """The spec's triggers with some keys changed, and nothing else that asks."""
        now = self.triggers.model_dump(mode="json", exclude_unset=True, exclude=set(ASKING))
        now = {key: value for key, value in now.items() if key.removesuffix("_periods") not in keys}
        triggers = TriggerPolicy.model_validate({**now, **keys})
        drift, doubt = ConfirmedDrift(self.intervals, self.drift).asks, RisingUncertainty(triggers.patience).asks
        return DeclaredTriggers(self.model, triggers, self.cooldown, drift, doubt, name, family)
