"""The impact of drift from stored records: what changed in a period's rows, and what the changed rows lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.drift.report import DriftReport
from retrain_assets.monitoring.impact.cost import (
    Change,
    Cost,
    changed_sentence,
    changes,
    cost_words,
    costs,
    to_records,
)
from retrain_assets.monitoring.profiles.files import reference_of
from retrain_assets.monitoring.profiles.profile import Profile
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.store import PeriodStore


@dataclass(frozen=True)
class DriftImpact:
    """Each drifted feature with its importance, the most important first, and all of them in words."""

    changes: tuple[Change, ...] = ()
    sentence: str = ""


def drift_impact(
    access: PeriodAccess,
    version: Version,
    report: DriftReport,
    profiles: tuple[Mapping[str, Profile], Profile],
    before: DriftRecord | None,
) -> DriftImpact:
    """Weigh the drifted features by their importance to the model; nothing when none drifted.

    The cost is that of the latest earlier period with outcomes, for those of this one are not in yet.

    Args:
        access: The period; the latest earlier performance record is read.
        version: The version in charge.
        report: Drift of the features.
        profiles: The reference profiles by period, and the current one.
        before: The version's last drift record.
    """
    if not report.warned:
        return DriftImpact()
    from retrain_assets.scoring.booster import importance

    store, registry = access.store, access.registry
    since = {one.column: one.since for one in before.impact} if before else {}
    found = changes(report, importance(registry.read(version.digest)["model.bst"]), *profiles, since)
    performed = [known for known in store.periods("performance_report", "json") if known < report.period]
    last = (store.read_json("performance_report", performed[-1]) if performed else None) or {}
    named = {one.column for one in found}
    same = last.get("impact", ()) if last.get("version") == version.name else ()
    known = [Cost(**one) for one in same if one["column"] in named]
    words = cost_words(known, last.get("period", ""), last.get("loss", ""))
    return DriftImpact(found, changed_sentence(report.period, found, words))


def changed_columns(store: PeriodStore, version: Version, period: str) -> tuple[Change, ...]:
    """Give the changes that a period's drift record names for this version; none without such a record."""
    record = read_drift(store, period)
    return record.impact if record is not None and record.version == version.name else ()


def performance_impact(
    registry: Registry,
    version: Version,
    found: Sequence[Change],
    columns: Mapping[str, pa.ChunkedArray],
    losses: np.ndarray,
    period: str,
    loss: str,
) -> dict[str, Any]:
    """What a performance record says of impact: `impact`, the costs in order, and `impact_sentence`; maybe nothing."""
    if not found:
        return {}
    costed = costs(found, columns, losses, reference_of(registry, version)[0])
    by_cost = {one.column: one.excess for one in costed}
    ordered = sorted(found, key=lambda one: -by_cost.get(one.column, 0.0))
    sentence = changed_sentence(period, ordered, cost_words(costed, period, loss))
    return {"impact": to_records(costed), "impact_sentence": sentence}
