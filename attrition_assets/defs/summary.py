"""`monthly_summary`: what a month is reported as."""

from pathlib import Path

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.files import write_atomically
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.monitoring.summary import QUESTIONS, Batch, render_summary
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings


@asset(partitions_def=MONTHS, group_name="attrition", kinds={"markdown"})
def monthly_summary(
    context: AssetExecutionContext,
    drift_report: DriftReport,
    predictions: pd.DataFrame,
    policy: ResourceParam[MonitoringPolicy],
    settings: ResourceParam[Settings],
) -> MaterializeResult[None]:
    """The month in words: what drifted, what is advised and why, what was scored."""
    decision = decide_retraining(drift_report, policy)
    batch = Batch(
        rows=len(predictions),
        flagged=int(predictions["flag"].sum()),
        mean_probability=float(predictions["probability"].mean()),
    )
    url = f"{settings.reports_url}/{drift_report.month}"
    text = render_summary(drift_report, decision, batch, f"{url}/drift.html")
    write_atomically(_summary_path(settings, drift_report.month), text.encode())
    return MaterializeResult(
        metadata={
            "summary": MetadataValue.md(text),
            "decision": str(decision.decision),
            "employees": batch.rows,
            "flagged": batch.flagged,
            "link": MetadataValue.url(f"{url}/summary.md"),
        }
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
