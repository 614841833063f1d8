"""One spec in, its whole pipeline out. Read this file first.

    source ─► raw_data ─┬─► predictions ─┬─► drift_report ─────────┐
                        └─► outcomes ─┬──┴─► performance_report ───┴─► retrain sensor ──► retrain run
                                      └────► probation_report ───────► rollback sensor ─► rollback run
            feature_windows ─► candidate_recent ┐
                            └► candidate_history ┴► candidate_model ─► validation_report ─(4 checks)─► production_model
            performance_report, production_model ─► model_status (also after every refusal and rollback)
            production_model ─► scored_batch (files of rows without outcome, where the spec declares `batches`)
            raw_data, outcomes ─► policy_backtest (what other policies would have cost; off until the first backtest)

Every asset is keyed [model, asset] and partitioned by the model's period; everything is as of the end of that period.
The stages get their own policies from the spec here. What they need besides (`watch`, `training`, `gate`) is built only
when a run asks for it, so that the code location loads without numpy's heavy company.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.audit.assets import audit_assets
from retrain_assets.backtest.assets import backtest_assets, backtest_job
from retrain_assets.candidates.assets import candidate_assets
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.resources import Clock, Home, usual_resources
from retrain_assets.dagster_glue.stored_tables import KEY, stored_tables
from retrain_assets.documents.units import counted
from retrain_assets.errors import NotFound
from retrain_assets.model import PeriodAccess
from retrain_assets.monitoring.assets import monitoring_assets
from retrain_assets.monitoring.policy import MonitoringPolicy
from retrain_assets.monitoring.sensors import Arrivals, Loop, monitoring_sensors
from retrain_assets.production.assets import production_assets
from retrain_assets.production.jobs import job_name, jobs
from retrain_assets.production.sensors import alert_sensors, rollback_sensor, withdrawal_due
from retrain_assets.raw.assets import raw_assets
from retrain_assets.serving.assets import batch_job, batch_sensor, serving_assets
from retrain_assets.spec.loading import spec_of_files
from retrain_assets.spec.model_spec import ModelSpec
from retrain_assets.validation.assets import validation_assets
from retrain_assets.windows.assets import window_assets

if TYPE_CHECKING:
    from retrain_assets.adoption.adoption import Adoption
    from retrain_assets.candidates.training import Training
    from retrain_assets.monitoring.triggers.evidence import Watch
    from retrain_assets.production.card.model_card import ModelCard
    from retrain_assets.production.probation.report import Probation
    from retrain_assets.production.promotion import Promotion
    from retrain_assets.registry.cooldown import Rest
    from retrain_assets.registry.registry import Registry
    from retrain_assets.store import PeriodStore
    from retrain_assets.validation.criteria.procedure_evidence import Procedure, ProcedureEvidence
    from retrain_assets.validation.gate import Gate
    from retrain_assets.validation.suite.proposals import Harvest
    from retrain_assets.verdict import Verdict
    from retrain_assets.windows.cut import Wait, Windows


def build_model_defs(spec: ModelSpec, resources: Mapping[str, Home | Clock] | None = None) -> dg.Definitions:
    """Build every asset, check, job and sensor of one model, ready to be merged into any code location.

    Args:
        spec: The model.
        resources: `home` and `clock`; by default those of the environment, RETRAIN_HOME and the clock on the wall.
    """
    frame = frame_of(spec)
    own_jobs = jobs(frame, partial(harvest, spec), partial(watch, spec), partial(renew_pages, spec))
    model_jobs = [*own_jobs, backtest_job(frame)]
    batches, score = spec.batches, job_name(spec.name, "score")
    if batches is not None:
        model_jobs.append(batch_job(frame, score))
    return dg.Definitions(
        assets=[
            *raw_assets(frame, spec.source, spec.columns, lambda: spec.intake),
            *monitoring_assets(frame, spec.model, spec.columns, monitoring(spec), partial(harm_found, spec)),
            *window_assets(frame, spec.model, partial(windows, spec)),
            *candidate_assets(frame, spec.model, partial(training, spec)),
            *validation_assets(frame, partial(judged, spec)),
            *production_assets(frame, partial(promotion, spec), partial(probation, spec), partial(model_card, spec)),
            *audit_assets(frame, partial(watch, spec)),
            *(serving_assets(frame, spec.model, batches) if batches is not None else ()),
            *backtest_assets(frame, spec.model, lambda: spec.backtest),
        ],
        jobs=model_jobs,
        sensors=[
            *monitoring_sensors(
                frame,
                Arrivals(spec.model, spec.source, spec.contract.max_delay),
                Loop(
                    partial(watch, spec), job_name(spec.name, "monitor"), job_name(spec.name, "retrain"), withdrawal_due
                ),
            ),
            rollback_sensor(frame),
            *alert_sensors(frame, model_jobs, partial(watch, spec)),
            *([batch_sensor(frame, batches, score)] if batches is not None else ()),
        ],
        resources={**(resources or usual_resources()), KEY: stored_tables},
    )


def frame_of(spec: ModelSpec) -> Frame:
    """What all assets of the model share."""
    return Frame(spec.name, spec.owners, spec.period, spec.source.depends_on, spec.row_name, spec.model.label_unit)


def monitoring(spec: ModelSpec) -> MonitoringPolicy:
    """How the live model is watched."""
    cost, threshold = spec.triggers.declared_excess, spec.validation.threshold
    least = spec.validation.fairness.pool_below
    return MonitoringPolicy(spec.drift, spec.labels, spec.business_metrics, cost, threshold, least)


def watch(spec: ModelSpec) -> "Watch":
    """What decides whether a retrain is due."""
    from retrain_assets.monitoring.triggers.evidence import Watch

    return Watch(spec.model, spec.windows, spec.triggers, spec.rollback.cooldown, spec.contract.max_delay)


def windows(spec: ModelSpec, access: PeriodAccess, at: datetime) -> "Windows | Wait":
    """Cut the windows of a retrain as of a period.

    Raises:
        NotPromotable: Whatever a retrain trained now, it could not be promoted.
    """
    from retrain_assets.windows.cut import Wait

    found = watch(spec).windows_at(access.store, access.registry, access.period)
    gate(spec).refuse_in_advance(access, at, None if isinstance(found, Wait) else found.history.end)
    return found


def training(spec: ModelSpec) -> "Training":
    """What trains the candidates and chooses between them."""
    from retrain_assets.candidates.training import Training
    from retrain_assets.monitoring.drift.reference_periods import kept_periods

    return Training(
        spec.model,
        spec.columns,
        spec.training,
        spec.windows,
        kept_periods(spec.drift, spec.period),
        spec.suite_ids,
    )


def gate(spec: ModelSpec) -> "Gate":
    """What judges a candidate."""
    from retrain_assets.candidates.refit import refit
    from retrain_assets.validation.gate import Gate

    return Gate(
        spec.model,
        spec.validation,
        spec.columns.groups,
        spec.policy_sha256,
        spec.triggers.max_per_year,
        refit=partial(refit, training(spec)) if spec.training.refit else None,
        agreement=spec.training.agreement,
        rest=partial(rest_of, spec),
        rules=spec.files,
        cooldown=spec.triggers.cooldown,
        procedure=procedure(spec),
    )


def procedure(spec: ModelSpec) -> "Procedure":
    """How the model is trained, and what measures whether that works."""
    from retrain_assets.backtest.record import read_backtest
    from retrain_assets.validation.criteria.procedure_evidence import Procedure

    declared = spec.validation.procedure
    aged = declared.aged.time if declared is not None and declared.aged.time else timedelta(0)

    def measured(access: PeriodAccess, since: datetime, alpha: float) -> "ProcedureEvidence":
        return spec.backtest.procedure(access, since, alpha, aged)

    def shown(access: PeriodAccess) -> "ProcedureEvidence | None":
        known = [period for period in access.store.periods("policy_backtest", "json") if period <= access.period]
        record = read_backtest(access.store, known[-1]) if known else None
        return record.procedure if record is not None else None

    return Procedure(spec.procedure_sha256, measured, shown)


@contextmanager
def gate_then(spec: ModelSpec, registry: "Registry", verdict: "Verdict") -> Iterator["Gate"]:
    """The gate under the rules of a verdict: those in force, or those that are stored with it.

    Raises:
        NotFound: Others are in force, and they are not stored.
    """
    from retrain_assets.validation.gate import RULES

    if spec.policy_sha256 == verdict.policy_sha256:
        yield gate(spec)
        return
    kept = verdict.evidence.get(RULES)
    with TemporaryDirectory(prefix="retrain-rules-") as folder:
        past = spec_of_files(Path(folder), registry.read(kept)) if kept else None
        if past is None or past.policy_sha256 != verdict.policy_sha256:
            raise NotFound(
                f"its rules {verdict.policy_sha256[:12]} are not stored, in force are {spec.policy_sha256[:12]}. Check "
                "out the spec and the suite of that time, then ask again."
            )
        yield gate(past)


def window_then(registry: "Registry", verdict: "Verdict") -> "tuple[datetime, datetime] | None":
    """The gate window that the rules stored with a verdict give its period; None where none are stored."""
    from retrain_assets.validation.gate import RULES

    kept = verdict.evidence.get(RULES)
    if kept is None:
        return None
    with TemporaryDirectory(prefix="retrain-rules-") as folder:
        past = spec_of_files(Path(folder), registry.read(str(kept)))
    end = past.period.bounds(verdict.period)[1] - past.source.label_delay
    return past.windows.gate.start(past.period, end), end


def rest_of(spec: ModelSpec, rolled_back: str) -> "Rest":
    """What a rollback of a period asks of the next candidate."""
    from retrain_assets.production.promotion import rest_after

    return rest_after(spec.period, spec.source.label_delay, spec.rollback.cooldown, rolled_back)


def adoption(spec: ModelSpec) -> "Adoption":
    """What adopts a model that was trained elsewhere."""
    from retrain_assets.adoption.adoption import Adoption
    from retrain_assets.monitoring.drift.reference_periods import kept_periods

    return Adoption(spec.model, spec.columns, spec.windows, gate(spec), kept_periods(spec.drift, spec.period))


def harvest(spec: ModelSpec) -> "Harvest":
    """What proposes cases for the regression suite."""
    from retrain_assets.validation.suite.proposals import Harvest

    return Harvest(spec.model, spec.validation)


def promotion(spec: ModelSpec) -> "Promotion":
    """What moves the live pointer, or keeps it."""
    from retrain_assets.production.promotion import Promotion

    return Promotion(
        spec.model,
        spec.policy_sha256,
        spec.rollback.cooldown,
        spec.validation.insufficient == "human",
        spec.retention,
    )


def judged(spec: ModelSpec, access: PeriodAccess, at: datetime, actor: str) -> "Verdict":
    """The period's verdict; what retention does not keep after it is deleted."""
    verdict = gate(spec).verdict(access, at, actor)
    access.registry.prune(spec.retention, at=at, actor=actor)
    return verdict


def model_card(spec: ModelSpec) -> "ModelCard":
    """What its cards say of every version."""
    from retrain_assets.production.card.model_card import ModelCard

    source, days = spec.source, spec.source.label_delay / timedelta(days=1)
    return ModelCard(
        spec.name,
        spec.description,
        spec.intended_use,
        spec.owners,
        spec.task,
        source.label,
        f"at {source.known_at}" if source.known_at else f"{counted(days, 'day')} after its {spec.row_name}",
        spec.period.every,
        tuple(spec.columns.features),
        spec.validation,
        spec.row_name,
        source.label_unit or "",
    )


def harm_found(spec: ModelSpec, store: "PeriodStore", period: str) -> str:
    """What a period's probation found against the live version, in a sentence; empty for nothing."""
    from retrain_assets.production.probation import page

    return page.harm_found(spec.model, store, period)


def renew_pages(spec: ModelSpec, store: "PeriodStore", registry: "Registry") -> None:
    """Write the pages anew that a move of the live pointer made false."""
    from retrain_assets.production import renewed_pages

    renewed_pages.renew_pages(spec.model, model_card(spec), store, registry, monitoring(spec).retrain_cost)


def probation(spec: ModelSpec) -> "Probation":
    """What compares a promoted version with the one before."""
    from retrain_assets.production.probation.report import Probation

    return Probation(spec.model, spec.probation)
