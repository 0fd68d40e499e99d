"""`reference_data`: the newest table that a model can learn from."""

from collections.abc import Iterator

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    Config,
    Output,
    ResourceParam,
    asset,
)
from pydantic import Field

from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.defs.metadata import show_table
from attrition_assets.defs.partitions import UNITS
from attrition_assets.defs.runs import AS_OF_TAG
from attrition_assets.defs.snapshot import employee_snapshot
from attrition_assets.errors import TrainingError
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData, build_reference
from attrition_assets.validation.continuity import find_unrecorded

# Retrainings share one pool: one at a time, wherever they were started.
RETRAINING_POOL = "retraining"
MIN_PEOPLE, MIN_LEAVERS = 200, 30
CHECKS = [
    AssetCheckSpec(
        name, asset="reference_data", description=what, blocking=True, partitions_def=UNITS
    )
    for name, what in {
        "enough_people": "Enough people have a known outcome to learn from.",
        "enough_leavers": "Enough of them left.",
        "both_outcomes_occur": "Some left and some stayed.",
        "features_vary": "Some feature differs between people.",
    }.items()
]


class ReferenceConfig(Config):
    """As of which month: what was not known by then stays out."""

    as_of: str = Field("", description="month such as 2026-01; default the newest accepted one")


@asset(
    partitions_def=UNITS,
    deps=[employee_snapshot],
    group_name="attrition",
    kinds={"parquet"},
    io_manager_key="reference_io",
    check_specs=CHECKS,
    output_required=False,
    pool=RETRAINING_POOL,
)
def reference_data(
    context: AssetExecutionContext,
    config: ReferenceConfig,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    settings: ResourceParam[Settings],
) -> Iterator[Output[ReferenceData] | AssetCheckResult]:
    """Accepted snapshots with the labels known as of a month, stored under their digest.

    Stored only if every check holds: a refused table is never the newest.
    """
    accepted = snapshot_store.months()
    if not accepted:
        raise TrainingError("no month was accepted yet: materialize employee_snapshot for some")
    as_of = parse_month(config.as_of) if config.as_of else accepted[-1]
    departures = source.departures(known_by=as_of)
    labelled = departures is None  # inside the snapshots, a horizon ahead of them
    newest = accepted[-1] + (source.contract.horizon_months if labelled else 0)
    if as_of > newest:
        raise TrainingError(
            f"as_of {as_of} lies after {newest}, the last month of which outcomes are known "
            f"(the newest accepted month is {accepted[-1]}): give that month or an earlier one"
        )
    context.instance.add_run_tags(context.run.run_id, {AS_OF_TAG: str(as_of)})
    recent = [month for month in accepted if month <= as_of][-settings.training_months :]
    if unrecorded := find_unrecorded(recent, snapshot_store.read_ids, departures, source.contract):
        raise TrainingError(unrecorded)
    reference = build_reference(
        as_of,
        accepted=accepted,
        read=snapshot_store.read,
        departures=departures,
        contract=source.contract,
        window_months=settings.training_months,
        count=snapshot_store.count_rows,
    )
    months = reference.table.groupby(source.contract.snapshot_date)[[LABEL, STEP_LABEL]]
    by_month = [
        {
            "month": str(date)[:7],
            "rows": len(rows),
            "labelled": rows[LABEL].notna().sum(),
            "left": rows[LABEL].sum(),
            "left within the step": rows[STEP_LABEL].sum(),
        }
        for date, rows in months
    ]
    results = list(_check_reference(reference))
    if all(result.passed for result in results):
        yield Output(
            reference,
            metadata={
                "as_of": str(as_of),
                "labelled_rows": len(reference.labelled),
                "outcome_rows": len(reference.outcomes),
                "months": show_table(by_month),
            },
        )
    yield from results


def _check_reference(reference: ReferenceData) -> Iterator[AssetCheckResult]:
    rows = reference.labelled
    people = rows[reference.contract.id].nunique()
    yield _at_least("enough_people", people, MIN_PEOPLE, "people with a known outcome")
    leavers = int(rows[LABEL].sum())
    yield _at_least("enough_leavers", leavers, MIN_LEAVERS, "rows that left within the horizon")
    outcomes = rows[LABEL].nunique()
    yield _at_least("both_outcomes_occur", outcomes, 2, "outcomes among the labelled rows")
    features = reference.contract.features
    varying = sum(rows[name].nunique(dropna=False) > 1 for name in features)
    what = f"of {len(features)} features have more than one value among the labelled rows"
    yield _at_least("features_vary", varying, 1, what)


def _at_least(check: str, value: int, least: int, what: str) -> AssetCheckResult:
    return AssetCheckResult(
        check_name=check,
        passed=value >= least,
        severity=AssetCheckSeverity.ERROR,
        description=f"{value} {what}; at least {least} are needed",
        metadata={"value": value, "limit": least},
    )
