"""What must hold of a home once all was done again, whatever was broken in it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from dagster import DagsterInstance, RunsFilter
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.daemon import MonitoringDaemon

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.github import open_github
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs.issues import try_again
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.defs.runs import IN_PROGRESS
from attrition_assets.demo import RETRAIN
from attrition_assets.governance.decisions import Kind, trace_champions
from attrition_assets_tests.github_server import GitHubServer
from attrition_assets_tests.processes import wait_until

from .forked import command, do
from .site import Site, month_files
from .stages import Stages, open_loop


def end_what_was_killed(site: Site) -> None:
    """Let Dagster's monitoring look once: a run whose process died fails and gives back its pool.

    It is the daemon's own, without the daemon; some tests have the daemon do it.
    """
    if _is_quiet(site):
        return
    site.monitor_closely(seconds=1)
    wait_until(lambda: _monitor(site), "the end of runs whose process was killed")


def _monitor(site: Site) -> bool:
    do(monitor, site.settings)
    return _is_quiet(site)


def _is_quiet(site: Site) -> bool:
    pools = site.instance.event_log_storage.get_concurrency_run_ids()
    return not pools and not site.instance.get_runs(RunsFilter(statuses=IN_PROGRESS))


def monitor() -> None:
    """One iteration of Dagster's monitoring daemon."""
    home = open_loop().settings.home
    with (
        DagsterInstance.from_config(str(home)) as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace,
    ):
        for fault in MonitoringDaemon(interval_seconds=1).run_iteration(workspace):
            assert fault is None, fault


def follow_sensors() -> None:
    """All sensors' ticks until they ask for nothing any more, with the runs that they ask for."""
    loop = open_loop()
    with DagsterInstance.from_config(str(loop.settings.home)) as instance:
        while requests := loop.evaluate(instance, RETRAIN).run_requests:
            for request in requests:
                tags, config = dict(request.tags), dict(request.run_config)
                assert loop.run(instance, "retraining", run_config=config, tags=tags).success
        loop.write_summaries(instance)
    try_again(Outbox(loop.settings.home), open_github(loop.settings), datetime.now(UTC))


def assert_sound(
    site: Site, stages: Stages, stage: str, months: Iterable[str], versions: list[int]
) -> None:
    """The home is as that of a stage, which nothing disturbed; and in itself it is in order."""
    undisturbed = stages.settings(stage).home
    for month in months:
        made = month_files(site.home, month)
        assert len(made) == 2
        assert made == month_files(undisturbed, month)
    assert not site.instance.get_runs(RunsFilter(statuses=IN_PROGRESS))
    assert not find_temporary(site.home)
    do(command, site.settings, "decisions", "--verify")
    registered, aliases = read_registry(site.home)
    assert sorted(registered) == versions
    champions = trace_champions(DecisionLog(site.home).entries())
    told = read_latest_metadata(site.instance, "champion")
    assert told is not None
    assert aliases["champion"] == champions[-1] == told["version"]
    on_record = [
        entry.facts["version"]
        for entry in DecisionLog(site.home).entries()
        if entry.kind == Kind.MODEL_REGISTERED
    ]
    assert on_record == versions


def assert_same_version(site: Site, stages: Stages) -> None:
    """Version 2 is the one that an undisturbed retraining made."""
    homes = (site.home, stages.settings("retrained").home)
    made, undisturbed = [read_registry(home)[0][2] for home in homes]
    same = ("held_out_sha256", "reference_digest", "threshold", "params", "comparison")
    assert {name: made[name] for name in same} == {name: undisturbed[name] for name in same}


def read_registry(home: Path) -> tuple[dict[int, dict[str, str]], dict[str, int]]:
    """The tags of each version, and the version of each alias, as they lie in MLflow's database."""
    with closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as database:
        listed = database.execute("SELECT version FROM model_versions")
        versions: dict[int, dict[str, str]] = {int(version): {} for (version,) in listed}
        tags = database.execute("SELECT version, key, value FROM model_version_tags")
        for version, name, value in tags:
            versions[int(version)][name] = value
        aliases = database.execute("SELECT alias, version FROM registered_model_aliases")
        return versions, {alias: int(version) for alias, version in aliases}


def assert_retrained_once(site: Site) -> None:
    """One retraining went well; those before it were killed."""
    *killed, last = site.statuses()
    assert last == "SUCCESS"
    assert set(killed) <= {"FAILURE"}
    assert site.decisions().count("retraining requested") == 1


def assert_told_once(server: GitHubServer, stages: Stages, stage: str) -> None:
    """GitHub has the issues that tell the stage's months, each once."""
    assert [(each["title"], each["state"]) for each in server.issues] == stages.issues(stage)


def find_temporary(home: Path) -> list[Path]:
    return list(home.rglob("*.tmp"))
