"""Are the outcomes themselves unlike those of earlier periods? Label drift, and jumps that look like a fault.

The outcomes that arrived in a period are one more column under the period verdict (`drift`). A change that is certain
and large is more often a fault in how outcomes are recorded than a change of the world, and a model trained or judged
on faulty outcomes is wrong wherever it is used: so it holds promotion until a person has looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from retrain_assets.documents.units import rounded_p
from retrain_assets.model import Task
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift, DriftReport, drift
from retrain_assets.monitoring.drift.statistics.prediction_t import prediction_t
from retrain_assets.monitoring.drift.summaries import Summary, category_summaries, reference_moments
from retrain_assets.monitoring.policy import DriftPolicy, LabelPolicy
from retrain_assets.monitoring.profiles.profile import Profile
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.statistics.multiple_testing import holm
from retrain_assets.store import Json

LABEL = "(label)"


@dataclass(frozen=True)
class Labels:
    """What watching a model's outcomes needs to know about it."""

    task: Task
    drift: DriftPolicy
    policy: LabelPolicy


@dataclass(frozen=True)
class _Change:
    what: str
    before: float
    after: float
    size: float
    p_value: float


@dataclass(frozen=True)
class Jump(_Change):
    """A change of the outcomes that is certain and large.

    Attributes:
        what: Such as "share of label 1", or "mean label".
        before: Over the reference periods.
        after: In this period.
        size: Odds ratio of a share (above 1, whichever way), or reference standard deviations that a value moved.
        p_value: Of the period verdict.
        limit: From which size on it counts as a jump.
        rows: Outcomes of the period.
    """

    limit: float
    rows: int
    sentence: str

    @classmethod
    def from_dict(cls, record: Json) -> Jump:
        """Read what `dataclasses.asdict` gave, also after JSON, where an infinite size is null."""
        size = record["size"]
        return cls(**{**record, "size": float("inf") if size is None else size})


def label_step(
    labels: Labels,
    known: Mapping[str, Profile],
    current: Profile,
    before: DriftReport | None,
    period: str,
) -> tuple[DriftReport, Jump | None]:
    """Compare the outcomes that arrived in a period with those of earlier ones.

    Args:
        labels: Task and policies.
        known: Profiles of the outcomes of earlier periods, all with the edges of `current`.
        current: Profile of the period's outcomes, of `label_table`.
        before: The same report of the last of the earlier periods.
        period: Key of the period.

    Returns:
        The report, and the jump where the outcomes jumped.
    """
    report = drift(labels.drift, known, current, period, before)
    report = replace(report, sentence=_sentence(report))
    return report, find_jump(labels.policy, report, [known[key] for key in sorted(known)], current)


def find_jump(policy: LabelPolicy, report: DriftReport, reference: Sequence[Profile], current: Profile) -> Jump | None:
    """The jump of a period's outcomes against the reference periods; None when they did not jump certainly and far."""
    if not reference:
        return None
    numeric = report.columns[0].kind == "numeric"
    changed = _value_change(report.columns[0], reference, current) if numeric else None
    found = changed if numeric else _share_change(policy, reference, current)
    limit = policy.jump_sd if numeric else policy.jump_odds_ratio
    if found is None or not (found.p_value < policy.jump_alpha and found.size >= limit):
        return None
    unit = f"moved {found.size:.2f} sd" if numeric else f"odds ratio {found.size:.3g}"
    sentence = (
        f"{report.period}: {found.what} jumped from {found.before:.4g} to {found.after:.4g} on {current.rows:,} "
        f"outcomes ({unit}, {limit:g} is a jump; p {rounded_p(found.p_value)}): more often a fault in the data than a "
        "change of the world"
    )
    return Jump(**asdict(found), limit=limit, rows=current.rows, sentence=sentence)


def hold_on_jump(registry: Registry, period: str, jump: Jump | None, at: datetime) -> Event | None:
    """Hold promotion where the outcomes of a period jumped; the same period never holds twice, released or not."""
    return registry.hold(reason=jump.sentence, at=at, period=period) if jump else None


def odds_ratio(before: float, after: float) -> float:
    """How many times the odds rose or fell, always at least 1; infinite from or to a share of 0 or 1.

    >>> round(odds_ratio(0.2, 0.1), 3), odds_ratio(0.1, 0.1), odds_ratio(0.0, 0.1)
    (2.25, 1.0, inf)
    """
    if before == after:
        return 1.0
    odds = [share / (1 - share) if share < 1 else np.inf for share in (before, after)]
    low, high = sorted(odds)
    return float(high / low) if low > 0 else float("inf")


def _sentence(report: DriftReport) -> str:
    column = report.columns[0]
    again, moved = ", as in the period before" if column.confirmed else "", column.sentence.removeprefix(f"{LABEL}: ")
    words = {
        Drift.WARN: f"the outcomes drifted{again}: {moved}",
        Drift.SMALL: f"the outcomes changed too little to count: {moved}",
        Drift.QUIET: f"no drift in the outcomes (against {report.reference_periods} periods)",
        Drift.INSUFFICIENT: f"drift of the outcomes cannot be told from {report.reference_periods} periods",
    }
    return f"{report.period}: {words[column.outcome]}."


def _share_change(policy: LabelPolicy, reference: Sequence[Profile], current: Profile) -> _Change | None:
    """Of the classes whose share changed certainly the one whose odds changed most."""
    levels = current.edges.categories[LABEL]
    seen = [one.columns[LABEL] for one in (*reference, current)]
    summaries = [one for one in category_summaries(seen, levels)[0] if one.varies and one.what != "rest"]
    p_values = holm([_p_value(one) for one in summaries])
    changes = [_change(one, levels, float(p)) for one, p in zip(summaries, p_values, strict=True)]
    certain = [change for change in changes if change.p_value < policy.jump_alpha]
    return max(certain, key=lambda change: change.size, default=None)


def _p_value(summary: Summary) -> float:
    return prediction_t(
        summary.values[:-1],
        float(summary.values[-1]),
        noise=summary.noise[:-1],
        current_noise=float(summary.noise[-1]),
    )[1]


def _change(summary: Summary, levels: Sequence[str], p_value: float) -> _Change:
    """A share's change; of two classes it is told of the second, the positive one."""
    before, after, level = summary.before, summary.after, summary.at
    if summary.what == "share" and len(levels) == 2 and level == levels[0]:
        before, after, level = 1 - before, 1 - after, levels[1]
    what = f"share of label {level}" if summary.what == "share" else "share of labels without precedent"
    return _Change(what, before, after, odds_ratio(before, after), p_value)


def _value_change(column: ColumnDrift, reference: Sequence[Profile], current: Profile) -> _Change | None:
    if column.outcome is not Drift.WARN or column.p_value is None or column.wasserstein is None:
        return None
    before = reference_moments(reference, LABEL)[0]
    return _Change("mean label", before, current.moments(LABEL)[0], column.wasserstein, column.p_value)


def label_table(task: Task, label: pa.ChunkedArray) -> pa.Table:
    """Outcomes as a column to watch: values, or the names of classes.

    >>> label_table("binary", pa.chunked_array([[0.0, 1.0]]))[LABEL].to_pylist()
    ['0', '1']
    """
    if task == "regression":
        return pa.table({LABEL: label})
    whole = pc.cast(pc.floor(label), pa.int64())
    return pa.table({LABEL: pc.cast(whole, pa.string())})
