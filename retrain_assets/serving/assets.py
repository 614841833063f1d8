"""`scored_batch`: rows that have no outcome yet, scored as their files arrive, for teams whose product is a table."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import dagster as dg

from retrain_assets.dagster_glue.executor import run_executor
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, sentence, table
from retrain_assets.dagster_glue.resources import Clock, Home
from retrain_assets.dagster_glue.tags import MODEL_TAG, TURN_TAG
from retrain_assets.documents.units import called, counted
from retrain_assets.model import Model
from retrain_assets.monitoring.sensors import IN_FLIGHT
from retrain_assets.production.jobs import Job
from retrain_assets.serving.policy import SCORED_BATCH, BatchesPolicy

if TYPE_CHECKING:
    from retrain_assets.serving.inbox import ScoredFile


def serving_assets(frame: Frame, model: Model, batches: BatchesPolicy) -> list[dg.AssetsDefinition]:
    """The asset that scores what waits."""

    @frame.asset(
        SCORED_BATCH,
        deps=("production_model",),
        upstream=batches.depends_on,
        partitions_def=None,
        pool=f"{frame.model}__{SCORED_BATCH}",
        description=(
            "Rows that have no outcome yet, scored once as their file arrives by the version that is live then. One "
            "Parquet file of scores for each file of rows: key, time, version, digest, moment and scores. A file that "
            "cannot be scored is named and stops no other; written again, it is tried again."
        ),
        kinds={"parquet", "lightgbm"},
    )
    def scored_batch(context: dg.AssetExecutionContext, home: Home, clock: Clock) -> Iterator[Materialized]:
        from retrain_assets.serving.inbox import score_files, waiting
        from retrain_assets.serving.live import loaded, version_of

        store, registry = home.store(frame.model), home.registry(frame.model)
        live = loaded(registry, version_of(registry))
        done = score_files(waiting(batches, store, clock.now()), batches, live, model, store, clock.now)
        scored = [one for one in done if not one.fault]
        yield dg.MaterializeResult(
            metadata={
                "summary": _summary(scored, live.version.name, frame.row_name),
                "files": table([_line(one) for one in scored], frame.row_name),
                "rows": sum(one.rows for one in scored),
                "dagster/uri": str(store.root / SCORED_BATCH),
            }
        )
        if faults := [one.fault for one in done if one.fault]:
            said = f"{' '.join(faults)} What could be scored is. Mend a file that could not, and it is tried again."
            raise dg.Failure(said, allow_retries=False)

    return [scored_batch]


def batch_job(frame: Frame, name: str) -> Job:
    """Score what waits; it takes no turn with the runs that monitor and retrain."""
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(frame.key(SCORED_BATCH)),
        description=called("Score the files of rows that have arrived, with the live version.", frame.row_name),
        tags={MODEL_TAG: frame.model, TURN_TAG: f"{frame.model} batches", "dagster/max_runtime_seconds": "21600"},
        executor_def=run_executor(),
    )


def batch_sensor(frame: Frame, batches: BatchesPolicy, job: str) -> dg.SensorDefinition:
    """Starts the job when files have arrived; it lists them and reads no row."""

    @dg.sensor(
        name=f"{frame.model}__new_batch",
        job_name=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=called("Scores files of rows as they arrive, once a version is live.", frame.row_name),
    )
    def new_batch(context: dg.SensorEvaluationContext, home: Home, clock: Clock) -> dg.RunRequest | dg.SkipReason:
        from retrain_assets.errors import SourceError
        from retrain_assets.serving.inbox import waiting

        if home.registry(frame.model).live() is None:
            return dg.SkipReason(f"{frame.model} has no live version yet that could score what waits")
        try:
            files = waiting(batches, home.store(frame.model), clock.now())
        except SourceError as fault:
            return dg.SkipReason(str(fault))
        if not files:
            return dg.SkipReason("every file that has arrived and rests is scored")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=IN_FLIGHT)):
            waits = "file waits" if len(files) == 1 else "files wait"
            return dg.SkipReason(f"{len(files)} {waits} for the run that is scoring others")
        names = "\n".join([*(one.name for one in files), f"{clock.now():%Y-%m-%dT%H}"])  # a crash is tried hourly
        return dg.RunRequest(run_key=f"{frame.model}:batch:{hashlib.sha256(names.encode()).hexdigest()[:16]}")

    return new_batch


def _summary(scored: "Sequence[ScoredFile]", version: str, row: str) -> dg.MarkdownMetadataValue:
    if not scored:
        return sentence("**Nothing new to score.** {} is live.", version)
    unseen: dict[str, int] = {}
    for one in scored:
        for feature, rows in one.unseen.items():
            unseen[feature] = unseen.get(feature, 0) + rows
    told = [
        f"{feature}: {counted(rows, row)} with a category that {version} never saw, scored as missing"
        for feature, rows in sorted(unseen.items())
    ]
    rows, files = sum(one.rows for one in scored), counted(len(scored), "file")
    return sentence("**{}** of {} scored by {}." + "\n- {}" * len(told), counted(rows, row), files, version, *told)


def _line(one: "ScoredFile") -> dict[str, object]:
    return {"file": one.place.rpartition("/")[2], "rows": one.rows, "version": one.version, "scored_at": one.at}
