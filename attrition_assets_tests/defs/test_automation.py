"""What the sensor does about verdicts in Dagster's event log, each written as Dagster writes it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetKey,
    AssetMaterialization,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SkipReason,
    build_schedule_context,
)
from dagster._core.test_utils import create_run_for_test

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.definitions import defs
from attrition_assets.defs.automation import monthly_schedule
from attrition_assets.defs.retraining import decide_request, find_newest_verdict, read_decision
from attrition_assets.defs.runs import MONTH_TAG, REASON_TAG, RETRAINING, VERSION_TAG
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import parse_month

NOW = datetime(2026, 7, 1, tzinfo=UTC)
POLICY = MonitoringPolicy()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral(str(tmp_path)) as instance:
        yield instance


def judge(
    instance: DagsterInstance,
    month: str,
    decision: str = "retrain",
    champion_version: int = 1,
    snapshot_version: int = 1,
) -> None:
    evaluation = AssetCheckEvaluation(
        AssetKey("drift_report"),
        "retraining_not_needed",
        passed=decision == "keep",
        description=f"reason of {month}",
        metadata={
            "decision": decision,
            "champion_version": champion_version,
            "snapshot_version": snapshot_version,
        },
        partition=f"{month}-01",
    )
    run = create_run_for_test(instance, job_name="monthly", status=DagsterRunStatus.SUCCESS)
    event = DagsterEvent(
        DagsterEventType.ASSET_CHECK_EVALUATION.value, "monthly", event_specific_data=evaluation
    )
    instance.report_dagster_event(event, run.run_id)


def train(instance: DagsterInstance, version: int, as_of: str, *, promoted: bool = True) -> None:
    instance.report_runless_asset_event(
        AssetMaterialization("model", metadata={"version": version, "as_of": as_of})
    )
    if promoted:
        instance.report_runless_asset_event(
            AssetMaterialization("champion", metadata={"version": version})
        )


def decide(instance: DagsterInstance, present: int = 1) -> RunRequest | SkipReason:
    """What the sensor decides while `present` is the accepted version of every month."""
    log = DecisionLog(Path(instance.root_directory))
    return decide_request(instance, POLICY, lambda month: present, log, NOW)


def explain(instance: DagsterInstance) -> str:
    decided = decide(instance)
    assert isinstance(decided, SkipReason)
    return decided.skip_message or ""


def test_without_any_judged_month_nothing_is_requested(instance: DagsterInstance) -> None:
    assert explain(instance) == "No month has been judged yet."


def test_a_failed_decision_requests_one_retraining_as_of_its_month(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    request = decide(instance)
    assert isinstance(request, RunRequest)
    assert request.run_config == {"ops": {"reference_data": {"config": {"as_of": "2025-06"}}}}
    assert request.tags[MONTH_TAG] == "2025-06"
    assert request.tags[REASON_TAG] == "reason of 2025-06"
    again = decide(instance)
    assert isinstance(again, RunRequest)
    assert again.run_key == request.run_key


def test_a_passed_decision_is_skipped_with_its_reason(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06", "keep")
    assert explain(instance) == "2025-06: retraining is not needed (reason of 2025-06)."


def test_what_could_not_be_told_never_retrains(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06", "cannot_tell")
    assert "could not be told (reason of 2025-06)" in explain(instance)


def test_a_calm_backfill_of_an_old_month_does_not_hide_a_newer_failure(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    judge(instance, "2025-04", "keep")
    request = decide(instance)
    assert isinstance(request, RunRequest)
    assert request.tags[MONTH_TAG] == "2025-06"


def test_a_failing_backfill_of_an_old_month_does_not_retrain_after_a_calm_one(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06", "keep")
    judge(instance, "2025-05")
    assert explain(instance).startswith("2025-06: retraining is not needed")


def test_the_latest_verdict_on_a_month_counts(instance: DagsterInstance) -> None:
    judge(instance, "2025-06")
    judge(instance, "2025-06", "keep")
    verdict = find_newest_verdict(instance)
    assert verdict is not None
    assert not verdict.needed


def test_the_newest_month_is_found_among_hundreds_of_reruns(instance: DagsterInstance) -> None:
    judge(instance, "2025-06")
    for _ in range(120):
        judge(instance, "2025-05", "keep")
    verdict = find_newest_verdict(instance)
    assert verdict is not None
    assert (str(verdict.month), verdict.needed) == ("2025-06", True)


def test_no_retraining_while_a_challenger_awaits_review(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    train(instance, 2, "2025-06", promoted=False)
    judge(instance, "2025-10")
    assert "version 2 awaits review" in explain(instance)


def test_a_version_that_was_rolled_back_does_not_await_review(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    train(instance, 2, "2025-06")
    rolled_back = AssetMaterialization("champion", metadata={"version": 1})
    instance.report_runless_asset_event(rolled_back)
    judge(instance, "2025-10", champion_version=1)
    assert isinstance(decide(instance), RunRequest)


def test_a_verdict_on_a_replaced_champion_is_void(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    train(instance, 2, "2025-06")
    judge(instance, "2025-10", champion_version=1)
    assert "version 1, but version 2 is champion now" in explain(instance)


@pytest.mark.parametrize(("month", "skipped"), [("2025-03", True), ("2025-04", False)])
def test_the_cool_down_counts_months_of_data(
    instance: DagsterInstance, month: str, skipped: bool
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, month)
    decided = decide(instance)
    assert isinstance(decided, SkipReason) == skipped
    if isinstance(decided, SkipReason):
        assert "2 months before; the cool-down is 3 months" in (decided.skip_message or "")


def test_a_failure_that_a_model_already_answers_is_skipped(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-06")
    judge(instance, "2025-06")
    assert "a model was trained on data as of 2025-06 already" in explain(instance)


def test_no_second_retraining_while_one_is_under_way(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    run = create_run_for_test(instance, job_name=RETRAINING, status=DagsterRunStatus.STARTED)
    assert f"a retraining is under way (run {run.run_id})" in explain(instance)


def test_a_retraining_from_the_command_line_is_under_way_too(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    run = create_run_for_test(
        instance,
        job_name="__ASSET_JOB",
        status=DagsterRunStatus.STARTED,
        asset_selection=frozenset({AssetKey("reference_data"), AssetKey("model")}),
    )
    assert f"a retraining is under way (run {run.run_id})" in explain(instance)
    assert read_decision(instance, parse_month("2025-06")) is None  # the next tick decides
    instance.report_run_failed(run)
    assert isinstance(decide(instance), RunRequest)


def test_a_retraining_as_of_an_old_month_does_not_end_the_cool_down(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-05")
    train(instance, 2, "2024-06")
    judge(instance, "2025-06", champion_version=2)
    assert "trained as of 2025-05, 1 months before" in explain(instance)


def test_a_decision_is_put_on_record_once_for_each_verdict_not_for_each_tick(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    for decision in ("keep", "retrain", "retrain"):
        judge(instance, "2025-06", decision)
        for _ in range(3):
            decide(instance)
    recorded = instance.fetch_observations(AssetKey("drift_report"), limit=100).records
    actions = [
        record.asset_observation.metadata["action"].value
        for record in recorded
        if record.asset_observation
    ]
    assert actions == ["retraining requested", "retraining requested", "skipped"]


def test_a_decision_on_record_names_its_reason_and_its_verdict(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-05")
    judge(instance, "2025-06")
    said = explain(instance).removeprefix("2025-06: ")
    verdict = find_newest_verdict(instance)
    assert verdict is not None
    assert read_decision(instance, verdict.month) == {
        "action": "skipped",
        "reason": said,
        "verdict_run": verdict.run_id,
    }


def test_a_failed_retraining_is_not_repeated_but_said(instance: DagsterInstance) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    create_run_for_test(
        instance,
        job_name=RETRAINING,
        status=DagsterRunStatus.FAILURE,
        tags={MONTH_TAG: "2025-06", VERSION_TAG: "1"},
    )
    assert "was requested and ended as FAILURE" in explain(instance)
    assert "attrition retrain --reason" in explain(instance)


@pytest.mark.parametrize("present", [0, 2])
def test_a_verdict_on_a_snapshot_that_was_refused_or_corrected_since_calls_for_nothing(
    instance: DagsterInstance, present: int
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    decided = decide(instance, present)
    assert isinstance(decided, SkipReason)
    assert "was sent again since it was judged" in (decided.skip_message or "")
    assert read_decision(instance, parse_month("2025-06")) is None


def test_a_failed_retraining_for_one_version_of_a_month_does_not_block_the_corrected_one(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    judge(instance, "2025-06")
    create_run_for_test(
        instance,
        job_name=RETRAINING,
        status=DagsterRunStatus.FAILURE,
        tags={MONTH_TAG: "2025-06", VERSION_TAG: "1"},
    )
    judge(instance, "2025-06", snapshot_version=2)
    assert isinstance(decide(instance, present=2), RunRequest)


def test_what_a_review_held_back_is_on_record_again_once_it_is_requested(
    instance: DagsterInstance,
) -> None:
    train(instance, 1, "2025-01")
    train(instance, 2, "2025-02", promoted=False)
    judge(instance, "2025-06")
    assert "awaits review" in explain(instance)
    for version in (2, 1):  # promoted, and rolled back
        instance.report_runless_asset_event(
            AssetMaterialization("champion", metadata={"version": version})
        )
    assert isinstance(decide(instance), RunRequest)
    recorded = read_decision(instance, parse_month("2025-06"))
    assert recorded is not None
    assert recorded["action"] == "retraining requested"


# Dagster's own schedule builder calls what Dagster deprecates.
@pytest.mark.filterwarnings("ignore:Function .JobDefinition.run_request:DeprecationWarning")
@pytest.mark.parametrize(
    ("tick", "month"),
    [("2026-11-01", "2026-10-01"), ("2026-01-01", "2025-12-01"), ("2024-03-01", "2024-02-01")],
)
def test_the_schedule_runs_the_month_just_ended_on_the_first_at_midnight_utc(
    tick: str, month: str
) -> None:
    schedule = defs.resolve_schedule_def(monthly_schedule.name)
    assert (schedule.cron_schedule, schedule.execution_timezone or "UTC") == ("0 0 1 * *", "UTC")
    due = datetime.fromisoformat(tick).replace(tzinfo=UTC)
    evaluated = schedule.evaluate_tick(build_schedule_context(scheduled_execution_time=due))
    assert [request.partition_key for request in evaluated.run_requests or ()] == [month]
