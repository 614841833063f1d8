"""Faults put into a registry on purpose: shared by the tests and `benchmarks.faults`.

An injection works on its own copy of a small registry (`interrupted`) and returns the violations it found, one sentence
each. How a process is killed, or the system refuses, at a chosen step is in `crashes`.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.worlds.crashes import Move, Steps, die, in_a_process
from benchmarks.worlds.interrupted import (
    LATE,
    move_promote,
    move_promote_stored,
    move_rollback,
    names_before_and_after,
    not_going_on,
    reopened,
    twice,
    unsound,
)
from benchmarks.worlds.verdicts import (
    MODEL,
    candidate,
    files_of,
    gate,
    moment,
    period,
    promote,
    promote_only,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import IntegrityError, RetrainError
from retrain_assets.registry.journal.chain import Journal, event_name
from retrain_assets.registry.journal.claims import Claims
from retrain_assets.registry.journal.events import Event
from retrain_assets.registry.journal.history import History
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.retention import RetentionPolicy
from retrain_assets.registry.rulings import Hold, Release, Signature
from retrain_assets.registry.storage.disk import LocalStorage


def killed(root: Path, move: Move, at: int) -> list[str]:
    """SIGKILL at one step of a move."""

    def work() -> None:
        with Steps(at, die).counted():
            move(reopened(root))

    code = in_a_process(work)
    if code != -signal.SIGKILL:
        return [f"the process ended with {code}, it was to be killed at step {at}"]
    return [*unsound(root, names_before_and_after(move)), *not_going_on(root, move)]


def refused_by_the_system(root: Path, move: Move, at: int, number: int, forever: bool) -> list[str]:
    """ENOSPC, EDQUOT, EROFS or EACCES at one step, or from it on."""

    def refuse() -> None:
        raise OSError(number, os.strerror(number))

    found: list[str] = []
    told = None
    with Steps(at, refuse, forever).counted():
        try:
            told = move(reopened(root))
        except RetrainError as error:
            if os.strerror(number) not in str(error):
                found.append(f"the error does not name the cause: {error}")
        except OSError as error:
            found.append(f"a bare {error!r} at step {at}")
    if told is not None and reopened(root).history()[-1] != told:
        found.append("the caller was told of an event that is not the last one")
    return [*found, *unsound(root, names_before_and_after(move)), *not_going_on(root, move)]


def damaged_model(root: Path, rng: Random) -> list[str]:
    """A truncated or bit-flipped file of the live version, of the one before, or of a candidate."""
    registry = reopened(root)
    live, before = registry.live(), registry.versions()[0]
    assert live is not None
    which = rng.choice([live.digest, before.digest, candidate(registry, "waiting")])
    path = registry.folder / "versions" / which / rng.choice(["model.bst", "features.json", "manifest.json"])
    _damage(path, rng)
    found = [] if any(str(path) in problem for problem in registry.verify()) else [f"verify does not name {path}"]
    registry.repair()
    found += [] if registry.verify() else ["a repair hid a damaged version"]
    try:
        registry.read(which)
        found.append("a damaged version was read")
    except IntegrityError:
        pass
    for move, target in ((move_rollback, before.digest), (move_promote_stored, candidate_digest(registry))):
        found += _moved_to_damage(root, move, target == which)
    return found


def candidate_digest(registry: Registry) -> str:
    """Digest of the candidate that waits, damaged or not."""
    from retrain_assets.registry.storage.disk import sha256
    from retrain_assets.registry.storage.version_folders import manifest_of

    return sha256(manifest_of(files_of("waiting")))


def _moved_to_damage(root: Path, move: Move, is_damaged: bool) -> Iterator[str]:
    """A move to a damaged version must refuse and leave the pointer."""
    if not is_damaged:
        return
    registry = reopened(root)
    live, length = registry.live(), len(registry.history())
    try:
        move(registry)
        yield "the pointer moved to a damaged version"
    except IntegrityError:
        pass
    if (registry.live(), len(registry.history())) != (live, length):
        yield "a refused move left a trace"


def _damage(path: Path, rng: Random) -> None:
    data = path.read_bytes()
    path.chmod(0o644)
    if rng.random() < 0.3:
        path.write_bytes(data[: rng.randrange(len(data))])
        return
    at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
    path.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])


def missing_version(root: Path, rng: Random) -> list[str]:
    """The folder of the live version, or of the one before, is gone."""
    registry = reopened(root)
    version = rng.choice(registry.versions())
    shutil.rmtree(registry.folder / "versions" / version.digest)
    expected = (
        f"{version.name} ({'live' if version == registry.live() else 'once live'}) has no folder {version.digest}"
    )
    found = [] if any(expected in problem for problem in registry.verify()) else ["verify does not name the version"]
    registry.repair()
    found += [] if registry.verify() else ["a repair hid a missing version"]
    try:
        registry.read(version.digest)
        found.append("a missing version was read")
    except RetrainError:
        pass
    return found


def torn_event(root: Path, rng: Random) -> list[str]:
    """A line of the journal is torn, flipped or gone; sometimes before the head named it, as a lost write would be."""
    registry = reopened(root)
    events, live = registry.history(), registry.live()
    seq = rng.randint(1, len(events))
    path = registry.folder / event_name(seq)
    unnamed = seq == len(events) and rng.random() < 0.7
    if unnamed:
        _as_before_its_end(LocalStorage(registry.folder), events)
    if rng.random() < 0.2 and not unnamed:
        path.unlink()
    else:
        _damage(path, rng)
    registry = reopened(root)
    found = [] if registry.verify() else [f"verify finds nothing wrong with event {seq}"]
    with suppress(IntegrityError):
        promoted(registry, [LATE])
        found.append("a damaged journal took a promotion")
    registry.repair()
    mended = reopened(root)
    whole = events[:-1] if unnamed else events
    if not mended.verify():
        if mended.history() != whole:
            found.append("the repair made up a history")
        if not (unnamed or mended.live() == live):
            found.append("the repair moved the pointer")
    elif unnamed:
        found.append("an unfinished last event was not moved aside")
    return found


def _as_before_its_end(storage: LocalStorage, events: Sequence[Event]) -> None:
    """Heads and claims as they are while the last event is being written."""
    Journal(storage, MODEL).heads.write(events[-2])
    if events[-1].gate and events[-1].evidence:
        Claims(storage).write(events[-1].evidence, replace(events[-1].gate, outcome="begun"))


def lost_derived(root: Path, rng: Random) -> list[str]:
    """A checkpoint is lost or damaged: nothing changes but the time, and a repair writes it anew."""
    registry = reopened(root)
    promoted(registry, [LATE, LATE + 1])
    before = registry.history()
    path = registry.folder / "checkpoints" / "00000100.jsonl"
    if rng.random() < 0.3:
        path.unlink()
    else:
        _damage(path, rng)
    registry = reopened(root)
    found = [] if registry.history() == before else ["the history changed with a checkpoint"]
    registry.repair()
    return [*found, *registry.verify()]


def changed_evidence(root: Path, rng: Random) -> list[str]:
    """A verdict is lost or edited: `verify` names it, and the explanation of the event is refused."""
    registry = reopened(root)
    event = rng.choice([event for event in registry.history() if event.evidence])
    path = registry.folder / "verdicts" / f"{event.evidence}.json"
    if rng.random() < 0.3:
        path.unlink()
    else:
        _damage(path, rng)
    named = [problem for problem in registry.verify() if str(path) in problem]
    registry.repair()
    found = [] if named and registry.verify() else ["verify does not name the verdict"]
    try:
        registry.evidence(event)
        found.append("a changed verdict was read")
    except IntegrityError:
        pass
    return found


def race(root: Path, number: int, rng: Random) -> list[str]:
    """Two processes promote, or roll back, at once: exactly one does, and the other is told why not."""
    registry = reopened(root)
    live = registry.live()
    assert live is not None
    if rng.random() < 0.3 and len(History(registry.history()).served_before):
        racers = [_racing_rollback(live.digest, number)] * 2
    else:
        judged = [
            verdict(registry, number, candidate(registry, f"{number} by {racer}"), gate=gate(LATE + 2 * number + racer))
            for racer in range(2)
        ]
        for each in judged:
            registry.record(each, at=moment(number), actor="run 1")
        racers = [_racing_promotion(each, number) for each in judged]
    before = len(registry.history())
    codes = _raced(root, racers)
    after = reopened(root)
    found = [] if codes == [0, 3] else [f"exit codes {codes}: one was to win and one to be refused"]
    if len(after.history()) != before + 1:
        found.append(f"{len(after.history()) - before} events instead of one")
    return [*found, *after.verify(), *twice(after)]


def mixed_race(root: Path, number: int, rng: Random) -> list[str]:
    """Two of a promotion, a rollback, a hold and a pruning at once: each is done whole or refused, in one order."""
    registry = reopened(root)
    live = registry.live()
    assert live is not None
    judged = verdict(registry, number, candidate(registry, f"{number} mixed"), gate=gate(LATE + 2 * number))
    registry.record(judged, at=moment(number), actor="run 1")
    signed = Signature("ann", "tariffs change", moment(number), period(number))
    works: dict[str, Move] = {
        "promote": _racing_promotion(judged, number),
        "rollback": _racing_rollback(live.digest, number),
        "hold": lambda registry: registry.rule(Hold(signed)),
        "prune": lambda registry: registry.prune(RetentionPolicy(), at=moment(number), actor="run 1"),
    }
    two = rng.sample(sorted(works), 2)
    before = registry.history()
    codes = _raced(root, [works[name] for name in two])
    after = reopened(root)
    events = after.history()[len(before) :]
    found = [] if set(codes) <= {0, 3} else [f"{two} ended with {codes}"]
    if after.history()[: len(before)] != before:
        found.append(f"{two} changed the history of before")
    done = codes.count(0)
    if not done:
        found.append(f"both of {two} were refused")
    if not done - ("prune" in two) <= len(events) <= done:
        found.append(f"{two} ended with {codes} and wrote {[event.action for event in events]}")
    if [event.action for event in events] == ["held", "promoted"]:
        found.append("a promotion passed the hold before it")
    if any(event.action == "held" for event in events):
        after.rule(Release(signed))
    return [*found, *after.verify(), *twice(after)]


def _racing_promotion(judged: Any, number: int) -> Move:
    return lambda registry: promote_only(registry, judged, number)


def _racing_rollback(live: str, number: int) -> Move:
    return lambda registry: rolled_back(registry, number, expected_live=live, actor=f"ann at {os.getpid()}")


def _raced(root: Path, racers: Sequence[Move]) -> list[int]:
    """The exit codes of processes that began at the same moment, sorted."""
    ready, go = os.pipe()
    children = [_racer(root, work, ready, go) for work in racers]
    os.close(ready)
    os.close(go)  # the end of the file is the start of the race
    return sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def _racer(root: Path, work: Move, ready: int, go: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    with suppress(BaseException):
        os.close(go)
        os.read(ready, 1)
        try:
            work(reopened(root))
            code = 0
        except RetrainError:
            code = 3
    os._exit(code)


def clock_backwards(root: Path, rng: Random) -> list[str]:
    """A promotion and a rollback by a clock that tells an earlier time than the last event's."""
    registry = reopened(root)
    back = timedelta(days=rng.randint(1, 20_000))
    event = promote(registry, verdict(registry, LATE, candidate(registry, "new")), LATE, at=moment(LATE) - back)
    found = [] if registry.live().name == event.to_version else ["an early clock kept a promotion from counting"]
    if registry.served_in(period(LATE + 1)) != registry.live():
        found.append("who serves a period went by the clock")
    left = rolled_back(registry, LATE, at=moment(LATE) - 2 * back)
    if (left.from_version, registry.live().name) != (event.to_version, event.from_version):
        found.append("an early clock kept a rollback from counting")
    return [*found, *registry.verify()]


def partial_restore(root: Path, rng: Random) -> list[str]:
    """Some folders come back from a backup of before the last promotion, or not at all: nothing is decided on the rest.

    Where journal, checkpoints and verdicts are all gone, what is left is what a first training leaves too; that there
    was a history is then known by the home, where reports, scores, answers or alerts stand.
    """
    home = root.with_name(f"{root.name} home")
    home.mkdir()
    root = root.rename(home / "registry")
    trace = home / rng.choice(
        [f"data/{MODEL}/validation_report/p.json", f"data/{MODEL}/predictions/p.parquet", f"served/{MODEL}/1.jsonl"]
    )
    trace.parent.mkdir(parents=True)
    trace.touch()
    backup = Path(shutil.copytree(root, root.with_name(f"{root.name} backup")))
    registry = reopened(root)
    promoted(registry, [LATE])
    before, head = registry.history(), registry.head()
    gone = rng.sample(RESTORED, rng.randint(1, len(RESTORED)))
    older = rng.random() < 0.5
    for name in gone:
        shutil.rmtree(registry.folder / name, ignore_errors=True)
        if older and (backup / MODEL / name).exists():
            shutil.copytree(backup / MODEL / name, registry.folder / name)
    what = f"{'older' if older else 'no'} {', '.join(sorted(gone))}"
    telling = {"journal", "checkpoints", "verdicts"}
    lost = bool(telling.intersection(gone))
    after = reopened(root)
    found = [f"{what}: verify says {problems}"] if bool(problems := after.verify(head)) != lost else []
    with suppress(RetrainError):
        promoted(after, [LATE + 3])
        if reopened(root).history()[:1] != before[:1]:
            found.append(f"{what}: a new history was begun")
    reopened(root).repair()
    mended = reopened(root)
    if not mended.verify(head) and mended.history()[: len(before)] != before:
        found.append(f"{what}: the repair made up a history")
    return found


RESTORED = ("journal", "checkpoints", "verdicts", "claims", "begun")
"""Folders of a registry that a backup may bring back without the others."""


def holder_killed(root: Path) -> list[str]:
    """A process is killed while it holds both locks: the next one gets them at once."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        storage = LocalStorage(root / MODEL)
        with storage.lock("versions.lock"), storage.lock("journal.lock"):
            os.write(told, b"held")
            signal.pause()
        os._exit(1)
    os.read(ready, 4)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(ready)
    os.close(told)
    return [*unsound(root, {"v2"}), *not_going_on(root, move_promote)]


SYSTEM_ERRORS = {"full": (errno.ENOSPC, errno.EDQUOT), "read-only": (errno.EROFS, errno.EACCES)}
