"""Which models' files need not be kept: the declared policy, and what is kept whatever it says.

Only models that the journal names are looked at: a candidate that was never judged is in nobody's way to be promoted
yet and stays. What is deleted are files; the verdict, and who decided what and when, stay for good.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from retrain_assets.policy import Duration, Policy
from retrain_assets.registry.journal.events import MOVES
from retrain_assets.registry.journal.history import History


class RetainedVersions(Policy):
    """Whose files stay: the `newest` so many, and all whose last decision is not older than `younger_than` (`90d`)."""

    newest: int = Field(ge=0)
    younger_than: Duration = timedelta(0)

    def keeps(self, rank: int, age: timedelta) -> bool:
        """Whether the files of the model with this rank (0 for the newest of its kind) stay.

        >>> newest = RetainedVersions(newest=1, younger_than="30d")
        >>> [newest.keeps(rank, timedelta(days=days)) for rank, days in ((0, 99), (1, 9))]
        [True, True]
        >>> newest.keeps(1, timedelta(days=99))
        False
        """
        return rank < self.newest or age <= self.younger_than


class RetentionPolicy(Policy):
    """Which models out of service keep their files: candidates that were not promoted, and former versions.

    A kind that is not declared keeps all its files, so without a declaration nothing is ever deleted.
    """

    candidates: RetainedVersions | None = None
    versions: RetainedVersions | None = None

    @property
    def sentence(self) -> str:
        """The policy in words.

        >>> RetentionPolicy(candidates=RetainedVersions(newest=3, younger_than="90d")).sentence
        'kept are the 3 newest candidates and those younger than 90 days, every former version'
        """
        return f"kept are {_words(self.candidates, 'candidate')}, {_words(self.versions, 'former version')}"


def _words(kept: RetainedVersions | None, noun: str) -> str:
    if kept is None:
        return f"every {noun}"
    young = f" and those younger than {kept.younger_than / timedelta(days=1):g} days" if kept.younger_than else ""
    return f"the {kept.newest} newest {noun}s{young}"


def disposable(history: History, policy: RetentionPolicy, at: datetime) -> tuple[str, ...]:
    """Digests whose files the policy does not keep and nothing else protects, oldest decision first.

    Args:
        history: The journal as it stands.
        policy: What is kept.
        at: Now, wall clock.
    """
    decided, kept = _last_decision(history), protected(history, at)
    promoted = {version.digest for version in history.versions}
    live = {history.live.digest} if history.live else set()
    newest_first = [digest for digest in reversed(decided) if digest not in live]
    going: set[str] = set()
    for rule, kind in (
        (policy.candidates, [digest for digest in newest_first if digest not in promoted]),
        (policy.versions, [digest for digest in newest_first if digest in promoted]),
    ):
        if rule is not None:
            going |= {digest for rank, digest in enumerate(kind) if not rule.keeps(rank, at - decided[digest])}
    return tuple(digest for digest in decided if digest in going - kept)


def protected(history: History, at: datetime) -> frozenset[str]:
    """Digests whose files stay whatever is declared.

    The live version, the one that a rollback returns to, the one that the last move left, what the first two were
    tested as before they were refitted, every candidate or version under a hold or an approval in force, the candidate
    of the last attempt, on which a person may still rule, and the anchor, which every candidate is held against.
    """
    rulings = [past for past in history.rulings if past.action != "anchored"]  # only the last anchor is one
    held = [past.terms.subject for past in rulings if past.terms is not None and past.terms.stands(at)]
    returns = [version.digest for version in history.served_before[:1]]
    last_move = [digest for move in history.moves[-1:] for digest in (move.from_digest, move.to_digest)]
    last_attempt = [use.candidate for use in history.spent[-1:]]
    serving = {*returns, *(version.digest for version in (history.live,) if version)}
    attempts = [history.attempt(str(e.evidence)) for e in history.moves if e.to_digest in serving]
    tested = [attempt.gate.candidate for attempt in attempts if attempt and attempt.gate]
    anchor = [history.anchor.digest] if history.anchor else []
    return frozenset(digest for digest in (*held, *returns, *last_move, *last_attempt, *tested, *anchor) if digest)


def _last_decision(history: History) -> dict[str, datetime]:
    """Every judged candidate or promoted version, with its last decision, the one decided longest ago first."""
    decided: dict[str, datetime] = {}
    for event in history.events:
        touched: list[str | None] = [event.gate.candidate] if event.gate else []
        touched += [event.from_digest, event.to_digest] if event.action in MOVES else []
        for digest in touched:
            if digest is not None:
                decided.pop(digest, None)
                decided[digest] = event.at
    fallback = {version.digest for version in history.fallback}  # nothing could be returned to without it
    return {digest: at for digest, at in decided.items() if digest not in fallback}
