"""The doctor on a copy of the walked state: what is broken is named with its remedy."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat

from attrition_assets.adapters.acknowledgements import Acknowledgements
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.registry import MODEL_NAME, Registry
from attrition_assets.adapters.suspension import ScoringSwitch, Suspension
from attrition_assets.contract import read_contract
from attrition_assets.doctor import CHECKS
from attrition_assets.doctor.examination import Finding, Outcome, examine, render_verdict
from attrition_assets.doctor.subject import Subject
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets_tests.outages import holding
from attrition_assets_tests.processes import run

from .conftest import DRIFT, LAST, Walked


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Settings:
    return walked.copy_to(tmp_path / "home")


@pytest.fixture
def registry(copy: Settings) -> Registry:
    return Registry(copy.mlflow_uri, copy.home, read_contract())


def examine_state(
    settings: Settings, later: timedelta = timedelta(0), **more: str
) -> dict[str, Finding]:
    environment = {
        "ATTRITION_HOME": str(settings.home),
        "ATTRITION_DATA": str(settings.data),
        **more,
    }
    with Subject(environment, datetime.now(UTC) + later) as subject:
        return {finding.name: finding for finding in examine(CHECKS, subject)}


def list_failed(found: dict[str, Finding]) -> list[str]:
    """The checks that failed beside the daemon's, of which none runs in a test."""
    assert render_verdict(list(found.values()))[1] == 1
    failed = [name for name, each in found.items() if each.outcome == Outcome.FAILED]
    return [name for name in failed if name != "daemon"]


def test_a_healthy_state_lacks_only_a_daemon(copy: Settings) -> None:
    before = sorted(path.name for path in copy.home.rglob("*"))
    found = examine_state(copy)
    assert {name for name, each in found.items() if each.outcome != Outcome.OK} == {"daemon"}
    assert "none ever ran here" in found["daemon"].found
    assert "make ui" in found["daemon"].remedy
    assert "18 months accepted" in found["months"].found
    assert "waiting for a corrected file: 2025-03" in found["months"].found
    assert "version 2, as of 2025-04" in found["champion"].found
    assert sorted(path.name for path in copy.home.rglob("*")) == before


def beat(home: Path, seconds_ago: float) -> None:
    with DagsterInstance.from_config(str(home)) as instance:
        for name in instance.get_required_daemon_types():
            instance.add_daemon_heartbeat(
                DaemonHeartbeat(time.time() - seconds_ago, name, "daemon", [])
            )


def test_with_a_living_daemon_all_is_well(copy: Settings) -> None:
    beat(copy.home, seconds_ago=5)
    assert render_verdict(list(examine_state(copy).values()))[1] == 0


def test_a_daemon_that_died_is_told_with_when(copy: Settings) -> None:
    beat(copy.home, seconds_ago=7200)
    finding = examine_state(copy)["daemon"]
    assert finding.outcome == Outcome.FAILED
    assert "SCHEDULER" in finding.found
    assert "the last heartbeat was 120 minutes ago" in finding.found


def change_reference(settings: Settings, registry: Registry) -> None:
    digest = registry.load_champion().reference_digest
    (settings.home / "assets" / "reference_data" / f"{digest}.parquet").write_bytes(b"changed")


def lose_alias(_: Settings, registry: Registry) -> None:
    registry.client.delete_registered_model_alias(MODEL_NAME, "champion")


def change_model(_: Settings, registry: Registry) -> None:
    registry.client.set_model_version_tag(MODEL_NAME, "2", "model_sha256", "0" * 64)


def promote_behind_dagsters_back(_: Settings, registry: Registry) -> None:
    registry.promote(1)


def change_table(settings: Settings, _: Registry) -> None:
    folder = settings.home / "assets" / "employee_snapshot"
    (folder / f"{LAST}-01.parquet").write_bytes(b"changed")


def change_reports(settings: Settings, _: Registry) -> None:
    for month in (DRIFT, LAST):
        path = settings.home / "assets" / "drift_report" / f"{month}-01.json"
        path.write_text(path.read_text("utf-8").replace('"alarmed"', '"raised"'), "utf-8")


def change_acknowledgement(settings: Settings, _: Registry) -> None:
    answers = Acknowledgements(settings.home)
    now = datetime(2025, 7, 1, tzinfo=UTC)
    answers.answer(parse_month(DRIFT), DriftReports(settings.home), "her", "new pay", now)
    answers.path(parse_month(DRIFT), 1).write_text("{")


def suspend(settings: Settings, _: Registry) -> None:
    ScoringSwitch(settings.home).suspend(
        Suspension(who="her", why="an audit", since=datetime(2026, 1, 1, tzinfo=UTC))
    )


def break_config_link(settings: Settings, _: Registry) -> None:
    (settings.home / "dagster.yaml").unlink()
    (settings.home / "dagster.yaml").symlink_to("/nowhere/dagster.yaml")


@pytest.mark.parametrize(
    ("spoil", "check", "found", "remedy"),
    [
        (change_reference, "champion's reference data", "was changed", "restore the file"),
        (lose_alias, "champion", "has the alias 'champion'", "attrition promote --version N"),
        (change_model, "champion", "is not the one registered", "attrition promote --version N"),
        (
            promote_behind_dagsters_back,
            "Dagster's record of the champion",
            "version 1 is champion in MLflow, but Dagster's record says 2",
            "attrition promote --version 1",
        ),
        (change_table, "months", f"{LAST}-01.parquet is not the table", "attrition run MONTH"),
        (
            change_reports,
            "drift reports",
            f"{LAST}-01.json cannot be read by this release: move it away",
            "run those months, the oldest first",
        ),
        (
            change_acknowledgement,
            "drift reports",
            f"acknowledged/{DRIFT}.1.json cannot be read",
            "an acknowledgement is given again",
        ),
        (suspend, "scoring", "by her: an audit", "attrition resume --reason TEXT"),
        (break_config_link, "Dagster's storage", "a link to nowhere", "attrition run MONTH"),
    ],
)
def test_what_is_broken_is_named_with_its_remedy(
    copy: Settings,
    registry: Registry,
    spoil: Callable[[Settings, Registry], None],
    check: str,
    found: str,
    remedy: str,
) -> None:
    spoil(copy, registry)
    findings = examine_state(copy)
    assert list_failed(findings) == [check]
    assert found in findings[check].found
    assert remedy in findings[check].remedy


def test_all_reports_that_cannot_be_read_are_named_at_once(
    copy: Settings, registry: Registry
) -> None:
    change_reports(copy, registry)
    found = examine_state(copy)["drift reports"].found
    named = [line.split()[0].rsplit("/")[-1] for line in found.splitlines()]
    assert named == [f"{DRIFT}-01.json", f"{LAST}-01.json"]


def test_a_run_that_never_ended_is_named(copy: Settings) -> None:
    with DagsterInstance.from_config(str(copy.home)) as instance:
        stuck = create_run_for_test(instance, "monthly", status=DagsterRunStatus.STARTED)
    assert list_failed(examine_state(copy)) == []
    findings = examine_state(copy, later=timedelta(hours=2))
    assert list_failed(findings) == ["runs in progress"]
    assert f"{stuck.run_id} (monthly, STARTED)" in findings["runs in progress"].found
    assert "in progress for more than 60 minutes" in findings["runs in progress"].found


def test_silence_for_more_than_35_days_is_named(copy: Settings) -> None:
    assert list_failed(examine_state(copy, later=timedelta(days=34))) == []
    findings = examine_state(copy, later=timedelta(days=36))
    assert list_failed(findings) == ["last month judged"]
    assert findings["last month judged"].found.startswith(f"{LAST}, 36 days ago")


def test_issues_that_github_does_not_take_are_named(copy: Settings) -> None:
    assert examine_state(copy)["issues"].found.startswith("2 as files in ")
    named = {"ATTRITION_GITHUB_TOKEN": "a", "ATTRITION_GITHUB_REPOSITORY": "company/attrition"}
    findings = examine_state(copy, timedelta(0), **named)
    assert list_failed(findings) == ["issues"]
    assert findings["issues"].found == "2 wait: none was tried yet"


@pytest.mark.slow
def test_a_sensor_that_was_switched_off_is_named(copy: Settings) -> None:
    module = ("-m", "attrition_assets.definitions")
    assert run(copy, "dagster", "sensor", "stop", "retrain_on_drift", *module).returncode == 0
    findings = examine_state(copy)
    assert list_failed(findings) == ["schedule and sensors"]
    assert findings["schedule and sensors"].found == "retrain_on_drift is switched off"


def test_a_locked_store_of_dagsters_is_named(copy: Settings) -> None:
    path = copy.home / "history" / "runs.db"
    with holding(path):
        findings = examine_state(copy)
    assert list_failed(findings) == ["Dagster's storage"]
    assert f"{path}: locked by another process" in findings["Dagster's storage"].found
    assert findings["runs in progress"].outcome == Outcome.NOT_CHECKED


def test_mlflow_away_leaves_the_champion_unchecked(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    findings = examine_state(copy, ATTRITION_MLFLOW_URI="http://her:secret@127.0.0.1:9")
    assert list_failed(findings) == ["MLflow"]
    assert "MLflow at http://***@127.0.0.1:9 does not answer" in findings["MLflow"].found
    assert findings["champion"].outcome == Outcome.NOT_CHECKED
    assert not any("secret" in each.found for each in findings.values())
