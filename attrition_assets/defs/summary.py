"""`monthly_summary`: what a month is reported as, whatever became of it."""

from pathlib import Path

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    DagsterInstance,
    DagsterRunStatus,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.defs.drift import drift_report
from attrition_assets.defs.metadata import read_run_metadata
from attrition_assets.defs.month_state import MonthState, read_state
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.defs.predictions import predictions
from attrition_assets.defs.runs import IN_PROGRESS, explain_failure, find_retrainings
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.summary import (
    QUESTIONS,
    Batch,
    render_summary,
    render_unjudged,
)
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings


@asset(
    partitions_def=MONTHS,
    deps=[predictions, drift_report],
    group_name="attrition",
    kinds={"markdown"},
)
def monthly_summary(
    context: AssetExecutionContext,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    switch: ResourceParam[ScoringSwitch],
    policy: ResourceParam[MonitoringPolicy],
    settings: ResourceParam[Settings],
) -> MaterializeResult[None]:
    """The month in words: what drifted, what is advised and why, what was scored.

    Or why it was not judged and what to do. It is written anew when a run of the month failed and
    when its retraining has ended.
    """
    month = parse_month(context.partition_key)
    state = read_state(month, context.instance, source, snapshot_store, switch, settings)
    text, facts = _render(state, context.instance, policy, settings)
    write_atomically(_summary_path(settings, str(month)), text.encode())
    return MaterializeResult(
        metadata={
            "summary": MetadataValue.md(text),
            "state": str(state.state),
            "link": MetadataValue.url(f"{settings.reports_url}/{month}/summary.md"),
            **facts,
        }
    )


def _render(
    state: MonthState, instance: DagsterInstance, policy: MonitoringPolicy, settings: Settings
) -> tuple[str, dict[str, str | int]]:
    if state.report is None or state.scores is None:
        headline = f"{state.state.capitalize()}: nothing was judged."
        reasons = (
            state.reason,
            *state.details,
            *_describe_retraining(instance, state.month),
        )
        return render_unjudged(str(state.month), headline, reasons, state.todo), {}
    decision = decide_retraining(state.report, policy)
    batch = _describe_batch(state.scores)
    text = render_summary(
        state.report,
        decision,
        batch,
        f"{settings.reports_url}/{state.month}/drift.html",
        (*_describe_retraining(instance, state.month), *_describe_trouble(state)),
    )
    return text, {
        "decision": str(decision.decision),
        "employees": batch.rows,
        "flagged": batch.flagged,
    }


def _describe_batch(scores: pd.DataFrame) -> Batch:
    return Batch(
        rows=len(scores),
        flagged=int(scores["flag"].sum()),
        mean_probability=float(scores["probability"].mean()),
    )


def _describe_trouble(state: MonthState) -> tuple[str, ...]:
    """What went wrong with a month since it was judged; nothing if nothing did."""
    if not state.reason:
        return ()
    return (f"Since it was judged, {state.reason}", f"To do: {state.todo}")


def _describe_retraining(instance: DagsterInstance, month: pd.Period) -> tuple[str, ...]:
    """What became of the newest retraining for the month, if there was one."""
    runs = find_retrainings(instance, month)
    if not runs:
        return ()
    newest = f"Retraining (run {runs[0].run_id}):"
    if runs[0].status == DagsterRunStatus.SUCCESS:
        made = read_run_metadata(instance, runs[0].run_id, "model")
        version = made["version"] if made else "none"
        return (f"{newest} succeeded, version {version}: `attrition status` says if it waits",)
    if runs[0].status in IN_PROGRESS:
        return (f"{newest} under way",)
    return (
        f"{newest} **failed**: {explain_failure(instance, runs[0].run_id)}",
        "To do: mend the cause, then `attrition retrain --reason TEXT`",
    )


@asset_check(asset=monthly_summary, partitions_def=MONTHS, blocking=True)
def summary_complete(
    context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
) -> AssetCheckResult:
    """The summary lies on disk and answers every question."""
    path = _summary_path(settings, str(parse_month(context.partition_key)))
    text = path.read_text("utf-8") if path.is_file() else ""
    unanswered = [question for question in QUESTIONS if f"| {question} |" not in text]
    return AssetCheckResult(
        passed=not unanswered,
        severity=AssetCheckSeverity.ERROR,
        description=f"{len(QUESTIONS) - len(unanswered)} of {len(QUESTIONS)} questions answered",
        metadata={
            "value": len(unanswered),
            "limit": 0,
            "offenders": ", ".join(unanswered) or "none",
        },
    )


def _summary_path(settings: Settings, month: str) -> Path:
    return settings.home / "reports" / month / "summary.md"
