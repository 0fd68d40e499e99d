"""Which months' summaries are to be written anew, told from the runs that ended since a cursor.

A blocked month, a month without a file and a failed retraining are all runs that ended. The cursor
is the id of the last such event; with the cursor lost, the same run keys come back and Dagster
starts nothing twice.
"""

import pandas as pd
from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    RunRequest,
    RunStatusChangeRecordsFilter,
    SensorResult,
    SkipReason,
)
from dagster._core.event_api import RunStatusChangeEventType

from attrition_assets.defs.partitions import MONTHS
from attrition_assets.defs.runs import (
    AS_OF_TAG,
    FAILED,
    MONTH_TAG,
    SUMMARY,
    is_retraining,
    read_month,
)
from attrition_assets.months import parse_month, partition_key

PAGE = 50
ENDED: tuple[RunStatusChangeEventType, ...] = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
)


def find_summaries(instance: DagsterInstance, cursor: str | None) -> SensorResult | SkipReason:
    """A request for each month that a run which ended after `cursor` has news of."""
    ended = _list_ended(instance, int(cursor or 0))
    if not ended:
        return SkipReason("No run has ended since the last tick.")
    runs = [run for _, run_id in ended if (run := instance.get_run_by_id(run_id))]
    requests = {
        month: RunRequest(
            run_key=f"{SUMMARY}-{month}-{run.run_id}", partition_key=partition_key(month)
        )
        for run in runs
        if (month := _read_news(instance, run)) is not None
    }
    return SensorResult(run_requests=list(requests.values()), cursor=str(ended[-1][0]))


def _list_ended(instance: DagsterInstance, after: int) -> list[tuple[int, str]]:
    """Event id and run id of the first runs that ended after an event, in order."""
    found = [
        (record.storage_id, record.run_id)
        for kind in ENDED
        for record in instance.fetch_run_status_changes(
            RunStatusChangeRecordsFilter(kind, after_storage_id=after), limit=PAGE, ascending=True
        ).records
    ]
    return sorted(found)[:PAGE]


def _read_news(instance: DagsterInstance, run: DagsterRun) -> pd.Period | None:
    """The month whose summary does not yet say what became of this run; None if there is none."""
    if run.job_name == SUMMARY:
        return None
    month = read_month(run)
    if month is not None and partition_key(month) not in MONTHS.get_partition_keys():
        month = None  # a month that is no partition has no summary
    if run.status in FAILED:
        return month or (_place(instance, run) if is_retraining(run) else None)
    # Of runs that went well, only a retraining that the sensor asked for is news to its month.
    return month if MONTH_TAG in run.tags else None


def _place(instance: DagsterInstance, run: DagsterRun) -> pd.Period | None:
    """The newest accepted month, written on a retraining that failed before it named its own."""
    accepted = instance.get_materialized_partitions(AssetKey("employee_snapshot"))
    if not accepted:
        return None
    month = parse_month(max(accepted))
    instance.add_run_tags(run.run_id, {AS_OF_TAG: str(month)})
    return month
