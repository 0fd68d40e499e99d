"""Business units: what is asked for and on record of one is not another's; and two, walked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    OpExecutionContext,
    RunRequest,
    SensorResult,
    SkipReason,
    build_sensor_context,
    job,
    op,
)
from dagster._core.test_utils import create_run_for_test

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.registry import Registry
from attrition_assets.contract import read_contract
from attrition_assets.defs.failures import find_summaries
from attrition_assets.defs.metadata import list_model_runs, read_all_metadata
from attrition_assets.defs.resources import build_resources_by_unit
from attrition_assets.defs.retraining import decide_request, find_newest_verdict, read_decision
from attrition_assets.defs.runs import (
    RETRAINING,
    explain_failure,
    find_running_retraining,
    tag_month,
    tag_unit,
)
from attrition_assets.defs.unit_ticks import Told, evaluate_units
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import parse_month
from attrition_assets.settings import PROJECT_ROOT, Settings
from attrition_assets.status import collect_status

from ..processes import environment, run
from ..seen import digest_files
from ..walk_units import MONTH

NOW = datetime(2026, 7, 1, tzinfo=UTC)
UNITS = {"ATTRITION_UNITS": "north,south"}


@pytest.fixture
def group(tmp_path: Path) -> Settings:
    home, data = str(tmp_path / "home"), str(tmp_path / "data")
    return Settings.from_environment({"ATTRITION_HOME": home, "ATTRITION_DATA": data, **UNITS})


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(str(tmp_path)) as instance:
        yield instance


def judge(instance: DagsterInstance, month: str, unit: str, decision: str) -> None:
    evaluation = AssetCheckEvaluation(
        AssetKey("drift_report"),
        "retraining_not_needed",
        passed=decision == "keep",
        description=f"reason of {unit}",
        metadata={"decision": decision, "champion_version": 1, "snapshot_version": 1},
        partition=f"{month}-01|{unit}",
    )
    made = create_run_for_test(instance, job_name="monthly", status=DagsterRunStatus.SUCCESS)
    event = DagsterEvent(
        DagsterEventType.ASSET_CHECK_EVALUATION.value, "monthly", event_specific_data=evaluation
    )
    instance.report_dagster_event(event, made.run_id)


def train(instance: DagsterInstance, unit: str, version: int, as_of: str) -> None:
    for asset in ("model", "champion"):
        metadata: dict[str, Any] = {"version": version, "as_of": as_of}
        made = AssetMaterialization(asset, partition=unit, metadata=metadata)
        instance.report_runless_asset_event(made)


def decide(instance: DagsterInstance, unit: str) -> RunRequest | SkipReason:
    log = DecisionLog(Path(instance.root_directory) / unit)
    return decide_request(instance, MonitoringPolicy(), lambda month: 1, log, NOW, unit)


def test_a_units_verdict_requests_a_retraining_of_that_unit_alone(
    instance: DagsterInstance,
) -> None:
    train(instance, "north", 1, "2025-01")
    train(instance, "south", 1, "2025-01")
    judge(instance, "2025-06", "north", "retrain")
    judge(instance, "2025-07", "south", "keep")
    asked, other = decide(instance, "north"), decide(instance, "south")
    assert isinstance(asked, RunRequest)
    assert asked.partition_key == "north"
    assert asked.run_config == {"ops": {"reference_data": {"config": {"as_of": "2025-06"}}}}
    assert isinstance(other, SkipReason)
    assert "retraining is not needed (reason of south)" in str(other.skip_message)
    assert read_decision(instance, parse_month("2025-06"), "south") is None


def test_a_units_retraining_model_and_champion_hold_back_no_other_unit(
    instance: DagsterInstance,
) -> None:
    train(instance, "north", 1, "2025-01")
    for version, as_of in ((1, "2025-01"), (2, "2025-06")):
        train(instance, "south", version, as_of)
    judge(instance, "2025-06", "north", "retrain")
    judge(instance, "2025-06", "south", "retrain")
    create_run_for_test(
        instance, job_name=RETRAINING, status=DagsterRunStatus.STARTED, tags=tag_unit("south")
    )
    assert isinstance(decide(instance, "north"), RunRequest)
    assert "a retraining is under way" in str(decide(instance, "south"))


def test_a_failed_run_is_news_to_the_summaries_of_its_unit_alone(
    instance: DagsterInstance, group: Settings
) -> None:
    tags = tag_month(parse_month("2025-06"), "north")
    run = create_run_for_test(instance, job_name="monthly", tags=tags)
    instance.report_run_failed(run)
    told = {}
    for settings in group.by_unit():
        log = DecisionLog(settings.home)
        found = find_summaries(instance, None, log, datetime(2025, 7, 1, tzinfo=UTC), settings.unit)
        assert isinstance(found, SensorResult)
        told[settings.unit] = [each.partition_key for each in found.run_requests or ()]
    assert told == {"north": ["2025-06-01|north"], "south": []}


def test_a_tick_tells_every_units_requests_and_keeps_every_units_cursor(
    instance: DagsterInstance, group: Settings
) -> None:
    def evaluate(settings: Settings, cursor: str | None) -> Told:
        if settings.unit == "south" and cursor is None:
            return SkipReason("nothing")
        key = f"2025-06-01|{settings.unit}"
        requests = [RunRequest(run_key=f"{settings.unit}{cursor}", partition_key=key)]
        return SensorResult(run_requests=requests, cursor=f"{cursor}+")

    told = evaluate_units(build_sensor_context(instance, cursor="7/3"), group, evaluate)
    assert isinstance(told, SensorResult)
    assert [each.run_key for each in told.run_requests or ()] == ["northNone"]
    assert told.cursor == '{"north": "None+"}'
    again = evaluate_units(build_sensor_context(instance, cursor=told.cursor), group, evaluate)
    assert isinstance(again, SensorResult)
    assert again.cursor == '{"north": "None++"}'


def test_a_unit_that_fails_keeps_no_other_from_being_served_and_is_not_forgotten(
    instance: DagsterInstance, group: Settings
) -> None:
    def evaluate(settings: Settings, cursor: str | None) -> Told:
        if settings.unit == "north":
            raise OSError("the disk of north is away")
        if cursor is None:
            return SensorResult(cursor="1")
        return SkipReason("nothing")

    context = build_sensor_context(instance)
    told = evaluate_units(context, group, evaluate)
    assert isinstance(told, SensorResult)
    assert told.cursor == '{"south": "1"}'
    assert "north: failed: the disk of north is away" in str(told.skip_reason)
    with pytest.raises(ExceptionGroup, match="north: the disk of north is away"):
        evaluate_units(build_sensor_context(instance, cursor=told.cursor), group, evaluate)


def test_without_units_a_tick_is_the_evaluation_itself(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    settings = Settings.from_environment({"ATTRITION_HOME": str(tmp_path)})
    skip, seen = SkipReason("nothing"), []

    def evaluate(held: Settings, cursor: str | None) -> Told:
        seen.append(cursor)
        return skip

    for cursor in ("7/3", '{"north": "7/3"}'):  # the second is of a time with units
        assert evaluate_units(build_sensor_context(instance, cursor), settings, evaluate) is skip
    assert seen == ["7/3", None]


@op(required_resource_keys={"settings", "registry", "io_manager"})
def look(context: OpExecutionContext) -> None:
    held = context.resources
    assert (held.settings.unit, held.registry.name) == ("north", "attrition-north")
    assert held.io_manager.home == held.settings.home


def test_what_is_on_record_of_units_is_not_a_companys_without(instance: DagsterInstance) -> None:
    judge(instance, "2026-03", "north", "retrain")
    train(instance, "north", 1, "2025-06")
    create_run_for_test(
        instance, job_name=RETRAINING, tags=tag_unit("north"), status=DagsterRunStatus.STARTED
    )
    assert read_all_metadata(instance, "champion", "north")
    assert read_all_metadata(instance, "champion") == []
    assert list_model_runs(instance) == {}
    assert find_newest_verdict(instance, "north") is not None
    assert find_newest_verdict(instance) is None
    assert find_running_retraining(instance, "north") is not None
    assert find_running_retraining(instance) is None


@pytest.mark.parametrize("key", ["north", "2026-01-01|north"])
def test_a_run_is_given_the_resources_of_the_unit_that_its_partition_names(
    instance: DagsterInstance, group: Settings, key: str
) -> None:
    looked = _look(instance, group, {"dagster/partition": key})
    assert looked.success


def test_a_run_of_no_partition_or_of_several_is_refused(
    instance: DagsterInstance, group: Settings
) -> None:
    several = {
        "dagster/asset_partition_range_start": "2026-01-01|north",
        "dagster/asset_partition_range_end": "2026-01-01|south",
    }
    for tags in ({}, several):
        refused = _look(instance, group, tags)
        assert "a run of no partition or of several" in explain_failure(instance, refused.run_id)
    unknown = _look(instance, group, {"dagster/partition": "2026-01-01|west"})
    assert "no unit 'west': there are north, south" in explain_failure(instance, unknown.run_id)


def _look(instance: DagsterInstance, group: Settings, tags: dict[str, str]) -> Any:
    held = build_resources_by_unit(group)
    chosen = {name: held[name] for name in ("settings", "registry", "io_manager")}

    @job(resource_defs=chosen)
    def look_job() -> None:
        look()

    return look_job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def _walk(settings: Settings, what: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "attrition_assets_tests.walk_units", what],
        env={**environment(settings), **UNITS},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_on_the_first_the_schedule_runs_the_month_of_each_unit(group: Settings) -> None:
    asked = _walk(group, "scheduled")
    assert [tags["dagster/partition"] for tags in asked] == ["2026-10-01|north", "2026-10-01|south"]
    assert [tags["dagster/partition/unit"] for tags in asked] == ["north", "south"]


@dataclass(frozen=True)
class Units:
    """Two walked units, and what the sensors said then."""

    group: Settings
    said: dict[str, Any]

    def attrition(self, unit: str, *words: str) -> str:
        done = run(self.group, "attrition", "--unit", unit, *words, **UNITS)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def registry(self, unit: str) -> Registry:
        settings = self.group.of_unit(unit)
        contract = read_contract(settings.contract)
        return Registry(settings.mlflow_uri, settings.home, contract, unit)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Units:
    home, data = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("data")
    given = {"ATTRITION_HOME": str(home), "ATTRITION_DATA": str(data), **UNITS}
    group = Settings.from_environment(given)
    return Units(group, _walk(group, "walk"))


@pytest.mark.slow
def test_each_unit_is_scored_by_its_own_champion_in_its_own_home(units: Units) -> None:
    assert not (units.group.home / "assets").exists()
    scored = {}
    for settings in units.group.by_unit():
        table = pd.read_parquet(settings.home / "assets" / "predictions" / f"{MONTH}-01.parquet")
        sent = pd.read_parquet(settings.data / "snapshots" / f"{MONTH}.parquet")
        assert len(table) == len(sent)
        assert set(table["model_version"]) == {1}
        registry = units.registry(str(settings.unit))
        assert registry.versions() == [1]
        scored[settings.unit] = (len(table), registry.load(1).reference_digest)
    assert scored["north"] != scored["south"]


@pytest.mark.slow
def test_the_sensors_look_at_each_unit(units: Units) -> None:
    decided = units.said["retrain_on_drift"]["said"]
    for unit in ("north", "south"):
        assert f"{unit}: {MONTH}: retraining is not needed" in decided
    assert set(json.loads(units.said["summarize_news"]["cursor"])) == {"north", "south"}


@pytest.mark.slow
def test_what_is_done_in_one_unit_leaves_the_other_as_it_was(units: Units) -> None:
    south = units.group.of_unit("south")
    before, log = digest_files(south.home), (south.home / "decisions.jsonl").read_bytes()
    assert "a challenger waits" in units.attrition("north", "retrain", "--reason", "asked for")
    units.attrition("north", "promote", "--version", "2", "--override", "--reason", "asked for")
    assert "2025-03: " in units.attrition("north", "run", "2025-03")
    assert units.registry("north").champion_version() == 2
    assert units.registry("south").versions() == [1]
    assert digest_files(south.home) == before
    assert (south.home / "decisions.jsonl").read_bytes() == log
    with DagsterInstance.from_config(str(units.group.home)) as instance:
        told = {
            settings.unit: collect_status(settings, instance, datetime(2025, 4, 1, tzinfo=UTC))
            for settings in units.group.by_unit()
        }
    north, other = told["north"], told["south"]
    assert north.champion
    assert other.champion
    assert (north.champion["version"], other.champion["version"]) == (2, 1)
    assert north.last
    assert other.last
    assert (str(north.last.month), str(other.last.month)) == ("2025-03", MONTH)
    assert [str(each.month) for each in other.blocked] == ["2025-03"]
    assert other.challenger is None
    assert "ok           champion" in _doctor(units, "south")


def _doctor(units: Units, unit: str) -> str:
    return run(units.group, "attrition", "--unit", unit, "doctor", **UNITS).stdout
