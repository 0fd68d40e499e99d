"""How a month was processed until now: seconds, runs and checks, from Dagster's event log.

What the numbers are called is for `monitoring.metrics`.
"""

from datetime import datetime

from dagster import DagsterEventType, DagsterInstance, RunsFilter

from attrition_assets.defs.metadata import read_partition_metadata
from attrition_assets.defs.runs import FAILED, PARTITION_TAG, SUMMARY
from attrition_assets.monitoring.metrics import Operations

# What a month's metrics are made of, in order of flow.
ASSETS = ("employee_snapshot", "predictions", "drift_report")
READ_EVENTS = {
    DagsterEventType.STEP_START,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.ASSET_CHECK_EVALUATION,
}


def read_operations(
    instance: DagsterInstance, run_id: str, partition: str, now: datetime
) -> Operations:
    """What is known of a month's processing at `now`, within the run `run_id`.

    Each asset's time and checks are those of the run that last made it, which may be an earlier
    one. A run that only wrote a summary anew is none of the month's.
    """
    made = {asset: read_partition_metadata(instance, asset, partition) for asset in ASSETS}
    logs = {found[0]: _RunLog(instance, found[0]) for found in made.values() if found}
    seconds: dict[str, float | None] = {}
    checks: dict[str, bool] = {}
    for asset, found in made.items():
        log = logs[found[0]] if found else None
        seconds[asset] = log.seconds.get(asset) if log else None
        checks |= log.checks.get(asset, {}) if log else {}
    records = instance.get_run_records(RunsFilter(tags={PARTITION_TAG: partition}))
    runs = [
        record
        for record in records
        if record.dagster_run.run_id == run_id
        or (record.dagster_run.is_finished and record.dagster_run.job_name != SUMMARY)
    ]
    started = next(
        (each.start_time for each in runs if each.dagster_run.run_id == run_id and each.start_time),
        None,
    )
    return Operations(
        asset_seconds=seconds,
        run_seconds=None if started is None else now.timestamp() - started,
        runs=max(1, len(runs)),
        failed_runs=sum(each.dagster_run.status in FAILED for each in runs),
        checks=dict(sorted(checks.items())),
    )


class _RunLog:
    """What one run's log says: seconds by step, and by asset which checks passed."""

    def __init__(self, instance: DagsterInstance, run_id: str) -> None:
        began: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.checks: dict[str, dict[str, bool]] = {}
        for entry in instance.all_logs(run_id, of_type=READ_EVENTS):
            event, step = entry.dagster_event, entry.step_key
            if event is None or step is None:
                continue
            if event.event_type == DagsterEventType.STEP_START:
                began[step] = entry.timestamp
            elif event.event_type == DagsterEventType.STEP_SUCCESS and step in began:
                self.seconds[step] = entry.timestamp - began[step]
            elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
                data = event.asset_check_evaluation_data
                checked = self.checks.setdefault(data.asset_key.to_user_string(), {})
                checked[data.check_name] = data.passed
