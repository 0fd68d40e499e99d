"""All that starts a run: two jobs, the schedule, and the sensor that retrains on drift."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetSelection,
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    ResourceParam,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    build_schedule_from_partitioned_job,
    define_asset_job,
    sensor,
)
from dagster._check import not_none
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from attrition_assets.defs.drift import DECISION_CHECK
from attrition_assets.defs.metadata import read_latest_metadata
from attrition_assets.monitoring.decision import Decision
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import months_between, parse_month

RETRAINING = "retraining"
MONTH_TAG, REASON_TAG, TRIGGER_TAG = "attrition/month", "attrition/reason", "attrition/trigger_run"
DECISION_KEY = AssetCheckKey(AssetKey("drift_report"), DECISION_CHECK)
PAGE = 100

monthly_job = define_asset_job(
    "monthly",
    selection=AssetSelection.assets(
        "employee_snapshot", "predictions", "drift_report", "monthly_summary"
    ),
    description="A month: its people checked, scored, judged and reported.",
)
retraining_job = define_asset_job(
    RETRAINING,
    selection=AssetSelection.assets("reference_data", "model"),
    description="A new challenger from the newest reference data.",
    tags={"attrition/one_at_a_time": RETRAINING},  # limited in dagster.yaml
)
monthly_schedule = build_schedule_from_partitioned_job(
    monthly_job,
    description="On the 1st, at midnight UTC, the month that just ended.",
    default_status=DefaultScheduleStatus.RUNNING,
)


@dataclass(frozen=True)
class MonthVerdict:
    """What `retraining_not_needed` said of a month, and the run that said it."""

    month: pd.Period
    needed: bool
    decision: str
    champion_version: int
    reason: str
    run_id: str


@sensor(
    job=retraining_job,
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
)
def retrain_on_drift(
    context: SensorEvaluationContext, policy: ResourceParam[MonitoringPolicy]
) -> RunRequest | SkipReason:
    """Materializes the model when, and only when, the newest month's decision calls for it.

    It keeps no state of its own: everything is read from Dagster's event log, so that a wiped
    cursor, a restarted daemon or another evaluation of it never retrains twice.
    """
    return decide_request(context.instance, policy)


def decide_request(instance: DagsterInstance, policy: MonitoringPolicy) -> RunRequest | SkipReason:
    """Request the retraining that the newest judged month calls for, or say why there is none."""
    verdict = find_newest_verdict(instance)
    if verdict is None:
        return SkipReason("No month has been judged yet.")
    if skip := _explain_skip(instance, policy, verdict):
        return SkipReason(f"{verdict.month}: {skip}")
    return RunRequest(
        run_key=f"{RETRAINING}-{verdict.month}-{verdict.run_id}",
        run_config=retraining_config(verdict.month),
        tags={
            MONTH_TAG: str(verdict.month),
            TRIGGER_TAG: verdict.run_id,
            REASON_TAG: verdict.reason[:500],
        },
    )


def retraining_config(as_of: pd.Period) -> dict[str, Any]:
    """Run config of a retraining as of a month."""
    return {"ops": {"reference_data": {"config": {"as_of": str(as_of)}}}}


def find_newest_verdict(instance: DagsterInstance) -> MonthVerdict | None:
    """The latest verdict on the newest month that was judged, whatever was rerun since."""
    newest: tuple[str, AssetCheckExecutionRecord] | None = None
    cursor: int | None = None
    while records := instance.event_log_storage.get_asset_check_execution_history(
        DECISION_KEY,
        limit=PAGE,
        cursor=cursor,
        status={AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED},
    ):
        for record in records:
            if record.partition and (newest is None or record.partition > newest[0]):
                newest = record.partition, record
        cursor = records[-1].id
    return None if newest is None else _read_verdict(*newest)


def _read_verdict(partition: str, record: AssetCheckExecutionRecord) -> MonthVerdict:
    evaluation = not_none(not_none(record.event).dagster_event).asset_check_evaluation_data
    metadata: dict[str, Any] = {name: each.value for name, each in evaluation.metadata.items()}
    return MonthVerdict(
        month=parse_month(partition),
        needed=not evaluation.passed,
        decision=metadata["decision"],
        champion_version=metadata["champion_version"],
        reason=evaluation.description or "",
        run_id=record.run_id,
    )


def _explain_skip(
    instance: DagsterInstance, policy: MonitoringPolicy, verdict: MonthVerdict
) -> str | None:
    """Why the verdict leads to no retraining; None if it leads to one."""
    if not verdict.needed:
        return f"retraining is not needed ({verdict.reason})."
    if verdict.decision == Decision.CANNOT_TELL:
        return f"whether to retrain could not be told ({verdict.reason})."
    model, champion = (
        read_latest_metadata(instance, "model"),
        read_latest_metadata(instance, "champion"),
    )
    if champion and champion["version"] != verdict.champion_version:
        return (
            f"the verdict is on version {verdict.champion_version}, but version "
            f"{champion['version']} is champion now; the next month will judge that one."
        )
    if model and model["version"] not in _promoted_versions(instance):
        return f"version {model['version']} awaits review: promote it, or retrain with a reason."
    if model and (skip := _explain_cooldown(policy, verdict.month, parse_month(model["as_of"]))):
        return skip
    return _find_retraining(instance, verdict)


def _explain_cooldown(policy: MonitoringPolicy, month: pd.Period, trained: pd.Period) -> str | None:
    since = months_between(trained, month)
    if since <= 0:
        return f"the newest model was trained on data as of {trained} already."
    if since < policy.cooldown_months:
        return (
            f"the newest model was trained as of {trained}, {since} months before; the cool-down "
            f"is {policy.cooldown_months} months."
        )
    return None


def _find_retraining(instance: DagsterInstance, verdict: MonthVerdict) -> str | None:
    running = instance.get_runs(
        RunsFilter(
            job_name=RETRAINING,
            statuses=[
                DagsterRunStatus.QUEUED,
                DagsterRunStatus.NOT_STARTED,
                DagsterRunStatus.STARTING,
                DagsterRunStatus.STARTED,
            ],
        ),
        limit=1,
    )
    if running:
        return f"a retraining is under way (run {running[0].run_id})."
    earlier = instance.get_runs(RunsFilter(tags={MONTH_TAG: str(verdict.month)}), limit=1)
    if earlier:
        return (
            f"a retraining was requested and ended as {earlier[0].status.value} (run "
            f"{earlier[0].run_id}); to try again: attrition retrain --reason TEXT."
        )
    return None


def _promoted_versions(instance: DagsterInstance) -> set[Any]:
    """Every version that was ever champion: one that was rolled back does not await review."""
    records = instance.fetch_materializations(AssetKey("champion"), limit=1000).records
    reported = [record.asset_materialization for record in records]
    return {each.metadata["version"].value for each in reported if each}
