"""`reference_data`: the newest table that a model can learn from."""

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    Config,
    Output,
    ResourceParam,
    asset,
    asset_check,
)
from pydantic import Field

from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.defs.metadata import show_table
from attrition_assets.defs.snapshot import employee_snapshot
from attrition_assets.errors import TrainingError
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.training.reference import LABEL, ReferenceData, build_reference

MIN_PEOPLE, MIN_LEAVERS = 200, 30


class ReferenceConfig(Config):
    """As of which month: what was not known by then stays out."""

    as_of: str = Field("", description="month such as 2026-01; default the newest accepted one")


@asset(
    deps=[employee_snapshot],
    group_name="attrition",
    kinds={"parquet"},
    io_manager_key="reference_io",
)
def reference_data(
    context: AssetExecutionContext,
    config: ReferenceConfig,
    source: ResourceParam[SnapshotFolder],
    snapshot_store: ResourceParam[SnapshotStore],
    settings: ResourceParam[Settings],
) -> Output[ReferenceData]:
    """Accepted snapshots with the labels known as of a month, stored under their digest."""
    accepted = snapshot_store.months()
    if not (config.as_of or accepted):
        raise TrainingError("no month was accepted yet: materialize employee_snapshot for some")
    as_of = parse_month(config.as_of) if config.as_of else accepted[-1]
    reference = build_reference(
        as_of,
        accepted=accepted,
        read=snapshot_store.read,
        departures=source.departures(known_by=as_of),
        contract=source.contract,
        window_months=settings.training_months,
    )
    months = reference.table.groupby(source.contract.snapshot_date)[LABEL]
    by_month = [
        {
            "month": str(date)[:7],
            "rows": len(left),
            "left": left.sum(),
            "unknown": left.isna().sum(),
        }
        for date, left in months
    ]
    return Output(
        reference,
        metadata={
            "as_of": str(as_of),
            "labelled_rows": len(reference.labelled),
            "months": show_table(by_month),
        },
    )


@asset_check(asset=reference_data, blocking=True)
def enough_people(reference_data: tuple[ReferenceData, str]) -> AssetCheckResult:
    """Enough people have a known outcome to learn from."""
    reference, _ = reference_data
    people = reference.labelled[reference.contract.id].nunique()
    return _at_least(people, MIN_PEOPLE, "people with a known outcome")


@asset_check(asset=reference_data, blocking=True)
def enough_leavers(reference_data: tuple[ReferenceData, str]) -> AssetCheckResult:
    """Enough of them left."""
    leavers = int(reference_data[0].labelled[LABEL].sum())
    return _at_least(leavers, MIN_LEAVERS, "rows that left within the horizon")


@asset_check(asset=reference_data, blocking=True)
def both_outcomes_occur(reference_data: tuple[ReferenceData, str]) -> AssetCheckResult:
    """Some left and some stayed."""
    classes = reference_data[0].labelled[LABEL].nunique()
    return _at_least(classes, 2, "outcomes among the labelled rows")


def _at_least(value: int, least: int, what: str) -> AssetCheckResult:
    return AssetCheckResult(
        passed=value >= least,
        severity=AssetCheckSeverity.ERROR,
        description=f"{value} {what}; at least {least} are needed",
        metadata={"value": value, "limit": least},
    )
