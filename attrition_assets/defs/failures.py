"""Which months' summaries are to be written anew: what ended, or was decided, since a cursor.

A blocked month, a month without a file and a failed retraining are all runs that ended; a promotion
and its refusal are entries of the decision log. A month that nothing was heard of is told by the
calendar. The cursor is the id of the last such event and the number of the last entry; with the
cursor lost, the same run keys come back and Dagster starts nothing twice.
"""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd
from dagster import (
    AssetKey,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    RunRequest,
    RunsFilter,
    RunStatusChangeRecordsFilter,
    SensorResult,
    SkipReason,
)
from dagster._core.event_api import RunStatusChangeEventType

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.defs.metadata import list_model_runs
from attrition_assets.defs.partition_keys import is_of_unit, month_key, read_key_month
from attrition_assets.defs.partitions import CALENDAR
from attrition_assets.defs.runs import (
    AS_OF_TAG,
    FAILED,
    MONTH_TAG,
    PARTITION_TAG,
    SUMMARY,
    is_retraining,
    is_run_of,
    read_month,
)
from attrition_assets.governance.decisions import REGISTRATION, Entry, Kind, told_versions
from attrition_assets.months import parse_month, partition_key

PAGE = 50
OVERDUE_DAY = 3  # of the month after, by which a month has been run
ENDED: tuple[RunStatusChangeEventType, ...] = (
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
)


def find_summaries(
    instance: DagsterInstance,
    cursor: str | None,
    log: DecisionLog,
    now: datetime,
    unit: str | None = None,
) -> SensorResult | SkipReason:
    """A request for each month, of a unit if one is named, that there is news of since `cursor`."""
    told_event, _, told_entry = (cursor or "").partition("/")
    ended = _list_ended(instance, int(told_event or 0))
    decided = [each for each in log.known_entries() if each.number > int(told_entry or 0)][:PAGE]
    overdue = find_overdue(instance, now, unit)
    if not (ended or decided or overdue is not None):
        return SkipReason("No run has ended and nothing was decided since the last tick.")
    keys: dict[pd.Period, str] = {}  # one request a month: the last news of it names it
    for _, run_id in ended:
        run = instance.get_run_by_id(run_id)
        if run and (month := _read_news(instance, run, unit)) is not None:
            keys[month] = run_id
    for month, entry in _read_decisions(instance, decided, unit):
        keys[month] = f"entry-{entry.number}"
    if overdue is not None:
        keys[overdue] = "overdue"
    return SensorResult(
        run_requests=[
            RunRequest(
                run_key="-".join((SUMMARY, *([unit] if unit else []), str(month), key)),
                partition_key=month_key(month, unit),
            )
            for month, key in keys.items()
        ],
        cursor=f"{ended[-1][0] if ended else told_event or 0}/"
        f"{decided[-1].number if decided else told_entry or 0}",
    )


def find_overdue(
    instance: DagsterInstance, now: datetime, unit: str | None = None
) -> pd.Period | None:
    """The month that ended last, if nothing was heard of it by the 3rd (UTC); else None.

    Where nothing was heard of the month before it either, the months are not run here, or were not
    for long: `attrition doctor` tells that.
    """
    due = pd.Period(f"{now:%Y-%m}", freq="M") - 1
    if (
        now.day < OVERDUE_DAY
        or _count_runs(instance, due, unit)
        or not _count_runs(instance, due - 1, unit)
    ):
        return None
    return due if partition_key(due) in CALENDAR.get_partition_keys(current_time=now) else None


def _count_runs(instance: DagsterInstance, month: pd.Period, unit: str | None) -> int:
    return instance.get_runs_count(RunsFilter(tags={PARTITION_TAG: month_key(month, unit)}))


def _read_decisions(
    instance: DagsterInstance, entries: list[Entry], unit: str | None
) -> Iterator[tuple[pd.Period, Entry]]:
    """The summarized months whose summaries do not say yet what an entry records, with it."""
    if not entries:
        return
    summarized = instance.get_materialized_partitions(AssetKey("monthly_summary"))
    made_by = list_model_runs(instance, unit)
    for entry in entries:
        for month in _list_told(instance, entry, made_by):
            if month_key(month, unit) in summarized:
                yield month, entry


def _list_told(
    instance: DagsterInstance, entry: Entry, made_by: dict[int, str]
) -> Iterator[pd.Period]:
    """The months that an entry of the log is news to."""
    if entry.kind == Kind.ALARM_ACKNOWLEDGED:
        yield parse_month(str(entry.facts["month"]))
    elif entry.kind not in REGISTRATION:  # the run that registers says so as it ends
        for version in sorted(told_versions(entry)):
            run = instance.get_run_by_id(made_by[version]) if version in made_by else None
            month = read_month(run) if run else None
            if month is not None:
                yield month


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


def _read_news(instance: DagsterInstance, run: DagsterRun, unit: str | None) -> pd.Period | None:
    """The month whose summary does not yet say what became of this run; None if there is none."""
    if run.job_name == SUMMARY or not is_run_of(run, unit):
        return None
    month = read_month(run)
    if month is not None and partition_key(month) not in CALENDAR.get_partition_keys():
        month = None  # a month that is no partition has no summary
    if run.status in FAILED:
        return month or (_place(instance, run, unit) if is_retraining(run) else None)
    # Of runs that went well, only a retraining that the sensor asked for is news to its month.
    return month if MONTH_TAG in run.tags else None


def _place(instance: DagsterInstance, run: DagsterRun, unit: str | None) -> pd.Period | None:
    """The newest accepted month, written on a retraining that failed before it named its own."""
    keys = instance.get_materialized_partitions(AssetKey("employee_snapshot"))
    accepted = [read_key_month(key) for key in keys if is_of_unit(key, unit)]
    if not accepted:
        return None
    month = max(accepted)
    instance.add_run_tags(run.run_id, {AS_OF_TAG: str(month)})
    return month
