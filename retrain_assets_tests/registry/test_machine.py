"""Random sequences of moves, crashes and reopenings against the simplest account of what must be live."""

from __future__ import annotations

import shutil
import tempfile
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

from retrain_assets.errors import Held, NotFound
from retrain_assets.registry.journal import MOVES, PROMOTIONS
from retrain_assets.registry.people import Hold, Release, Signature
from retrain_assets.registry.registry import Registry
from retrain_assets.verdict import Outcome
from retrain_assets_tests.registry import faults
from retrain_assets_tests.registry.faults import Move, Steps, reopened
from retrain_assets_tests.registry.verdicts import candidate, findings, period, promote, rolled_back, verdict
from retrain_assets_tests.registry.verdicts import moment as end_of


class Power(BaseException):
    """The process ends here."""


@cache
def steps_in_all() -> dict[str, int]:
    """How many steps on the disk each move takes once the folders are there."""
    machine, steps = Machine(), {}
    machine.begin()
    machine.promotes()
    machine.promotes()
    for name, move in (
        ("promote", machine._promotion(3)),
        ("reject", machine._rejection(4)),
        ("roll back", lambda registry: rolled_back(registry, 5)),
    ):
        steps[name] = faults.steps_of(move, machine.root)
    machine.teardown()
    return steps


class Machine(RuleBasedStateMachine):
    """The account: which versions served, in order, which were rolled back, and how many events there are."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.registry: Registry = reopened(self.root)
        self.number = 0
        self.served: list[str] = []
        self.back: set[str] = set()
        self.events = 0
        self.names = 0
        self.held = False

    def teardown(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- moves of the account

    def _promoted(self) -> None:
        self.names += 1
        self.served.append(f"v{self.names}")
        self.events += 1

    def _rolled_back(self) -> None:
        self.back.add(self.served[-1])
        self.served.append(self._target() or "")
        self.events += 1

    def _target(self) -> str | None:
        barred = {*self.back, self.served[-1]} if self.served else set()
        return next((name for name in reversed(self.served) if name not in barred), None)

    # ---- moves of the registry, each of which may be the last thing that the process does

    def _promotion(self, number: int) -> Move:
        return lambda registry: promote(registry, verdict(registry, number, candidate(registry, f"{number}")), number)

    def _rejection(self, number: int) -> Move:
        def reject(registry: Registry) -> object:
            judged = verdict(registry, number, candidate(registry, f"{number}"), findings=findings(Outcome.FAIL))
            return registry.record(judged, at=end_of(number), actor="run")

        return reject

    def _crashed(self, move: Move, name: str, before_the_end: int) -> int:
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
        return happened

    @precondition(lambda self: not self.held)
    @rule()
    def promotes(self) -> None:
        self.number += 1
        self._promotion(self.number)(self.registry)
        self._promoted()

    @rule()
    def rejects(self) -> None:
        self.number += 1
        self._rejection(self.number)(self.registry)
        self.events += 1

    @precondition(lambda self: not self.held)
    @rule()
    def rolls_back(self) -> None:
        self.number += 1
        if self._target():
            self._rolled_back()
            rolled_back(self.registry, self.number)
            return
        try:
            rolled_back(self.registry, self.number)
        except NotFound:
            return
        raise AssertionError("a rollback found a version to return to, the account has none")

    # ---- what people decide

    def _signed(self) -> Signature:
        self.number += 1
        return Signature("ann", "the fair", end_of(self.number), period(self.number))

    @precondition(lambda self: not self.held)
    @rule()
    def holds(self) -> None:
        self.registry.rule(Hold(self._signed()))
        self.held, self.events = True, self.events + 1

    @precondition(lambda self: self.held)
    @rule()
    def releases(self) -> None:
        self.registry.rule(Release(self._signed()))
        self.held, self.events = False, self.events + 1

    @precondition(lambda self: self.held)
    @rule()
    def is_refused_under_the_hold(self) -> None:
        self.number += 1
        with pytest.raises(Held, match="ann holds the model"):
            self._promotion(self.number)(self.registry)
        with pytest.raises((Held, NotFound), match="ann holds the model|versions served before"):
            rolled_back(self.registry, self.number)

    @precondition(lambda self: not self.held)
    @rule(before_the_end=st.integers(0, 50))
    def crashes_promoting(self, before_the_end: int) -> None:
        self.number += 1
        if self._crashed(self._promotion(self.number), "promote", before_the_end):
            self._promoted()

    @rule(before_the_end=st.integers(0, 50))
    def crashes_rejecting(self, before_the_end: int) -> None:
        self.number += 1
        self.events += self._crashed(self._rejection(self.number), "reject", before_the_end)

    @precondition(lambda self: self._target() and not self.held)
    @rule(before_the_end=st.integers(0, 14))
    def crashes_rolling_back(self, before_the_end: int) -> None:
        self.number += 1
        number = self.number
        if self._crashed(lambda registry: rolled_back(registry, number), "roll back", before_the_end):
            self._rolled_back()

    @rule()
    def reopens(self) -> None:
        self.registry = reopened(self.root)

    @rule()
    def repairs(self) -> None:
        self.registry.repair()
        assert self.registry.verify() == []

    # ---- what always holds

    @invariant()
    def agrees(self) -> None:
        live = self.registry.live()
        assert (live.name if live else None) == (self.served[-1] if self.served else None)
        if live:
            assert self.registry.read(live.digest)
        versions = self.registry.versions()
        assert [version.name for version in versions] == [f"v{number + 1}" for number in range(self.names)]
        assert {version.name for version in versions if version.quarantined} == self.back
        assert len(self.registry.history()) == self.events

    @invariant()
    def verifies(self) -> None:
        assert all("--repair" in problem for problem in self.registry.verify())

    @invariant()
    def tells_who_served(self) -> None:
        events = self.registry.history()
        assert [event.to_version for event in events if event.action in MOVES] == self.served
        assert len({event.evidence for event in events if event.action in PROMOTIONS}) == self.names
        now = self.registry.served_in(period(self.number + 1))
        assert (now.name if now else None) == (self.served[-1] if self.served else None)


def test_after_any_sequence_of_moves_and_crashes_the_registry_agrees_with_the_account() -> None:
    chosen = settings(
        max_examples=60,
        stateful_step_count=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    known = faults.chain._KNOWN
    with faults.unflushed():
        run_state_machine_as_test(Machine, settings=chosen)  # type: ignore[no-untyped-call]
    faults.chain._KNOWN = known
