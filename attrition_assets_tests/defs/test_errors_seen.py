"""What a person sees when something is wrong: what, where, what is accepted and what to do.

Each fault is made for real, on a copy of the walked state; in none is an earlier month touched.
"""

import sqlite3
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from dagster import DagsterInstance, RunsFilter
from sqlalchemy import create_engine, text

from attrition_assets import cli
from attrition_assets.adapters import mlflow_answers
from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.storage import require_unlocked
from attrition_assets.cli import group
from attrition_assets.defs.runs import IN_PROGRESS
from attrition_assets.errors import RegistryError, StorageError
from attrition_assets.settings import PROJECT_ROOT, Settings
from attrition_assets_tests.outages import fill, holding, mounted, serving
from attrition_assets_tests.processes import run
from attrition_assets_tests.seen import assert_in_guide, attrition, earlier_months_untouched

from .conftest import LAST, UNSEEN, Walked

MATERIALIZE = ("dagster", "asset", "materialize", "-m", "attrition_assets.definitions", "--select")


@pytest.fixture
def data(walked: Walked, tmp_path: Path) -> Path:
    """The walked data with the next month's snapshot, which can be scored."""
    folder = tmp_path / "data" / "snapshots"
    folder.mkdir(parents=True)
    for path in (walked.settings.data / "snapshots").iterdir():
        (folder / path.name).symlink_to(path)
    walked.unseen.to_parquet(folder / f"{UNSEEN}.parquet", index=False)
    departures = walked.settings.data / "departures.parquet"
    (folder.parent / departures.name).symlink_to(departures)
    return folder.parent


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Settings:
    return walked.copy_to(tmp_path / "home")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 60 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", "-o", "size=60m", "tmpfs"):
        yield folder
        (folder / "fill").unlink()  # it is memory


@pytest.mark.slow
def test_a_month_is_run_from_the_command_line(copy: Settings, data: Path) -> None:
    with earlier_months_untouched(copy.home):
        result = attrition(copy.home, data, "run", UNSEEN)
    assert result.exit_code == 0, result.output
    scored, decision, summary = result.output.strip().splitlines()
    assert scored.startswith(f"{UNSEEN}: 400 people scored by version 2, ")
    assert decision.startswith("decision: ")
    assert Path(summary.removeprefix("summary: ")).is_file()


def test_a_missing_month_says_which_are_there_and_where_to_put_it(copy: Settings) -> None:
    with earlier_months_untouched(copy.home):
        result = attrition(copy.home, copy.data, "run", UNSEEN)
    assert result.exit_code == 1
    assert (
        f"Error: {UNSEEN} failed: no snapshot for {UNSEEN} in {copy.data}/snapshots (it holds "
        f"2023-11 to {LAST}): put {UNSEEN}.parquet or {UNSEEN}.csv there, or set ATTRITION_DATA\n"
    ) in result.output
    assert_in_guide(result.output, copy.home, copy.data)


def test_a_refused_month_says_why_and_what_to_do(copy: Settings) -> None:
    with earlier_months_untouched(copy.home, rewritten="reports/2025-03/summary.md"):
        result = attrition(copy.home, copy.data, "run", "2025-03")
    assert result.exit_code == 1
    assert "Error: 2025-03 is refused: " in result.output
    assert "not_sent_before: its rows are those sent for 2025-02" in result.output
    assert f"{copy.home}/quarantine/2025-03 keeps what was sent" in result.output
    assert "then `attrition run 2025-03`" in result.output


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("may", "'may' is not a month: write 2026-01, or 2026-01-01 as Dagster does"),
        ("2023-10", "2023-10 comes before the first month"),
        ("2099-01", "2099-01 has not ended yet"),
    ],
)
def test_a_month_that_cannot_be_is_told_with_those_that_can(
    copy: Settings, given: str, what: str
) -> None:
    result = attrition(copy.home, copy.data, "run", given)
    assert result.exit_code == 2
    assert f"Error: Invalid value for MONTH: {what}" in result.output
    assert "accepted are 2023-11 (ATTRITION_FIRST_MONTH) to 20" in result.output
    if given == "2099-01":
        error = result.output[result.output.index("Error: ") :]
        assert_in_guide(error, copy.home, copy.data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("partition", "said"),
    [
        (("--partition", "2099-01-01"), "containing the passed partition key `2099-01-01`"),
        ((), "Asset has partitions, but no '--partition' option was provided"),
    ],
)
def test_dagsters_own_messages_of_a_wrong_partition_are_as_documented(
    copy: Settings, partition: tuple[str, ...], said: str
) -> None:
    with earlier_months_untouched(copy.home):
        done = run(copy, *MATERIALIZE, "predictions", *partition)
    assert done.returncode == 1
    assert said in done.stderr.strip().splitlines()[-1]
    assert said in (PROJECT_ROOT / "docs" / "troubleshooting.md").read_text("utf-8")


@pytest.mark.slow
def test_a_misspelt_setting_ends_what_dagster_prints_with_what_is_accepted(copy: Settings) -> None:
    done = run(copy, *MATERIALIZE, "predictions", "--partition", f"{LAST}-01", ATTRITION_TRAILS="3")
    assert done.returncode == 1
    last = done.stderr.split("SettingsError: ")[-1]
    assert last.startswith("settings refused:\n  ATTRITION_TRAILS: unknown variable\naccepted are:")
    assert "  ATTRITION_TRIALS: Optuna trials of a retraining" in last
    result = attrition(copy.home, copy.data, "run", LAST, ATTRITION_TRAILS="3")
    assert result.output.startswith(f"Error: {last.splitlines()[0]}")


def test_a_read_only_home_is_named_before_anything_is_tried(copy: Settings, data: Path) -> None:
    with (
        earlier_months_untouched(copy.home),
        mounted(copy.home, "--bind", str(copy.home)),
    ):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(copy.home)], check=True)
        for words in (("run", UNSEEN), ("promote", "--version", "1"), ("demo",)):
            result = attrition(copy.home, data, *words)
            assert result.exit_code == 1
            assert result.output == (
                f"Error: cannot write {copy.home}: it lies on a read-only file system: make it "
                "writable, or set ATTRITION_HOME to a folder that is, then do it again. Nothing "
                "was changed\n"
            )
            assert_in_guide(result.output, copy.home, data)
        with pytest.raises(StorageError, match=r"cannot write .*new\.txt: it lies on a read-only"):
            write_atomically(copy.home / "new.txt", b"new")


def test_a_full_disk_is_told_before_a_run_with_how_much_to_free(
    walked: Walked, data: Path, small_disk: Path
) -> None:
    home = walked.copy_to(small_disk / "home").home
    fill(small_disk, left=2_500_000)
    with earlier_months_untouched(home):
        result = attrition(home, data, "run", UNSEEN)
    assert result.exit_code == 1
    assert f"Error: {home} has 2 MB free, and a month needs up to 20 MB" in result.output
    assert_in_guide(result.output, home, data)


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_midst_of_a_run_leaves_nothing_half_written(
    walked: Walked, data: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = walked.copy_to(small_disk / "home").home
    fill(small_disk, left=2_000_000)
    monkeypatch.setattr(group, "require_room", lambda _: None)
    with earlier_months_untouched(home):
        result = attrition(home, data, "run", UNSEEN)
    assert result.exit_code == 1
    path = home / "reports" / UNSEEN / "drift.html"
    assert f"Error: {UNSEEN} failed: cannot write {path}: the disk is full (" in result.output
    assert "nothing is half-written" in result.output
    assert not path.exists()
    assert_in_guide(result.output, home, data)
    fill(small_disk, left=0)
    with earlier_months_untouched(home):
        result = attrition(home, data, "run", UNSEEN)
    assert f"cannot write a SQLite file under {home}: the disk is full" in result.output
    assert_in_guide(result.output, home, data)


def test_mlflow_away_is_told_without_its_password(
    copy: Settings, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    uri = "http://her:secret@127.0.0.1:9"
    with earlier_months_untouched(copy.home):
        result = attrition(copy.home, data, "run", UNSEEN, ATTRITION_MLFLOW_URI=uri)
    assert result.exit_code == 1
    assert (
        f"Error: {UNSEEN} failed: MLflow at http://***@127.0.0.1:9 does not answer as it should "
        "([Errno 111] Connection refused): start it with `make ui`, or correct "
        "ATTRITION_MLFLOW_URI. Nothing was scored or changed\n"
    ) in result.output
    assert "secret" not in result.output
    assert_in_guide(result.output, copy.home, data)


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        (500, 0.0, "too many 500 error responses"),
        (403, 0.0, "failed with error code 403"),
        (200, 3.0, "Read timed out"),
    ],
)
def test_an_mlflow_that_refuses_or_hangs_is_told(
    walked: Walked, monkeypatch: pytest.MonkeyPatch, status: int, seconds: float, reason: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with serving(status, seconds) as uri:
        registry = Registry(uri, walked.settings.home, walked.loop.contract)
        with pytest.raises(RegistryError, match=f"MLflow at {uri} does not answer .*{reason}"):
            registry.load_champion()


def test_mlflow_gives_up_within_half_a_minute_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in mlflow_answers.PATIENCE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")  # so that what is set below is undone
        monkeypatch.delenv(name)
    mlflow_answers.prepare_mlflow("http://127.0.0.1:9")
    from mlflow.environment_variables import (
        MLFLOW_HTTP_REQUEST_MAX_RETRIES,
        MLFLOW_HTTP_REQUEST_TIMEOUT,
    )

    tries, wait = MLFLOW_HTTP_REQUEST_MAX_RETRIES.get() + 1, MLFLOW_HTTP_REQUEST_TIMEOUT.get()
    assert tries * wait <= 20


def test_a_locked_mlflow_store_is_named(
    copy: Settings, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow_answers, "LOCK_SECONDS", 1)
    path = copy.home / "mlflow" / "mlflow.db"
    with earlier_months_untouched(copy.home), holding(path):
        result = attrition(copy.home, data, "run", UNSEEN)
    assert result.exit_code == 1
    assert (
        f"Error: {UNSEEN} failed: MLflow's {path} is locked by another process for more than 1 "
        f"seconds: wait until it is done, or end it (`fuser -v {path}` names it), then do it "
        "again. Nothing was scored or changed\n"
    ) in result.output
    assert_in_guide(result.output.replace("than 1 seconds", "than 5 seconds"), copy.home, data)


def test_an_mlflow_store_that_is_locked_later_is_told_alike(copy: Settings) -> None:
    engine = create_engine(f"{copy.mlflow_uri}?timeout=0.2")
    with (
        holding(copy.home / "mlflow" / "mlflow.db"),
        pytest.raises(RegistryError, match=r"\(sqlite3.OperationalError\) database is locked"),
        mlflow_answers.answering(copy.mlflow_uri),
        engine.connect() as connection,
    ):
        connection.execute(text("SELECT name FROM experiments"))


@pytest.mark.parametrize("name", ["history/runs.db", "history/runs/index.db"])
def test_a_locked_dagster_store_is_named_before_a_run_is_recorded(
    copy: Settings, data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(group, "require_unlocked", partial(require_unlocked, patience_seconds=0.5))
    path = copy.home / name
    with earlier_months_untouched(copy.home), holding(path):
        result = attrition(copy.home, data, "run", UNSEEN)
    assert result.exit_code == 1
    assert result.output == (
        f"Error: {path} is locked by another process: wait until it is done, or end it (`fuser -v "
        f"{path}` names it), then do it again\n"
    )
    if name == "history/runs.db":
        assert_in_guide(result.output, copy.home, data)
    with DagsterInstance.from_config(str(copy.home)) as instance:
        assert not instance.get_runs(RunsFilter(statuses=IN_PROGRESS))


@pytest.mark.slow
def test_a_dagster_store_that_is_locked_later_is_told_alike(
    copy: Settings, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "require_unlocked", lambda _: None)
    path = copy.home / "history" / "runs.db"
    with earlier_months_untouched(copy.home), holding(path):
        result = attrition(copy.home, data, "run", UNSEEN)
    assert result.output.startswith(f"Error: {path} is locked by another process: wait until")


def test_a_fault_of_the_program_keeps_its_traceback(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise sqlite3.ProgrammingError("a bug")

    monkeypatch.setattr(group, "require_room", fail)
    environment = {"ATTRITION_HOME": str(copy.home), "ATTRITION_DATA": str(copy.data)}
    result = CliRunner().invoke(cli.main, ["run", LAST], env=environment)
    assert isinstance(result.exception, sqlite3.ProgrammingError)
