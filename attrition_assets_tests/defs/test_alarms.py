"""What follows from an alarm: it stands until it is answered, and what does not retrain is told.

On copies of the walked state. Pay rose in 2025-02 for good, so that every month that version 1
judges alarms again; version 2 learned from it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dagster import AssetCheckKey, AssetCheckSeverity, AssetKey, TableMetadataValue
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation

from attrition_assets.adapters.files import to_parquet_bytes
from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.defs import promotion
from attrition_assets.demo import Loop
from attrition_assets.monitoring.report import DriftReport, FaultKind, Finding
from attrition_assets.months import parse_month
from attrition_assets_tests.seen import assert_in_guide, attrition

from .conftest import DRIFT, FAULT, LAST, NOW, RETRAINED, UNSEEN, Place, Walked, open_place

ANSWER = ("--reason", "a new pay scale", "--who", "her")
SINCE_DRIFT = f"drift since {DRIFT} (MonthlyIncome): promote a model trained since, or `attrition "


def read_report(place: Place, month: str) -> DriftReport:
    return place.loop.read_report(parse_month(month))


def read_check(place: Place, name: str, month: str) -> AssetCheckEvaluation:
    key = AssetCheckKey(AssetKey("drift_report"), name)
    storage = place.instance.event_log_storage
    records = storage.get_asset_check_execution_history(key, limit=20)
    event = next(record.event for record in records if record.partition == f"{month}-01")
    assert event is not None and event.dagster_event is not None
    return event.dagster_event.asset_check_evaluation_data


def ask_sensor(place: Place) -> str:
    """Why the sensor requests nothing."""
    tick = place.loop.evaluate(place.instance, "retrain_on_drift")
    assert not tick.run_requests
    return tick.skip_message or ""


def acknowledge(place: Place, month: str) -> str:
    result = attrition(place.settings.home, place.settings.data, "acknowledge", month, *ANSWER)
    assert result.exit_code == 0, result.output
    return result.output


def find_alarm(place: Place) -> str:
    """What `attrition status` says of the alarm."""
    (line,) = (line for line in place.status().splitlines() if line.startswith("Alarm "))
    return line.removeprefix("Alarm ").strip()


def roll_back(place: Place) -> None:
    promotion.roll_back(place.instance, place.loop.registry, who="Ada", why="rolled back", now=NOW)


def send_unseen(place: Place, table: pd.DataFrame) -> DriftReport:
    """Send the unseen month, and judge it."""
    place.sent(UNSEEN).write_bytes(to_parquet_bytes(table))
    judged = place.run(UNSEEN)
    assert judged.success, place.why(judged)
    return read_report(place, UNSEEN)


def with_contract(place: Place, contract: Path) -> Place:
    """The same place under another contract, and the policy that lies beside that."""
    settings = place.settings.model_copy(update={"contract": contract})
    return Place(settings, Loop(settings, lambda line: None), place.instance)


@pytest.fixture(scope="module")
def unanswered(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Version 1 is champion again, and the unseen month is judged by it."""
    for place in open_place(walked, tmp_path_factory.mktemp("unanswered")):
        roll_back(place)
        send_unseen(place, walked.unseen)
        yield place


def test_an_alarm_stands_until_a_version_trained_since_is_promoted(place: Place) -> None:
    first, again, after = (
        read_report(place, month).feature_drift for month in (DRIFT, RETRAINED, LAST)
    )
    assert (first.alarmed, first.standing_since) == (True, None)
    assert (again.finding, again.standing_since) == (Finding.DRIFT, DRIFT)
    told, _ = again.reason.split("; this month: ")
    assert told.startswith(f"the alarm of {DRIFT} (MonthlyIncome) stands until a model")
    assert_in_guide(told, place.settings.home, place.settings.data)
    assert (after.finding, after.standing_since) == (Finding.NO_DRIFT, None)
    assert find_alarm(place) == "none stands"
    roll_back(place)
    assert find_alarm(place) == f"{SINCE_DRIFT}acknowledge {RETRAINED} --reason TEXT`"


def test_an_alarm_that_nobody_answered_is_told_wherever_the_month_is(unanswered: Place) -> None:
    assert read_report(unanswered, UNSEEN).feature_drift.standing_since == DRIFT
    check = read_check(unanswered, "no_feature_drift", UNSEEN)
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    assert check.metadata["standing_since"].value == DRIFT
    assert not read_check(unanswered, "retraining_not_needed", UNSEEN).passed
    assert f"`attrition acknowledge {UNSEEN} --reason TEXT`" in unanswered.summary(UNSEEN)
    assert find_alarm(unanswered) == f"{SINCE_DRIFT}acknowledge {UNSEEN} --reason TEXT`"


def test_a_policy_beside_the_contract_says_what_retrains(unanswered: Place, tmp_path: Path) -> None:
    shutil.copy(DEFAULT_CONTRACT, tmp_path)
    (tmp_path / "policy.yaml").write_text("retrain_on: [concept drift, old champion]\n")
    place = with_contract(unanswered, tmp_path / DEFAULT_CONTRACT.name)
    before = place.asset("drift_report", UNSEEN, ".json").read_bytes()
    assert place.run(UNSEEN, "drift_report", "monthly_summary").success
    assert place.asset("drift_report", UNSEEN, ".json").read_bytes() == before
    assert read_check(place, "retraining_not_needed", UNSEEN).passed
    said = f"the policy does not retrain on feature drift (the alarm of {DRIFT}"
    assert said in ask_sensor(place)
    assert said in place.summary(UNSEEN)


@pytest.mark.slow
def test_one_answer_to_a_lasting_shift_ends_its_alarms_and_its_month_is_the_baseline(
    place: Place, walked: Walked
) -> None:
    roll_back(place)
    said = acknowledge(place, RETRAINED)
    assert said == f"the alarms up to {RETRAINED} are answered, for months from {UNSEEN} on\n"
    assert find_alarm(place) == "none stands"
    report = send_unseen(place, walked.unseen)
    assert report.champion_version == 1
    assert report.feature_drift.finding == Finding.NO_DRIFT
    assert report.baseline_month == RETRAINED
    assert f"as of {RETRAINED}, acknowledged by her: a new pay scale" in place.summary(UNSEEN)
    assert read_check(place, "no_feature_drift", UNSEEN).passed
    judged_before = place.asset("drift_report", RETRAINED, ".json")
    content = judged_before.read_bytes()
    assert place.run(RETRAINED).success
    assert judged_before.read_bytes() == content
    assert read_report(place, RETRAINED).baseline_month == "2025-01"


def test_an_alarm_of_a_month_that_was_corrected_since_stands_no_longer(
    place: Place, walked: Walked
) -> None:
    roll_back(place)
    place.correct(DRIFT)
    assert place.run(DRIFT, "employee_snapshot").success
    assert f"drift since {RETRAINED} " in find_alarm(place)
    report = send_unseen(place, walked.unseen)
    assert report.feature_drift.standing_since == RETRAINED


def test_what_cannot_be_acknowledged_says_why_and_what_can(place: Place) -> None:
    def refuse(month: str) -> tuple[int, str]:
        result = attrition(place.settings.home, place.settings.data, "acknowledge", month, *ANSWER)
        return result.exit_code, result.output.splitlines()[-1]

    raised = f"there is nothing to answer; alarms were raised in {DRIFT}, {RETRAINED}"
    calm = f"Error: {LAST} raised no alarm of feature drift: {raised}"
    assert refuse(LAST) == (1, calm)
    assert_in_guide(calm, place.settings.home, place.settings.data)
    assert refuse(FAULT) == (1, f"Error: {FAULT} was never judged: {raised}")
    code, said = refuse("feb")
    assert (code, "'feb' is not a month: write 2026-01" in said) == (2, True)
    blank = attrition(
        place.settings.home, place.settings.data, "acknowledge", DRIFT, "--reason", " "
    )
    assert (blank.exit_code, "say who answers it and why" in blank.output) == (1, True)
    acknowledge(place, DRIFT)
    assert refuse(DRIFT) == (
        1,
        f"Error: the alarm of {DRIFT} was acknowledged by her: a new pay scale; that counts for "
        f"months from {UNSEEN} on, and nothing more is to be done",
    )


def test_drift_that_cannot_reach_the_model_is_reported_and_does_not_retrain(
    place: Place, walked: Walked
) -> None:
    """Three in ten of the men are recorded as women."""
    gender = walked.unseen["Gender"].to_numpy(copy=True)
    men = (gender == "Male").nonzero()[0]
    gender[men[: 3 * len(men) // 10]] = "Female"
    report = send_unseen(place, walked.unseen.assign(Gender=gender))
    assert report.feature_drift.drifted_features == ("Gender",)
    assert (report.feature_drift.alarmed, report.feature_drift.reaches_model) == (True, False)
    check = read_check(place, "no_feature_drift", UNSEEN)
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    assert read_check(place, "retraining_not_needed", UNSEEN).passed
    assert "only Gender moved, which the model does not use" in ask_sensor(place)
    assert "drift since 2025-06 (Gender)" in find_alarm(place)


def test_missing_values_are_a_broken_column_and_no_drift(
    place: Place, walked: Walked, tmp_path: Path
) -> None:
    content = yaml.safe_load(DEFAULT_CONTRACT.read_text("utf-8"))
    content["columns"]["Age"]["missing"] = True
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(content, sort_keys=False))
    place = with_contract(place, contract)
    age = walked.unseen["Age"].where(walked.unseen.index % 8 > 0)
    report = send_unseen(place, walked.unseen.assign(Age=age))
    assert [fault.fault for fault in report.data_quality.faults] == [FaultKind.MISSING_VALUES]
    check = read_check(place, "no_broken_column", UNSEEN)
    assert (check.passed, check.severity) == (False, AssetCheckSeverity.WARN)
    assert check.metadata["value"].value == 1
    offenders = check.metadata["offenders"]
    assert isinstance(offenders, TableMetadataValue)
    assert [record.data["column"] for record in offenders.records] == ["Age"]
    assert read_check(place, "no_feature_drift", UNSEEN).passed
    assert "1 of 30 columns are broken: Age: 12" in ask_sensor(place)
    assert "| Data broken | **yes** | 1 of 30 columns" in place.summary(UNSEEN)


def test_a_malformed_policy_is_told_before_anything_is_done(tmp_path: Path) -> None:
    contract, home = tmp_path / "contract.yaml", tmp_path / "home"
    shutil.copy(DEFAULT_CONTRACT, contract)
    policy = tmp_path / "policy.yaml"
    policy.write_text("retrain_on: [feature drift, whether]\nbudget: 0.1\nmin_rows: 5\n")
    result = attrition(home, tmp_path, "run", LAST, ATTRITION_CONTRACT=str(contract))
    assert result.exit_code == 1
    assert f"Error: {policy} is not a valid policy:\n" in result.output
    assert "  retrain_on.1: Input should be 'feature drift', 'prediction drift'" in result.output
    assert "  budget: Extra inputs are not permitted\n" in result.output
    assert "  min_rows: Input should be greater than or equal to 20\n" in result.output
    assert "  accepted are: yearly_budget, " in result.output
    assert_in_guide(result.output, home, tmp_path)
    assert not (home / "assets").exists()
