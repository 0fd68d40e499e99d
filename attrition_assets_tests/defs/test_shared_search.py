"""A retraining and two helpers, real commands, that share one search through a PostgreSQL."""

import re
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import optuna
import pytest
from dagster import DagsterInstance
from pydantic import SecretStr

from attrition_assets.adapters.database import parse_url
from attrition_assets.adapters.registry import Registry
from attrition_assets.contract import read_contract
from attrition_assets.settings import PROJECT_ROOT, Settings
from attrition_assets.training.study import StudyPlace, _list_done, _open_study
from attrition_assets_tests.databases import ask, opened
from attrition_assets_tests.processes import (
    BIN,
    PATIENCE_SECONDS,
    environment,
    kill_all,
    run,
    wait_until,
)

from .conftest import Walked

pytestmark = pytest.mark.slow
TRIALS = 12
FIRST_STUDY = "makes the tables"
WAITING = """
    SELECT DISTINCT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND datname = current_database()
"""


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Settings:
    return walked.copy_to(tmp_path / "home")


def list_trials(lines: str) -> list[int]:
    return [int(each) for each in re.findall(rf"trial (\d+) of {TRIALS}: ", lines)]


def read_logged(home: Path) -> str:
    """What the latest run logged."""
    with DagsterInstance.from_config(str(home)) as instance:
        (latest,) = instance.get_runs(limit=1)
        return "\n".join(each.user_message for each in instance.all_logs(latest.run_id))


def open_study(database: str, name: str) -> optuna.Study:
    url = SecretStr(parse_url(SecretStr(database)).render_as_string(hide_password=False))
    return _open_study(StudyPlace(name, url, "the database", shared=True))


def test_a_retraining_uses_the_trials_of_all_who_help_it(
    copy: Settings, postgres: Callable[[], str]
) -> None:
    database = postgres()
    open_study(database, FIRST_STUDY)
    given = {"ATTRITION_STUDY_DATABASE": database, "ATTRITION_TRIALS": str(TRIALS)}
    registry = Registry(copy.mlflow_uri, copy.home, read_contract(copy.contract))
    before = registry.versions()
    made = run(
        copy,
        *("dagster", "asset", "materialize", "-m", "attrition_assets.definitions"),
        *("--select", "reference_data"),
    )
    assert made.returncode == 0, made.stderr
    with ExitStack() as ends:
        with opened(database) as holder:
            # Nobody makes a trial before all are there to make one.
            holder.exec_driver_sql("LOCK TABLE trials IN EXCLUSIVE MODE")
            processes = [
                subprocess.Popen(
                    [str(BIN / "attrition"), *words],
                    env={**environment(copy), **given},
                    cwd=PROJECT_ROOT,
                    stdout=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
                for words in (["search"], ["search"], ["retrain", "--reason", "shared"])
            ]
            for each in processes:
                ends.enter_context(each)
                ends.callback(kill_all, each)
            wait_until(lambda: len(ask(database, WAITING)) == 3, "all who search")
        said = [each.communicate(timeout=PATIENCE_SECONDS)[0] for each in processes]
    assert [each.returncode for each in processes] == [0, 0, 0]
    parts = [list_trials(each) for each in (*said[:2], read_logged(copy.home))]
    assert all(parts)
    assert sorted(each for part in parts for each in part) == list(range(1, TRIALS + 1))
    (name,) = set(ask(database, "SELECT study_name FROM studies")["study_name"]) - {FIRST_STUDY}
    done = _list_done(open_study(database, name))
    assert len(done) == TRIALS
    (version,) = set(registry.versions()) - set(before)
    run_of_it = registry.client.get_run(registry.find_run(version)).data
    assert run_of_it.params["trials"] == str(TRIALS)
    chosen = registry.load(version).params
    own = [each for each in done if each[0]["family"] == chosen["family"]]
    assert chosen == min(own, key=lambda each: each[1])[0]


def test_a_search_that_is_not_shared_cannot_be_helped(copy: Settings) -> None:
    done = run(copy, "attrition", "search")
    assert done.returncode == 1
    assert "set ATTRITION_STUDY_DATABASE" in done.stderr
