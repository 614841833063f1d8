"""What a person types becomes a ruling: whom it is about, until when, and what came of it in words.

The command line calls this; no run does. What a ruling means stands in `registry.people` and `registry.rules`.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from retrain_assets.audit.status import decision_record
from retrain_assets.candidates.candidate_record import ASSET, read_candidate
from retrain_assets.errors import NotFound, NothingToRelease
from retrain_assets.periods import Calendar
from retrain_assets.production.promotion import Promotion
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.registry.rules import until
from retrain_assets.registry.rulings import Anchor, Approve, Release, Signature
from retrain_assets.store import PeriodStore


def end_of_ruling(text: str, calendar: Calendar) -> datetime:
    """The first moment at which something that stands until a date, a time or a period stands no longer.

    A date stands to its end, whatever the model's periods are called; so does a period that is no date.

    Raises:
        ValueError: It is none of them, or carries a time zone.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> [f"{end_of_ruling(text, months):%Y-%m-%d %H:%M}" for text in ("2026-03-01", "2026-03", "2026-03-01T12:00")]
    ['2026-03-02 00:00', '2026-04-01 00:00', '2026-03-01 12:00']
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return datetime.fromisoformat(text) + timedelta(days=1)
        moment = _end_of(text, calendar) or datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"--until {text!r} is neither a date like 2026-03-01, a time like 2026-03-01T12:00, nor a period like "
            f"{calendar.first}"
        ) from None
    if moment.tzinfo is not None:
        raise ValueError(f"--until {text!r} carries a time zone; times are wall clock here. Leave the zone out.")
    return moment


def _end_of(period: str, calendar: Calendar) -> datetime | None:
    try:
        return calendar.bounds(period)[1]
    except ValueError:
        return None


def signed(person: str, reason: str, at: datetime, store: PeriodStore, calendar: Calendar) -> Signature:
    """A person's signature as of the newest monitored period."""
    monitored = store.periods("performance_report", "json")
    return Signature(person, reason, at, monitored[-1] if monitored else calendar.first)


def digest_of(which: str | None, registry: Registry, store: PeriodStore) -> str | None:
    """The candidate or version that somebody names: a version (`v3`), a period's candidate, or the start of a digest.

    Args:
        which: The name, None for the whole model.
        registry: The model's registry.
        store: The model's reports.

    Returns:
        Its digest, None for the whole model.

    Raises:
        NotFound: It names none, or more than one.
    """
    if which is None:
        return None
    history = History(registry.history())
    named = [version.digest for version in history.versions if version.name == which]
    named = named or _candidates_of(which, history, store) or _beginning_with(which, history)
    if len(named) != 1:
        known = ", ".join([version.name for version in history.versions] + sorted({u.period for u in history.spent}))
        raise NotFound(
            f"{registry.model}: {which!r} names {len(named) or 'no'} candidates or versions; known: {known or 'none'}. "
            "Name a version (v3), the period of an attempt, or the first digits of a digest."
        )
    return named[0]


def _candidates_of(period: str, history: History, store: PeriodStore) -> list[str]:
    """The candidate that a period's last attempt was about, or the one that waits there to be judged."""
    judged = [use.candidate for use in history.spent if use.period == period]
    waiting = read_candidate(store, period) if period in store.periods(ASSET, "json") else None
    return [waiting.digest] if waiting else judged[-1:]


def _beginning_with(digits: str, history: History) -> list[str]:
    digests = {use.candidate for use in history.spent} | {version.digest for version in history.versions}
    return sorted(digest for digest in digests if len(digits) >= 6 and digest.startswith(digits))


def approve(
    promotion: Promotion, registry: Registry, store: PeriodStore, signature: Signature, until: datetime
) -> Event:
    """Approve the insufficient verdict on the candidate of the period that the signature names.

    Raises:
        NotApprovable: The spec, the verdict or the journal does not allow it.
        NotPromotable: There is no such verdict, or it could not lead to a promotion.
    """
    verdict = promotion.verdict(store, signature.period)
    ruling = Approve(signature, verdict, until, promotion.policy_sha256, promotion.approvals)
    return registry.rule(ruling)


def anchor(registry: Registry, version: str, *, by: str, reason: str, at: datetime) -> Event:
    """Make a version the anchor of the gate.

    Raises:
        NotFound: There is no such version.
    """
    known = {each.name: each for each in registry.versions()}
    if version not in known:
        raise NotFound(f"{registry.model}: no version {version!r}. Known: {', '.join(known) or 'none'}.")
    chosen = known[version]
    return registry.rule(Anchor(Signature(by, reason, at, chosen.period), chosen.digest))


def release(registry: Registry, signature: Signature, digest: str | None) -> Event:
    """End what people decided about the whole model, or about one candidate or version.

    Raises:
        NothingToRelease: Nothing binds it; the sentence names the commands that end what stands elsewhere.
    """
    try:
        return registry.rule(Release(signature, digest))
    except NothingToRelease as nothing:
        others = standing(registry, signature.at) or "See what stands with `retrain status`."
        raise NothingToRelease(f"{registry.model}: {nothing} {others}") from None


def standing(registry: Registry, at: datetime) -> str:
    """What people hold or approved and nobody released, each with the command that ends it; empty for nothing."""
    history = History(registry.history())
    bound: dict[str | None, str] = {}
    for ruling in history.rulings:
        if ruling.terms is not None and ruling.terms.stands(at):
            bound[ruling.terms.subject] = ruling.action
    names = {use.candidate: use.period for use in history.spent} | history.names
    ends = []
    for digest, action in bound.items():
        which = names.get(digest, digest[:12]) if digest else ""
        ended = " ".join(("retrain release", registry.model, *([which] if which else []), "--reason TEXT"))
        ends.append(f"{which or 'The whole model'} is {action}: `{ended}` ends that.")
    return " ".join(ends)


def record_of(event: Event) -> dict[str, Any]:
    """A ruling as plain JSON values."""
    return {**decision_record(event), **(event.terms.to_dict() if event.terms else {})}


def sentence_of(event: Event) -> str:
    """What a ruling does, in one sentence."""
    subject = event.terms.subject if event.terms else None
    what = f"candidate or version {subject[:12]}" if subject else "the model"
    match event.action:
        case "approved":
            return f"approved: {what}, {until(event)}, against {event.from_version or 'no version'}"
        case "held":
            return f"held: {what}, {until(event)}"
        case "anchored":
            return f"anchored: {what}; later versions may not be worse than it by a declared margin"
        case "retired":
            return f"retired: the model; {event.from_version or 'nothing'} served last, no version is live now"
        case _:
            return f"{event.action}: {what}"
