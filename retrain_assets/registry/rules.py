"""Which verdict may move the live pointer: every reason to refuse, each with its own error.

The rules see a verdict and a history, never a file or a caller's opinion: whoever asks (asset, command line, a run that
skipped the checks) gets the same answer. The decision is recomputed from the findings, against the constant `CHECKS`,
so that a verdict cannot say of itself that it passed or that little was required.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from retrain_assets.errors import (
    FailedVerdict,
    GateRowsSpent,
    IncompleteVerdict,
    InsufficientVerdict,
    Quarantined,
    StaleVerdict,
    WrongCandidate,
    WrongChampion,
)
from retrain_assets.registry.history import History
from retrain_assets.registry.journal import Action, GateUse
from retrain_assets.verdict import CHECKS, Decision, Verdict

ENDINGS: dict[Decision, Action] = {
    Decision.REJECT: "rejected",
    Decision.INSUFFICIENT: "insufficient",
    Decision.IDENTICAL: "identical",
}
"""What an attempt that did not promote is called in the journal."""


def decision_of(verdict: Verdict) -> Decision:
    """What the findings allow, with all of `CHECKS` required whatever the verdict itself requires."""
    if verdict.candidate_digest == verdict.champion_digest:
        return Decision.IDENTICAL
    return replace(verdict, required=CHECKS).decision


def reason_of(verdict: Verdict) -> str:
    """The decision in one sentence, under the same rule as `decision_of`."""
    return replace(verdict, required=CHECKS, identical=decision_of(verdict) is Decision.IDENTICAL).reason


def gate_use(verdict: Verdict, outcome: Action) -> GateUse:
    """The ledger entry of an attempt."""
    gate = verdict.gate
    return GateUse(
        period=verdict.period,
        start=gate.start,
        end=gate.end,
        rows=gate.rows,
        rowset_sha256=gate.rowset_sha256,
        candidate=verdict.candidate_digest,
        champion=verdict.champion_digest,
        outcome=outcome,
    )


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
    verdict: Verdict, history: History, *, expected_live: str | None, policy_sha256: str
) -> None:
    """Raise the first reason why this verdict may not promote its candidate now; return when there is none.

    Args:
        verdict: The evidence.
        history: The journal as it stands.
        expected_live: Digest of the version that the caller believes live, None for none.
        policy_sha256: Of the rules in force now.

    Raises:
        NotPromotable: Its subclass and sentence say why.
    """
    _refuse_quarantined(verdict, history)
    _refuse_other_champion(verdict, history, expected_live)
    _refuse_other_rules(verdict, policy_sha256)
    _refuse_incomplete(verdict)
    _refuse_undecided(verdict)
    _refuse_overtaken(verdict, history)
    _refuse_spent(verdict, history)


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
    made_of = json.loads(files.get("training.json", b"{}")).get("refit_of")
    if made_of != verdict.candidate_digest:
        raise WrongCandidate(
            f"{_name(verdict)}: the refitted {verdict.promotes[:12]} was made of {_short(made_of)}, the verdict is "
            f"about {verdict.candidate_digest[:12]}. {_stays(history)} Judge the candidate again."
        )
    if history.live and verdict.promotes == history.live.digest:
        raise WrongCandidate(f"{_name(verdict)}: the refitted {verdict.promotes[:12]} is live already. Nothing moves.")
    if verdict.promotes in history.quarantined:
        raise Quarantined(
            f"{_name(verdict)}: the refitted {verdict.promotes[:12]} was rolled back before. {_stays(history)} "
            "Train a candidate on data that includes the failure."
        )


def _refuse_quarantined(verdict: Verdict, history: History) -> None:
    if verdict.candidate_digest in history.quarantined:
        raise Quarantined(
            f"{_name(verdict)}: candidate {verdict.candidate_digest[:12]} was rolled back before. {_stays(history)} "
            "Train a candidate on data that includes the failure."
        )


def _refuse_other_champion(verdict: Verdict, history: History, expected_live: str | None) -> None:
    live = history.live.digest if history.live else None
    for what, digest in (("the verdict compared with", verdict.champion_digest), ("the caller expects", expected_live)):
        if digest != live:
            raise WrongChampion(
                f"{_name(verdict)}: {what} {_short(digest)}, live is {_short(live)}. {_stays(history)} "
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
    gate = verdict.gate
    if not (gate.rows > 0 and _in_order(gate.start, gate.end) and gate.rowset_sha256):
        raise IncompleteVerdict(
            f"{_name(verdict)}: it names {gate.rows} gate rows from {gate.start!r} to {gate.end!r}, row set "
            f"{gate.rowset_sha256[:12]!r}. Materialize validation_report again."
        )


def _refuse_undecided(verdict: Verdict) -> None:
    decision = decision_of(verdict)
    if decision is Decision.PROMOTE:
        return
    sentence = f"{_name(verdict)}: {decision.value}: {reason_of(verdict)}."
    if decision is Decision.INSUFFICIENT:
        raise InsufficientVerdict(f"{sentence} Wait for more rows, or widen the gate window in the model's spec.")
    raise FailedVerdict(f"{sentence} The live version stays; the next retrain gets fresh rows.")


def _refuse_overtaken(verdict: Verdict, history: History) -> None:
    last = history.moves[-1].period if history.moves else ""
    if not verdict.period > last:
        raise StaleVerdict(
            f"{_name(verdict)}: the live version was decided in {last}, which is not before {verdict.period}. "
            f"{_stays(history)} Retrain as of a period after {last}."
        )


def _refuse_spent(verdict: Verdict, history: History) -> None:
    gate = verdict.gate
    use = next((use for use in history.spent if use.overlaps(gate.start, gate.end)), None)
    if use is not None:
        raise GateRowsSpent(
            f"{_name(verdict)}: its {gate.rows} gate rows of {gate.start} to {gate.end} overlap the {use.rows} rows of "
            f"{use.start} to {use.end} that decided the attempt of {use.period} ({use.outcome}). "
            f"Wait for outcomes of rows after {use.end}."
        )


def _in_order(start: str, end: str) -> bool:
    try:
        return datetime.fromisoformat(start) < datetime.fromisoformat(end)
    except (TypeError, ValueError):
        return False


def _name(verdict: Verdict) -> str:
    return f"{verdict.model} {verdict.period}"


def _stays(history: History) -> str:
    return f"The live version stays {history.live.name}." if history.live else "No version is live."


def _short(digest: str | None) -> str:
    return digest[:12] if digest else "no version"
