"""What a journal's events add up to, kept up event by event, so that a decision costs the same after thousands.

`Facts` are folded from the first event on; of a journal that grew by one event, as every append leaves it, only that
one is added. What the facts mean is said in `history`.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from threading import Lock

from retrain_assets.registry.journal.events import MOVES, RULINGS, Event, GateUse, wall_clock

_Row = tuple[datetime, int, datetime, GateUse, str | None]
"""Start, number of the event, end, the rows, and the digest of the verdict."""


@dataclass
class SpentRows:
    """The ledger by time: gate rows in the order of their start, each with the latest end up to it.

    What is added waits unsorted until somebody asks, for only promotions do.

    >>> spent, day = SpentRows(), [f"2019-01-0{day}" for day in range(1, 9)]
    >>> for seq, (start, end) in enumerate([(1, 2), (3, 4)]):
    ...     spent.add(seq, GateUse("p", day[start], day[end], 9, "r", "c", None, "rejected"), f"verdict {seq}")
    >>> spent.overlapping(day[4], day[5], own=None) is None
    True
    >>> spent.overlapping(day[1], day[5], own="verdict 1").start, spent.overlapping(day[3], day[5], own="verdict 1")
    ('2019-01-02', None)
    """

    rows: list[_Row] = field(default_factory=list)
    reach: list[datetime] = field(default_factory=list)
    waiting: list[tuple[int, GateUse, str | None]] = field(default_factory=list)

    def copy(self) -> SpentRows:
        """The same rows, to be added to."""
        return SpentRows(self.rows[:], self.reach[:], self.waiting[:])

    def add(self, seq: int, use: GateUse, evidence: str | None) -> None:
        """Add the rows of an attempt."""
        self.waiting.append((seq, use, evidence))

    def _sort(self) -> None:
        """Put what waits in its place: a whole journal at once, or what came since one by one."""
        added = [(use.bounds[0], seq, use.bounds[1], use, evidence) for seq, use, evidence in self.waiting]
        self.waiting.clear()
        if not self.rows:
            self.rows = sorted(added, key=_order)
            self.reach = list(accumulate((end for _, _, end, _, _ in self.rows), max))
            return
        for row in added:
            self._insert(row)

    def _insert(self, row: _Row) -> None:
        insort(self.rows, row, key=_order)
        first = bisect_left(self.rows, _order(row), key=_order)
        del self.reach[first:]
        for _, _, ends, _, _ in self.rows[first:]:
            self.reach.append(max(ends, self.reach[-1]) if self.reach else ends)

    def overlapping(self, start: str, end: str, own: str | None, first: bool = False) -> GateUse | None:
        """Rows in [start, end) that another verdict than `own` has spent; the latest of them, None for none.

        A `first` model is not stopped by attempts before there was a live version.
        """
        begins, ends = wall_clock(start), wall_clock(end)
        with _SORTING:
            self._sort()
        index = bisect_left(self.rows, (ends, -1), key=_order) - 1
        while index >= 0 and self.reach[index] > begins:
            _, _, until, use, evidence = self.rows[index]
            if until > begins and evidence != own and not (first and use.is_free):
                return use
            index -= 1
        return None


_SORTING = Lock()


def _order(row: _Row) -> tuple[datetime, int]:
    return row[0], row[1]


@dataclass
class Facts:
    """What some events add up to.

    Args:
        moves: The events that moved the live pointer.
        rulings: What people decided and nobody released.
        spent: The gate rows of every attempt, in the order of the journal, and by time (`by_time`).
        attempts: The event of each attempt by its verdict's digest.
        pruned: Digests whose files retention has deleted, with the event that says so.
    """

    moves: list[Event] = field(default_factory=list)
    rulings: list[Event] = field(default_factory=list)
    spent: list[GateUse] = field(default_factory=list)
    by_time: SpentRows = field(default_factory=SpentRows)
    attempts: dict[str, Event] = field(default_factory=dict)
    pruned: dict[str, Event] = field(default_factory=dict)

    def followed_by(self, events: Sequence[Event]) -> Facts:
        """These facts and what some later events add; these stay as they are."""
        grown = Facts(
            self.moves[:], self.rulings[:], self.spent[:], self.by_time.copy(), self.attempts.copy(), self.pruned.copy()
        )
        for event in events:
            grown._add(event)
        return grown

    def _add(self, event: Event) -> None:
        if event.action in MOVES:
            self.moves.append(event)
        if event.action == "released":
            self.rulings = [past for past in self.rulings if subject(past) != subject(event)]
        elif event.action in RULINGS:
            self.rulings.append(event)
        self.pruned |= dict.fromkeys(event.deleted, event)
        if self.pruned:
            for there in (event.gate.candidate if event.gate else None, event.to_digest):
                self.pruned.pop(str(there), None)
        if event.gate is not None:
            self.spent.append(event.gate)
            self.by_time.add(event.seq, event.gate, event.evidence)
            self.attempts.setdefault(str(event.evidence), event)


def subject(ruling: Event) -> str | None:
    """The candidate or version that a ruling is about, None for the whole model."""
    return ruling.terms.subject if ruling.terms else None


def facts_of(events: Sequence[Event]) -> Facts:
    """What events add up to; worked out from the events before the last where these were asked about before."""
    known = _recent(events)
    if known is not None:
        return known
    before = _recent(events[:-1]) if events else None
    facts = before.followed_by(events[-1:]) if before is not None else Facts().followed_by(events)
    with _LOCK:
        _RECENT.append((events, facts))
        del _RECENT[:-_KEPT]
    return facts


_KEPT = 8
_LOCK = Lock()
_RECENT: list[tuple[Sequence[Event], Facts]] = []


def _recent(events: Sequence[Event]) -> Facts | None:
    """The facts of the very same events; that the first and the last are the same objects says so of a chain."""
    with _LOCK:
        recent = list(reversed(_RECENT))
    return next((facts for known, facts in recent if _same(known, events)), None)


def _same(known: Sequence[Event], events: Sequence[Event]) -> bool:
    if len(known) != len(events) or not events:
        return len(known) == len(events)
    return known is events or (known[-1] is events[-1] and known[0] is events[0] and _linked(events))


def _linked(events: Sequence[Event]) -> bool:
    return len(events) < 3 or events[-1].previous_hash == events[-2].hash
