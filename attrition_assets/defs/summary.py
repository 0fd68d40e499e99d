"""`monthly_summary`: what a month is reported as, whatever became of it."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.acknowledgements import Acknowledgements
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.github import open_github
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.defs.drift import drift_report
from attrition_assets.defs.issues import (
    check_sent,
    read_retraining,
    send_waiting,
    tell_month,
)
from attrition_assets.defs.metadata import read_partition_metadata
from attrition_assets.defs.month_state import MonthState, read_state
from attrition_assets.defs.partition_keys import month_key, read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.defs.predictions import predictions
from attrition_assets.monitoring.decision import RetrainingDecision, decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.summary import (
    QUESTIONS,
    Batch,
    render_summary,
    render_unjudged,
)
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
    month = read_key_month(context.partition_key)
    state = read_state(month, context.instance, source, snapshot_store, switch, settings)
    decision = decide_retraining(state.report, policy) if state.report else None
    retraining = read_retraining(context.instance, month, DecisionLog(settings.home), settings.unit)
    acknowledged = _read_acknowledgement(state, settings)
    notes = (
        *(retraining.lines if retraining else ()),
        *([f"Its alarm was {acknowledged}"] if acknowledged else []),
        *_find_links(context.instance, state, settings),
    )
    text, facts = _render(state, decision, notes, settings)
    write_atomically(_summary_path(settings, str(month)), text.encode())
    outbox = Outbox(settings.home)
    issue = outbox.note(tell_month(state, decision, retraining, acknowledged, text))
    told = send_waiting(outbox, open_github(settings), datetime.now(UTC))
    sent = outbox.sent(issue.key)
    return MaterializeResult(
        metadata={
            "summary": MetadataValue.md(text),
            "state": str(state.state),
            "link": MetadataValue.url(f"{settings.reports_url}/{month}/summary.md"),
            "issue": MetadataValue.md(issue.body),
            "issue_link": MetadataValue.url(
                sent.url if sent else f"{settings.reports_url}/issues/{issue.key}.md"
            ),
            "issues": told,
            **facts,
        }
    )


def _render(
    state: MonthState,
    decision: RetrainingDecision | None,
    notes: tuple[str, ...],
    settings: Settings,
) -> tuple[str, dict[str, str | int]]:
    if state.report is None or state.scores is None or decision is None:
        headline = f"{state.state.capitalize()}: nothing was judged."
        reasons = (
            state.reason,
            *state.details,
            *notes,
        )
        return render_unjudged(str(state.month), headline, reasons, state.todo), {}
    batch = _describe_batch(state.scores)
    text = render_summary(
        state.report,
        decision,
        batch,
        f"{settings.reports_url}/{state.month}/drift.html",
        (*notes, *_describe_trouble(state)),
    )
    return text, {
        "decision": str(decision.decision),
        "employees": batch.rows,
        "flagged": batch.flagged,
    }


def _read_acknowledgement(state: MonthState, settings: Settings) -> str:
    """Who answered the month's alarm and why; empty if nobody did, or there is none."""
    if state.report is None or not state.report.feature_drift.alarmed:
        return ""
    version = state.report.snapshot_version
    return str(Acknowledgements(settings.home).of(state.month, version) or "")


def _find_links(
    instance: DagsterInstance, state: MonthState, settings: Settings
) -> tuple[str, ...]:
    """Where the run that judged a month is seen, in Dagster and in MLflow; nothing if none did."""
    if state.report is None:
        return ()
    key = month_key(state.month, settings.unit)
    made = read_partition_metadata(instance, "drift_report", key)
    if made is None:
        return ()
    run_id, metadata = made
    tracked = metadata.get("mlflow_run")
    links = [f"Judged by Dagster's run {settings.dagster_url}/runs/{run_id}"]
    return tuple([*links, f"In MLflow: {tracked}"] if tracked else links)


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


@asset_check(asset=monthly_summary, partitions_def=MONTHS, blocking=True)
def summary_complete(
    context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
) -> AssetCheckResult:
    """The summary lies on disk and answers every question."""
    path = _summary_path(settings, str(read_key_month(context.partition_key)))
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


@asset_check(asset=monthly_summary, partitions_def=MONTHS)
def issue_sent(
    context: AssetCheckExecutionContext, settings: ResourceParam[Settings]
) -> AssetCheckResult:
    """The issues stand on GitHub as they should, or no repository is named to send them to."""
    return check_sent(Outbox(settings.home), open_github(settings))


def _summary_path(settings: Settings, month: str) -> Path:
    return settings.home / "reports" / month / "summary.md"
