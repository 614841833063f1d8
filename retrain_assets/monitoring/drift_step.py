"""Write the drift record of a period.

The period's rows are compared with the champion's own training periods, and its scores with the periods that the
champion served before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from retrain_assets.model import Model, PeriodAccess
from retrain_assets.monitoring.drift.reference_periods import comparable, reference_words
from retrain_assets.monitoring.drift.report import Drift, DriftReport, FurtherInputs, drift
from retrain_assets.monitoring.drift.score_columns import UNCERTAINTY, score_table
from retrain_assets.monitoring.drift.serving_series import ServingNumbers, out_of_range, served_series
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS
from retrain_assets.monitoring.drift.stored_inputs import Joint, arrived_calibration, days_of, joint_step
from retrain_assets.monitoring.impact_step import drift_impact
from retrain_assets.monitoring.policy import DriftPolicy
from retrain_assets.monitoring.profiles.column_reader import stored_rows
from retrain_assets.monitoring.profiles.files import (
    DRIFT_PROFILES,
    keep_profiles,
    kept_profiles,
    reference_of,
    score_edges,
)
from retrain_assets.monitoring.profiles.profile import Profile, profile
from retrain_assets.monitoring.records.drift_record import ASSET, DriftRecord, drift_records, write_drift
from retrain_assets.raw.policy import Columns
from retrain_assets.registry.registry import Version
from retrain_assets.registry.training_record import FILE, TrainingRecord
from retrain_assets.scoring.scorer import scores_of


@dataclass(frozen=True)
class _Served:
    """A period, the version in charge of it, and the periods that the version served before."""

    access: PeriodAccess
    version: Version
    past: Sequence[str]
    last: DriftRecord | None

    @property
    def period(self) -> str:
        return self.access.period


@dataclass(frozen=True)
class _Features:
    """The features of a period against the version's reference periods."""

    report: DriftReport
    profile: Profile
    reference: Mapping[str, Profile]
    joint: Joint | None


def drift_step(
    model: Model, access: PeriodAccess, columns: Columns, policy: DriftPolicy, written: str = ""
) -> DriftRecord:
    """Write the drift record of a period: the features' report and the scores' report, and the profile of both.

    Features and scores are two families of tests, each held at half of the policy's level, so that the report as a
    whole keeps it. The period's rows are read once, a column at a time; of the past only profiles are read, of no more
    periods than the reference has. A period without rows has a record without a version.

    Args:
        model: Its facts.
        access: Of the period.
        columns: What is compared.
        policy: From which change on it counts.
        written: The day on which it is written.
    """
    store, period = access.store, access.period
    version = access.registry.served_in(period)
    if version is None or not store.path("raw_data", period).exists():
        return write_drift(store, DriftRecord(period, None))
    half = policy.model_copy(update={"alpha": policy.alpha / 2, "immediate_alpha": policy.immediate_alpha / 2})
    past = [known for known in store.periods(ASSET, "json") if version.period < known < period]
    served = _Served(access, version, past, next(drift_records(store, reversed(past), version.name), None))

    features = _features(model, served, columns, half)
    serving = ServingNumbers(out_of_range(features.profile), arrived_calibration(model, access, version.name))
    scores, profiles = _scores(model, served, half, serving)
    impact = drift_impact(
        model, access.registry, version, features.report, (features.reference, features.profile), served.last
    )

    files = access.registry.read(version.digest)
    trained = TrainingRecord.from_files(files) if FILE in files else None
    trained_on = len(trained.periods) if trained else 0
    reports = [features.report, *([scores] if scores else [])]
    sentence = " Scores: ".join(report.sentence.removeprefix(f"{period}: ") for report in reports)
    keep_profiles(store, DRIFT_PROFILES, period, [features.profile, *profiles])
    record = DriftRecord(
        period=period,
        version=version.name,
        features=features.report,
        scores=scores,
        serving=serving,
        joint_aucs=features.joint.aucs if features.joint else None,
        uncertain_periods=_uncertain_periods(scores, served.last),
        impact=impact.changes,
        impact_sentence=impact.sentence,
        importance=trained.importance if trained else {},
        reference=reference_words(policy, model.calendar, features.report.reference_periods, version.name, trained_on),
        sentence=f"{impact.sentence or f'{period}:'} {sentence}",
        written=written,
    )
    return write_drift(store, record)


def _features(model: Model, served: _Served, columns: Columns, policy: DriftPolicy) -> _Features:
    """Compare the period's columns with the version's reference, joint drift included where the policy wants it."""
    access, last = served.access, served.last
    edges, reference = reference_of(access.registry, served.version)
    used = comparable(policy, model.calendar, reference, served.period)
    current = profile(stored_rows(access.store, "raw_data", [served.period]), edges)
    known = (last.joint_aucs if last else None) or {}
    joint = joint_step(access, served.version, used, known) if policy.joint else None
    few = 0 < len(used) < FEWEST_PERIODS
    report = drift(
        policy,
        {name: reference[name] for name in used},
        current,
        served.period,
        last.features if last else None,
        FurtherInputs(
            [joint.column] if joint is not None else (),
            days_of(access, edges, columns.features, model.time, used) if few else None,
        ),
    )
    return _Features(report, current, reference, joint)


def _scores(
    model: Model, served: _Served, policy: DriftPolicy, serving: ServingNumbers
) -> tuple[DriftReport | None, list[Profile]]:
    """Compare the period's scores with those of the first periods that the version served; nothing without scores."""
    store = served.access.store
    predictions = store.read_table("predictions", [served.period])
    if predictions is None:
        return None, []
    table = score_table(model.task, scores_of(predictions))
    current = profile(table, score_edges(store, served.version, table))
    records = drift_records(store, served.past, served.version.name)
    first = list(islice((one for one in records if one.scores and one.scores.rows), policy.reference_periods))
    earlier = kept_profiles(store, DRIFT_PROFILES, [one.period for one in first], current.edges)
    series = served_series([*(one.serving for one in first), serving])
    last = served.last.scores if served.last else None
    return drift(policy, earlier, current, served.period, last, FurtherInputs(series)), [current]


def _uncertain_periods(scores: DriftReport | None, last: DriftRecord | None) -> int:
    """For how many periods in a row, this one included, the mean uncertainty has warned upwards."""
    found = [column for column in scores.columns if column.column == UNCERTAINTY] if scores else []
    if not any(column.outcome is Drift.WARN and "mean up" in column.signals for column in found):
        return 0
    return 1 + (last.uncertain_periods if last else 0)
