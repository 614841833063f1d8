"""Does the evidence of a period ask for a retrain? A pure decision: evidence in, a trigger or the reason for none out.

Nine kinds of evidence can ask: no model yet, loss that has piled up beyond what a retrain costs, what fresh models
would have saved, the excess with the loss that is estimated where outcomes are still out, a business metric beyond its
threshold, uncertainty that rises, drift that lasts, enough new labels, and age. Six things can stand in the way: no
fresh gate rows, a column that broke in this very period, a rest after a rollback, a rest after an attempt, the yearly
cap, and too few new labelled rows. What the evidence says is gathered elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from retrain_assets.documents.units import counted, first_few, plural
from retrain_assets.model import Model
from retrain_assets.monitoring.policy import TriggerPolicy
from retrain_assets.periods import Calendar, Length

Kind = Literal[
    "bootstrap",
    "excess_loss",
    "forgone_gain",
    "estimated_loss",
    "business",
    "uncertainty",
    "drift",
    "new_labels",
    "age",
]


@dataclass(frozen=True)
class TriggerEvidence:
    """What is known about a model as of a period.

    Attributes:
        live_since_period: The period whose decision put the live version in charge.
        drift_confirmed: Whether the drift report asks for a retrain.
        accumulated_excess: Loss beyond the baseline, summed over rows since promotion.
        excess_than: What that is more than: the expected loss, or its upper limit (`Baseline.than`).
        suspected_excess: The same of outcomes that look faulty; it counts once a person has released the hold.
        forgone_low: Lower limit of what fresh models would have saved since the last attempt; None while nobody knows.
        forgone_sentence: What was forgone, in words.
        estimated_excess: The same, estimated, of the rows whose outcomes have not arrived.
        usual_loss: The loss that the period's labelled rows were promised to have, summed over them.
        business: Per business metric for how many periods in a row it has been beyond its threshold.
        uncertain_periods: For how many periods in a row the model has been less sure than it was.
        new_rows: Labelled rows that arrived since the last attempt.
        attempts_last_year: Attempts in the periods of the last year, whatever came of them.
        wait: Why no candidate can be judged yet, and how long that lasts; empty when one can.
        broken: Columns that broke in this period and were whole in the one before.
    """

    period: str
    live_version: str | None = None
    live_since_period: str | None = None
    drift_confirmed: bool = False
    drift_sentence: str = ""
    accumulated_excess: float = 0.0
    excess_than: str = "than expected"
    suspected_excess: float = 0.0
    forgone_low: float | None = None
    forgone_sentence: str = ""
    estimated_excess: float = 0.0
    usual_loss: float = 0.0
    business: Mapping[str, int] = field(default_factory=dict)
    uncertain_periods: int = 0
    new_rows: int = 0
    last_attempt_period: str | None = None
    attempts_last_year: int = 0
    last_rollback_period: str | None = None
    wait: str = ""
    broken: tuple[str, ...] = ()

    @property
    def forgone_measured(self) -> bool:
        """Whether it is known, or being learnt, what fresh models would have saved."""
        return self.forgone_low is not None or bool(self.forgone_sentence)


@dataclass(frozen=True)
class Trigger:
    """A retrain that is due. The same model, period and kind always have the same id, so no evidence starts two."""

    id: str
    model: str
    period: str
    kind: Kind
    reason: str


@dataclass(frozen=True)
class NoRetrain:
    """No retrain: the first thing that stands in the way, and the share of each threshold that is reached.

    Attributes:
        reason: What stands in the way, in words.
        closeness: By kind of evidence the share of its threshold that is reached.
        rest_until: When the cool-down that stands in the way ends; None where something else does.
    """

    reason: str
    closeness: Mapping[str, float] = field(default_factory=dict)
    rest_until: datetime | None = None


def trigger_id(model: str, period: str, kind: Kind) -> str:
    """Sixteen hexadecimal digits that stand for one piece of evidence.

    >>> trigger_id("taxi", "2019-03", "age")
    '57d4270849366551'
    """
    return hashlib.sha256(f"{model}\n{period}\n{kind}".encode()).hexdigest()[:16]


def decide(
    model: Model, policy: TriggerPolicy, evidence: TriggerEvidence, rollback_cooldown: Length
) -> Trigger | NoRetrain:
    """Decide whether a retrain is due as of the evidence's period.

    Args:
        model: Its facts.
        policy: Which evidence counts, and how often it may.
        evidence: What is known.
        rollback_cooldown: How long after a rollback nothing is retrained.

    >>> policy = TriggerPolicy(retrain_cost=2500, max_per_year=6, cooldown="4w")
    >>> from datetime import timedelta
    >>> months, day = Calendar(every="month", start="2018-01-01"), timedelta(days=1)
    >>> taxi = Model("taxi", "regression", 2, months, "id", "at", "charge", day, "mae", "USD", "ride")
    >>> seen = TriggerEvidence("2019-03", "v1", live_since_period="2018-11", accumulated_excess=812.0, new_rows=9)
    >>> decide(taxi, policy, seen, Length.parse("4w")).reason
    'no retrain due: $812 more error than expected, a retrain pays once the excess reaches $2,500'
    """
    calendar = model.calendar
    closeness = _closeness(calendar, policy, evidence)
    asked = _asked(model, policy, evidence)
    if asked is None:
        return NoRetrain(
            f"no retrain due: {_excess(model, policy, evidence)}{_suspected(model, evidence)}"
            f"{_unmeasured(model, policy, evidence)}",
            closeness,
        )
    obstacle = _obstacle(model, policy, evidence, rollback_cooldown)
    if obstacle is not None:
        return replace(obstacle, closeness=closeness)
    kind, reason = asked
    return Trigger(trigger_id(model.name, evidence.period, kind), model.name, evidence.period, kind, reason)


def _asked(model: Model, policy: TriggerPolicy, evidence: TriggerEvidence) -> tuple[Kind, str] | None:
    """The strongest evidence that asks for a retrain."""
    calendar = model.calendar
    if evidence.live_version is None:
        return "bootstrap", "no model is live yet"
    total, cost = model.units.total, _asking_excess(policy, evidence)
    due = _due(model, policy, cost)
    since = calendar.decided_on(_last_look(evidence)) if _last_look(evidence) else ""
    begun = f"since the attempt of {since}" if since else "so far"
    piled_up = f"{model.units.more(evidence.accumulated_excess, evidence.excess_than)}, {begun}"
    if evidence.accumulated_excess >= cost:
        return "excess_loss", f"{piled_up}; {due}"
    if policy.on_forgone_gain is not None and _forgone_share(policy, evidence) >= 1:
        return "forgone_gain", f"{evidence.forgone_sentence}; a retrain costs {total(_cost(policy, evidence))}"
    if policy.on_estimated_loss and _with_estimated(evidence) >= cost:
        estimated = f"{total(evidence.estimated_excess)} more estimated on {plural(model.row_name)} without outcomes"
        return "estimated_loss", f"{piled_up}, and {estimated}; {due}"
    for name in policy.on_business_metrics:
        if evidence.business.get(name, 0) >= policy.patience:
            return "business", f"{name} has been beyond its limit for {_in_a_row(calendar, evidence.business[name])}"
    if policy.on_uncertainty and evidence.uncertain_periods >= policy.patience:
        return (
            "uncertainty",
            f"the model has been less sure than it was for {_in_a_row(calendar, evidence.uncertain_periods)}",
        )
    if policy.on_confirmed_drift and evidence.drift_confirmed:
        return "drift", evidence.drift_sentence or "drift that lasts"
    if policy.new_labels is not None and evidence.new_rows >= policy.new_labels:
        known = f"{model.units.rows(evidence.new_rows)} with new outcomes since the last attempt"
        return "new_labels", f"{known}, {policy.new_labels:,} are enough"
    age = _age(calendar, evidence)
    if policy.max_age is not None and age >= policy.max_age.in_periods(calendar):
        since = calendar.words(_last_look(evidence))
        return (
            "age",
            f"the model is {counted(age, calendar.every)} old (since {since}), {policy.max_age} are allowed",
        )
    return None


def _obstacle(
    model: Model, policy: TriggerPolicy, evidence: TriggerEvidence, rollback_cooldown: Length
) -> NoRetrain | None:
    """The first thing that forbids an attempt now; None when nothing does."""
    if evidence.wait:
        return NoRetrain(evidence.wait)
    calendar = model.calendar
    if evidence.broken:
        broke = f"{first_few(evidence.broken)} broke in {calendar.words(evidence.period)}"
        following = calendar.words(calendar.shift(evidence.period, 1))
        return NoRetrain(f"{broke}: no retrain before {following} is in, which leaves time to mend the source")
    rest = _rest(calendar, evidence.period, evidence.last_rollback_period, rollback_cooldown)
    if rest and evidence.last_rollback_period:
        since = calendar.words(evidence.last_rollback_period)
        return _rests(calendar, rest, f"cool-down after the rollback of {since}")
    rest = _rest(calendar, evidence.period, evidence.last_attempt_period, policy.cooldown)
    if rest:
        return _rests(calendar, rest, "cool-down")
    if evidence.attempts_last_year >= policy.max_per_year:
        return NoRetrain(f"yearly cap: all {policy.max_per_year} attempts of the last year are used up")
    if evidence.new_rows < policy.min_new_rows:
        known = f"{model.units.rows(evidence.new_rows)} with new outcomes since the last attempt"
        return NoRetrain(f"{known}, {policy.min_new_rows:,} are needed")
    return None


def _rests(calendar: Calendar, allowed: str, why: str) -> NoRetrain:
    said = f"no retrain before {calendar.decided_on(allowed)} ({why})"
    return NoRetrain(said, rest_until=calendar.bounds(allowed)[1])


def _rest(calendar: Calendar, period: str, since: str | None, cooldown: Length) -> str | None:
    """The first period allowed again, while it is not reached."""
    if since is None:
        return None
    allowed = cooldown.first_after(calendar, since)
    return allowed if calendar.distance(period, allowed) > 0 else None


def _last_look(evidence: TriggerEvidence) -> str:
    """When the live model was last held against a candidate, or put in charge."""
    return max(evidence.live_since_period or "", evidence.last_attempt_period or "")


def _age(calendar: Calendar, evidence: TriggerEvidence) -> int:
    since = _last_look(evidence)
    return calendar.distance(since, evidence.period) if since else 0


def _excess(model: Model, policy: TriggerPolicy, evidence: TriggerEvidence) -> str:
    cost = _asking_excess(policy, evidence)
    if policy.on_excess_loss is False:
        return "no excess loss asks for one (triggers.on_excess_loss is false)"
    if policy.on_forgone_gain is not None and evidence.forgone_measured and not policy.excess_said:
        return "what is forgone asks in place of the excess loss (triggers.on_forgone_gain)"
    if cost == float("inf"):
        return "no excess loss is measured yet"
    return f"{model.units.excess(evidence.accumulated_excess, evidence.excess_than)}, {_due(model, policy, cost)}"


def _due(model: Model, policy: TriggerPolicy, cost: float) -> str:
    """From which excess on a retrain pays, and where that is from if nobody declared it."""
    default = f" (the default, a tenth of a {model.calendar.every}'s)" if policy.declared_excess is None else ""
    return f"a retrain pays once the excess reaches {model.units.total(cost)}{default}"


def _asking_excess(policy: TriggerPolicy, evidence: TriggerEvidence) -> float:
    return policy.excess_that_asks(evidence.usual_loss, evidence.forgone_measured)


def _cost(policy: TriggerPolicy, evidence: TriggerEvidence) -> float:
    return policy.cost_of_a_retrain(evidence.usual_loss)


def _forgone_share(policy: TriggerPolicy, evidence: TriggerEvidence) -> float:
    """The share of a retrain's cost that was surely forgone; 0 while that is not known."""
    return max(evidence.forgone_low or 0.0, 0.0) / _cost(policy, evidence)


def _unmeasured(model: Model, policy: TriggerPolicy, evidence: TriggerEvidence) -> str:
    """What a declared trigger still waits for."""
    if policy.on_forgone_gain is None:
        return ""
    if evidence.forgone_sentence:
        known = f", a retrain costs {model.units.total(_cost(policy, evidence))}" if evidence.forgone_low else ""
        return f"; {evidence.forgone_sentence}{known}"
    if not policy.excess_said:  # the excess asks until then
        return ""
    return f"; what fresh models would save is not known yet, `retrain backtest {model.name}` begins to measure it"


def _suspected(model: Model, evidence: TriggerEvidence) -> str:
    """What is not counted yet, and what it waits for."""
    if not evidence.suspected_excess:
        return ""
    waits = f": {evidence.wait}" if evidence.wait else ""
    more = model.units.total(evidence.suspected_excess)
    return f"; {more} more, of outcomes that look faulty, counts once released{waits}"


def _in_a_row(calendar: Calendar, periods: int) -> str:
    return f"{counted(periods, calendar.every)}{' in a row' if periods > 1 else ''}"


def _with_estimated(evidence: TriggerEvidence) -> float:
    """Measured and estimated excess together; an estimated gain does not pay for a measured loss."""
    return evidence.accumulated_excess + max(evidence.estimated_excess, 0.0)


def _closeness(calendar: Calendar, policy: TriggerPolicy, evidence: TriggerEvidence) -> dict[str, float]:
    shares = {"excess_loss": evidence.accumulated_excess / _asking_excess(policy, evidence)}
    if policy.on_forgone_gain is not None:
        shares["forgone_gain"] = _forgone_share(policy, evidence)
    if policy.on_estimated_loss:
        shares["estimated_loss"] = _with_estimated(evidence) / policy.excess_that_asks(
            evidence.usual_loss, evidence.forgone_measured
        )
    for name in policy.on_business_metrics:
        shares[name] = evidence.business.get(name, 0) / policy.patience
    if policy.on_uncertainty:
        shares["uncertainty"] = evidence.uncertain_periods / policy.patience
    if policy.new_labels is not None:
        shares["new_labels"] = evidence.new_rows / policy.new_labels
    if policy.on_confirmed_drift:
        shares["drift"] = float(evidence.drift_confirmed)
    if policy.max_age is not None:
        shares["age"] = _age(calendar, evidence) / policy.max_age.in_periods(calendar)
    if policy.min_new_rows:
        shares["new_rows"] = min(1.0, evidence.new_rows / policy.min_new_rows)  # enough is enough
    return shares
