"""What a person may decide about a model, as the journal entry that it becomes: approve, hold, release, retire.

Each ruling names the person, the reason, what it binds and until when. None of them is written by a run: nothing that
imports Dagster builds one. (What monitoring holds on suspicion is no ruling of a person: `Registry.hold`.) What a
ruling then forbids or allows is decided in `rules`, how long it stands in `history`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retrain_assets.errors import NotFound, NothingToRelease, RegistryError
from retrain_assets.registry.journal.events import MONITOR, Action, Entry, Terms
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.rules import refuse_unless_approvable
from retrain_assets.verdict import Verdict

Stored = Callable[[str], bool]
"""Whether the files of a digest are in the registry."""


class Ruling(Protocol):
    """Something that a person decided."""

    def entry(self, history: History, stored: Stored) -> Entry:
        """The journal entry it becomes, given the journal as it stands; raises when it may not be made."""
        ...


@dataclass(frozen=True)
class Signature:
    """Who decided, why, when (wall clock), and as of which period.

    >>> Signature("run 4f2a91bc", "looks fine", datetime(2026, 3, 1), "2026-02")
    Traceback (most recent call last):
    ValueError: 'run 4f2a91bc' is the name of a run, no person's. Name the person who decides.
    """

    person: str
    reason: str
    at: datetime
    period: str

    def __post_init__(self) -> None:
        refuse_run_name(self.person)

    def entry(
        self, action: Action, history: History, terms: Terms, *, evidence: str | None = None, keep_live: bool = True
    ) -> Entry:
        """The entry of an action that leaves the live pointer where it is, or (`keep_live` false) at nothing."""
        if terms.until is not None and not terms.until > self.at:
            raise RegistryError(
                f"{self.period}: {action} until {terms.until}, but it is {self.at} already. Name a later moment."
            )
        name, digest = (history.live.name, history.live.digest) if history.live else (None, None)
        return Entry(
            at=self.at,
            period=self.period,
            action=action,
            from_version=name,
            to_version=name if keep_live else None,
            from_digest=digest,
            to_digest=digest if keep_live else None,
            actor=self.person,
            reason=self.reason,
            evidence=evidence,
            gate=None,
            person=True,
            terms=terms,
        )


def refuse_run_name(name: str) -> None:
    """Refuse a person's name that is empty or that a run goes by.

    Raises:
        ValueError: It is.
    """
    if re.match(r"run [0-9a-f]+$", name.strip()):
        raise ValueError(f"{name!r} is the name of a run, no person's. Name the person who decides.")
    if name.strip() == MONITOR:
        raise ValueError(f"{name!r} is who holds after a jump of the outcomes, no person. Name the person who decides.")
    if not name.strip():
        raise ValueError("a decision names the person who takes it; the name is empty")


@dataclass(frozen=True)
class Approve:
    """Let exactly this insufficient verdict promote its candidate, against the champion it was judged by.

    Args:
        signed: Who, why, when.
        verdict: The evidence, which is in the journal as an insufficient attempt.
        until: First moment at which the approval no longer counts.
        policy_sha256: Of the rules in force.
        allowed: Whether the spec lets a person approve.
    """

    signed: Signature
    verdict: Verdict
    until: datetime
    policy_sha256: str
    allowed: bool

    def entry(self, history: History, stored: Stored) -> Entry:
        """The approval.

        Raises:
            NotApprovable: The spec, the verdict's decision or the journal does not allow it.
            NotPromotable: It could not lead to a promotion.
            NotFound: The candidate's files are gone.
        """
        refuse_unless_approvable(self.verdict, history, policy_sha256=self.policy_sha256, allowed=self.allowed)
        digest = self.verdict.candidate_digest
        _refuse_absent(digest, stored)
        terms = Terms(digest, self.until)
        return self.signed.entry("approved", history, terms, evidence=self.verdict.digest)


@dataclass(frozen=True)
class Anchor:
    """Make a version the one that later ones may not be worse than by a margin, until another is or it is released."""

    signed: Signature
    digest: str

    def entry(self, history: History, stored: Stored) -> Entry:
        """The ruling.

        Raises:
            NotFound: No version of that digest was ever promoted, or its files are gone.
        """
        _refuse_absent(self.digest, stored)
        if self.digest not in {version.digest for version in history.versions}:
            raise NotFound(f"{self.digest[:12]} was never promoted. `retrain history` names the versions.")
        return self.signed.entry("anchored", history, Terms(self.digest, None))


@dataclass(frozen=True)
class Hold:
    """Stop automation: of the whole model, or (`digest`) of one candidate or version, which then stays stored too."""

    signed: Signature
    digest: str | None = None
    until: datetime | None = None

    def entry(self, history: History, stored: Stored) -> Entry:
        """The hold.

        Raises:
            NotFound: The candidate's or version's files are not there.
        """
        if self.digest is not None:
            _refuse_absent(self.digest, stored)
        return self.signed.entry("held", history, Terms(self.digest, self.until))


@dataclass(frozen=True)
class Release:
    """End what people decided about the whole model (holds, retirement), or about one candidate or version."""

    signed: Signature
    digest: str | None = None

    def entry(self, history: History, stored: Stored) -> Entry:
        """The release.

        Raises:
            NothingToRelease: Nothing is there to be released.
        """
        bound = [ruling for ruling in history.rulings if ruling.terms and ruling.terms.subject == self.digest]
        chosen = history.chosen
        if not bound and not (chosen and self.digest in (None, chosen.to_digest)):
            what = f"version {self.digest[:12]}" if self.digest else "the whole model"
            raise NothingToRelease(f"no hold, approval, retirement or rollback by a person binds {what}.")
        return self.signed.entry("released", history, Terms(self.digest, None))


@dataclass(frozen=True)
class BeginAnew:
    """Begin a history where the earlier one is lost as a whole: a person answers for what is forgotten with it."""

    signed: Signature

    def entry(self, history: History, stored: Stored) -> Entry:
        """The first event of the new history.

        Raises:
            RegistryError: There is a history.
        """
        if history.events:
            raise RegistryError(f"the journal holds {len(history.events)} events: there is nothing to begin anew.")
        return self.signed.entry("released", history, Terms(None, None))


@dataclass(frozen=True)
class Retire:
    """Take the whole model out of service: from the period after on no version is live, until a person releases it."""

    signed: Signature

    def entry(self, history: History, stored: Stored) -> Entry:
        """The retirement; it takes effect no earlier than the decision that it ends.

        Raises:
            RegistryError: The model is retired already.
        """
        if history.retired is not None:
            raise RegistryError(
                f"{history.retired.actor} retired the model in {history.retired.period} already. `retrain release` "
                "lets it back."
            )
        last = history.moves[-1].period if history.moves else ""
        signed = Signature(self.signed.person, self.signed.reason, self.signed.at, max(self.signed.period, last))
        return signed.entry("retired", history, Terms(None, None), keep_live=False)


def _refuse_absent(digest: str, stored: Stored) -> None:
    if not stored(digest):
        raise NotFound(f"no files of {digest[:12]} in the registry. `retrain history` names versions and attempts.")
