"""Random sequences of moves, rulings, prunings, crashes and clocks against the simplest account of all that."""

from __future__ import annotations

import shutil
import tempfile
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from benchmarks.worlds import crashes
from benchmarks.worlds.crashes import Move, Steps
from benchmarks.worlds.interrupted import reopened
from benchmarks.worlds.verdicts import (
    RULES,
    candidate,
    findings,
    period,
    promote,
    promote_only,
    rolled_back,
    verdict,
)
from benchmarks.worlds.verdicts import moment as end_of
from retrain_assets.errors import Held, NotFound, NotPromotable, Retired
from retrain_assets.registry.journal import chain
from retrain_assets.registry.journal.attempts import contradiction
from retrain_assets.registry.journal.events import MOVES, PROMOTIONS
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.retention import RetainedVersions, RetentionPolicy
from retrain_assets.registry.rulings import Approve, Hold, Release, Retire, Signature
from retrain_assets.verdict import Outcome, Verdict

LEAST = RetentionPolicy(candidates=RetainedVersions(newest=0), versions=RetainedVersions(newest=0))
NEVER = datetime.max


class Power(BaseException):
    """The process ends here."""


@cache
def steps_in_all() -> dict[str, int]:
    """How many steps on the disk each move takes once the folders are there."""
    machine, steps = Machine(), {}
    machine.begin()
    machine.promotes(4)
    for name, move in (
        ("promote", machine._promotion(machine._judged(5), 5)),
        ("reject", machine._rejection(6)),
        ("roll back", lambda registry: rolled_back(registry, 7)),
        ("hold", lambda registry: registry.rule(Hold(machine._signed()))),
        ("prune", lambda registry: registry.prune(LEAST, at=end_of(9), actor="run")),
    ):
        steps[name] = crashes.steps_of(move, machine.root)
    machine.teardown()
    return steps


class Machine(RuleBasedStateMachine):
    """The account: what served, in order (None after a retirement), what was rolled back, ruled, deleted, written."""

    @initialize(versions=st.integers(0, 4), rollbacks=st.integers(0, 2))
    def begin(self, versions: int = 0, rollbacks: int = 0) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.registry: Registry = reopened(self.root)
        self.number = 0
        self.slow = timedelta(0)
        self.served: list[str | None] = []
        self.digests: dict[str, str] = {}
        self.back: set[str] = set()
        self.gone: set[str] = set()
        self.events = 0
        self.holds: list[datetime] = []
        self.retired = False
        self.waiting: tuple[Verdict, datetime] | None = None
        self.attempt = ""
        self.promotes(versions)
        for _ in range(rollbacks):
            self.rolls_back()

    def teardown(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- the clock, which may be set back

    def _next(self) -> int:
        self.number += 1
        return self.number

    @property
    def now(self) -> datetime:
        return end_of(self.number) - self.slow

    @rule(weeks=st.integers(0, 6), slow=st.integers(0, 9))
    def time_passes_and_the_clock_is_set(self, weeks: int, slow: int) -> None:
        self.number += weeks
        self.slow = timedelta(weeks=slow)

    # ---- moves of the account

    @property
    def live(self) -> str | None:
        return self.served[-1] if self.served else None

    @property
    def held(self) -> bool:
        return any(self.now < end for end in self.holds)

    @property
    def refused(self) -> type[NotPromotable] | type[Held] | None:
        return Retired if self.retired else Held if self.held else None

    def _promoted(self, digest: str) -> None:
        name = f"v{len(self.digests) + 1}"
        self.digests[name] = self.attempt = digest
        self.served.append(name)
        self.events += 1

    def _rolled_back(self) -> None:
        target = self._target()
        if self.live:
            self.back.add(self.live)
        self.served.append(target)
        self.events += 1

    def _target(self) -> str | None:
        barred = {*self.back, *self.gone, self.live}
        return next((name for name in reversed(self.served) if name and name not in barred), None)

    def _deleted(self, digests: tuple[str, ...]) -> None:
        """Whatever retention took, it left what it must keep."""
        approved = {self.waiting[0].candidate_digest} if self.waiting and self.now < self.waiting[1] else set()
        needed = {self.digests[name] for name in (self.live, self._target()) if name}
        last_left = {self.digests[name] for name in self.served[-2:-1] if name}
        assert not {*digests} & {*approved, *needed, *last_left, self.attempt}
        self.gone |= {name for name, digest in self.digests.items() if digest in digests}
        self.events += 1

    # ---- moves of the registry, each of which may be the last thing that the process does

    def _judged(self, number: int) -> Verdict:
        judged = verdict(self.registry, number, candidate(self.registry, f"{number}"))
        self.registry.record(judged, at=self.now, actor="run")
        self.attempt, self.events = judged.candidate_digest, self.events + 1
        return judged

    def _promotion(self, judged: Verdict, number: int) -> Move:
        return lambda registry: promote_only(registry, judged, number, at=self.now)

    def _rejection(self, number: int) -> Move:
        def reject(registry: Registry) -> object:
            judged = verdict(registry, number, candidate(registry, f"{number}"), findings=findings(Outcome.FAIL))
            return registry.record(judged, at=self.now, actor="run")

        return reject

    def _withdrawal(self, number: int) -> Move:
        return lambda registry: rolled_back(registry, number, at=self.now)

    def _crashed(self, move: Move, name: str, before_the_end: int) -> bool:
        """The process ends so many steps before the end of a move; whether a new one sees all of it or nothing."""

        def end() -> None:
            raise Power

        try:
            with Steps(max(0, steps_in_all()[name] - 1 - before_the_end), end, forever=True).counted():
                move(self.registry)
        except Power:
            pass
        self.registry = reopened(self.root)
        happened = len(self.registry.history()) - self.events
        assert happened in (0, 1)
        return happened == 1

    def _refuses(self, move: Move) -> bool:
        """Whether a ruling stands against a move; the registry then says so, and nothing happens."""
        if self.refused is None:
            return False
        with pytest.raises((self.refused, NotFound), match="ann (holds|retired) the model|versions served before"):
            move(self.registry)
        return True

    @rule(times=st.integers(1, 3))
    def promotes(self, times: int = 1) -> None:
        for _ in range(times):
            number = self._next()
            move = self._promotion(self._judged(number), number)
            if not self._refuses(move):
                self._promoted(move(self.registry).to_digest)

    @rule()
    def rejects(self) -> None:
        self.attempt = self._rejection(self._next())(self.registry).gate.candidate
        self.events += 1

    @rule()
    def rolls_back(self) -> None:
        move = self._withdrawal(self._next())
        if self._refuses(move):
            return
        if self._target():
            move(self.registry)
            self._rolled_back()
            return
        with pytest.raises(NotFound, match="versions served before"):
            move(self.registry)

    # ---- what people decide

    def _signed(self) -> Signature:
        self._next()
        return Signature("ann", "the fair", self.now, period(self.number))

    @rule(weeks=st.integers(1, 8) | st.none())
    def holds_the_model(self, weeks: int | None) -> None:
        signed = self._signed()
        end = self.now + timedelta(weeks=weeks) if weeks else None
        self.registry.rule(Hold(signed, until=end))
        self.holds.append(end or NEVER)
        self.events += 1

    @precondition(lambda self: self.holds or self.retired)
    @rule()
    def releases(self) -> None:
        self.registry.rule(Release(self._signed()))
        self.holds, self.retired, self.events = [], False, self.events + 1

    @precondition(lambda self: self.live)
    @rule()
    def retires(self) -> None:
        self.registry.rule(Retire(self._signed()))
        self.served.append(None)
        self.retired, self.events = True, self.events + 1

    @precondition(lambda self: not self.retired)
    @rule(weeks=st.integers(1, 6))
    def leaves_open_and_approves(self, weeks: int) -> None:
        signed = self._signed()
        digest = candidate(self.registry, f"{self.number}")
        judged = verdict(self.registry, self.number, digest, findings=findings(Outcome.INSUFFICIENT))
        self.registry.record(judged, at=self.now, actor="run")
        end = self.now + timedelta(weeks=weeks)
        self.registry.rule(Approve(signed, judged, end, RULES, True))
        self.attempt, self.waiting, self.events = digest, (judged, end), self.events + 2

    @precondition(lambda self: self.waiting)
    @rule()
    def promotes_what_was_approved(self) -> None:
        judged, end = self.waiting
        digest = self.digests[self.live] if self.live else None
        moved = [event.period for event in self.registry.history() if event.action in MOVES]
        fits = judged.champion_digest == digest and judged.period > max(moved, default="") and self.now < end

        def move(registry: Registry) -> object:
            return promote(registry, judged, self.number, at=self.now, approvals=True)

        stored = judged.candidate_digest not in self.registry.deleted()
        if self.refused is None and fits and stored:
            move(self.registry)
            self._promoted(judged.candidate_digest)
            self.waiting = None
            return
        with pytest.raises((NotPromotable, Held)):
            move(self.registry)

    # ---- retention

    @rule()
    def prunes(self) -> None:
        event = self.registry.prune(LEAST, at=self.now, actor="run")
        if event:
            self._deleted(event.deleted)

    # ---- the end of the process in the middle of it

    @rule(before_the_end=st.integers(0, 50))
    def crashes_promoting(self, before_the_end: int) -> None:
        number = self._next()
        move = self._promotion(self._judged(number), number)
        if not self.refused and self._crashed(move, "promote", before_the_end):
            self._promoted(str(self.registry.history()[-1].to_digest))

    @rule(before_the_end=st.integers(0, 50))
    def crashes_rejecting(self, before_the_end: int) -> None:
        if self._crashed(self._rejection(self._next()), "reject", before_the_end):
            self.attempt, self.events = self.registry.spent()[-1].candidate, self.events + 1

    @rule(before_the_end=st.integers(0, 14))
    def crashes_rolling_back(self, before_the_end: int) -> None:
        move = self._withdrawal(self._next())
        if self._target() and not self.refused and self._crashed(move, "roll back", before_the_end):
            self._rolled_back()

    @rule(before_the_end=st.integers(0, 14))
    def crashes_holding(self, before_the_end: int) -> None:
        signed = self._signed()
        if self._crashed(lambda registry: registry.rule(Hold(signed)), "hold", before_the_end):
            self.holds.append(NEVER)
            self.events += 1

    @rule(before_the_end=st.integers(0, 30))
    def crashes_pruning(self, before_the_end: int) -> None:
        def move(registry: Registry) -> object:
            return registry.prune(LEAST, at=self.now, actor="run")

        if self._crashed(move, "prune", before_the_end):
            self._deleted(self.registry.history()[-1].deleted)

    @rule(repair=st.booleans())
    def reopens(self, repair: bool) -> None:
        self.registry = reopened(self.root)
        if repair:
            self.registry.repair()
            assert self.registry.verify() == []

    # ---- what always holds

    @invariant()
    def the_pointer_names_one_complete_version_that_was_judged(self) -> None:
        live = self.registry.live()
        assert (live.name if live else None) == self.live
        if live:
            assert live.digest == self.digests[live.name]
            assert self.registry.read(live.digest)
            history = History(self.registry.history())
            promotion = history.promotion_of(live)
            assert contradiction(promotion, history, self.registry.verdict(live)) is None
        if self._target() and not self.retired:
            assert self.registry.read(self.registry.rollback_target().digest)

    @invariant()
    def agrees(self) -> None:
        versions = self.registry.versions()
        assert {version.name: version.digest for version in versions} == self.digests
        assert {version.name for version in versions if version.quarantined} == self.back
        assert len(self.registry.history()) == self.events

    @invariant()
    def verifies(self) -> None:
        assert all("--repair" in problem for problem in self.registry.verify())

    @invariant()
    def tells_who_served_and_promoted_nothing_twice(self) -> None:
        events = self.registry.history()
        assert [event.to_version for event in events if event.action in MOVES] == self.served
        promotions = [event for event in events if event.action in PROMOTIONS]
        assert len({event.evidence for event in promotions}) == len(promotions) == len(self.digests)
        now = self.registry.served_in(period(self.number + 1))
        assert (now.name if now else None) == self.live


def test_after_any_sequence_of_moves_and_crashes_the_registry_agrees_with_the_account() -> None:
    chosen = settings(
        max_examples=40,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    known = chain._KNOWN
    with crashes.unflushed():
        run_state_machine_as_test(Machine, settings=chosen)  # type: ignore[no-untyped-call]
    chain._KNOWN = known
