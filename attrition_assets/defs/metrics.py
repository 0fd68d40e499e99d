"""`monthly_metrics`: a month as numbers, in one table for all months."""

from datetime import UTC, datetime

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    ResourceParam,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    asset,
    asset_check,
)

from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.metrics_table import MetricsTable
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.contract import Contract
from attrition_assets.defs.metadata import read_partition_metadata, show_table
from attrition_assets.defs.operations import read_operations
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.errors import SnapshotError
from attrition_assets.governance.fairness_policy import FairnessPolicy
from attrition_assets.monitoring.data_metrics import FormerMonth
from attrition_assets.monitoring.metric_catalogue import FIELDS
from attrition_assets.monitoring.metrics import MonthFacts, find_faults, measure_month
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import months_between
from attrition_assets.pictures import draw_metrics, embed_png, to_png
from attrition_assets.settings import Settings

# Those that Dagster plots by month; the table has all.
PLOTTED = (
    *("rows", "rows_ratio", "people_missing_share", "flagged_share", "mean_probability"),
    *("prediction_drift_score", "drifted_feature_share", "auc", "precision", "recall", "brier"),
    *("importance_stability", "processing_seconds", "error_rate", "failed_checks"),
)
SHOWN_TYPES = {"object": "string", "float64": "float", "int64": "int", "Int64": "int"}
SCHEMA = TableSchema(
    [
        TableColumn(
            each.name,
            SHOWN_TYPES[each.dtype],
            description=each.meaning,
            constraints=TableColumnConstraints(nullable=each.nullable),
        )
        for each in FIELDS
    ]
)


@asset(partitions_def=MONTHS, group_name="attrition", kinds={"parquet"})
def monthly_metrics(
    context: AssetExecutionContext,
    employee_snapshot: pd.DataFrame,
    predictions: pd.DataFrame,
    drift_report: DriftReport,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    fairness: ResourceParam[FairnessPolicy],
    settings: ResourceParam[Settings],
) -> MaterializeResult[None]:
    """Data quality, model performance and operations of the month, a row a value.

    All months are one table, `home/metrics`; the newest is told to Prometheus as well. Of groups of
    fewer people than the fairness policy judges nothing is told.
    """
    month, contract = read_key_month(context.partition_key), source.contract
    _require_one_version(predictions, drift_report, snapshot_store.accepted_version(month))
    made = read_partition_metadata(context.instance, "predictions", context.partition_key)
    facts = MonthFacts(
        snapshot=employee_snapshot,
        scores=predictions,
        report=drift_report,
        operations=read_operations(
            context.instance, context.run.run_id, context.partition_key, datetime.now(UTC)
        ),
        former=_read_former(month, snapshot_store, contract),
        importance=made[1].get("importance") if made else None,
        refused_files=len(list(snapshot_store.quarantine(month).glob("*.verdict.json"))),
        waived_checks=len(snapshot_store.list_waived(month)),
    )
    rows = measure_month(facts, contract, fairness.min_people)
    table = MetricsTable(settings.home)
    table.write(month, rows)
    trend = to_png(draw_metrics(table.read_all()))
    write_atomically(settings.home / "reports" / str(month) / "metrics.png", trend)
    whole = rows[rows["subject"] == ""].set_index("metric")
    return MaterializeResult(
        metadata={
            **{name: float(whole["value"][name]) for name in PLOTTED if name in whole.index},
            "metrics": show_table(
                whole.reset_index()[["area", "metric", "value", "unit"]].to_dict("records")
            ),
            "trend": MetadataValue.md(embed_png(trend, "metrics by month")),
            "trend_link": MetadataValue.url(f"{settings.reports_url}/{month}/metrics.png"),
            "path": MetadataValue.path(table.path(month)),
            "prometheus": MetadataValue.path(table.prometheus),
            "dagster/column_schema": SCHEMA,
            "dagster/row_count": len(rows),
        }
    )


def _require_one_version(predictions: pd.DataFrame, report: DriftReport, present: int) -> None:
    """Raise SnapshotError if the month was corrected since it was scored or judged."""
    scored = int(predictions["snapshot_version"].iloc[0])
    if scored != present or report.snapshot_version != present:
        raise SnapshotError(
            f"of {report.month} version {present} is accepted, the predictions are of version "
            f"{scored} and the drift report of {report.snapshot_version}: materialize predictions "
            "again, then drift_report and monthly_metrics"
        )


def _read_former(
    month: pd.Period, snapshot_store: SnapshotStore, contract: Contract
) -> FormerMonth | None:
    earlier = [each for each in snapshot_store.months() if each < month]
    if not earlier:
        return None
    ids = snapshot_store.read_ids(earlier[-1])[contract.id]
    return FormerMonth(months_between(earlier[-1], month), ids)


@asset_check(asset=monthly_metrics, partitions_def=MONTHS, blocking=True)
def metrics_complete(
    context: AssetCheckExecutionContext,
    source: ResourceParam[SnapshotSource],
    fairness: ResourceParam[FairnessPolicy],
    settings: ResourceParam[Settings],
) -> AssetCheckResult:
    """The month's rows are of the documented schema, and hold what every judged month must have."""
    month = read_key_month(context.partition_key)
    try:
        rows = MetricsTable(settings.home).read(month)
        faults = find_faults(rows, str(month), source.contract, fairness.min_people)
    except SnapshotError as error:
        faults = (str(error),)
    return AssetCheckResult(
        passed=not faults,
        severity=AssetCheckSeverity.ERROR,
        description="; ".join(faults)
        or f"{len(rows)} rows, and no metric that must be there lacks",
        metadata={"value": len(faults), "limit": 0, "offenders": "; ".join(faults) or "none"},
    )
