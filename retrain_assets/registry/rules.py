"""Which verdict may move the live pointer: every reason to refuse, each with its own error.

The rules see a verdict and a history, never a file or a caller's opinion: whoever asks (asset, command line, a run that
skipped the checks) gets the same answer. What a verdict decides is worked out in `attempts`, the rest after a rollback
in `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from retrain_assets.errors import (
    DataError,
    FailedVerdict,
    GateRowsSpent,
    Held,
    IncompleteVerdict,
    InsufficientVerdict,
    NotAdoptable,
    NotApprovable,
    Quarantined,
    Retired,
    StaleVerdict,
    Unservable,
    WrongCandidate,
    WrongChampion,
)
from retrain_assets.registry.cooldown import Rest, refuse_resting
from retrain_assets.registry.journal.attempts import decision_of, reason_of, short
from retrain_assets.registry.journal.events import Event, wall_clock
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.training_record import refit_of
from retrain_assets.verdict import CHECKS, Decision, Verdict


@dataclass(frozen=True)
class PromotionRules:
    """What a promotion is held to besides its verdict.

    Args:
        policy_sha256: Of the rules in force; a verdict reached by others is stale.
        probe: Raises `DataError` when the model in these files does not load or does not score.
        rest: From the period of a rollback to what it asks of the next promotion.
        approvals: Whether the spec lets a person's approval stand in for what is insufficient.
    """

    policy_sha256: str
    probe: Callable[[Mapping[str, bytes]], None]
    rest: Callable[[str], Rest]
    approvals: bool = False


def refuse_foreign(verdict: Verdict, model: str, stored: Callable[[str], bool]) -> None:
    """Refuse a verdict about another model, or about a candidate that is not in the store.

    Raises:
        WrongCandidate: It is.
    """
    if verdict.model != model:
        raise WrongCandidate(f"{model}: the verdict of {verdict.period} is about {verdict.model}. Use that registry.")
    if not stored(verdict.candidate_digest):
        raise WrongCandidate(
            f"{_name(verdict)}: candidate {verdict.candidate_digest[:12]} is not in the registry. "
            "Train it again, then judge it again."
        )


def refuse_unless_promotable(
    verdict: Verdict,
    history: History,
    rules: PromotionRules,
    *,
    expected_live: str | None,
    at: datetime,
    trained_until: Callable[[], datetime | None],
) -> Event | None:
    """Raise the first reason why this verdict may not promote its candidate now; return when there is none.

    Args:
        verdict: The evidence.
        history: The journal as it stands.
        rules: Those in force now.
        expected_live: Digest of the version that the caller believes live, None for none.
        at: Now, wall clock: holds and approvals expire.
        trained_until: Says how far the candidate's training data reach, None when that is not known; asked after a
            rollback only.

    Returns:
        The approval on which an insufficient verdict promotes, None for a verdict that passed by itself.

    Raises:
        NotPromotable: Its subclass and sentence say why.
    """
    where = _name(verdict)
    refuse_retired(where, history)
    live = history.live.digest if history.live else None
    moving = {"the candidate": verdict.candidate_digest, "the refitted model": verdict.promotes}
    _refuse_held(where, history, at, moving | {"the live version": live}, deciding=verdict.period)
    _refuse_quarantined(verdict, history)
    _refuse_other_champion(verdict, history, expected_live)
    _refuse_other_rules(verdict, rules.policy_sha256)
    _refuse_incomplete(verdict)
    approved = _refuse_undecided(verdict, history, at, rules.approvals)
    _refuse_overtaken(verdict, history)
    refuse_resting(_name(verdict), verdict.period, history, rules.rest, trained_until)
    _refuse_spent(verdict, history)
    _refuse_unrecorded(verdict, history)
    return approved


def _refuse_unrecorded(verdict: Verdict, history: History) -> None:
    """Refuse a verdict that the journal did not write down when it was reached."""
    if history.attempt(verdict.digest) is None:
        raise IncompleteVerdict(
            f"{_name(verdict)}: no attempt in the journal has this verdict ({verdict.digest[:12]}): the report was "
            f"changed after it was written, or comes from elsewhere. Materialize validation_report of {verdict.period} "
            "again."
        )


def refuse_retraining(where: str, history: History, at: datetime) -> None:
    """Refuse a retrain that a person's decision stands against, whatever its candidate would be.

    Args:
        where: What the sentence begins with: model, period.
        history: The journal as it stands.
        at: Now, wall clock: holds expire.

    Raises:
        Retired: A person took the whole model out of service.
        Held: A person holds the model or the live version.
    """
    refuse_retired(where, history)
    _refuse_held(where, history, at, {"the live version": history.live.digest if history.live else None})


def refuse_judging(where: str, history: History, at: datetime, *, candidate: str, expected_live: str | None) -> None:
    """Refuse to judge a candidate that could not be promoted whatever the evidence says; nothing is spent on it.

    Args:
        where: What the sentence begins with: model, period.
        history: The journal as it stands.
        at: Now, wall clock: holds expire.
        candidate: Digest of the candidate.
        expected_live: Digest of the version that the caller would compare with, None for none.

    Raises:
        Retired: A person took the whole model out of service.
        Held: A person holds the model, the candidate or the live version.
        Quarantined: The candidate was rolled back.
        WrongChampion: Another version is live by now.
    """
    refuse_retraining(where, history, at)
    _refuse_held(where, history, at, {"the candidate": candidate})
    live = history.live.digest if history.live else None
    if candidate in history.quarantined:
        raise _quarantined(where, f"candidate {candidate[:12]}", history)
    if live != expected_live:
        raise WrongChampion(
            f"{where}: it would be compared with {short(expected_live)}, live is {short(live)}. {history.stays} "
            "Judge the candidate again, against the live version."
        )


def refuse_unless_approvable(verdict: Verdict, history: History, *, policy_sha256: str, allowed: bool) -> None:
    """Raise the first reason why no person may approve this verdict; return when one may.

    Args:
        verdict: The evidence.
        history: The journal as it stands.
        policy_sha256: Of the rules in force now.
        allowed: Whether the spec lets a person approve an insufficient verdict.

    Raises:
        NotApprovable: The spec does not allow it, a check failed, every check passed, or the attempt is not recorded.
        NotPromotable: The approval could not lead to a promotion; the subclass and the sentence say why.
    """
    where, decision = _name(verdict), decision_of(verdict)
    if not allowed:
        raise NotApprovable(
            f"{where}: this model's spec lets nobody approve what is insufficient. With validation.insufficient: human "
            "in the spec, verdicts reached from then on can be approved."
        )
    if decision is Decision.PROMOTE:
        raise NotApprovable(f"{where}: every check passed, so there is nothing to approve. Promote it.")
    if decision is not Decision.INSUFFICIENT:
        raise NotApprovable(
            f"{where}: {decision.value}: {reason_of(verdict)}. Only what is insufficient can be approved, never a "
            "failure. The live version stays; the next retrain gets fresh rows."
        )
    refuse_retired(where, history)
    _refuse_incomplete(verdict)
    _refuse_quarantined(verdict, history)
    _refuse_other_champion(verdict, history, verdict.champion_digest)
    _refuse_other_rules(verdict, policy_sha256)
    _refuse_overtaken(verdict, history)
    if history.attempt(verdict.digest) is None:
        raise NotApprovable(f"{where}: this verdict is not in the journal. Materialize validation_report again.")


def refuse_unadoptable(verdict: Verdict, history: History, at: datetime) -> None:
    """Raise the first reason why no person may put the verdict's candidate, trained elsewhere, in service.

    What the findings say is no reason: the person knows them, and decides.

    Args:
        verdict: What was measured of the model alone.
        history: The journal as it stands.
        at: Now, wall clock: holds expire.

    Raises:
        NotAdoptable: A version is live, or one was decided in the verdict's period or later.
        NotPromotable: Another decision stands against it; the subclass and the sentence say which.
    """
    where = _name(verdict)
    refuse_in_service(verdict.model, history)
    _refuse_held(where, history, at, {"the model": verdict.candidate_digest}, deciding=verdict.period)
    _refuse_quarantined(verdict, history)
    last = history.moves[-1].period if history.moves else ""
    if not verdict.period > last:
        raise NotAdoptable(
            f"{where}: a decision of {last} stands, which is not before {verdict.period}. Adopt it as of a period "
            f"after {last}."
        )
    _refuse_spent(verdict, history)


def refuse_in_service(model: str, history: History) -> None:
    """Refuse to adopt a model where a version is live, or a person took the model out of service.

    Raises:
        NotAdoptable: A version is live.
        Retired: The whole model is out of service.
    """
    refuse_retired(model, history)
    if history.live:
        raise NotAdoptable(
            f"{model}: {history.live.name} is live, and a model from elsewhere does not take its place unjudged. To "
            f"begin anew with yours: `retrain retire {model}`, then `retrain release {model}`, then adopt it."
        )


def refuse_automatic(where: str, history: History, at: datetime, *digests: str | None) -> None:
    """Refuse a rollback that no person asked for, where a person's decision stands against it.

    Args:
        where: What the sentence begins with: model, period.
        history: The journal as it stands.
        at: Now, wall clock.
        digests: The versions that would leave or enter service.

    Raises:
        Held: A person holds the model or one of the versions, or put the live version in service by a rollback.
    """
    versions = {f"version {short(digest)}": digest for digest in digests}
    _refuse_held(where, history, at, versions)
    chosen = history.chosen
    if chosen is not None:
        raise Held(
            f"{where}: {chosen.actor} rolled back to {chosen.to_version} in {chosen.period}: {chosen.reason}. "
            "A run does not undo that: `retrain rollback` by a person does, or `retrain release`."
        )


def refuse_retired(where: str, history: History) -> None:
    """Refuse every move while the whole model is out of service.

    Raises:
        Retired: It is.
    """
    retired = history.retired
    if retired is not None:
        raise Retired(
            f"{where}: {retired.actor} retired the model in {retired.period}: {retired.reason}. No version is live, "
            "and none will be before a person lets it back with `retrain release`."
        )


def _refuse_held(
    where: str, history: History, at: datetime, digests: Mapping[str, str | None], deciding: str | None = None
) -> None:
    for what, digest in digests.items():
        hold = history.held(at, digest, deciding=deciding)
        if hold is not None and hold.terms is not None:
            held = f"{what} ({short(digest)})" if hold.terms.subject else "the model"
            raise Held(
                f"{where}: {hold.actor} holds {held} {until(hold)}: {hold.reason}. {history.stays} "
                "Wait, or ask for a `retrain release`."
            )


def until(ruling: Event) -> str:
    """How long a ruling stands, in words."""
    end = ruling.terms.until if ruling.terms else None
    if end is None:
        return "until somebody releases it"
    last = end - timedelta(days=1)
    return f"until {end:%Y-%m-%d %H:%M}" if end.time() != time() else f"until the end of {last:%Y-%m-%d}"


def refuse_other_refit(verdict: Verdict, history: History, files: Mapping[str, bytes]) -> None:
    """Refuse a refitted model that was not made of the verdict's candidate; return when none takes its place.

    Args:
        verdict: The evidence.
        history: The journal as it stands.
        files: The stored files of the version that the verdict promotes.

    Raises:
        WrongCandidate: Its training record names another candidate, or it is the live version.
        Quarantined: It was rolled back.
    """
    if verdict.promotes == verdict.candidate_digest:
        return
    made_of = refit_of(files)
    if made_of != verdict.candidate_digest:
        raise WrongCandidate(
            f"{_name(verdict)}: the refitted {verdict.promotes[:12]} was made of {short(made_of)}, the verdict is "
            f"about {verdict.candidate_digest[:12]}. {history.stays} Judge the candidate again."
        )
    if history.live and verdict.promotes == history.live.digest:
        raise WrongCandidate(f"{_name(verdict)}: the refitted {verdict.promotes[:12]} is live already. Nothing moves.")
    if verdict.promotes in history.quarantined:
        raise _quarantined(_name(verdict), f"the refitted {verdict.promotes[:12]}", history)


def refuse_unservable(
    verdict: Verdict, history: History, files: Mapping[str, bytes], probe: Callable[[Mapping[str, bytes]], None]
) -> None:
    """Load and score what is about to go live, as a rollback does with its target.

    Args:
        verdict: The evidence.
        history: The journal as it stands.
        files: The stored files of the version that the verdict promotes.
        probe: Raises `DataError` when the model in these files does not load or does not score.

    Raises:
        Unservable: It raised.
    """
    try:
        probe(files)
    except DataError as fault:
        raise Unservable(
            f"{_name(verdict)}: {verdict.promotes[:12]} was to go live and cannot serve: {fault} {history.stays}"
        ) from fault


def _refuse_quarantined(verdict: Verdict, history: History) -> None:
    if verdict.candidate_digest in history.quarantined:
        raise _quarantined(_name(verdict), f"candidate {verdict.candidate_digest[:12]}", history)


def _quarantined(where: str, what: str, history: History) -> Quarantined:
    return Quarantined(
        f"{where}: {what} was rolled back before. {history.stays} Train a candidate on data that includes the failure."
    )


def _refuse_other_champion(verdict: Verdict, history: History, expected_live: str | None) -> None:
    live = history.live.digest if history.live else None
    for what, digest in (("the verdict compared with", verdict.champion_digest), ("the caller expects", expected_live)):
        if digest != live:
            raise WrongChampion(
                f"{_name(verdict)}: {what} {short(digest)}, live is {short(live)}. {history.stays} "
                "Judge the candidate again, against the live version."
            )


def _refuse_other_rules(verdict: Verdict, policy_sha256: str) -> None:
    if verdict.policy_sha256 != policy_sha256:
        raise StaleVerdict(
            f"{_name(verdict)}: it was judged by rules {verdict.policy_sha256[:12]}, in force are "
            f"{policy_sha256[:12]}. Judge a candidate by the spec's present rules, on rows that decided nothing yet."
        )


def _refuse_incomplete(verdict: Verdict) -> None:
    missing = [check for check in CHECKS if not verdict.of(check)]
    if missing:
        raise IncompleteVerdict(
            f"{_name(verdict)}: {len(missing)} of {len(CHECKS)} checks have no finding: {', '.join(missing)}. "
            "Materialize validation_report again."
        )
    refuse_without_rows(verdict)


def refuse_without_rows(verdict: Verdict) -> None:
    """Refuse a verdict that names no gate rows, which could not be booked as spent.

    Raises:
        IncompleteVerdict: It does not.
    """
    gate = verdict.gate
    if not (gate.rows > 0 and _in_order(gate.start, gate.end) and gate.rowset_sha256):
        raise IncompleteVerdict(
            f"{_name(verdict)}: it names {gate.rows} gate rows from {gate.start!r} to {gate.end!r}, row set "
            f"{gate.rowset_sha256[:12]!r}. Materialize validation_report again."
        )


def _refuse_undecided(verdict: Verdict, history: History, at: datetime, approvals: bool) -> Event | None:
    """The approval that stands in for the missing knowledge; None when every check passed."""
    decision = decision_of(verdict)
    if decision is Decision.PROMOTE:
        return None
    sentence = f"{_name(verdict)}: {decision.value}: {reason_of(verdict)}."
    if decision is Decision.INSUFFICIENT:
        approval = history.approval(verdict.digest, at) if approvals else None
        if approval is not None:
            return approval
        raise InsufficientVerdict(f"{sentence}{_lapsed(verdict, history)} {wait_or_approve(approvals)}")
    raise FailedVerdict(f"{sentence} The live version stays; the next retrain gets fresh rows.")


def _refuse_overtaken(verdict: Verdict, history: History) -> None:
    last = history.moves[-1].period if history.moves else ""
    if not verdict.period > last:
        raise StaleVerdict(
            f"{_name(verdict)}: the live version was decided in {last}, which is not before {verdict.period}. "
            f"{history.stays} Retrain as of a period after {last}."
        )


def _lapsed(verdict: Verdict, history: History) -> str:
    past = [ruling for ruling in history.rulings if ruling.action == "approved" and ruling.evidence == verdict.digest]
    return f" The approval by {past[-1].actor} stood {until(past[-1])}." if past else ""


def wait_or_approve(approvals: bool) -> str:
    """What to do about evidence that could not decide."""
    ask = "ask a person for a `retrain approve`" if approvals else "widen the gate window in the model's spec"
    return f"Wait for more rows, or {ask}."


def _refuse_spent(verdict: Verdict, history: History) -> None:
    """Refuse rows that decided another attempt than the verdict's own."""
    gate = verdict.gate
    first = verdict.champion_digest is None
    use = history.spent_on(gate.start, gate.end, own=verdict.digest, first=first)
    if use is not None:
        raise GateRowsSpent(
            f"{_name(verdict)}: its {gate.rows} gate rows of {gate.start} to {gate.end} overlap the {use.rows} rows of "
            f"{use.start} to {use.end} that decided the attempt of {use.period} ({use.outcome}). "
            f"Wait for outcomes of rows after {use.end}."
        )


def _in_order(start: str, end: str) -> bool:
    try:
        return wall_clock(start) < wall_clock(end)
    except (TypeError, ValueError):
        return False


def _name(verdict: Verdict) -> str:
    return f"{verdict.model} {verdict.period}"
