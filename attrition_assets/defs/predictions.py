"""`predictions`: what the champion says of a month's people."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetIn,
    DagsterInstance,
    MetadataValue,
    Output,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.metadata import read_all_metadata
from attrition_assets.defs.model import champion
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.defs.promotion import reconcile_champion
from attrition_assets.errors import RegistryError
from attrition_assets.settings import Settings
from attrition_assets.training.explanations import give_reasons, measure_importance


@asset(
    partitions_def=MONTHS,
    deps=[champion],
    group_name="attrition",
    kinds={"parquet"},
)
def predictions(
    context: AssetExecutionContext,
    employee_snapshot: pd.DataFrame,
    snapshot_store: ResourceParam[SnapshotStore],
    registry: ResourceParam[Registry],
    switch: ResourceParam[ScoringSwitch],
    settings: ResourceParam[Settings],
) -> Output[pd.DataFrame]:
    """Probability of leaving within the horizon, flag, reasons and model version of each employee.

    The reasons are the columns that raise the score most. Nobody is scored while scoring is
    suspended.
    """
    switch.require_on()
    month = read_key_month(context.partition_key)
    path = partition_path(settings.home, "predictions", context.partition_key, ".parquet")
    version = _choose_version(context.instance, registry, month, path)
    probability = version.score(employee_snapshot)
    contributions, _ = version.explain(employee_snapshot)
    table = pd.DataFrame(
        {
            registry.contract.id: employee_snapshot[registry.contract.id],
            "probability": probability,
            "flag": probability >= version.threshold,
            "reasons": give_reasons(contributions),
            "model_version": version.version,
            "snapshot_version": snapshot_store.accepted_version(month),
        }
    )
    return Output(
        table,
        metadata={
            "model_version": version.version,
            "flagged": int(table["flag"].sum()),
            "flagged_share": float(table["flag"].mean()),
            "mean_probability": float(probability.mean()),
            "importance": MetadataValue.json(measure_importance(contributions)),
        },
    )


def _choose_version(
    instance: DagsterInstance, registry: Registry, month: pd.Period, path: Path
) -> ModelVersion:
    """The version that a scored month recorded, else the champion of the month.

    A month before the champion's own is scored by the latest that was champion before it and had
    not learned from outcomes after the month. Raises RegistryError if there is none.
    """
    if path.is_file():
        return registry.load(int(read_parquet(path)["model_version"].iloc[0]))
    champion = registry.load_champion()
    reconcile_champion(instance, registry, datetime.now(UTC))
    if champion.as_of <= month:
        return champion
    for promoted in read_all_metadata(instance, "champion", registry.unit):
        version = registry.load(promoted["version"])
        if version.as_of <= month:
            return version
    raise RegistryError(
        f"version {champion.version} learned from outcomes known in {champion.as_of} and cannot "
        f"score {month} as if it had not, and no earlier champion can: score months from "
        f"{champion.as_of} on"
    )


@asset_check(
    asset=predictions,
    additional_ins={"employee_snapshot": AssetIn("employee_snapshot")},
    partitions_def=MONTHS,
    blocking=True,
)
def one_score_per_employee(
    predictions: pd.DataFrame,
    employee_snapshot: pd.DataFrame,
    source: ResourceParam[SnapshotSource],
) -> AssetCheckResult:
    """Every employee of the snapshot has exactly one row, and nobody else has one."""
    identity = source.contract.id
    scored, active = predictions[identity], employee_snapshot[identity]
    repeated = int(scored.duplicated().sum())
    missing = int((~active.isin(scored)).sum())
    strangers = int((~scored.isin(active)).sum())
    return AssetCheckResult(
        passed=not (repeated or missing or strangers),
        severity=AssetCheckSeverity.ERROR,
        description=f"{len(scored)} rows for {len(active)} employees: {missing} without a row, "
        f"{repeated} with more than one, {strangers} that the snapshot does not know",
        metadata={"value": repeated + missing + strangers, "limit": 0},
    )


@asset_check(asset=predictions, partitions_def=MONTHS, blocking=True)
def probabilities_valid(predictions: pd.DataFrame) -> AssetCheckResult:
    """Every probability lies in 0 to 1 and none is missing."""
    wrong = int((~predictions["probability"].between(0, 1)).sum())
    return AssetCheckResult(
        passed=wrong == 0,
        severity=AssetCheckSeverity.ERROR,
        description=f"{wrong} probabilities are missing or outside 0 to 1",
        metadata={"value": wrong, "limit": 0},
    )
