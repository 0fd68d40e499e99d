"""What Dagster's runs were about: their month, whether they retrain, how they ended and why.

Runs from the schedule, the sensors, the UI and the command line are told alike, by their tags and
by the assets they selected. Nothing is decided here.
"""

import pandas as pd
from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunsFilter,
)
from dagster._core.events import JobFailureData
from dagster._core.execution.plan.objects import StepFailureData
from dagster_shared.error import SerializableErrorInfo

from attrition_assets.defs.partition_keys import is_of_unit, month_key, read_key_month

MONTHLY, RETRAINING, SUMMARY, PROMOTION = "monthly", "retraining", "summary", "promotion"
# The month that a retraining answers (if the sensor asked for it), and the one it learns up to.
MONTH_TAG, AS_OF_TAG = "attrition/month", "attrition/as_of"
REASON_TAG, TRIGGER_TAG = "attrition/reason", "attrition/trigger_run"
VERSION_TAG = "attrition/snapshot_version"
PARTITION_TAG = "dagster/partition"
IN_PROGRESS = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
FAILED = [DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
FAILURE_EVENTS = {DagsterEventType.STEP_FAILURE, DagsterEventType.PIPELINE_FAILURE}


def is_retraining(run: DagsterRun) -> bool:
    """Whether a run trains a model, by its job or by the assets selected for it."""
    return run.job_name == RETRAINING or AssetKey("model") in (run.asset_selection or ())


def find_running_retraining(
    instance: DagsterInstance, unit: str | None = None
) -> DagsterRun | None:
    """A retraining that has not ended yet, of a unit if one is named, or None."""
    runs = instance.get_runs(RunsFilter(statuses=IN_PROGRESS))
    return next((run for run in runs if is_retraining(run) and is_run_of(run, unit)), None)


def is_run_of(run: DagsterRun, unit: str | None) -> bool:
    """Whether a run is a unit's, by its partition; without units every run is."""
    return is_of_unit(run.tags.get(PARTITION_TAG, ""), unit)


def tag_unit(unit: str | None) -> dict[str, str]:
    """The tags of a unit's runs that are of no month; none without units."""
    return {} if unit is None else {PARTITION_TAG: unit}


def tag_month(month: pd.Period, unit: str | None) -> dict[str, str]:
    """The tags of a month's runs, or of those of a unit's month, as Dagster gives them."""
    tags = {PARTITION_TAG: month_key(month, unit)}
    if unit is not None:
        tags |= {f"{PARTITION_TAG}/month": month_key(month), f"{PARTITION_TAG}/unit": unit}
    return tags


def read_month(run: DagsterRun) -> pd.Period | None:
    """The month that a run was about; None if it never got so far as to say."""
    for tag in (PARTITION_TAG, MONTH_TAG, AS_OF_TAG):
        try:
            return read_key_month(run.tags.get(tag, ""))
        except ValueError:  # there is none, or it names a unit, or somebody else wrote it
            continue
    return None


def find_retrainings(
    instance: DagsterInstance, month: pd.Period, unit: str | None = None
) -> list[DagsterRun]:
    """The retrainings that answer a month or learn up to it, the newest first."""
    tagged = (
        run
        for tag in (MONTH_TAG, AS_OF_TAG)
        for run in instance.get_run_records(
            RunsFilter(tags={tag: str(month), **tag_unit(unit)}), limit=20
        )
    )
    records = {record.dagster_run.run_id: record for record in tagged}
    newest = sorted(records.values(), key=lambda record: record.create_timestamp, reverse=True)
    return [record.dagster_run for record in newest]


def find_last_failure(instance: DagsterInstance, partition: str) -> DagsterRun | None:
    """The newest run of a partition if it failed; None if it succeeded or there is none."""
    runs = instance.get_runs(RunsFilter(tags={PARTITION_TAG: partition}), limit=20)
    ended = [run for run in runs if run.job_name != SUMMARY and run.is_finished]
    return ended[0] if ended and ended[0].status in FAILED else None


def name_failed_steps(instance: DagsterInstance, run_id: str) -> set[str]:
    """The steps of a run that failed."""
    failed = instance.all_logs(run_id, of_type=DagsterEventType.STEP_FAILURE)
    return {each.step_key for each in failed if each.step_key}


def explain_failure(instance: DagsterInstance, run_id: str) -> str:
    """Why a run failed: its failed blocking checks, or the first error that was raised in it."""
    checks = [
        f"{data.check_name}: {data.description}"
        for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event
        and not (data := entry.dagster_event.asset_check_evaluation_data).passed
        and data.blocking
    ]
    events = [
        entry.dagster_event.event_specific_data
        for entry in instance.all_logs(run_id, of_type=FAILURE_EVENTS)
        if entry.dagster_event
    ]
    errors = [data.error for data in events if isinstance(data, StepFailureData | JobFailureData)]
    said = checks or [_find_cause(error) for error in errors if error][:1]
    return "; ".join(said) or "it ended without saying why: its process was killed, or canceled"


def _find_cause(error: SerializableErrorInfo) -> str:
    while error.cause:
        error = error.cause
    return error.message.strip()
