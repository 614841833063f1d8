"""The cut of a model's history as of one period: training, selection, gate, and the labels that are not in yet.

Windows are cut by time, with the label delay as a gap between any two that follow one another, so that each holds only
outcomes that were known before the next one begins (with a `known_at` column that holds for the gate, not for the
rehearsal, which sees every outcome known as of the period). Nothing here reads data: a window is a span of time and
the periods that hold it. Loading one stands in `rows`.

    | history ......................... gap | gate ...... | immature |
    |           recent ................ gap |             |      end of as_of
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from retrain_assets.periods import Calendar
from retrain_assets.windows.policy import WindowsPolicy

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Span:
    """The rows with `start` <= time < `end`, and the stored periods that hold them."""

    periods: tuple[str, ...]
    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M}"

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


def spanning(spans: Iterable[Span]) -> Span:
    """The narrowest span that holds all the given ones.

    >>> march, may = (Span((f"2020-{m:02}",), datetime(2020, m, 1), datetime(2020, m + 1, 1)) for m in (3, 5))
    >>> str(spanning([may, march]))
    '2020-03-01 00:00 to 2020-06-01 00:00'
    """
    spans = list(spans)
    periods = tuple(sorted({period for span in spans for period in span.periods}))
    return Span(periods, min(span.start for span in spans), max(span.end for span in spans))


@dataclass(frozen=True)
class Wait:
    """No retrain can be judged yet: `periods` more must pass, and why."""

    periods: int
    reason: str


def cut(
    calendar: Calendar,
    policy: WindowsPolicy,
    as_of: str,
    available: Sequence[str],
    label_delay: timedelta,
    spent: Sequence[tuple[datetime, datetime]],
    champion_trained_until: datetime | None,
) -> Windows | Wait:
    """The windows of a retrain as of the end of a period, or how long to wait until its gate window is fresh.

    The gate is the last `gate_periods` periods up to the last mature moment, which lies one label delay before the end
    of `as_of`. It is fresh when the champion trained on nothing at or after its start and no earlier attempt was judged
    on any moment of it. Training ends one label delay before the gate begins.

    Args:
        calendar: The model's periods.
        policy: Lengths of the windows, in periods.
        as_of: The period at whose end the decision is taken; later ones in `available` are ignored.
        available: Periods with stored rows, in any order.
        label_delay: How long after a row its outcome is known.
        spent: Time ranges [start, end) whose rows decided an earlier attempt.
        champion_trained_until: The champion saw rows before this moment; None for a first model, which waits until
            `min_train_periods` can be trained on.

    >>> months = Calendar(every="month", start="2018-01-01")
    >>> policy = WindowsPolicy(recent_periods=2, half_life_periods=4, selection_origins=1, min_train_periods=3)
    >>> stored = months.between("2018-01", "2018-06")
    >>> windows = cut(months, policy, "2018-06", stored, timedelta(days=1), [], None)
    >>> print(windows.gate, "|", windows.recent, "|", windows.immature)
    2018-06-01 00:00 to 2018-06-30 00:00 | 2018-04-01 00:00 to 2018-05-31 00:00 | 2018-06-30 00:00 to 2018-07-01 00:00
    >>> cut(months, policy, "2018-06", stored, timedelta(days=1), [(datetime(2018, 5, 1), datetime(2018, 6, 2))], None)
    Wait(periods=1, reason='wait 1 period, for 2018-07: the gate window 2018-06-01 00:00 to 2018-06-30 00:00 has rows \
that decided an earlier attempt (2018-05-01 00:00 to 2018-06-02 00:00)')
    """
    cutter = _Cutter(calendar, policy, label_delay, tuple(spent), champion_trained_until)
    stored = sorted(period for period in set(available) if calendar.first <= period <= as_of)
    obstacle = cutter.obstacle(as_of, stored)
    if obstacle is None:
        return cutter.windows(as_of, stored)
    wait = cutter.wait(as_of, stored)
    if not stored:
        obstacle = f"no period up to {as_of} is ingested yet. Monitor every period from {calendar.first} on first"
    unit = "period" if wait == 1 else "periods"
    return Wait(wait, f"wait {wait} {unit}, for {calendar.shift(as_of, wait)}: {obstacle}")


@dataclass(frozen=True)
class _Cutter:
    """The arguments of `cut` that stay the same while `as_of` moves."""

    calendar: Calendar
    policy: WindowsPolicy
    delay: timedelta
    spent: tuple[tuple[datetime, datetime], ...]
    trained_until: datetime | None

    def windows(self, as_of: str, stored: Sequence[str]) -> Windows:
        gate = self.gate(as_of, stored)
        recent, history = self.training(gate.start - self.delay, stored)
        absent = set(self.calendar.between(self.calendar.first, as_of)) - set(stored)
        return Windows(
            as_of=as_of,
            gate=gate,
            recent=recent,
            history=history,
            origins=self.origins(gate.start - self.delay, stored),
            immature=self.span(gate.end, self.calendar.bounds(as_of)[1], stored),
            missing=tuple(sorted(absent)),
        )

    def gate(self, as_of: str, stored: Sequence[str]) -> Span:
        return self.last(self.policy.gate_periods, self.calendar.bounds(as_of)[1] - self.delay, stored)

    def training(self, end: datetime, stored: Sequence[str]) -> tuple[Span, Span]:
        """The recent and the whole training window up to a moment."""
        history = self.span(self.calendar.bounds(self.calendar.first)[0], end, stored)
        return self.last(self.policy.recent_periods, end, stored), history

    def origins(self, end: datetime, stored: Sequence[str]) -> tuple[Origin, ...]:
        """The rolling origins up to a moment, oldest first, without those that lack rows to train on or to compare."""
        found: list[Origin] = []
        for _ in range(self.policy.selection_origins):
            selection = self.last(1, end, stored)
            early_stop = self.last(1, selection.start - self.delay, stored)
            train_end = early_stop.start - self.delay if early_stop.periods else early_stop.end
            recent, history = self.training(train_end, stored)
            if selection.periods and recent.periods:
                found.append(Origin(recent, history, early_stop if early_stop.periods else None, selection))
            end = selection.start
        return tuple(reversed(found))

    def last(self, periods: int, end: datetime, stored: Sequence[str]) -> Span:
        """That many periods up to a moment, the one that holds the last instant before it included."""
        first = self.calendar.shift(self.calendar.key(end - _INSTANT), 1 - periods)
        return self.span(self.calendar.bounds(max(first, self.calendar.first))[0], end, stored)

    def span(self, start: datetime, end: datetime, stored: Sequence[str]) -> Span:
        start = min(start, end)
        first, last = self.calendar.key(start), self.calendar.key(end - _INSTANT)
        return Span(tuple(period for period in stored if first <= period <= last) if start < end else (), start, end)

    def obstacle(self, as_of: str, stored: Sequence[str]) -> str | None:
        """The first thing that stands in the way of a retrain, in words."""
        gate = self.gate(as_of, stored)
        recent, history = self.training(gate.start - self.delay, stored)
        needed = self.policy.min_train_periods if self.trained_until is None else 1
        if len(history.periods) < needed:
            return f"{len(history.periods)} of {needed} training periods stand before the gate window {gate}"
        if not recent.periods:
            return f"no rows are stored for the recent training window {recent}. Ingest its periods"
        if not gate.periods:
            return f"no rows are stored for the gate window {gate}. Ingest its periods"
        if self.trained_until is not None and gate.start < self.trained_until:
            until = f"{self.trained_until:%Y-%m-%d %H:%M}"
            return f"the champion was trained on rows up to {until}, after the gate window {gate} begins"
        for start, end in self.spent:
            if gate.touches(start, end):
                used = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
                return f"the gate window {gate} has rows that decided an earlier attempt ({used})"
        return None

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
        moments = [end for _, end in self.spent] + [self.trained_until or datetime.min]
        begin, end = self.calendar.bounds(as_of)
        latest = self.calendar.key(max(end, *moments)) if max(moments) > end else as_of
        gap = self.calendar.distance(self.calendar.key(begin - 2 * self.delay), as_of) + 4
        lengths = self.policy.min_train_periods + self.policy.gate_periods + self.policy.recent_periods
        return self.calendar.distance(as_of, latest) + gap + lengths
