"""Dagster's default run launcher, which besides looks whether the process of a run still lives.

`dagster.yaml` names it. With it the daemon's run monitoring fails a run that was killed together with whoever watched
it, at the next look; without it such a run would count as running for its maximum run time.
"""

from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.dagster_run import DagsterRun

from retrain_assets.dagster_glue.crashed_runs import GONE, is_gone, launching


class WatchingRunLauncher(DefaultRunLauncher):
    """Launches runs as the default launcher does, and tells those whose process is gone from those that run."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether run monitoring is to ask: yes."""
        return True

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launch a run, tagged by who does, so that one which never began is known when the launcher is gone."""
        self._instance.add_run_tags(context.dagster_run.run_id, launching(self._instance))
        super().launch_run(context)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run lives, as far as its lock tells."""
        if is_gone(self._instance, run.run_id):
            return CheckRunHealthResult(WorkerStatus.FAILED, GONE)
        return CheckRunHealthResult(WorkerStatus.RUNNING)
