"""Registries to break: two small ones, the moves that a fault interrupts, and what must hold after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.worlds.crashes import Move
from benchmarks.worlds.verdicts import (
    MODEL,
    RULES,
    candidate,
    findings,
    fresh,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.registry.journal import chain
from retrain_assets.registry.journal.attempts import gate_use
from retrain_assets.registry.journal.chain import Journal
from retrain_assets.registry.journal.checkpoints import SPAN
from retrain_assets.registry.journal.events import PROMOTIONS, Entry
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.verdict import Outcome, Verdict

LATE = 2000
"""A period after all those of the copied registries."""


@dataclass(frozen=True)
class Bases:
    """Two registries to copy: one of three events, and one whose next event completes a checkpoint."""

    short: Path
    round: Path

    def copy(self, which: str, to: Path) -> Path:
        """A copy of one of them in a folder that is new."""
        shutil.copytree(getattr(self, which), to)
        return to


def bases(folder: Path) -> Bases:
    """Both registries, with a candidate that waits for its promotion."""
    made = Bases(folder / "short", folder / "round")
    for root in (made.short, made.round):
        registry = fresh(root)
        promoted(registry, [0, 1])
        failed = verdict(registry, 2, candidate(registry, "bad"), findings=findings(Outcome.FAIL))
        registry.record(failed, at=moment(2), actor="run 1")
        if root == made.round:
            _lengthen(registry, SPAN - 1)
        candidate(registry, "waiting")
    return made


def _lengthen(registry: Registry, length: int) -> None:
    """Add attempts without evidence, as a journal of older days may hold, up to a length."""
    journal, live = Journal(LocalStorage(registry.folder), MODEL), registry.live()
    assert live is not None
    events = list(journal.events())
    for number in range(len(events), length):
        entry = Entry(
            moment(number), period(number), "insufficient", live.name, live.name, live.digest, live.digest, "run",
            "too few rows", None, None,
        )  # fmt: skip
        events.append(journal.append(entry, after=events))


def move_promote(registry: Registry) -> Any:
    """Train nothing, store the candidate, judge it and promote it."""
    return promote(registry, judged_against_v2(registry, candidate(registry, "new")), LATE)


def move_promote_stored(registry: Registry) -> Any:
    """Promote the candidate that is stored already."""
    return promote(registry, judged_against_v2(registry, candidate(registry, "waiting")), LATE)


def move_rollback(registry: Registry) -> Any:
    """Leave v2, and nothing else."""
    return rolled_back(registry, LATE, expected_live=History(registry.history()).versions[1].digest)


def move_record(registry: Registry) -> Any:
    """Write down an attempt that failed."""
    failed = judged_against_v2(registry, candidate(registry, "new"), findings=findings(Outcome.FAIL))
    return registry.record(failed, at=moment(LATE), actor="run 2")


def move_judge(registry: Registry) -> Any:
    """Claim the rows, write down what came of them and promote it: a judgement from its beginning."""
    judged = judged_against_v2(registry, candidate(registry, "new"))
    use = replace(gate_use(judged, "passed"), outcome="begun")
    if registry.settled(judged.period, judged.candidate_digest) is None and registry.judged(use, RULES) is None:
        registry.claim("f" * 64, use, at=moment(LATE), refuse=lambda spent: None)
    return promote(registry, judged, LATE)


def judged_against_v2(registry: Registry, digest: str, **changes: Any) -> Verdict:
    """The same verdict before and after the move that it leads to."""
    return verdict(registry, LATE, digest, champion_digest=registry.versions()[1].digest, **changes)


MOVES: dict[str, Move] = {
    "promote": move_promote,
    "promote stored": move_promote_stored,
    "rollback": move_rollback,
    "record": move_record,
    "judge": move_judge,
}


def reopened(root: Path) -> Registry:
    """The registry as a process that has just started sees it: nothing is remembered."""
    chain._KNOWN = chain._Known(16)
    return fresh(root)


def unsound(root: Path, live: set[str | None]) -> Iterator[str]:
    """Violations after a fault that destroys nothing: the pointer, the history, `verify` before and after a repair."""
    registry = reopened(root)
    now = registry.live()
    if (now and now.name) not in live:
        yield f"live is {now and now.name}, not one of {live}"
    if now:
        registry.read(now.digest)
    left = [problem for problem in registry.verify() if "--repair" not in problem]
    if left:
        yield f"verify finds what no repair mends: {left}"
    registry.repair()
    yield from (f"after the repair: {problem}" for problem in registry.verify())
    if (after := registry.live()) != now:
        yield f"the repair moved the pointer from {now} to {after}"
    yield from twice(registry)


def twice(registry: Registry) -> Iterator[str]:
    """Whether a verdict has moved the pointer more than once."""
    moved = [event.evidence for event in registry.history() if event.action in PROMOTIONS]
    if len(moved) != len(set(moved)):
        yield "one verdict was promoted twice"


def not_going_on(root: Path, move: Move) -> Iterator[str]:
    """Whether the interrupted move can be repeated, a later one made, and nothing is left lying about."""
    registry = reopened(root)
    before = registry.history()
    if not any(event.period >= period(LATE) and event.action != "passed" for event in before):
        move(registry)
    elif move != move_rollback and move(registry) != before[-1]:
        yield "repeating the move did something else than the first time"
    promoted(registry, [LATE + 5])
    yield from registry.verify()
    yield from twice(registry)
    if list((registry.folder / "tmp").glob("*/*")):
        yield "unfinished files stay"


def names_before_and_after(move: Move) -> set[str | None]:
    """Names that may be live once a move was interrupted: the old one and the new one."""
    return {"v2", {move_rollback: "v1", move_record: "v2"}.get(move, "v3")}
