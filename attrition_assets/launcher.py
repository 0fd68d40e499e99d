"""The stack's run launcher: Dagster's own for containers, which would fail a command's runs.

`docker compose exec code attrition retrain` runs in the command's own process. Dagster's launcher
looks for a container of it, finds none, and Dagster's monitoring ends the run as dead.
"""

from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster_docker import DockerRunLauncher

from attrition_assets.defs.command_runs import COMMAND_TAG, is_alive
from attrition_assets.settings import load_settings


class Launcher(DockerRunLauncher):
    """Each run in a container of its own, but those of commands, which live with their command."""

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run lives: of its container, or of its command."""
        command = run.tags.get(COMMAND_TAG)
        if command is None:
            found: CheckRunHealthResult = super().check_run_worker_health(run)
            return found
        if is_alive(load_settings().home, command):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, msg="The process of its command ended.")
