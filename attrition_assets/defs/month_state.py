"""What became of a month: judged, refused, without a file, or stuck on the way, and what to do.

Read from the stores and, for what failed, from Dagster's runs. The summary and `attrition status`
say it in the same words.
"""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
from dagster import DagsterInstance

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.snapshot_store import Ledger, SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.adapters.waivers import WAIVABLE
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.partition_keys import month_key
from attrition_assets.defs.runs import explain_failure, find_last_failure
from attrition_assets.errors import DatabaseError, SnapshotError
from attrition_assets.governance.retention import find_removal
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.settings import Settings


class State(StrEnum):
    """How far a month came."""

    REMOVED = "removed"
    MISSING = "no snapshot"
    REFUSED = "refused"
    NOT_CHECKED = "not checked"
    NOT_SCORED = "not scored"
    NOT_JUDGED = "scored, but not judged"
    JUDGED = "judged"


@dataclass(frozen=True)
class MonthState:
    """How far a month came, why no further (in a line, and in full), and the next step.

    `scores` and `report` are there only if they are of the present version of its snapshot.
    """

    month: pd.Period
    state: State
    reason: str = ""
    todo: str = ""
    details: tuple[str, ...] = ()
    scores: pd.DataFrame | None = None
    report: DriftReport | None = None


def read_state(
    month: pd.Period,
    instance: DagsterInstance,
    source: SnapshotSource,
    snapshot_store: SnapshotStore,
    switch: ScoringSwitch,
    settings: Settings,
) -> MonthState:
    """What became of a month."""
    ledger = snapshot_store.ledger(month)
    again = f"`attrition run {month}`"
    if ledger is None:
        entries = DecisionLog(settings.home).known_entries()
        if removal := find_removal(entries, month):
            said = f"its records were {removal}"
            return MonthState(month, State.REMOVED, said, "nothing: it is past its retention")
        return _explain_unchecked(month, instance, source, again, settings.unit)
    if not ledger.accepted:
        return _explain_refusal(month, ledger, snapshot_store, again)
    scores, report = _read_present(month, ledger.version, settings)
    why, mend = _explain_last_run(month, instance, again, settings.unit)
    if scores is not None and report is not None:
        return MonthState(month, State.JUDGED, why, mend, scores=scores, report=report)
    state = State.NOT_SCORED if scores is None else State.NOT_JUDGED
    if scores is None and (suspension := switch.read()):
        todo = f"`attrition resume --reason TEXT`, then {again}"
        return MonthState(month, state, str(suspension), todo)
    if not why:
        return MonthState(month, state, "its snapshot was accepted and no run went further", again)
    return MonthState(month, state, why, mend, scores=scores)


def _explain_last_run(
    month: pd.Period, instance: DagsterInstance, again: str, unit: str | None
) -> tuple[str, str]:
    """Why the month's newest run failed, and what to do; two empty texts if it did not."""
    failure = find_last_failure(instance, month_key(month, unit))
    if failure is None:
        return "", ""
    why = explain_failure(instance, failure.run_id)
    return f"run {failure.run_id} failed: {why}", f"mend the cause, then {again}"


def _explain_unchecked(
    month: pd.Period,
    instance: DagsterInstance,
    source: SnapshotSource,
    again: str,
    unit: str | None,
) -> MonthState:
    try:
        held = source.months()
    except (DatabaseError, SnapshotError) as error:
        return MonthState(month, State.NOT_CHECKED, str(error), f"mend the cause, then {again}")
    if month not in held:
        return MonthState(
            month,
            State.MISSING,
            f"there is no {source.describe_month(month)}",
            f"put it there, then {again}",
        )
    why, mend = _explain_last_run(month, instance, again, unit)
    if not why:
        return MonthState(month, State.NOT_CHECKED, "no run has read its file yet", again)
    return MonthState(month, State.NOT_CHECKED, why, mend)


def _explain_refusal(
    month: pd.Period, ledger: Ledger, snapshot_store: SnapshotStore, again: str
) -> MonthState:
    failed = tuple(
        f"{name}: {verdict.explanation}"
        for name, verdict in ledger.verdicts.items()
        if not verdict.holds
    )
    earlier = (
        f"; version {ledger.version}, accepted before, is not used any more"
        if ledger.version
        else ""
    )
    return MonthState(
        month,
        State.REFUSED,
        f"{ledger.sent_name} has {', '.join(ledger.faults)}{earlier}",
        f"correct the file ({snapshot_store.quarantine(month)} keeps what was sent), then {again}"
        + _explain_waiver(month, ledger),
        details=failed,
    )


def _explain_waiver(month: pd.Period, ledger: Ledger) -> str:
    """How to vouch for a month that only comparisons with other months refuse; else nothing."""
    if not set(ledger.failed) <= set(WAIVABLE):
        return ""
    checks = " ".join(f"--check {name}" for name in ledger.failed)
    return f"; or, if the file is right, `attrition accept {month} {checks} --reason TEXT` first"


def _read_present(
    month: pd.Period, version: int, settings: Settings
) -> tuple[pd.DataFrame | None, DriftReport | None]:
    """The scores and the report of one version of the month; None for each that is not there."""
    path = partition_path(settings.home, "predictions", month_key(month), ".parquet")
    scores = read_parquet(path) if path.is_file() else None
    if scores is None or scores["snapshot_version"].iloc[0] != version:
        return None, None
    report = DriftReports(settings.home).read(month)
    return scores, report if report and report.snapshot_version == version else None
