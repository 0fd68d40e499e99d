"""Whether the newest verdict leads to a retraining: read from Dagster's event log, decided once.

Nothing is remembered between ticks: a wiped cursor, a restarted daemon or a second evaluation
finds the same verdict, the same runs and the same decision on record.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from dagster import (
    AssetCheckKey,
    AssetKey,
    AssetObservation,
    DagsterInstance,
    RunRequest,
    RunsFilter,
    SkipReason,
)
from dagster._check import not_none
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.defs.drift_checks import DECISION_CHECK
from attrition_assets.defs.metadata import read_all_metadata, read_latest_observation
from attrition_assets.defs.partition_keys import is_of_unit, month_key, read_key_month
from attrition_assets.defs.promotion import LOOP
from attrition_assets.defs.runs import (
    MONTH_TAG,
    REASON_TAG,
    RETRAINING,
    TRIGGER_TAG,
    VERSION_TAG,
    find_running_retraining,
    tag_unit,
)
from attrition_assets.governance.decisions import Kind
from attrition_assets.monitoring.decision import Decision
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import months_between, parse_month

DECISION_KEY = AssetCheckKey(AssetKey("drift_report"), DECISION_CHECK)
EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
PAGE = 100
REQUESTED, SKIPPED = "retraining requested", "skipped"


@dataclass(frozen=True)
class MonthVerdict:
    """What `retraining_not_needed` said of a month, and the run that said it."""

    month: pd.Period
    needed: bool
    decision: str
    champion_version: int
    snapshot_version: int
    reason: str
    run_id: str


def decide_request(
    instance: DagsterInstance,
    policy: MonitoringPolicy,
    present_version: Callable[[pd.Period], int],
    log: DecisionLog,
    now: datetime,
    unit: str | None = None,
) -> RunRequest | SkipReason:
    """Request the retraining that the newest judged month calls for, or say why there is none.

    `present_version` is the accepted version of a month's snapshot, 0 if it was refused since: a
    verdict on another version calls for nothing. What was decided is put on record once for each
    verdict: an observation of `drift_report`, and an entry of the decision log.
    """
    verdict = find_newest_verdict(instance, unit)
    if verdict is None:
        return SkipReason("No month has been judged yet.")
    if verdict.needed and (running := find_running_retraining(instance, unit)):
        # Not decided yet: the next tick looks again.
        return SkipReason(f"{verdict.month}: a retraining is under way (run {running.run_id}).")
    if verdict.needed and present_version(verdict.month) != verdict.snapshot_version:
        return SkipReason(
            f"{verdict.month}: its snapshot was sent again since it was judged, and refused or "
            "corrected; it calls for a retraining once it is judged again."
        )
    skip = _explain_skip(instance, policy, verdict, unit)
    _record_decision(instance, log, verdict, skip, now, unit)
    if skip:
        return SkipReason(f"{verdict.month}: {skip}")
    return RunRequest(
        run_key=f"{RETRAINING}-{verdict.month}-{verdict.run_id}",
        run_config=retraining_config(verdict.month),
        partition_key=unit,
        tags={
            MONTH_TAG: str(verdict.month),
            TRIGGER_TAG: verdict.run_id,
            VERSION_TAG: str(verdict.snapshot_version),
            REASON_TAG: verdict.reason[:500],
        },
    )


def retraining_config(as_of: pd.Period) -> dict[str, Any]:
    """Run config of a retraining as of a month."""
    return {"ops": {"reference_data": {"config": {"as_of": str(as_of)}}}}


def find_newest_verdict(instance: DagsterInstance, unit: str | None = None) -> MonthVerdict | None:
    """The latest verdict on the newest month that was judged, whatever was rerun since."""
    newest: tuple[pd.Period, AssetCheckExecutionRecord] | None = None
    cursor: int | None = None
    while records := instance.event_log_storage.get_asset_check_execution_history(
        DECISION_KEY, limit=PAGE, cursor=cursor, status=EVALUATED
    ):
        for record in records:
            if not (record.partition and is_of_unit(record.partition, unit)):
                continue
            month = read_key_month(record.partition)
            if newest is None or month > newest[0]:
                newest = month, record
        cursor = records[-1].id
    return None if newest is None else _read_verdict(*newest)


def read_decision(
    instance: DagsterInstance, month: pd.Period, unit: str | None = None
) -> dict[str, Any] | None:
    """What was decided on the month's latest verdict: action, reason and run; None if nothing."""
    return read_latest_observation(instance, "drift_report", month_key(month, unit))


def find_waiting(
    models: list[dict[str, Any]], champions: list[dict[str, Any]]
) -> dict[str, Any] | None:
    """The newest model if it awaits review, told from both assets' metadata, the newest first.

    One that ever was champion does not, though it was rolled back.
    """
    promoted = {each["version"] for each in champions}
    return models[0] if models and models[0]["version"] not in promoted else None


def _read_verdict(month: pd.Period, record: AssetCheckExecutionRecord) -> MonthVerdict:
    evaluation = not_none(not_none(record.event).dagster_event).asset_check_evaluation_data
    metadata: dict[str, Any] = {name: each.value for name, each in evaluation.metadata.items()}
    return MonthVerdict(
        month=month,
        needed=not evaluation.passed,
        decision=metadata["decision"],
        champion_version=metadata["champion_version"],
        snapshot_version=metadata["snapshot_version"],
        reason=evaluation.description or "",
        run_id=record.run_id,
    )


def _record_decision(
    instance: DagsterInstance,
    log: DecisionLog,
    verdict: MonthVerdict,
    skip: str | None,
    now: datetime,
    unit: str | None,
) -> None:
    action = SKIPPED if skip else REQUESTED
    recorded = read_decision(instance, verdict.month, unit)
    known = recorded is not None and recorded["verdict_run"] == verdict.run_id
    # What a review held back may be requested later; a request is not taken back.
    if known and recorded and (recorded["action"], action) != (SKIPPED, REQUESTED):
        return
    kind = Kind.RETRAINING_SKIPPED if skip else Kind.RETRAINING_REQUESTED
    logged = [entry for entry in log.known_entries() if entry.facts.get("run") == verdict.run_id]
    if not logged or logged[-1].kind != kind:  # Dagster may have failed after it was logged
        log.append(
            kind,
            who=LOOP,
            why=skip or verdict.reason,
            at=now,
            month=str(verdict.month),
            champion=verdict.champion_version,
            run=verdict.run_id,
        )
    instance.report_runless_asset_event(
        AssetObservation(
            "drift_report",
            partition=month_key(verdict.month, unit),
            description=skip or f"a retraining is requested ({verdict.reason})",
            metadata={
                "action": action,
                "reason": skip or verdict.reason,
                "verdict_run": verdict.run_id,
            },
        )
    )


def _explain_skip(
    instance: DagsterInstance, policy: MonitoringPolicy, verdict: MonthVerdict, unit: str | None
) -> str | None:
    """Why the verdict leads to no retraining; None if it leads to one."""
    if not verdict.needed:
        return f"retraining is not needed ({verdict.reason})."
    if verdict.decision == Decision.CANNOT_TELL:
        return f"whether to retrain could not be told ({verdict.reason})."
    models, champions = (
        read_all_metadata(instance, "model", unit),
        read_all_metadata(instance, "champion", unit),
    )
    if champions and champions[0]["version"] != verdict.champion_version:
        return (
            f"the verdict is on version {verdict.champion_version}, but version "
            f"{champions[0]['version']} is champion now; the next month will judge that one."
        )
    if waiting := find_waiting(models, champions):
        return f"version {waiting['version']} awaits review: promote it, or retrain with a reason."
    if models:
        trained = max(parse_month(model["as_of"]) for model in models)
        if skip := _explain_cooldown(policy, verdict.month, trained):
            return skip
    return _find_request(instance, verdict, unit)


def _explain_cooldown(policy: MonitoringPolicy, month: pd.Period, trained: pd.Period) -> str | None:
    since = months_between(trained, month)
    if since <= 0:
        return f"a model was trained on data as of {trained} already."
    if since < policy.cooldown_months:
        return (
            f"the newest model was trained as of {trained}, {since} months before; the cool-down "
            f"is {policy.cooldown_months} months."
        )
    return None


def _find_request(instance: DagsterInstance, verdict: MonthVerdict, unit: str | None) -> str | None:
    tags = {
        MONTH_TAG: str(verdict.month),
        VERSION_TAG: str(verdict.snapshot_version),
        **tag_unit(unit),
    }
    earlier = instance.get_runs(RunsFilter(tags=tags), limit=1)
    if earlier:
        return (
            f"a retraining was requested and ended as {earlier[0].status.value} (run "
            f"{earlier[0].run_id}); to try again: attrition retrain --reason TEXT."
        )
    return None
