"""`monthly_summary`: what a month is reported as."""

import pandas as pd
from dagster import (
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    asset,
)

from attrition_assets.adapters.files import write_atomically
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.monitoring.summary import Batch, render_summary
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
    path = settings.home / "reports" / drift_report.month / "summary.md"
    write_atomically(path, text.encode())
    return MaterializeResult(
        metadata={
            "summary": MetadataValue.md(text),
            "decision": str(decision.decision),
            "employees": batch.rows,
            "flagged": batch.flagged,
            "link": MetadataValue.url(f"{url}/summary.md"),
        }
    )
