"""The cut of a model's history as of one period: training, selection, gate, and the labels that are not in yet.

Windows are cut by time. Training ends where the gate begins: every outcome of both is known at the end of `as_of`. The
rolling origins rehearse what could be known at the time, so that between two of their windows the label delay is left
out (with a `known_at` column they see every outcome known as of the period). Nothing here reads data: a window is a
span of time and the periods that hold it. Loading one stands in `rows`.

    | history ............................. | gate ...... | immature |
    |           recent .................... |             |      end of as_of
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from retrain_assets.documents.units import called, counted
from retrain_assets.model import Model
from retrain_assets.periods import Calendar, Length
from retrain_assets.verdict import GateWindow
from retrain_assets.windows.policy import WindowsPolicy

_INSTANT = timedelta(microseconds=1)


def moment(at: datetime) -> str:
    """A moment in words, a midnight by its day.

    >>> moment(datetime(2018, 6, 16)), moment(datetime(2018, 6, 16, 7, 30))
    ('2018-06-16', '2018-06-16 07:30')
    """
    return f"{at:%Y-%m-%d}" if at.time() == time.min else f"{at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class Span:
    """The rows with `start` <= time < `end`, and the stored periods that hold them."""

    periods: tuple[str, ...]
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{moment(self.start)} to {moment(self.end)}"

    @classmethod
    def of_gate(cls, gate: GateWindow) -> Span:
        """The span that a verdict was reached on."""
        return cls(gate.periods, datetime.fromisoformat(gate.start), datetime.fromisoformat(gate.end))

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether some moment lies in the span and in [start, end)."""
        return max(self.start, start) < min(self.end, end)


@dataclass(frozen=True)
class Origin:
    """One rolling origin: train, stop early and compare strategies as if the present were the start of `selection`.

    `early_stop` is None when the period for it is missing; `train_recent` and `train_history` then run up to its end.
    """

    train_recent: Span
    train_history: Span
    early_stop: Span | None
    selection: Span

    def training(self, strategy: str) -> Span:
        """The training rows of a strategy."""
        return self.train_recent if strategy == "recent" else self.train_history


@dataclass(frozen=True)
class Windows:
    """The windows of one retrain. `missing` names the periods of the calendar up to `as_of` that are not stored."""

    as_of: str
    gate: Span
    recent: Span
    history: Span
    origins: tuple[Origin, ...]
    immature: Span
    missing: tuple[str, ...] = ()

    def training(self, strategy: str) -> Span:
        """The training rows of a strategy."""
        return self.recent if strategy == "recent" else self.history


def spanning(spans: Iterable[Span]) -> Span:
    """The narrowest span that holds all the given ones.

    >>> march, may = (Span((f"2020-{m:02}",), datetime(2020, m, 1), datetime(2020, m + 1, 1)) for m in (3, 5))
    >>> str(spanning([may, march]))
    '2020-03-01 to 2020-06-01'
    """
    spans = list(spans)
    periods = tuple(sorted({period for span in spans for period in span.periods}))
    return Span(periods, min(span.start for span in spans), max(span.end for span in spans))


@dataclass(frozen=True)
class Wait:
    """No retrain can be judged yet: `periods` more must pass, and why."""

    periods: int
    reason: str


@dataclass(frozen=True)
class UsedRows:
    """Which rows no further decision may use.

    Attributes:
        spent: Time ranges [start, end) whose rows decided an earlier attempt.
        trained_until: The champion saw rows before this moment; None for a first model.
    """

    spent: tuple[tuple[datetime, datetime], ...] = ()
    trained_until: datetime | None = None


def cut(model: Model, policy: WindowsPolicy, as_of: str, available: Sequence[str], used: UsedRows) -> Windows | Wait:
    """Cut the windows of a retrain as of the end of a period, or say how long to wait until its gate window is fresh.

    The gate ends at the last mature moment, one label delay before the end of `as_of`, and is as long as the policy
    says, so that a label delay of any length leaves it whole. It is fresh when the champion trained on nothing at or
    after its start and no earlier attempt was judged on any moment of it. Training ends where the gate begins.

    Args:
        model: Its calendar and label delay.
        policy: Lengths of the windows.
        as_of: The period at whose end the decision is taken; later ones in `available` are ignored.
        available: Periods with stored rows, in any order.
        used: What earlier decisions used; a first model waits until `min_train` can be trained on.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> rides = Model("rides", "regression", 2, months, "id", "at", "fare", timedelta(days=1), "mae")
    >>> policy = WindowsPolicy(recent="9w", selection_origins=1)
    >>> stored = months.between("2018-01", "2018-06")
    >>> windows = cut(rides, policy, "2018-06", stored, UsedRows())
    >>> print(windows.gate, "|", windows.recent, "|", windows.immature)
    2018-06-16 to 2018-06-30 | 2018-04-14 to 2018-06-16 | 2018-06-30 to 2018-07-01
    >>> cut(rides, policy, "2018-06", stored, UsedRows(((datetime(2018, 6, 1), datetime(2018, 6, 20)),)))
    Wait(periods=1, reason='wait 1 month, until 2018-07: the gate window 2018-06-16 to 2018-06-30 has rows that \
decided an earlier attempt (2018-06-01 to 2018-06-20)')
    """
    cutter = _Cutter(model.calendar, policy, model.label_delay, used)
    stored = sorted(period for period in set(available) if model.calendar.first <= period <= as_of)
    obstacle = cutter.obstacle(as_of, stored)
    if obstacle is None:
        return cutter.windows(as_of, stored)
    wait = cutter.wait(as_of, stored)
    if not stored:
        first = model.calendar.first
        return Wait(
            wait, f"no period up to {as_of} is ingested yet: `retrain replay {model.name}` goes on from {first}"
        )
    time, until = counted(wait, model.calendar.every), model.calendar.shift(as_of, wait)
    return Wait(wait, f"wait {time}, until {until}: {called(obstacle, model.row_name)}")


@dataclass(frozen=True)
class _Cutter:
    """The arguments of `cut` that stay the same while `as_of` moves."""

    calendar: Calendar
    policy: WindowsPolicy
    delay: timedelta
    used: UsedRows

    def windows(self, as_of: str, stored: Sequence[str]) -> Windows:
        """The windows as of a period."""
        gate = self.gate(as_of, stored)
        recent, history = self.training(gate.start, stored)
        absent = set(self.calendar.between(self.calendar.first, as_of)) - set(stored)
        return Windows(
            as_of=as_of,
            gate=gate,
            recent=recent,
            history=history,
            origins=self.origins(gate.start, stored),
            immature=self.span(gate.end, self.calendar.bounds(as_of)[1], stored),
            missing=tuple(sorted(absent)),
        )

    def gate(self, as_of: str, stored: Sequence[str]) -> Span:
        """The gate window as of a period."""
        return self.last(self.policy.gate, self.calendar.bounds(as_of)[1] - self.delay, stored)

    def training(self, end: datetime, stored: Sequence[str]) -> tuple[Span, Span]:
        """The recent and the whole training window up to a moment."""
        history = self.span(self.calendar.bounds(self.calendar.first)[0], end, stored)
        return self.last(self.policy.recent, end, stored), history

    def origins(self, end: datetime, stored: Sequence[str]) -> tuple[Origin, ...]:
        """The rolling origins up to a moment, oldest first, without those that lack rows to train on or to compare."""
        found: list[Origin] = []
        length = self.policy.selection_length
        for _ in range(self.policy.selection_origins):
            selection = self.last(length, end, stored)
            early_stop = self.last(length, selection.start - self.delay, stored)
            train_end = early_stop.start - self.delay if early_stop.periods else early_stop.end
            recent, history = self.training(train_end, stored)
            if selection.periods and recent.periods:
                found.append(Origin(recent, history, early_stop if early_stop.periods else None, selection))
            end = selection.start
        return tuple(reversed(found))

    def last(self, length: Length, end: datetime, stored: Sequence[str]) -> Span:
        """A window of some length that ends at a moment."""
        return self.span(length.start(self.calendar, end), end, stored)

    def span(self, start: datetime, end: datetime, stored: Sequence[str]) -> Span:
        """The rows between two moments, and the stored periods that hold them."""
        start = min(start, end)
        if start == end:
            return Span((), start, end)
        first, last = self.calendar.key(start), self.calendar.key(end - _INSTANT)
        return Span(tuple(stored[bisect_left(stored, first) : bisect_right(stored, last)]), start, end)

    def obstacle(self, as_of: str, stored: Sequence[str]) -> str | None:
        """The first thing that stands in the way of a retrain, in words."""
        gate, until = self.gate(as_of, stored), self.used.trained_until
        recent, history = self.training(gate.start, stored)
        if until is None and (lack := self.lack(history)):
            return f"{lack} before the gate window {gate}" if gate.start < gate.end else lack
        if not history.periods:
            return f"no rows are stored before the gate window {gate}"
        if not recent.periods:
            return f"no rows are stored for the recent training window {recent}. Ingest its periods"
        if not gate.periods:
            return f"no rows are stored for the gate window {gate}. Ingest its periods"
        if until is not None and gate.start < until:
            return f"the champion was trained on rows up to {moment(until)}, after the gate window {gate} begins"
        for start, end in self.used.spent:
            if gate.touches(start, end):
                used = f"{moment(start)} to {moment(end)}"
                return f"the gate window {gate} has rows that decided an earlier attempt ({used})"
        return None

    def lack(self, history: Span) -> str:
        """What a first model's training window lacks, in words; empty when it holds enough."""
        needed = self.policy.min_train
        if needed.time is None:
            held, wanted = len(history.periods), math.ceil(needed.periods or 0)
            return f"{held} of {wanted} training periods are there" if held < wanted else ""
        bounds = (self.calendar.bounds(period) for period in history.periods)
        stored = sum((min(end, history.end) - max(start, history.start) for start, end in bounds), timedelta(0))
        return f"{stored.days} of {needed.time.days} days to train on are there" if stored < needed.time else ""

    def wait(self, as_of: str, stored: Sequence[str]) -> int:
        """The smallest number of further periods, each of them stored, after which nothing stands in the way."""
        reached = list(stored)
        for periods in range(1, self._longest_wait(as_of) + 1):
            later = self.calendar.shift(as_of, periods)
            reached.append(later)
            if self.obstacle(later, reached) is None:
                return periods
        raise AssertionError("unreachable: a gate after every spent range, with enough history, is fresh")

    def _longest_wait(self, as_of: str) -> int:
        """Periods after which every spent range lies before the gate and enough history stands before it."""
        begin, end = self.calendar.bounds(as_of)
        moments = [end for _, end in self.used.spent] + [self.used.trained_until or datetime.min]
        latest = self.calendar.key(max(end, *moments)) if max(moments) > end else as_of
        gap = self.calendar.distance(self.calendar.key(begin - 2 * self.delay), as_of) + 4
        policy = self.policy
        lengths = sum(
            math.ceil(length.in_periods(self.calendar)) + 1 for length in (policy.min_train, policy.gate, policy.recent)
        )
        return self.calendar.distance(as_of, latest) + gap + lengths
