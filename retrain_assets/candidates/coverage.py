"""Whether a training window holds what its model will have to know: gate levels, rare types, a full season, classes.

The gate window is asked only which levels its features show; no outcome of it is looked at. A window that lacks
something makes its strategy ineligible, with the numbers that say so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.candidates.policy import CoveragePolicy
from retrain_assets.candidates.rare_types import of_type
from retrain_assets.documents.units import counted as counted_rows
from retrain_assets.documents.units import plural
from retrain_assets.periods import Length
from retrain_assets.raw.notation.values import counted
from retrain_assets.store import LABEL, Json, PeriodStore
from retrain_assets.windows.cut import Span
from retrain_assets.windows.rows import within


@dataclass(frozen=True)
class Coverage:
    """What a training window was found to hold.

    `unheld` are the gate rows by column whose level the window does not hold, `rare` the window's rows by rare type,
    `periods` its stored periods; `problems` say in words what it lacks by the policy.
    """

    unheld: Mapping[str, int]
    rare: Mapping[str, int]
    periods: int
    problems: tuple[str, ...]

    @property
    def eligible(self) -> bool:
        """Whether the window holds everything asked for."""
        return not self.problems

    def to_dict(self) -> Json:
        """Build the record as plain JSON values."""
        return {
            "eligible": self.eligible,
            "problems": list(self.problems),
            "unheld_gate_rows": dict(self.unheld),
            "rare_rows": dict(self.rare),
            "periods": self.periods,
        }

    @classmethod
    def from_dict(cls, record: Json) -> Coverage:
        """Read a stored record."""
        return cls(record["unheld_gate_rows"], record["rare_rows"], record["periods"], tuple(record["problems"]))


def coverage(
    policy: CoveragePolicy,
    task: str,
    window: pa.Table,
    span: Span,
    shown: Mapping[str, Mapping[str, int]],
    row: str = "row",
) -> Coverage:
    """Hold a training window against what it must cover.

    Args:
        policy: What it must hold.
        task: A classifier's window must hold two classes, whatever the policy.
        window: The rows that would train: categorical features, columns of the rare types, `label`.
        span: The window, with the stored periods that hold it.
        shown: The gate's rows by column and level (`gate_levels`).
        row: What a row is called.

    >>> from datetime import datetime
    >>> window = pa.table({"zone": ["JFK", "JFK"], LABEL: [0.0, 1.0]})
    >>> january = Span(("2019-01",), datetime(2019, 1, 1), datetime(2019, 2, 1))
    >>> coverage(CoveragePolicy(categories=["zone"]), "binary", window, january, {"zone": {"EWR": 7}}).problems
    ('zone: 1 level of 7 gate rows is not in the window: EWR (7)',)
    """
    unknown = {name: _unheld(window[name], levels) for name, levels in shown.items()}
    rare = {str(kind): int(of_type(window, kind).sum()) for kind in policy.rare}
    problems = [
        *(_levels(name, unknown[name], policy.min_gate_rows, row) for name in policy.categories if name in unknown),
        *(
            f"{rare[str(kind)]:,} of {kind.min_rows:,} {plural(row)} needed with {kind}"
            for kind in policy.rare
            if not rare[str(kind)] >= kind.min_rows
        ),
        _season(span, policy.season),
        _classes(task, window[LABEL]),
    ]
    unheld = {name: sum(levels.values()) for name, levels in unknown.items()}
    return Coverage(unheld, rare, len(span.periods), tuple(problem for problem in problems if problem))


def gate_levels(store: PeriodStore, gate: Span, categorical: Sequence[str], time: str) -> dict[str, dict[str, int]]:
    """How many gate rows show each level of each categorical feature; only features are read, never an outcome."""
    counts: dict[str, dict[str, int]] = {name: {} for name in categorical}
    for period in gate.periods if categorical else ():
        rows = store.read_table("raw_data", [period], [time, *categorical])
        if rows is None:
            continue
        rows = within(rows, gate, time)
        for name in categorical:
            for level, count in counted(rows[name]).items():
                counts[name][level] = counts[name].get(level, 0) + count
    return counts


def _unheld(column: pa.ChunkedArray, levels: Mapping[str, int]) -> dict[str, int]:
    held = counted(column)
    return {level: rows for level, rows in levels.items() if level not in held}


def _levels(name: str, unheld: Mapping[str, int], min_rows: int, row: str) -> str:
    lacking = {level: rows for level, rows in unheld.items() if rows >= min_rows}
    if not lacking:
        return ""
    ranked = sorted(lacking.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{level} ({rows:,})" for level, rows in ranked[:5])
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    what = "1 level" if len(lacking) == 1 else f"{len(lacking)} levels"
    verb = "is" if len(lacking) == 1 else "are"
    rows = counted_rows(sum(lacking.values()), f"gate {row}")
    return f"{name}: {what} of {rows} {verb} not in the window: {shown}{more}"


def _season(span: Span, season: Length | None) -> str:
    """Say what the window lacks of a full season; empty when it lacks nothing or none is asked for."""
    if season is None:
        return ""
    if season.time is None:
        stored, needed = len(span.periods), math.ceil(season.periods or 0)
        return f"{stored} of the {needed} periods of a full season" if stored < needed else ""
    held = span.end - span.start
    return f"{held.days} of the {season.time.days} days of a full season" if held < season.time else ""


def _classes(task: str, label: pa.ChunkedArray) -> str:
    if task == "regression" or not len(label):
        return ""
    classes = pc.unique(label)
    return f"all {len(label):,} labels are {classes[0].as_py():g}, two classes needed" if len(classes) < 2 else ""
