"""Take a period's decision: promote the candidate of its validation report, or keep the live version.

What may be promoted is decided in `registry.rules`; here stands only which verdict is put before it, which checks must
have shown it, and how the outcome reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.candidates.candidate_record import read_candidate
from retrain_assets.documents.page import filled
from retrain_assets.errors import IncompleteVerdict, WrongCandidate
from retrain_assets.model import Model, PeriodAccess
from retrain_assets.periods import Calendar, Length
from retrain_assets.production.rollback import probe_model
from retrain_assets.registry.cooldown import Rest
from retrain_assets.registry.journal.attempts import ENDINGS, decision_of, kept_because, reason_of
from retrain_assets.registry.journal.events import Action, Event
from retrain_assets.registry.journal.history import History, Version
from retrain_assets.registry.retention import RetentionPolicy
from retrain_assets.registry.rules import PromotionRules, wait_or_approve
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import CHECKS, STOPS_NOTHING, Decision, Verdict


@dataclass(frozen=True)
class KeptLive:
    """The decision to keep what is live.

    Attributes:
        outcome: What the candidate's attempt is called in the journal: rejected, insufficient or identical.
        live: The version that stays; None where there is none.
        reason: Why the candidate does not replace it.
        advice: What to do next, where there is something to do.
    """

    outcome: Action
    live: Version | None
    reason: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """The decision in one sentence of Markdown, the answer first."""
        kept = f"kept {self.live.name}" if self.live else "no version is live yet"
        said = [part.rstrip(".") for part in kept_because(self.outcome, self.reason) if part]
        return filled("**{}**: {}. {}", kept, ". ".join(said), self.advice).rstrip()


@dataclass(frozen=True)
class Promotion:
    """What promoting one model needs besides a period's access.

    Args:
        model: The model's facts.
        policy_sha256: Of the rules in force.
        cooldown: How long after a rollback nothing is promoted.
        approvals: Whether a person's approval may stand in for what is insufficient.
        retention: Which models out of service keep their files.
    """

    model: Model
    policy_sha256: str
    cooldown: Length = Length.parse("2w")
    approvals: bool = False
    retention: RetentionPolicy = RetentionPolicy()

    def decide(self, access: PeriodAccess, shown: Mapping[str, bool], at: datetime, actor: str) -> Event | KeptLive:
        """Promote the candidate of a period's validation report, or keep the live version; repeating changes nothing.

        Args:
            access: Of the period.
            shown: What the run records say of each check of this very report: whether it passed.
            at: Now, wall clock.
            actor: Who asks: a person or a run.

        Returns:
            The event that made the candidate live, or why what is live was kept.

        Raises:
            NotPromotable: A verdict that passed, or was approved, and that the registry refuses; there is no verdict
                for the period's candidate; a check of the report was not shown, or showed something else.
        """
        verdict, registry = self.verdict(access.store, access.period), access.registry
        refuse_unshown(verdict, shown)
        history, decision = History(registry.history()), decision_of(verdict)
        approved = self.approvals and history.approval(verdict.digest, at) is not None
        promoted = any(move.evidence == verdict.digest for move in history.moves)
        if decision is Decision.PROMOTE or (decision is Decision.INSUFFICIENT and (approved or promoted)):
            rules = PromotionRules(self.policy_sha256, probe_model, self.rest, self.approvals)
            event = registry.promote(verdict, verdict.champion_digest, rules, at=at, actor=actor)
            registry.prune(self.retention, at=at, actor=actor)
            return event
        advice = wait_or_approve(self.approvals) if decision is Decision.INSUFFICIENT else ""
        return KeptLive(ENDINGS[decision], history.live, reason_of(verdict), advice)

    def rest(self, rolled_back: str) -> Rest:
        """What a rollback of a period asks of the next promotion: a cool-down, and training on what was known then."""
        return rest_after(self.model.calendar, self.model.label_delay, self.cooldown, rolled_back)

    def verdict(self, store: PeriodStore, period: str) -> Verdict:
        """The verdict on the period's present candidate.

        Raises:
            IncompleteVerdict: No validation report of this period is there.
            WrongCandidate: The report is about another candidate than the one that stands now.
        """
        name = self.model.name
        report = store.read_json("validation_report", period)
        if report is None:
            raise IncompleteVerdict(f"{name} {period}: no verdict. Materialize validation_report of {period} first.")
        verdict = Verdict.from_dict(report)
        known = read_candidate(store, period)
        candidate = known.digest if known else None
        if verdict.period != period or candidate != verdict.candidate_digest:
            raise WrongCandidate(
                f"{name} {period}: the verdict of {verdict.period} is about {verdict.candidate_digest[:12]}, the "
                f"period's candidate is {str(candidate)[:12]}. Materialize validation_report of {period} again."
            )
        return verdict


def refuse_unshown(verdict: Verdict, shown: Mapping[str, bool]) -> None:
    """Refuse a report whose checks were not shown with it, or showed something else than its findings say.

    Args:
        verdict: The report.
        shown: What the run records say of each of its checks: whether it passed.

    Raises:
        IncompleteVerdict: They do not agree.
    """
    where, again = f"{verdict.model} {verdict.period}", f"Materialize validation_report of {verdict.period} again."
    missing = [check for check in CHECKS if check not in shown]
    if missing:
        raise IncompleteVerdict(
            f"{where}: {len(missing)} of {len(CHECKS)} checks of this report were not recorded with it: "
            f"{', '.join(missing)}. {again}"
        )
    passes = {check: verdict.outcome(check) in STOPS_NOTHING for check in CHECKS}
    other = [check for check in CHECKS if shown[check] and not passes[check]]
    if other or (decision_of(verdict) is Decision.PROMOTE and not all(shown[check] for check in CHECKS)):
        failed = other or [check for check in CHECKS if not shown[check]]
        raise IncompleteVerdict(f"{where}: {', '.join(failed)} was recorded otherwise than the report says. {again}")


def rest_after(calendar: Calendar, label_delay: timedelta, cooldown: Length, rolled_back: str) -> Rest:
    """What a rollback of a period asks of the next promotion.

    The failure showed in rows whose outcomes were known at the end of the period, so training must reach the last of
    them: one label delay before that end.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> rest = rest_after(months, timedelta(days=1), Length.parse("5w"), "2019-03")
    >>> rest.first_period, f"{rest.trained_until:%Y-%m-%d}"
    ('2019-05', '2019-03-31')
    """
    return Rest(cooldown.first_after(calendar, rolled_back), calendar.bounds(rolled_back)[1] - label_delay)


def headline(event: Event) -> str:
    """What became of an attempt or a rollback, in one sentence of Markdown.

    A promotion names what it replaced; an attempt that did not promote names what stays.
    """
    before, after = event.from_version or "no version", event.to_version
    match event.action:
        case "bootstrap":
            return filled("**{}** is the first live version: {}", after, event.reason)
        case "adopted":
            return filled("**{}** was adopted by {}: {}", after, event.actor, event.reason)
        case "promoted":
            return filled("**{}** replaces {}: {}", after, before, event.reason)
        case "rolled_back" if not event.withdraws:
            return filled("**{}** is live again: {}", after, event.reason)
        case "rolled_back":
            return filled("**{}** is back, {} is quarantined: {}", after, before, event.reason)
        case _:
            return filled("**{}**, {} stays live: {}", event.action, before, event.reason)
