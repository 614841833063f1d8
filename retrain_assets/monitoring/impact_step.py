"""Estimate what drift costs from stored records: what changed in a period's rows, and what the changed rows lost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retrain_assets.model import Model
from retrain_assets.monitoring.drift.report import DriftReport
from retrain_assets.monitoring.impact.cost import (
    Change,
    ColumnCost,
    changed_sentence,
    changes,
    cost_words,
    costs,
)
from retrain_assets.monitoring.profiles.files import reference_of
from retrain_assets.monitoring.profiles.profile import Profile
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.registry.registry import Registry, Version
from retrain_assets.scoring.model_text import MODEL_FILE
from retrain_assets.store import PeriodStore

LATER = "What it costs is in the performance report once outcomes are there."
"""What is said of the cost in the drift report: outcomes of the period come later, those of another tell of another
slice."""


@dataclass(frozen=True)
class DriftImpact:
    """Each drifted feature with its importance, the most important first, and all of them in words."""

    changes: tuple[Change, ...] = ()
    sentence: str = ""


def drift_impact(
    model: Model,
    registry: Registry,
    version: Version,
    report: DriftReport,
    profiles: tuple[Mapping[str, Profile], Profile],
    before: DriftRecord | None,
) -> DriftImpact:
    """Weigh the drifted features by their importance to the model; nothing when none drifted.

    Args:
        model: Its facts.
        registry: It has the model.
        version: The version in charge.
        report: Drift of the features.
        profiles: The reference profiles by period, and the current one.
        before: The version's last drift record.
    """
    if not report.warned:
        return DriftImpact()
    from retrain_assets.scoring.booster import importance

    since = {one.column: one.since for one in before.impact} if before else {}
    found = changes(report, importance(registry.read(version.digest)[MODEL_FILE]), *profiles, since)
    return DriftImpact(found, changed_sentence(model, found, LATER))


def changed_columns(store: PeriodStore, version: Version, period: str) -> tuple[Change, ...]:
    """Give the changes that a period's drift record names for this version; none without such a record."""
    record = read_drift(store, period)
    return record.impact if record is not None and record.version == version.name else ()


def loss_impact(
    registry: Registry,
    version: Version,
    found: Sequence[Change],
    columns: Mapping[str, pa.ChunkedArray],
    losses: np.ndarray,
    time: np.ndarray | None = None,
) -> tuple[ColumnCost, ...]:
    """What the rows lost in which changed columns grew, the costliest first."""
    return costs(found, columns, losses, reference_of(registry, version)[0], time) if found else ()


def impact_sentence(model: Model, period: str, found: Sequence[Change], costed: Sequence[ColumnCost]) -> str:
    """What changed, since when, and what it costs; first what holds nearly all rows, then the costliest."""
    by_cost = {one.column: math.inf if one.alone else one.excess for one in costed if one.alone or one.shows}
    ordered = sorted(found, key=lambda one: -by_cost.get(one.column, 0.0))
    return changed_sentence(model, ordered, cost_words(model, costed, period))
