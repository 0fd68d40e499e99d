"""Runs that a command makes in its own process: if it was killed, the next command ends them.

Dagster's monitoring ends them as well, where a daemon runs, an hour later. Until then a killed
retraining would keep its place in the pool, and the next one would wait for it.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

from dagster import DagsterInstance, RunsFilter

from attrition_assets.adapters.files import alone, is_held
from attrition_assets.defs.runs import IN_PROGRESS

COMMAND_TAG = "attrition/command"


@contextmanager
def tagging_runs(home: Path) -> Iterator[dict[str, str]]:
    """The tags of all runs of this command, until it ends: a file that it holds says so."""
    name = uuid4().hex
    path = _path(home, name)
    with ExitStack() as held:
        with _alone(home):
            held.enter_context(alone(path))
        try:
            yield {COMMAND_TAG: name}
        finally:
            path.unlink()


def end_dead_runs(instance: DagsterInstance, home: Path) -> None:
    """Let the runs of commands that were killed fail, and give back their places in pools."""
    with _alone(home):
        for run in instance.get_runs(RunsFilter(statuses=IN_PROGRESS)):
            name = run.tags.get(COMMAND_TAG)
            if name is not None and not is_alive(home, name):
                instance.report_run_failed(run, "The process of its command was killed.")
                instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        for path in _path(home, "*").parent.glob("*.held"):
            if not is_held(path):
                path.unlink()


def is_alive(home: Path, name: str) -> bool:
    """Whether a command, by the tag of its runs, has not ended."""
    return is_held(_path(home, name))


def _path(home: Path, name: str) -> Path:
    return home / "commands" / f"{name}.held"


def _alone(home: Path) -> AbstractContextManager[None]:
    """Wait until no other command begins or looks for those that were killed."""
    return alone(home / "commands" / "lock")
