"""`attrition purge`: what is past its retention is shown, put on record and removed.

What is past it, what is needed still and how it is removed is for `adapters.removal`.
"""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd
from dagster import DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.flagged_access import FlaggedAccess
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.removal import Removable, find_removable, remove
from attrition_assets.adapters.served_predictions import ServedPredictions
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.defs.runs import find_running_retraining
from attrition_assets.errors import StorageError
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.governance.retention import describe_months, find_end, find_last_past
from attrition_assets.settings import Settings


@dataclass(frozen=True)
class Past:
    """What is past its retention: of `last` and before; `registry` is where its versions are.

    `served` counts the predictions that the prediction API answered, `readings` those of flagged
    lists.
    """

    last: pd.Period
    removable: Removable
    registry: Registry
    served: int
    readings: int

    def __bool__(self) -> bool:
        return bool(self.removable or self.served or self.readings)


def find_past(settings: Settings, instance: DagsterInstance, now: datetime) -> Past:
    """What is past its retention at `now`.

    Raises StorageError while a retraining is under way: what it made is no version's yet, and would
    seem to be needed by none.
    """
    if running := find_running_retraining(instance, settings.unit):
        raise StorageError(
            f"a retraining is under way (run {running.run_id}): wait until it has ended, or end it "
            "in Dagster's UI, then do it again. Nothing was removed"
        )
    contract = read_contract(settings.contract)
    registry = Registry(settings.mlflow_uri, settings.home, contract, settings.unit)
    last = find_last_past(now, settings.retention_days)
    store = SnapshotStore(settings.home, contract)
    removable = find_removable(settings.home, registry, store, last)
    before = find_end(last)
    return Past(
        last,
        removable,
        registry,
        served=sum(each.count_before(before) for each in _list_served(settings)),
        readings=FlaggedAccess(settings.home).count_before(before),
    )


def remove_past(
    past: Past, settings: Settings, *, who: str, why: str | None, now: datetime
) -> Entry:
    """Put the removal on record, then do it; return the entry.

    Raises RecordError, with nothing removed, if it could not be put on record.
    """
    removable = past.removable
    entry = DecisionLog(settings.home).append(
        Kind.RECORDS_REMOVED,
        who=who,
        why=why or f"past the retention of {settings.retention_days} days",
        at=now,
        months=describe_months(removable.months),
        files=removable.files,
        reference_tables=len(removable.tables),
        held_out_scores=len(removable.held_out),
        served_predictions=past.served,
        readings=past.readings,
        retention_days=settings.retention_days,
    )
    said = f"removed under retention on {now:%Y-%m-%d} by {entry.who} (decision {entry.number})"
    remove(removable, settings.home, past.registry, said)
    before = find_end(past.last)
    for each in _list_served(settings):
        each.remove_before(before)
    FlaggedAccess(settings.home).remove_before(before)
    return entry


def _list_served(settings: Settings) -> list[ServedPredictions]:
    return [
        ServedPredictions(settings.served_predictions),
        ServedPredictions(settings.waiting_predictions),
    ]


def render_past(past: Past, settings: Settings) -> str:
    """What goes, what stays and why, and what is not touched, as lines of text."""
    removable, digests = past.removable, sorted(past.removable.tables)
    going = [
        *(
            [f"{describe_months(removable.months)}: {removable.files} files of these months"]
            if removable.months
            else []
        ),
        *(f"reference data {digest[:12]}" for digest in digests),
        *(
            f"held-out scores of version {each.version}"
            if each.version
            else f"held-out scores of run {each.run_id}, of which no version came"
            for each in removable.held_out
        ),
        *([f"{past.served:,} predictions that the prediction API answered"] if past.served else []),
        *([f"{past.readings:,} readings of flagged lists"] if past.readings else []),
    ]
    lines = [
        f"Kept for {settings.retention_days} days (ATTRITION_RETENTION_DAYS): months up to "
        f"{past.last} are past it",
        "",
        "To be removed" if going else "Nothing is to be removed",
        *(f"  {each}" for each in going),
    ]
    if removable.kept:
        lines += ["Past it too, and needed still", *(f"  {each}" for each in removable.kept)]
    place = "your database" if settings.snapshots_from else str(settings.data)
    written = " or the rows in your database" if settings.predictions_to else ""
    return "\n".join(
        [*lines, f"Not touched: what you sent, in {place}{written}; backups; the decision log"]
    )
