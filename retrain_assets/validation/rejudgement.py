"""Reach the verdicts of the journal again, and name those that do not come out.

Whoever can write to the registry can write a verdict that nobody reached. Its numbers then do not follow from what is
stored: the rows, the versions and the rules. Nothing is written here, and no row is spent: the answer is known already.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from retrain_assets.candidates.boosting.constant_model import fallback_files
from retrain_assets.errors import IntegrityError, NotFound, RetrainError, SpecError
from retrain_assets.model import PeriodAccess
from retrain_assets.registry.journal.attempts import decision_of, short
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import sha256
from retrain_assets.registry.storage.version_folders import manifest_of
from retrain_assets.store import PeriodStore, finite
from retrain_assets.validation.attempt import Attempt, attempt_of
from retrain_assets.validation.criteria.procedure_evidence import PROCEDURE, SHOWN
from retrain_assets.validation.gate import RULES, Gate
from retrain_assets.verdict import Decision, Finding, Verdict
from retrain_assets.windows.cut import Span

Rules = Callable[[Verdict], AbstractContextManager[Gate]]
"""The gate under the rules of a verdict; raises `NotFound` where they are not stored."""


@dataclass(frozen=True)
class Rejudgement:
    """What came of reaching a model's verdicts again.

    Attributes:
        same: How many came out as they are recorded.
        other: One sentence for each that did not, and for that of the live version where it cannot be reached again.
        unknown: One sentence for each that cannot be reached again, and why.
    """

    same: int
    other: tuple[str, ...]
    unknown: tuple[str, ...]


WindowOf = Callable[[Verdict], tuple[datetime, datetime] | None]
"""The gate window that the rules stored with a verdict give its period; None where none are stored."""


def rejudge(registry: Registry, store: PeriodStore, gate_of: Rules, window_of: WindowOf) -> Rejudgement:
    """Reach every verdict of a journal again from the stored rows, versions and rules.

    Args:
        registry: The model's.
        store: Its rows.
        gate_of: Gives the gate under the rules of a verdict.
        window_of: Gives the window that these rules ask for.
    """
    same, other, unknown, keeps_rules = 0, [], [], False
    live = registry.live()
    serving = registry.verdict(live).digest if live else None
    for event in registry.history():
        if event.gate is None:
            continue
        where = f"event {event.seq} ({event.action}, {event.period})"
        try:
            verdict = registry.evidence(event)
            if keeps_rules and RULES not in verdict.evidence:
                other.append(
                    f"{where} keeps no rules, though verdicts before it keep theirs: unless the spec stood in no file "
                    "then, nobody reached it by this program. Hold the model and find out who could write there."
                )
                continue
            keeps_rules = keeps_rules or RULES in verdict.evidence
            problem = _other_window(verdict, event, window_of(verdict)) or _spent_before(registry, event, verdict)
            problem = problem or _problem(verdict, PeriodAccess(store, registry.before(event), event.period), gate_of)
        except (NotFound, IntegrityError, SpecError, OSError) as lack:
            sentence = f"{where} cannot be judged again: {lack}"
            if event.evidence == serving:
                other.append(f"{sentence} It put the live version in charge, which nothing stored vouches for then.")
            else:
                unknown.append(sentence)
            continue
        same += not problem
        if problem:
            other.append(
                f"{where} does not come out of the stored rows, versions and rules: {problem}. Either what is stored "
                f"was changed since, or nobody reached this verdict: see `retrain explain {registry.model} "
                f"e{event.seq}`. Rows that were taken in anew since, as from a mended source, would explain it; else "
                "restore the data, or hold the model and find out who could write there."
            )
    return Rejudgement(same, tuple(other), tuple(unknown))


def _other_window(recorded: Verdict, event: Event, asked: tuple[datetime, datetime] | None) -> str:
    """How the window of a verdict is not the one that its rules ask for; empty where it is, or nobody knows.

    An adopted model is measured on what it cannot have seen of that window.
    """
    if asked is None:
        return ""
    gate = Span.of_gate(recorded.gate)
    begins = asked[0] <= gate.start < gate.end if event.action == "adopted" else gate.start == asked[0]
    if begins and gate.end == asked[1]:
        return ""
    return f"it was judged on {gate.start} to {gate.end}, its rules ask for {asked[0]} to {asked[1]}"


def _spent_before(registry: Registry, event: Event, recorded: Verdict) -> str:
    """Which earlier attempt had decided something on the rows of a verdict; empty where none had."""
    before = History(registry.history()[: event.seq - 1])
    first = recorded.champion_digest is None
    use = before.spent_on(recorded.gate.start, recorded.gate.end, recorded.digest, first)
    return f"its rows of {use.start} to {use.end} had decided the attempt of {use.period} already" if use else ""


def _problem(recorded: Verdict, access: PeriodAccess, gate_of: Rules) -> str:
    """Why a verdict does not come out; empty when it does."""
    with gate_of(recorded) as gate:
        try:
            return _difference(recorded, _again(gate, access, recorded))
        except (NotFound, IntegrityError):
            raise
        except RetrainError as refused:  # no row of that window is stored, or a version cannot score them
            return str(refused).rstrip(".")


class _GateAgain(Gate):
    """A gate that adds nothing to the registry."""

    def _fallback(self, attempt: Attempt) -> dict[str, str]:
        if attempt.champion is not None:
            return {}
        files = fallback_files(attempt.access.registry.read(attempt.candidate.digest))
        return {"fallback": sha256(manifest_of(files))}


def _again(gate: Gate, access: PeriodAccess, recorded: Verdict) -> Verdict:
    """The verdict on the recorded candidate and rows, against what was live before."""
    refit = recorded.refit
    again = _GateAgain(
        **{**vars(gate), "refit": (lambda access, digest: refit.digest) if refit else None, "rules": None}
    )
    span = Span.of_gate(recorded.gate)
    attempt = attempt_of(gate.model, gate.policy, gate.groups, access, recorded.candidate_digest, span)
    scored = attempt.scored()
    verdict = again._judge(scored)
    return again._refitted(verdict, scored) if verdict.decision is Decision.PROMOTE else verdict


def _difference(recorded: Verdict, again: Verdict) -> str:
    """How the recorded verdict differs from the one that was reached again; empty when it does not."""
    if again.gate != recorded.gate:
        return (
            f"it names {recorded.gate.rows:,} gate rows with the digest {recorded.gate.rowset_sha256[:12]}, stored are "
            f"{again.gate.rows:,} with {again.gate.rowset_sha256[:12]}"
        )
    if again.champion_digest != recorded.champion_digest:
        return f"it compares with {short(recorded.champion_digest)}, live was {short(again.champion_digest)}"
    if decision_of(again) is not decision_of(recorded):
        said, found = decision_of(recorded).value, decision_of(again).value
        return f"it says {said} ({recorded.reason}), what comes out is {found} ({again.reason})"
    for mine, theirs in zip(_findings(recorded), _findings(again), strict=False):
        if asdict(replace(mine, reason="")) != asdict(replace(theirs, reason="")):
            return f"it says of {mine.check} {mine.reason!r}, what comes out is {theirs.reason!r}"
    kept = {key: value for key, value in recorded.evidence.items() if key not in (RULES, SHOWN)}
    whole = _without_words(replace(recorded, evidence=kept))
    told = {key: value for key, value in again.evidence.items() if key != SHOWN and (key != PROCEDURE or key in kept)}
    reached = replace(again, evidence=told, code_version=recorded.code_version, required=recorded.required)
    if _without_words(reached).digest != whole.digest:
        mine, theirs = finite(whole.evidence), finite(reached.evidence)
        names = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
        return f"its {', '.join(names)} differ{'s' * (len(names) == 1)}" if names else "its findings differ"
    return ""


def _without_words(verdict: Verdict) -> Verdict:
    """A verdict without its sentences, when the next is due and what was broken: what is said beside the findings."""
    plain = tuple(replace(found, reason="") for found in verdict.findings)
    evidence = {
        key: [{**one, "reason": ""} for one in value] if key == "undecided_slices" else value
        for key, value in verdict.evidence.items()
        if key not in ("not_yet", "broken")
    }
    refit = verdict.refit
    if refit is not None:
        refit = replace(refit, findings=tuple(replace(found, reason="") for found in refit.findings))
    return replace(verdict, findings=plain, refit=refit, evidence=evidence)


def _findings(verdict: Verdict) -> tuple[Finding, ...]:
    return (*verdict.findings, *(verdict.refit.findings if verdict.refit else ()))
