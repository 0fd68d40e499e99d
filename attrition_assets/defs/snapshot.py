"""`employee_snapshot`: a month's people, checked before anybody reads them."""

from collections.abc import Iterator
from datetime import UTC, datetime

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    Output,
    ResourceParam,
    asset,
)

from attrition_assets.adapters.removal import require_not_removed
from attrition_assets.adapters.snapshot_store import JudgedSnapshot, SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.defs.metadata import show_values
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.settings import Settings
from attrition_assets.validation.checks import SNAPSHOT_CHECKS

CHECKS = [
    AssetCheckSpec(
        name, asset="employee_snapshot", description=what, blocking=True, partitions_def=MONTHS
    )
    for name, what in SNAPSHOT_CHECKS.items()
]


@asset(
    partitions_def=MONTHS,
    group_name="attrition",
    kinds={"parquet"},
    io_manager_key="snapshot_io",
    check_specs=CHECKS,
    output_required=False,
)
def employee_snapshot(
    context: AssetExecutionContext,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    settings: ResourceParam[Settings],
) -> Iterator[Output[JudgedSnapshot] | AssetCheckResult]:
    """The people of a month, as of its last day.

    Every check is evaluated on the file as it was sent. A month that fails one goes to quarantine
    and nowhere else: it is not scored, and no model learns from it.
    """
    month = read_key_month(context.partition_key)
    require_not_removed(settings.home, month, settings.retention_days, datetime.now(UTC))
    departures = source.departures(known_by=month)
    judged = snapshot_store.judge(source.fetch(month), month, departures=departures)
    if judged.table is None:
        context.log.error(
            f"{month} is refused ({', '.join(judged.faults)}); the file lies in "
            f"{snapshot_store.keep(judged)}"
        )
    else:
        yield Output(judged, metadata={"rows": len(judged.table), "sent": judged.raw.name})
    for name, verdict in judged.verdicts.items():
        yield AssetCheckResult(
            check_name=name,
            passed=verdict.holds,
            severity=AssetCheckSeverity.ERROR,
            description=verdict.explanation,
            metadata={
                **({} if verdict.value is None else {"value": verdict.value}),
                **({} if verdict.limit is None else {"limit": verdict.limit}),
                **({"faults": ", ".join(verdict.faults)} if verdict.faults else {}),
                **({"offenders": show_values(verdict.violations)} if verdict.violations else {}),
            },
        )
