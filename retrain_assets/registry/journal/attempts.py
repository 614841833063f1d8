"""What a verdict is to the journal: the decision that its findings allow, the rows that it spends, its event's name.

The decision is recomputed from the findings, against the constant `CHECKS`, so that a verdict cannot say of itself that
it passed or that little was required.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from retrain_assets.registry.journal.events import KEPT, PROMOTIONS, Action, Event, GateUse, wall_clock
from retrain_assets.registry.journal.history import History
from retrain_assets.verdict import CHECKS, NOT_BETTER, Decision, Verdict

ENDINGS: dict[Decision, Action] = {
    Decision.PROMOTE: "passed",
    Decision.REJECT: "rejected",
    Decision.INSUFFICIENT: "insufficient",
    Decision.IDENTICAL: "identical",
}
"""What an attempt is called in the journal when it is written down, before anything is promoted."""


def decision_of(verdict: Verdict) -> Decision:
    """What the findings allow, with all of `CHECKS` required whatever the verdict itself requires."""
    if verdict.candidate_digest == verdict.champion_digest:
        return Decision.IDENTICAL
    return replace(verdict, required=CHECKS).decision


def kept_because(action: Action, reason: str) -> tuple[str, str]:
    """Why the live version stayed, and what more is to be said of it, from the reason of the attempt.

    >>> kept_because("rejected", "the new model was not better, average error 52.0 against 51.7 minutes")
    ('the new model was not better, average error 52.0 against 51.7 minutes', '')
    >>> kept_because("rejected", "fairness: JFK: 41 rides")
    ('the candidate failed the check fairness', 'JFK: 41 rides')
    >>> kept_because("insufficient", "fairness: JFK: 41 rides")
    ('the evidence could not decide', 'fairness: JFK: 41 rides')
    """
    because = KEPT.get(action, KEPT["insufficient"])
    if reason.startswith(NOT_BETTER):
        return reason, ""
    check, _, rest = reason.partition(": ")
    if action == "rejected" and rest and check in CHECKS:
        return f"the candidate failed the check {check.replace('_', ' ')}", rest
    return because, reason


def reason_of(verdict: Verdict, approval: Event | None = None) -> str:
    """The decision in one sentence, under the same rule as `decision_of`, and who approved it if somebody did."""
    reason = replace(verdict, required=CHECKS, identical=decision_of(verdict) is Decision.IDENTICAL).reason
    return f"approved by {approval.actor} ({approval.reason}) where the evidence says: {reason}" if approval else reason


def gate_use(verdict: Verdict, outcome: Action) -> GateUse:
    """The ledger entry of an attempt, its times as wall clock."""
    gate = verdict.gate
    return GateUse(
        period=verdict.period,
        start=_plain(gate.start),
        end=_plain(gate.end),
        rows=gate.rows,
        rowset_sha256=gate.rowset_sha256,
        candidate=verdict.candidate_digest,
        champion=verdict.champion_digest,
        outcome=outcome,
    )


def answers(verdict: Verdict, use: GateUse) -> bool:
    """Whether a verdict is the answer to what rows were claimed for: same candidate, same champion, same rows."""
    asked = (use.candidate, use.champion, use.rowset_sha256)
    return asked == (verdict.candidate_digest, verdict.champion_digest, verdict.gate.rowset_sha256)


def contradiction(event: Event, history: History, verdict: Verdict) -> str | None:
    """How an event that rests on a verdict disagrees with it, as the end of a sentence; None when it does not."""
    decision = decision_of(verdict)
    if event.action in PROMOTIONS and event.to_digest != verdict.promotes:
        return f"made {short(event.to_digest)} live, its verdict promotes {short(verdict.promotes)}"
    about = event.terms.subject if event.terms else None
    if event.action == "approved" and about != verdict.candidate_digest:
        return f"is about {short(about)}, its verdict about {short(verdict.candidate_digest)}"
    if event.action == "adopted":
        agrees = event.person and verdict.champion_digest is None
    elif event.action == "approved":
        agrees = decision is Decision.INSUFFICIENT
    elif event.action in PROMOTIONS and decision is Decision.INSUFFICIENT:
        before = History(tuple(past for past in history.events if past.seq < event.seq))
        agrees = before.approval(verdict.digest, event.at) is not None
    else:
        agrees = (decision is Decision.PROMOTE) == (event.action in (*PROMOTIONS, "passed"))
    if not agrees:
        return f"is {event.action}, its verdict says {decision.value}"
    books_others = event.gate is not None and event.gate != gate_use(verdict, event.action)
    return "books other gate rows than its verdict names" if books_others else None


def _plain(text: str) -> str:
    """A time as it stands, or as wall clock where it carries a zone."""
    return text if datetime.fromisoformat(text).tzinfo is None else wall_clock(text).isoformat()


def short(digest: str | None) -> str:
    """A digest as sentences name it.

    >>> short("9f" * 32), short(None)
    ('9f9f9f9f9f9f', 'no version')
    """
    return digest[:12] if digest else "no version"
