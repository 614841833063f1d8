"""After any history and under any policy, retention deletes exactly what an account of the journal says may go."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.worlds import crashes
from benchmarks.worlds.verdicts import (
    RULES,
    candidate,
    findings,
    fresh,
    moment,
    period,
    promote,
    rolled_back,
    verdict,
)
from retrain_assets.registry.retention import RetainedVersions, RetentionPolicy
from retrain_assets.registry.rulings import Anchor, Approve, Hold, Release, Signature
from retrain_assets.registry.storage.disk import LocalStorage
from retrain_assets.registry.storage.version_folders import VersionFolders
from retrain_assets.verdict import Outcome
from retrain_assets_tests.registry.test_refit_rules import refitted

MOVES = ("promote", "refit", "reject", "leave open", "roll back", "hold", "release", "approve", "anchor")


@dataclass
class Account:
    """What happened, told without the registry: each digest's last decision, and who must stay."""

    decided: dict[str, int] = field(default_factory=dict)
    promoted: set[str] = field(default_factory=set)
    tested_as: dict[str, str] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)
    back: set[str] = field(default_factory=set)
    held: dict[str, int] = field(default_factory=dict)
    approved: dict[str, int] = field(default_factory=dict)
    last_attempt: str = ""
    anchor: str = ""
    gone: set[str] = field(default_factory=set)

    def decide(self, number: int, *digests: str) -> None:
        for digest in digests:
            self.decided.pop(digest, None)
            self.decided[digest] = number

    def target(self) -> str | None:
        barred = {*self.back, *self.gone, *self.served[-1:]}
        return next((digest for digest in reversed(self.served) if digest not in barred), None)

    def stays(self, number: int) -> set[str]:
        serving = {*self.served[-1:], *filter(None, [self.target()])}
        ruled = {digest for rulings in (self.held, self.approved) for digest, end in rulings.items() if number < end}
        tested = {self.tested_as[digest] for digest in serving if digest in self.tested_as}
        return {*serving, *self.served[-2:], *ruled, *tested, self.last_attempt, self.anchor}

    def goes(self, number: int, policy: RetentionPolicy) -> set[str]:
        live, found = self.served[-1:], set()
        for rule, of_versions in ((policy.candidates, False), (policy.versions, True)):
            kind = [d for d in reversed(self.decided) if d not in live and (d in self.promoted) == of_versions]
            if rule is not None:
                weeks = rule.younger_than // timedelta(weeks=1)
                found |= {d for d in kind[rule.newest :] if number - self.decided[d] > weeks}
        return found - self.stays(number) - self.gone


kept = st.none() | st.builds(
    RetainedVersions, newest=st.integers(0, 3), younger_than=st.integers(0, 6).map(lambda weeks: timedelta(weeks=weeks))
)
policies = st.builds(RetentionPolicy, candidates=kept, versions=kept)


def play(registry, account: Account, move: str, number: int) -> None:
    """One move, in the registry and in the account."""
    signed = Signature("ann", "keep", moment(number), period(number))
    digest = candidate(registry, f"of {number}")
    if move in ("promote", "refit"):
        judged = verdict(registry, number, digest)
        if move == "refit":
            judged = verdict(registry, number, digest, refit=refitted(registry, digest, f"again {number}"))
        before, live = account.served[-1:], promote(registry, judged, number).to_digest
        account.decide(number, digest, *before, live)
        account.tested_as[live] = account.last_attempt = digest
        account.promoted.add(live)
        account.served.append(live)
        account.anchor = account.anchor or live
    elif move in ("reject", "leave open", "hold", "approve"):
        outcome = Outcome.FAIL if move == "reject" else Outcome.INSUFFICIENT
        judged = verdict(registry, number, digest, findings=findings(outcome))
        registry.record(judged, at=moment(number), actor="run")
        account.decide(number, digest)
        account.last_attempt = digest
        if move == "hold":
            registry.rule(Hold(signed, digest, moment(number + 3)))
            account.held[digest] = number + 3
        if move == "approve":
            registry.rule(Approve(signed, judged, moment(number + 4), RULES, True))
            account.approved[digest] = number + 4
    elif move == "roll back" and account.target():
        left, to = account.served[-1], str(account.target())
        rolled_back(registry, number, person=True)
        account.back.add(left)
        account.decide(number, left, to)
        account.served.append(to)
    elif move == "anchor":
        account.anchor = account.served[-1]
        registry.rule(Anchor(signed, account.anchor))
    elif move == "release" and account.held:
        digest, _ = account.held.popitem()
        registry.rule(Release(signed, digest))
        account.approved.pop(digest, None)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(MOVES), policies | st.none()), min_size=4, max_size=14))
def test_retention_deletes_exactly_what_nobody_needs(story) -> None:
    with tempfile.TemporaryDirectory() as folder, crashes.unflushed():
        registry, account = fresh(Path(folder)), Account()
        folders = VersionFolders(LocalStorage(registry.folder), registry.model)
        for number, (move, policy) in enumerate([("promote", None), *story]):
            play(registry, account, move, number)
            if policy is None:
                continue
            before, expected = set(folders.digests()), account.goes(number, policy)
            registry.prune(policy, at=moment(number), actor="run")
            assert before - set(folders.digests()) == expected
            account.gone |= expected
            assert registry.verify() == []
            assert registry.read(registry.live().digest)
            if account.target():
                assert registry.rollback_target().digest == account.target()


def test_former_versions_that_were_refits_go_too(registry) -> None:
    for number in range(5):
        tested = candidate(registry, f"tested {number}")
        promote(registry, verdict(registry, number, tested, refit=refitted(registry, tested, f"{number}")), number)
    anchor, second, third, fourth, live = (version.digest for version in registry.versions())
    event = registry.prune(RetentionPolicy(versions=RetainedVersions(newest=0)), at=moment(9), actor="run")
    assert set(event.deleted) == {second, third}
    assert registry.read(anchor)
    assert registry.read(fourth)
    assert registry.read(live)


def test_the_fallback_in_service_stays_and_so_does_its_folder_after_it_was_left(registry) -> None:
    fallback = registry.add({"model.bst": b"the trivial baseline"})
    promote(registry, verdict(registry, 0, candidate(registry, "first"), evidence={"fallback": fallback}), 0)
    assert rolled_back(registry, 1).to_digest == fallback
    for number in (2, 3, 4):
        promote(registry, verdict(registry, number, candidate(registry, f"of {number}")), number)
        registry.prune(
            RetentionPolicy(versions=RetainedVersions(newest=0), candidates=RetainedVersions(newest=0)),
            at=moment(9),
            actor="run",
        )
    assert registry.read(fallback)


def test_a_deleted_refit_that_is_made_and_promoted_again_is_there_again(registry) -> None:
    tested = [candidate(registry, f"tested {number}") for number in range(4)]
    for number, digest in enumerate(tested):
        promote(registry, verdict(registry, number, digest, refit=refitted(registry, digest, f"{number}")), number)
    second = registry.versions()[1].digest
    registry.prune(RetentionPolicy(versions=RetainedVersions(newest=0)), at=moment(9), actor="run")
    assert registry.deleted() == {second}
    again = refitted(registry, tested[1], "1")
    assert again.digest == second
    promote(registry, verdict(registry, 5, tested[1], refit=again), 5)
    assert registry.deleted() == frozenset()
    assert registry.rollback_target().name == "v4"
    promote(registry, verdict(registry, 6, candidate(registry, "later")), 6)
    assert registry.rollback_target().digest == second
