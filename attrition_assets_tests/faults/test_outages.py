"""What the program needs is away at some instant: it ends cleanly; once it is back, all is well.

As undisturbed, byte for byte, by the same command again.
"""

import random
import time
from pathlib import Path

import pytest
from dagster import DagsterInstance

from attrition_assets.months import parse_month
from attrition_assets_tests.github_server import API, GitHubServer
from attrition_assets_tests.outages import fill, holding, mounted
from attrition_assets_tests.processes import PATIENCE_SECONDS

from .forked import LOG, begin, command, do
from .rows import STRUCK
from .site import Site, copy_home, month_files
from .soundness import (
    assert_sound,
    assert_told_once,
    end_what_was_killed,
)
from .stages import FAILING, Stages, open_loop
from .test_kills import Record

MONTH = ("run", FAILING)
STORES = ("mlflow/mlflow.db", "history/runs.db", "history/runs/index.db")
NOWHERE = "http://127.0.0.1:9"


def run_month() -> None:
    """The monthly job as Dagster runs it: nothing asks beforehand whether there is room."""
    loop = open_loop()
    with DagsterInstance.from_config(str(loop.settings.home)) as instance:
        assert loop.run(instance, "monthly", parse_month(FAILING)).success


def do_again(site: Site, stages: Stages, server: GitHubServer, github: dict[str, str]) -> None:
    """What is away is back: the month again, and all is as if it had never been away."""
    end_what_was_killed(site)
    do(command, site.settings, *MONTH, **github)
    assert_sound(site, stages, "judged", [FAILING], versions=[1])
    assert_told_once(server, stages, "judged")


@pytest.mark.faults("the disk full in the midst of a month")
def test_a_month_on_a_full_disk_is_made_whole_once_there_is_room(
    stages: Stages,
    server: GitHubServer,
    github: dict[str, str],
    tmp_path: Path,
    turn: int,
    record_property: Record,
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted(disk, "-t", "tmpfs", "-o", "size=100m", "tmpfs"):
        settings = copy_home(stages.settings("ready"), disk / "home")
        fill(disk, left=random.Random(turn).randrange(4_000_000))
        failed = begin(run_month, settings, **github)
        failed.join(PATIENCE_SECONDS)
        assert failed.exitcode == 1
        (disk / "fill").unlink()
        with DagsterInstance.from_config(str(settings.home)) as instance:
            site = Site(settings, instance)
            record_property(STRUCK, site.struck_step())
            do_again(site, stages, server, github)


@pytest.mark.faults("MLflow away during a month")
def test_a_month_without_mlflow_changes_nothing_and_is_made_once_it_is_back(
    site: Site, stages: Stages, server: GitHubServer, github: dict[str, str]
) -> None:
    away = {"ATTRITION_MLFLOW_URI": NOWHERE, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    failed = begin(command, site.settings, *MONTH, **away, **github)
    failed.join(PATIENCE_SECONDS)
    assert failed.exitcode == 1
    assert "does not answer as it should" in (site.home.parent / LOG).read_text()
    assert month_files(site.home, FAILING) == {}
    assert len(server.issues) == 1
    do_again(site, stages, server, github)


@pytest.mark.faults("a SQLite file locked at a random instant of a month")
def test_a_month_whose_database_was_locked_is_made_once_it_is_free(
    site: Site,
    stages: Stages,
    server: GitHubServer,
    github: dict[str, str],
    turn: int,
    record_property: Record,
) -> None:
    """The file is held until the command has given up, or has ended all the same."""
    name = STORES[turn % len(STORES)]
    locked = begin(command, site.settings, *MONTH, **github)
    time.sleep(random.Random(turn).uniform(0, stages.seconds("judged")))
    with holding(site.home / name):
        locked.join(PATIENCE_SECONDS)
    said = "ended all the same" if locked.exitcode == 0 else "gave up"
    record_property(STRUCK, f"{Path(name).name}: {said}")
    assert locked.exitcode in (0, 1)
    assert locked.exitcode == 0 or "locked" in (site.home.parent / LOG).read_text()
    do_again(site, stages, server, github)


@pytest.mark.faults("GitHub down, refusing, or cut off before it answers, during a month")
@pytest.mark.parametrize("how", ["down", "refusing", "cut off"])
def test_a_month_without_github_is_made_and_told_once_it_is_back(
    how: str, site: Site, stages: Stages, server: GitHubServer, github: dict[str, str]
) -> None:
    made = f"POST {API}/issues"
    if how == "refusing":
        server.failing[made] = (422, {"message": "Validation Failed"})
    if how == "cut off":
        server.unheard.add(made)
    down = {"ATTRITION_GITHUB_URL": NOWHERE} if how == "down" else {}
    do(command, site.settings, *MONTH, **{**github, **down})
    assert len(server.issues) == (1 if how == "cut off" else 0)
    server.failing.clear()
    server.unheard.clear()
    do_again(site, stages, server, github)
