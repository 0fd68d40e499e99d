"""`predictions`: what the champion says of a month's people."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from dagster import (
    AssetCheckExecutionContext,
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

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_scoring import Scoring, count_scores, score_table
from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.registry import ModelVersion, Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.adapters.suspension import ScoringSwitch
from attrition_assets.adapters.table_source import TableSnapshot
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.metadata import read_all_metadata
from attrition_assets.defs.model import champion
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.defs.promotion import reconcile_champion
from attrition_assets.errors import RegistryError, SnapshotError
from attrition_assets.settings import Settings
from attrition_assets.training.explanations import give_reasons, measure_importance

LOGGED = 1_000_000


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
    source: ResourceParam[SnapshotSource],
    engine: ResourceParam[TableEngine],
) -> Output[pd.DataFrame]:
    """Probability of leaving within the horizon, flag, reasons and model version of each employee.

    The reasons are the columns that raise the score most. Nobody is scored while scoring is
    suspended. Of a table too large for memory everybody is scored where it lies, into
    `home/assets/scores`, and those whose rows are kept are scored here, with reasons.
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
    everybody: dict[str, MetadataValue] = {}
    if snapshot_store.count_elsewhere(month):
        place = _find_table(source, month)
        scores = partition_path(settings.home, "scores", context.partition_key, ".parquet")
        scored = score_table(
            engine,
            place,
            Scoring(version.pipeline, version.contract, version.threshold, version.version),
            scores,
            lambda rows: _log_progress(context, rows),
            snapshot_store.read_summary(month),
        )
        everybody = {
            "everybody": MetadataValue.path(scores),
            "everybody_scored": MetadataValue.int(scored.rows),
            "everybody_flagged": MetadataValue.int(scored.flagged),
        }
    return Output(
        table,
        metadata={
            **everybody,
            "model_version": version.version,
            "flagged": int(table["flag"].sum()),
            "flagged_share": float(table["flag"].mean()),
            "mean_probability": float(probability.mean()),
            "importance": MetadataValue.json(measure_importance(contributions)),
        },
    )


def _find_table(source: SnapshotSource, month: pd.Period) -> str:
    """Where a month's table lies. Raises SnapshotError if the settings no longer say."""
    sent = source.fetch(month)
    if isinstance(sent, TableSnapshot):
        return sent.place
    raise SnapshotError(
        f"the table of {month} stayed where it was, and ATTRITION_TABLES no longer says where: "
        "set it again, or materialize employee_snapshot from the file"
    )


def _log_progress(context: AssetExecutionContext, rows: int) -> None:
    if rows % LOGGED == 0:
        context.log.info(f"{rows:,} rows are scored")


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
    context: AssetCheckExecutionContext,
    predictions: pd.DataFrame,
    employee_snapshot: pd.DataFrame,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    settings: ResourceParam[Settings],
) -> AssetCheckResult:
    """Every employee of the snapshot has exactly one row, and nobody else has one."""
    identity = source.contract.id
    scored, active = predictions[identity], employee_snapshot[identity]
    repeated = int(scored.duplicated().sum())
    missing = int((~active.isin(scored)).sum())
    strangers = int((~scored.isin(active)).sum())
    rows, people = len(scored), len(active)
    key = context.partition_key
    if elsewhere := snapshot_store.count_elsewhere(read_key_month(key)):
        # Of these people each is one of the table's, whose ids were found to be different.
        told = count_scores(partition_path(settings.home, "scores", key, ".parquet"), identity)
        rows, people = told.rows, elsewhere
        repeated += told.rows - told.people
        missing += max(elsewhere - told.people, 0)
        strangers += max(told.people - elsewhere, 0)
    return AssetCheckResult(
        passed=not (repeated or missing or strangers),
        severity=AssetCheckSeverity.ERROR,
        description=f"{rows} rows for {people} employees: {missing} without a row, "
        f"{repeated} with more than one, {strangers} that the snapshot does not know",
        metadata={"value": repeated + missing + strangers, "limit": 0},
    )


@asset_check(asset=predictions, partitions_def=MONTHS, blocking=True)
def probabilities_valid(
    context: AssetCheckExecutionContext,
    predictions: pd.DataFrame,
    source: ResourceParam[SnapshotSource],
    snapshot_store: ResourceParam[SnapshotStore],
    settings: ResourceParam[Settings],
) -> AssetCheckResult:
    """Every probability lies in 0 to 1 and none is missing."""
    wrong = int((~predictions["probability"].between(0, 1)).sum())
    key = context.partition_key
    if snapshot_store.count_elsewhere(read_key_month(key)):
        path = partition_path(settings.home, "scores", key, ".parquet")
        wrong += count_scores(path, source.contract.id).invalid
    return AssetCheckResult(
        passed=wrong == 0,
        severity=AssetCheckSeverity.ERROR,
        description=f"{wrong} probabilities are missing or outside 0 to 1",
        metadata={"value": wrong, "limit": 0},
    )
