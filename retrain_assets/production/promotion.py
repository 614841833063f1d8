"""The decision of a period, from the stored verdict to the live pointer.

What may be promoted is decided in `registry.rules`; here stands only which verdict is put before it, and how the
outcome reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.candidates.candidate_record import read_candidate
from retrain_assets.errors import IncompleteVerdict, WrongCandidate
from retrain_assets.periods import Calendar
from retrain_assets.production.rollback import probe_model
from retrain_assets.registry.cooldown import Rest
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.retention import RetentionPolicy
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Verdict


@dataclass(frozen=True)
class Promotion:
    """What promoting one model needs besides its store and registry.

    Args:
        model: Its name.
        policy_sha256: Of the rules in force.
        calendar: Its periods.
        label_delay: How long after a row its outcome is known.
        cooldown_periods: Periods without a promotion after a rollback.
        approvals: Whether a person's approval may stand in for what is insufficient.
        retention: Which models out of service keep their files.
    """

    model: str
    policy_sha256: str
    calendar: Calendar
    label_delay: timedelta = timedelta(0)
    cooldown_periods: int = 1
    approvals: bool = False
    retention: RetentionPolicy = RetentionPolicy()

    def promote(self, store: PeriodStore, registry: Registry, period: str, at: datetime, actor: str) -> Event:
        """Promote the candidate of a period's validation report; repeating it changes nothing.

        Raises:
            NotPromotable: The registry refuses the verdict, there is none for the period's candidate, or it is not the
                one that the journal wrote down when the candidate was judged.
        """
        verdict = self.verdict(store, period)
        event = registry.promote(
            verdict,
            verdict.champion_digest,
            policy_sha256=self.policy_sha256,
            at=at,
            actor=actor,
            approvals=self.approvals,
            probe=probe_model,
            rest=self.rest,
        )
        registry.prune(self.retention, at=at, actor=actor)
        return event

    def rest(self, rolled_back: str) -> Rest:
        """What a rollback of a period asks of the next promotion: a rest, and training on what was known by then."""
        return rest_after(self.calendar, self.label_delay, self.cooldown_periods, rolled_back)

    def verdict(self, store: PeriodStore, period: str) -> Verdict:
        """The verdict on the period's present candidate.

        Raises:
            IncompleteVerdict: No validation report of this period is there.
            WrongCandidate: The report is about another candidate than the one that stands now.
        """
        report = store.read_json("validation_report", period)
        if report is None:
            raise IncompleteVerdict(
                f"{self.model} {period}: no verdict. Materialize validation_report of {period} first."
            )
        verdict = Verdict.from_dict(report)
        known = read_candidate(store, period)
        candidate = known.digest if known else None
        if verdict.period != period or candidate != verdict.candidate_digest:
            raise WrongCandidate(
                f"{self.model} {period}: the verdict of {verdict.period} is about {verdict.candidate_digest[:12]}, the "
                f"period's candidate is {str(candidate)[:12]}. Materialize validation_report of {period} again."
            )
        return verdict


def rest_after(calendar: Calendar, label_delay: timedelta, cooldown_periods: int, rolled_back: str) -> Rest:
    """What a rollback of a period asks of the next promotion.

    The failure showed in rows whose outcomes were known at the end of the period, so training must reach the last of
    them: one label delay before that end.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> rest = rest_after(months, timedelta(days=1), 1, "2019-03")
    >>> rest.first_period, f"{rest.trained_until:%Y-%m-%d}"
    ('2019-05', '2019-03-31')
    """
    return Rest(calendar.shift(rolled_back, cooldown_periods + 1), calendar.bounds(rolled_back)[1] - label_delay)


def headline(event: Event) -> str:
    """What became of an attempt or a rollback, in one sentence of Markdown.

    A promotion names what it replaced; an attempt that did not promote names what stays.
    """
    before = event.from_version or "no version"
    match event.action:
        case "bootstrap":
            return f"**{event.to_version}** is the first live version: {event.reason}"
        case "promoted":
            return f"**{event.to_version}** replaces {before}: {event.reason}"
        case "rolled_back":
            return f"**{event.to_version}** is back, {before} is quarantined: {event.reason}"
        case _:
            return f"**{event.action}**, {before} stays live: {event.reason}"
