"""What every benchmark of shares has in common: a question asked of many made-up worlds, and its line in a table.

A benchmark is a few parts, each of which yields lines; a line says whether the numbers in it are as stated.
"""

from __future__ import annotations

import argparse
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

Rng = np.random.Generator
Question = Callable[[Rng], bool]

Line = tuple[str, bool]
"""A printed line, and whether the numbers in it are as stated."""

Part = Callable[[bool], Iterator[Line]]
"""The lines of a table; asked whether it shall be fast."""

SPARE, FORGIVEN = 2.0, -1.0
"""Monte-Carlo standard errors that must fit between share and limit in the full table, and may lie beyond it in the
fast one."""


@dataclass(frozen=True)
class Case:
    """A question, between which shares of yes the answer must lie, and how often it is asked (`fast`: in the tests)."""

    name: str
    question: Question
    reps: int
    fast: int
    low: float = 0.0
    high: float = 1.0

    @property
    def limit(self) -> str:
        """The accepted shares in words."""
        return in_words(self.low, self.high)


@dataclass(frozen=True)
class Answer:
    """The share of yes among the repetitions of a case."""

    case: Case
    share: float
    reps: int

    @property
    def error(self) -> float:
        """Monte-Carlo standard error of the share."""
        return standard_error(self.share, self.reps)

    def within(self, errors: float) -> bool:
        """Whether the share keeps its limits with so many standard errors to spare (negative: forgiven)."""
        return keeps(self.share, self.reps, self.case.low, self.case.high, errors)


def standard_error(share: float, reps: int) -> float:
    """Monte-Carlo standard error of a share."""
    return math.sqrt(share * (1 - share) / reps)


def keeps(share: float, reps: int, low: float, high: float, errors: float) -> bool:
    """Whether a share of so many answers keeps its limits with so many standard errors to spare (negative: forgiven).

    >>> keeps(0.06, 2_000, 0.0, 0.08, SPARE), keeps(0.079, 2_000, 0.0, 0.08, SPARE), keeps(1.0, 50, 1.0, 1.0, SPARE)
    (True, False, True)
    """
    slack = errors * standard_error(share, reps)
    above = share - slack >= low or share >= 1 or low <= 0
    below = share + slack <= high or share <= 0 or high >= 1
    return above and below


def in_words(low: float, high: float) -> str:
    """Limits of a share as they stand in a table.

    >>> in_words(0.0, 1.0), in_words(0.04, 0.06), in_words(0.95, 1.0)
    ('shown only', '0.04 to 0.06', '>= 0.95')
    """
    if (low, high) == (0.0, 1.0):
        return "shown only"
    if low == high:
        return f"{low:g}"
    if low == 0.0:
        return f"<= {high:g}"
    return f">= {low:g}" if high == 1.0 else f"{low:g} to {high:g}"


def ask_often(case: Case, reps: int) -> Answer:
    """Ask a case's question of so many fresh worlds, drawn from a seed that is its name."""
    rng = np.random.default_rng(zlib.crc32(case.name.encode()))
    return Answer(case, sum(case.question(rng) for _ in range(reps)) / reps, reps)


def head_of_shares(title: str) -> str:
    """The head of a table of shares."""
    return f"{title:<90}{'share':>7}{'+-':>7}{'asked':>7}  must be"


def line_of_share(name: str, share: float, reps: int, limit: str) -> str:
    """A line of such a table."""
    return f"{name:<90}{share:>7.4f}{standard_error(share, reps):>7.4f}{reps:>7}  {limit}"


def shares(title: str, cases: Iterable[Case], fast: bool, spare: float = SPARE) -> Iterator[Line]:
    """Ask every case, fast or in full; a full answer keeps its limits with `spare` errors between."""
    print(head_of_shares(title))
    for case in cases:
        reps = case.fast if fast else case.reps
        if reps:
            found = ask_often(case, reps)
            yield line_of_share(case.name, found.share, reps, case.limit), found.within(FORGIVEN if fast else spare)


def arguments(about: str) -> argparse.ArgumentParser:
    """The command line that every benchmark has."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true", help="fewer repetitions")
    return parser


def print_parts(name: str, parts: Iterable[Part], fast: bool) -> int:
    """Print every line of every part and what is missed; the exit code, 1 when a number is not as stated."""
    began, worked, figures, missed = time.perf_counter(), time.process_time(), 0, []
    for part in parts:
        for line, kept in part(fast):
            print(line if kept else f"{line}  MISSED", flush=True)
            figures += 1
            if not kept:
                missed.append(line.split("  ")[0])
        print()
    took, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"{name}: {figures} figures in {took:.0f} s ({cpu:.0f} s of CPU), missed: {'; '.join(missed) or 'none'}")
    return 1 if missed else 0
