"""The triggers that the spec declares, replayed by the product's own decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from retrain_assets.backtest.policies.forgone import forgone
from retrain_assets.backtest.policies.path import Past
from retrain_assets.backtest.policies.promise import promise
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.monitoring.triggers.accumulated_excess import summed
from retrain_assets.monitoring.triggers.decision import Trigger, TriggerEvidence, decide
from retrain_assets.periods import Length

_INSTANT = timedelta(microseconds=1)
_USUAL_PERIODS = 4

Asks = Callable[[Past], bool]


@dataclass(frozen=True)
class DeclaredTriggers:
    """What the spec's `triggers` would have asked for, at the end of each of the model's periods.

    The evidence is that of the matrix: excess over the promise, age, new outcomes, and where the spec declares them
    drift and uncertainty. Every attempt is taken to promote. A period that ends between two origins is acted on at the
    next one.

    Attributes:
        model: Its periods and names.
        triggers: The spec's block.
        rollback_cooldown: Not reached here, for nothing is rolled back.
        drift: Tells whether drift is confirmed, where that triggers.
        uncertain: Tells whether uncertainty has risen for as long as the spec's patience, where that triggers.
    """

    model: Model
    triggers: TriggerPolicy
    rollback_cooldown: Length
    drift: Asks | None = None
    uncertain: Asks | None = None
    name: str = "your triggers"
    family: str = "spec"

    def asks(self, past: Past) -> bool:
        """Whether the decision of the last period that ended is a retrain."""
        ended, before = (_last_ended(self, past, at) for at in (past.now, past.now - 1))
        if ended == before:
            return False
        evidence = self._evidence(past, ended)
        return isinstance(decide(self.model, self.triggers, evidence, self.rollback_cooldown), Trigger)

    def _evidence(self, past: Past, period: str) -> TriggerEvidence:
        matrix, held_to = past.matrix, promise(past)
        live_since, tried = (_last_ended(self, past, at) for at in (past.decided, past.since))
        first = int(matrix.served_from[past.decided])
        excesses, rows_of = [], []
        for key in self.model.calendar.between(tried, period):
            moments = np.array(self.model.calendar.bounds(key), dtype="datetime64[us]")
            start, end = np.maximum(matrix.known_by(moments), first).tolist()
            rows = matrix.rows_of(start, end)
            rows_of.append(rows)
            if held_to is not None:
                excesses.append(matrix.lost(past.live, start, end) - rows * held_to.mean)
        certainty = self.triggers.on_forgone_gain
        usual = float(np.median(rows_of[-_USUAL_PERIODS:])) if rows_of else 0.0
        known_at_attempt = int(matrix.known_until[past.since]) if past.since else 0
        return TriggerEvidence(
            period=period,
            live_version=f"v{len(past.retrains)}",
            live_since_period=live_since,
            drift_confirmed=bool(self.triggers.on_confirmed_drift and self.drift and self.drift(past)),
            accumulated_excess=summed(0.0, excesses),
            forgone_low=forgone(_as_of(self, past, period), certainty).low if certainty is not None else None,
            usual_loss=held_to.mean * usual if held_to is not None else 0.0,
            uncertain_periods=self.triggers.patience if self.uncertain and self.uncertain(past) else 0,
            new_rows=int(matrix.rows_of(known_at_attempt, past.known)),
            last_attempt_period=tried if past.since != past.decided else None,
            attempts_last_year=past.year_back(),
        )


def _as_of(policy: DeclaredTriggers, past: Past, period: str) -> Past:
    """What was known at the last decision within a period, or at its end."""
    end = np.datetime64(policy.model.calendar.bounds(period)[1], "us")
    return replace(past, now=int(np.searchsorted(past.matrix.moments, end, side="right")) - 1)


def _last_ended(policy: DeclaredTriggers, past: Past, origin: int) -> str:
    """The model's last period that had ended when an origin's decision fell."""
    calendar = policy.model.calendar
    moment = past.matrix.moments[origin].astype("datetime64[us]").astype(datetime)
    key = calendar.key(moment - _INSTANT)
    return key if calendar.bounds(key)[1] <= moment else calendar.shift(key, -1)
