"""The decision of a period, from the stored verdict to the live pointer.

What may be promoted is decided in `registry.rules`; here stands only which verdict is put before it, and how the
outcome reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from retrain_assets.errors import IncompleteVerdict, WrongCandidate
from retrain_assets.registry.journal import Event
from retrain_assets.registry.registry import Registry
from retrain_assets.store import PeriodStore
from retrain_assets.verdict import Verdict


@dataclass(frozen=True)
class Promotion:
    """What promoting one model needs besides its store and registry: its name and the rules in force."""

    model: str
    policy_sha256: str

    def promote(self, store: PeriodStore, registry: Registry, period: str, at: datetime, actor: str) -> Event:
        """Promote the candidate of a period's validation report; repeating it changes nothing.

        Raises:
            NotPromotable: The registry refuses the verdict, or there is none for the period's candidate.
        """
        verdict = self.verdict(store, period)
        return registry.promote(verdict, verdict.champion_digest, policy_sha256=self.policy_sha256, at=at, actor=actor)

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
        candidate = (store.read_json("candidate_model", period) or {}).get("digest")
        if verdict.period != period or candidate != verdict.candidate_digest:
            raise WrongCandidate(
                f"{self.model} {period}: the verdict of {verdict.period} is about {verdict.candidate_digest[:12]}, the "
                f"period's candidate is {str(candidate)[:12]}. Materialize validation_report of {period} again."
            )
        return verdict


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
