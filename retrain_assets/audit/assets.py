"""`model_status`: the page to open first. Is it well, what is live, what happened, what comes next; the history."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import dagster as dg

from retrain_assets.audit.status_record import ASSET, StatusRecord, read_status
from retrain_assets.dagster_glue.frame import Frame
from retrain_assets.dagster_glue.metadata import Materialized, Metadata, table
from retrain_assets.dagster_glue.reports import kept
from retrain_assets.dagster_glue.resources import Home
from retrain_assets.dagster_glue.run_context import period_of
from retrain_assets.dagster_glue.tags import MODEL_TAG, OUTCOME_TAG, PARTITION_TAG
from retrain_assets.documents.page import text
from retrain_assets.documents.plain_text import plain
from retrain_assets.documents.units import first_few
from retrain_assets.errors import RetrainError
from retrain_assets.model import PeriodAccess
from retrain_assets.registry.journal.tenure import Tenure, tenures
from retrain_assets.store import PeriodStore

if TYPE_CHECKING:
    from retrain_assets.audit.figures import RunTime
    from retrain_assets.audit.model_status import Fault, ModelStatus
    from retrain_assets.monitoring.triggers.evidence import Watch
    from retrain_assets.registry.registry import Registry

RUNS_READ = 50
"""How many of the latest retrain runs the times are taken from."""

SHOWN = 20
"""How many of the latest tenures the page lists."""

COLUMNS = {"version": "version", "from": "from", "to": "to", "in objective": "well", "left": "left"}
"""What the page has room for of a tenure, and under which name; the report and the stored record hold more."""

LONGEST = 170
"""Signs of one of the five answers on the page; five of them stay below what Dagster folds away."""

LONGEST_CAUSE = 240
"""Signs of a fault's cause that a status keeps; the run has the rest."""


def audit_assets(frame: Frame, watch: "Callable[[], Watch]") -> list[dg.AssetsDefinition]:
    """The one asset; `watch()` gives what decides when the model is retrained."""

    @frame.asset(
        ASSET,
        deps=("performance_report", "production_model"),
        description=(
            "The page to open first, as of the period: is it well, what is live, what happened last, what comes next; "
            "then which version was live when, what was tried, and the figures a team is judged by: promotions, "
            "rejections, rollbacks, time within the quality objective, waiting times, compute and age. Written at the "
            "end of every monitoring and retrain run and after every rollback. Empty until the model is started: "
            f"`retrain replay {frame.model}`, or run {frame.model}__monitor for its first period."
        ),
        kinds={"matplotlib"},
    )
    def model_status(context: dg.AssetExecutionContext, home: Home) -> Materialized:
        period = period_of(context)
        access = PeriodAccess(home.store(frame.model), home.registry(frame.model), period)
        return dg.MaterializeResult(metadata=written(frame, access, watch(), context.instance, context.run.run_id))

    return [model_status]


def audit_hooks(frame: Frame, watch: "Callable[[], Watch]") -> tuple[dg.HookDefinition, dg.HookDefinition]:
    """After a failed step, and after a step that succeeded: the status as of the run's period, reported as an event.

    A refusal ends a retrain before its last assets run, and a rollback is no asset; both belong to the history all the
    same. A fault in here is logged and leaves the run's end as it is.
    """

    @dg.failure_hook(name=f"{frame.model}__history_after_failure", required_resource_keys={"home"})
    def after_failure(context: dg.HookContext) -> None:
        _report(context, frame, watch(), fault_of(context.op_exception))

    @dg.success_hook(name=f"{frame.model}__history_after_success", required_resource_keys={"home"})
    def after_success(context: dg.HookContext) -> None:
        _report(context, frame, watch(), None)

    return after_failure, after_success


def fault_of(error: BaseException | None) -> str:
    """What broke a step, in one line that fits a status."""
    of = "" if isinstance(error, RetrainError) else f"{type(error).__name__}: "
    said = getattr(error, "description", None) or (f"{of}{error}" if error else "unknown")
    line = plain(str(said).splitlines()[0])
    return line if len(line) <= LONGEST_CAUSE else f"{line[: LONGEST_CAUSE - 1].rsplit(' ', 1)[0]} …"


def _report(context: dg.HookContext, frame: Frame, watch: "Watch", fault: str | None) -> None:
    home, instance = context.resources.home, context.instance
    events = home.registry(frame.model).history()
    run = instance.get_run_by_id(context.run_id)
    period = (run.tags.get(PARTITION_TAG) if run else None) or (events[-1].period if events else None)
    if period is not None and not _written_by(home.store(frame.model), period, context.run_id):
        access = PeriodAccess(home.store(frame.model), home.registry(frame.model), period)
        asked_too_much = run is not None and run.tags.get(OUTCOME_TAG) == "refused"
        _report_status(frame, access, watch, instance, (context.run_id, None if asked_too_much else fault))


def report_killed(
    frame: Frame, access: PeriodAccess, watch: "Watch", instance: dg.DagsterInstance, ended: tuple[str, str]
) -> None:
    """Write the status as of a period whose run was killed, so that nothing of it could.

    Args:
        frame: The model's.
        access: The period of the run.
        watch: What decides when the model is retrained.
        instance: Where the runs are recorded.
        ended: The run's id, and what is said of its end.
    """
    if not _written_by(access.store, access.period, ended[0]):
        _report_status(frame, access, watch, instance, ended)


def report_decided(
    frame: Frame, store: PeriodStore, registry: "Registry", watch: "Watch", instance: dg.DagsterInstance
) -> None:
    """Write the status of the newest monitored period anew, as after a person's decision, which no run writes."""
    from retrain_assets.monitoring.records.performance_record import monitored_periods

    newest = max(monitored_periods(store), default=None)
    if newest is not None:
        access = PeriodAccess(store, registry, newest)
        last = read_status(store, newest)
        _report_status(frame, access, watch, instance, (last.run if last else "", None))


def _report_status(
    frame: Frame, access: PeriodAccess, watch: "Watch", instance: dg.DagsterInstance, ended: tuple[str, str | None]
) -> None:
    """Write the status after a run, and report it; a run that broke nothing leaves what broke before it told."""
    from retrain_assets.monitoring.records.performance_record import monitored_periods

    run_id, fault = ended
    metadata = written(frame, access, watch, instance, run_id, fault or _told_fault(access))
    event = dg.AssetMaterialization(frame.key(ASSET), partition=access.period, metadata=metadata)
    instance.report_runless_asset_event(event)
    newest = max(monitored_periods(access.store), default=access.period)
    if newest > access.period:  # the page that is opened first shows what was reported last
        later = access.of(newest)
        metadata = written(frame, later, watch, instance, run_id, _told_fault(later))
        instance.report_runless_asset_event(
            dg.AssetMaterialization(frame.key(ASSET), partition=newest, metadata=metadata)
        )


def _earlier_fault(frame: Frame, store: PeriodStore, period: str) -> "Fault | None":
    """What broke a run of an earlier period, and was not run again since."""
    from retrain_assets.audit.status import last_fault

    return last_fault(store, frame.calendar.shift(period, -1)) if period > frame.calendar.first else None


def _told_fault(access: PeriodAccess) -> str | None:
    """What is told to have broken the last run of a period."""
    record = read_status(access.store, access.period)
    return record.fault if record else None


def _written_by(store: PeriodStore, period: str, run_id: str) -> bool:
    """Whether this run has reported already: several of its steps may fail one after another."""
    record = read_status(store, period)
    return record is not None and record.run == run_id


def written(
    frame: Frame,
    access: PeriodAccess,
    watch: "Watch",
    instance: dg.DagsterInstance,
    run_id: str,
    fault: str | None = None,
) -> Metadata:
    """Store the status as of a period, with what broke the run where anything did, and describe it for the page."""
    from retrain_assets.audit.figures import figures, quality_until, training_seconds_until
    from retrain_assets.audit.model_status import Fault
    from retrain_assets.audit.pages.page import TIMELINE, newest_reports, so_far, status_report
    from retrain_assets.audit.pages.plot import timeline
    from retrain_assets.audit.status import decided_of, status_of, with_fault
    from retrain_assets.production.card.model_card import ASSET as CARD
    from retrain_assets.registry.journal.history import History

    store, registry, period = access.store, access.registry, access.period
    events = [event for event in registry.history() if event.period <= period]
    quality = quality_until(store, period)
    seconds = training_seconds_until(store, period)
    known = replace(status_of(access, watch, frame.calendar.bounds(period)[1]), owners=frame.owners)
    status = with_fault(
        known, Fault(period, fault, known.last_period == period) if fault else _earlier_fault(frame, store, period)
    )
    found = figures(period, frame.calendar, events, quality, seconds, retrain_runs(instance, frame.model))
    rows = [_row(tenure, frame, quality, store, period) for tenure in tenures(events)]
    record = StatusRecord(run_id, fault, status.to_dict(), found.to_dict(), rows)
    store.write_json(ASSET, period, record.to_dict())
    latest = rows[::-1][:SHOWN]
    pictures = {TIMELINE: timeline(frame.calendar, decided_of(History(events)), quality, period)}
    newest = newest_reports(store, period)
    if status.live and store.path(CARD, status.live, "html").exists():
        newest[CARD] = status.live
    document = status_report(status, found, rows[::-1], newest, frame.row_name)
    numbers: Metadata = {name: value for name, value in found.to_dict().items() if isinstance(value, int | float)}
    return {
        "summary": dg.MetadataValue.md(in_five_lines(status)),
        "so_far": dg.MetadataValue.md(so_far(found)),
        **kept(access, ASSET, document, pictures),
        "tenures": table([{said: row[name] for name, said in COLUMNS.items()} for row in latest]),
        **_links(frame, store, period),
        "journal_head": dg.MetadataValue.md(_in_halves(str(registry.head() or "no event"))),
        **numbers,
    }


def in_five_lines(status: "ModelStatus") -> str:
    """The five answers as Markdown, none so long that Dagster would fold the whole away."""
    return "\n".join(f"- **{asked}**: {text(_cut(answer))}" for asked, answer in status.answers.items())


def _cut(answer: str) -> str:
    """An answer that is too long ends after a whole clause where it has one, else after a whole word."""
    if len(answer) <= LONGEST:
        return answer
    clauses = max((answer[:LONGEST].rpartition(mark)[0] for mark in ("; ", ". ")), key=len)
    return clauses if len(clauses) > LONGEST / 2 else f"{answer[: LONGEST - 1].rsplit(' ', 1)[0]} …"


def _links(frame: Frame, store: PeriodStore, period: str) -> Metadata:
    """The newest report of each kind up to the period, by its address in the UI."""
    from retrain_assets.audit.pages.page import newest_reports

    return {
        asset: dg.MetadataValue.url(f"/assets/{frame.model}/{asset}?view=partitions&partition={quote(found, safe='')}")
        for asset, found in newest_reports(store, period).items()
    }


def _in_halves(head: str) -> str:
    """A head with a gap in its hash, for the page cuts off what a word of 64 letters pushes aside."""
    return f"{head[:-32]} {head[-32:]}" if len(head) > 32 else head


def retrain_runs(instance: dg.DagsterInstance, model: str) -> "list[RunTime]":
    """The times of the latest finished retrain runs, from Dagster's own records."""
    from retrain_assets.audit.figures import RunTime

    finished = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    chosen = dg.RunsFilter(job_name=f"{model}__retrain", tags={MODEL_TAG: model}, statuses=finished)
    return [
        RunTime(
            record.dagster_run.tags.get(OUTCOME_TAG, "crash"),
            record.end_time - record.create_timestamp.timestamp(),
            record.end_time - record.start_time,
        )
        for record in instance.get_run_records(chosen, limit=RUNS_READ)
        if record.start_time is not None and record.end_time is not None
    ]


def _row(
    tenure: Tenure, frame: Frame, quality: Mapping[str, str], store: PeriodStore, period: str
) -> dict[str, object]:
    """One tenure: the periods it served, how many of those were well, which are not known, how it came and left."""
    from retrain_assets.audit.figures import BLIND
    from retrain_assets.audit.probations import course_of
    from retrain_assets.registry.journal.events import spoken

    served = tenure.periods(frame.calendar, period)
    judged = [quality[known] for known in served if known in quality]
    blind = [known for known in served if quality.get(known) == BLIND]
    course = course_of(store, tenure.digest, served)
    return {
        "version": tenure.version,
        "from": served[0] if served else frame.calendar.shift(tenure.began.period, 1),
        "to": served[-1] if served else "",
        "in objective": f"{judged.count('quiet')} of {len(judged)}" if judged else "",
        "no outcomes in": first_few(blind, most=4),
        "probation": course.words if course else "",
        "left": _left(tenure),
        "put there": tenure.began.at.isoformat(" ", "minutes"),
        "how": spoken(tenure.began.action),
        "by": tenure.began.actor,
        "because": tenure.began.reason,
    }


def _left(tenure: Tenure) -> str:
    if tenure.ended is None:
        return "live"
    to = tenure.ended.to_version
    if tenure.ended.action == "promoted":
        return f"replaced by {to}"
    return f"{str(tenure.ended.action).replace('_', ' ')}{f' to {to}' if to else ''}"
