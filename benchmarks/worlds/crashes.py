"""The end of a process, or an error of the system, at a chosen one of the steps in which a move touches the disk.

Processes are really killed (`SIGKILL`). The steps are counted by standing in for the functions of `os`, so the registry
itself knows nothing of it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from benchmarks.worlds.verdicts import fresh
from retrain_assets.registry.registry import Registry

Move = Callable[[Registry], Any]
STEPS = ("open", "write", "fsync", "fchmod", "chmod", "link", "replace", "rename", "unlink", "rmdir", "mkdir")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@contextmanager
def unflushed() -> Iterator[None]:
    """Without waiting for the disk: a killed process loses nothing that the system has taken, only a power cut does."""
    real = os.fsync
    os.fsync = lambda handle: None  # type: ignore[assignment]
    try:
        yield
    finally:
        os.fsync = real


class Steps:
    """Stands in for the functions of `os` that change the disk and meets the step with a chosen number."""

    def __init__(
        self, at: int, meet: Callable[[], None], forever: bool = False, names: tuple[str, ...] = STEPS
    ) -> None:
        self.at, self.meet, self.forever, self.names, self.count = at, meet, forever, names, 0

    @contextmanager
    def counted(self) -> Iterator[Steps]:
        """The functions of `os`, counted, for as long as this lasts."""
        real = {name: getattr(os, name) for name in self.names}
        for name in self.names:
            setattr(os, name, self._standing_in(name, real[name]))
        try:
            yield self
        finally:
            for name in self.names:
                setattr(os, name, real[name])

    def _standing_in(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if name == "open" and not arguments[1] & _WRITING:
                return call(*arguments, **options)
            number, self.count = self.count, self.count + 1
            if number == self.at or (self.forever and number > self.at):
                if name == "write":  # half of it is on the disk already
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.meet()
            return call(*arguments, **options)

        return step


def steps_of(move: Move, root: Path) -> int:
    """How many steps a move takes on the disk."""
    with Steps(-1, lambda: None).counted() as steps:
        move(fresh(root))
    return steps.count


def die() -> None:
    """The end of the process, without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(work: Callable[[], None]) -> int:
    """Fork, work there, and return the exit code: 0 when the work came to its end, else minus the signal."""
    child = os.fork()
    if child == 0:
        code = 1
        with suppress(BaseException):
            work()
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


class Crash(BaseException):
    """The end of a process at a chosen step, from which the test goes on."""


def crash() -> None:
    """End what is done without killing the process."""
    raise Crash


def survives(work: Callable[[], object], steps: int, names: tuple[str, ...]) -> bool:
    """Do some work until it has taken that many steps on the disk; whether it came to its end before.

    Args:
        work: What is done.
        steps: How many calls are survived.
        names: The functions of `os` that count as a step.
    """
    with suppress(Crash), Steps(steps, crash, forever=True, names=names).counted():
        work()
        return True
    return False
