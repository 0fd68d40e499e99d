from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.launcher.base import WorkerStatus
from dagster._core.test_utils import create_run_for_test

from attrition_assets.defs.command_runs import tagging_runs
from attrition_assets.launcher import Launcher


def test_a_run_of_a_command_lives_with_it_and_any_other_with_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTRITION_HOME", str(tmp_path))
    launcher = Launcher()
    with DagsterInstance.ephemeral() as instance:
        with tagging_runs(tmp_path) as tags:
            run = create_run_for_test(instance, tags=tags)
            assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
        assert launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
        lost = launcher.check_run_worker_health(create_run_for_test(instance))
        assert lost.status == WorkerStatus.NOT_FOUND
