"""No run waits for a place in a pool that is free.

Dagster 1.13 looks whether a slot is free, and then, in a second transaction, writes down that the step waits. A slot
that is given back between the two finds nobody waiting, and the step, written down a moment later, waits for ever with
the slot free. So whoever carries out a run looks now and then, and assigns the free slot as the one who gave it back
would have done. A step that was assigned once too often does no harm: it still has to take a slot, and a pool has one.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from retrain_assets.dagster_glue.crashed_runs import carry_out

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode
    from dagster._core.execution.step_dependency_config import StepDependencyConfig

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
"""A promotion or rollback holds its slot for seconds; who waits longer is told for whom."""

_LOG = logging.getLogger("retrain_assets.dagster_glue.pools")


def wake(instance: dg.DagsterInstance) -> list[str]:
    """Assign every free slot for which a step waits, and return the names of those pools."""
    storage: Any = instance.event_log_storage
    infos = (storage.get_concurrency_info(pool) for pool in sorted(storage.get_concurrency_keys()))
    idle = [
        info.concurrency_key
        for info in infos
        if info.pending_step_count and info.slot_count > max(info.assigned_step_count, info.active_slot_count)
    ]
    storage.assign_pending_steps(idle)
    return idle


def long_waits(instance: dg.DagsterInstance, now: float) -> list[str]:
    """One sentence for each run that has waited long: for which run, and what to do.

    Args:
        instance: Where the runs are.
        now: Seconds since 1970.
    """
    storage = instance.event_log_storage
    said = []
    for pool in sorted(storage.get_concurrency_keys()):
        info = storage.get_concurrency_info(pool)
        waiting = {
            step.run_id[:8]
            for step in info.pending_steps
            if step.assigned_timestamp is None and now - step.enqueued_timestamp.timestamp() >= PATIENCE_SECONDS
        }
        if waiting and info.active_run_ids:
            said.append(
                f"run {', '.join(sorted(waiting))} waits for the pool {pool}, which run "
                f"{', '.join(sorted(holder[:8] for holder in info.active_run_ids))} holds. If no process carries that "
                "run out any more, end it in the UI under Runs, or free its slot under Deployment > Concurrency."
            )
    return said


@contextmanager
def waking(instance: dg.DagsterInstance) -> Iterator[None]:
    """Wake waiting steps while this lasts, and say once who waits long, and for whom."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(instance, over), name="pools", daemon=True)
    if not instance.is_ephemeral:  # its runs are of this process alone, and its storage of one thread
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if watcher.ident is not None:
            watcher.join()


def waking_executor(inner: dg.ExecutorDefinition) -> dg.ExecutorDefinition:
    """The same executor, whose process is known to live, and under which no step waits for a slot that is free."""
    make: Any = inner.executor_creation_fn
    return dg.ExecutorDefinition(
        name=inner.name,
        config_schema=inner.config_schema,  # type: ignore[arg-type]
        requirements=inner.get_requirements,
        executor_creation_fn=lambda context: _Waking(make(context)),
        description=inner.description,
    )


class _Waking(dg.Executor):
    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> "RetryMode":
        return self._inner.retries

    @property
    def step_dependency_config(self) -> "StepDependencyConfig":
        return self._inner.step_dependency_config

    def execute(
        self, plan_context: "PlanOrchestrationContext", execution_plan: "ExecutionPlan"
    ) -> Iterator[dg.DagsterEvent]:
        if not plan_context.instance.is_ephemeral:
            carry_out(plan_context.instance, plan_context.run_id)
        with waking(plan_context.instance):
            yield from self._inner.execute(plan_context, execution_plan)


def _watch(instance: dg.DagsterInstance, over: threading.Event) -> None:
    told: set[str] = set()
    while not over.wait(LOOK_SECONDS):
        try:
            wake(instance)
            new = [sentence for sentence in long_waits(instance, time.time()) if sentence not in told]
        except Exception as fault:  # the next look may go better, and the run itself goes on whatever becomes of it
            _LOG.debug("the pools could not be looked at: %s: %s", type(fault).__name__, fault)
            continue
        for sentence in new:
            _LOG.warning("%s", sentence)
        told.update(new)
