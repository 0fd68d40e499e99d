"""Metadata of Dagster's events: plain values shown as tables, and read again."""

from collections.abc import Iterable, Mapping
from typing import Any

from dagster import (
    AssetKey,
    AssetRecordsFilter,
    DagsterEventType,
    DagsterInstance,
    EventLogRecord,
    MetadataValue,
    TableColumn,
    TableMetadataValue,
    TableRecord,
    TableSchema,
)
from dagster._check import not_none
from pydantic import BaseModel

from attrition_assets.adapters.registry import Registry
from attrition_assets.defs.partition_keys import is_of_unit
from attrition_assets.settings import Settings


def show_table(rows: Iterable[Mapping[Any, object]]) -> TableMetadataValue:
    """Rows as a table; its columns are those of the first row, missing values are shown empty."""
    listed = [{name: _show(value) for name, value in row.items()} for row in rows]
    columns = [TableColumn(name, _type(value)) for name, value in (listed or [{}])[0].items()]
    return MetadataValue.table([TableRecord(row) for row in listed], TableSchema(columns))


def show_values(values: Iterable[BaseModel]) -> TableMetadataValue:
    """Frozen values as a table, a row each."""
    return show_table(value.model_dump(mode="json") for value in values)


def read_latest_metadata(
    instance: DagsterInstance, asset: str, unit: str | None = None
) -> dict[str, Any] | None:
    """The metadata of an asset's latest materialization, of a unit if one is named; None if there
    is none.
    """
    found = read_all_metadata(instance, asset, unit)
    return found[0] if found else None


def read_all_metadata(
    instance: DagsterInstance, asset: str, unit: str | None = None
) -> list[dict[str, Any]]:
    """The metadata of an asset's materializations, the newest first; of a unit if one is named."""
    records = _fetch(instance, asset, unit)
    return [_plain(not_none(record.asset_materialization).metadata) for record in records]


def read_partition_metadata(
    instance: DagsterInstance, asset: str, partition: str
) -> tuple[str, dict[str, Any]] | None:
    """The run and the metadata of the latest materialization of a partition; None without one."""
    found = instance.fetch_materializations(_choose(asset, partition), limit=1).records
    if not found:
        return None
    return found[0].run_id, _plain(not_none(found[0].asset_materialization).metadata)


def read_latest_observation(
    instance: DagsterInstance, asset: str, partition: str
) -> dict[str, Any] | None:
    """The metadata of the latest observation of an asset's partition; None if there is none."""
    found = instance.fetch_observations(_choose(asset, partition), limit=1).records
    return _plain(not_none(found[0].asset_observation).metadata) if found else None


def read_run_metadata(instance: DagsterInstance, run_id: str, asset: str) -> dict[str, Any] | None:
    """The metadata of an asset's materialization in one run; None if there is none."""
    for entry in instance.all_logs(run_id, of_type=DagsterEventType.ASSET_MATERIALIZATION):
        made = entry.asset_materialization
        if made is not None and made.asset_key == AssetKey(asset):
            return _plain(made.metadata)
    return None


def list_model_runs(instance: DagsterInstance, unit: str | None = None) -> dict[int, str]:
    """The run that made each version of the model that Dagster knows of, by its id."""
    records = _fetch(instance, "model", unit)
    made = ((not_none(each.asset_materialization).metadata, each.run_id) for each in records[::-1])
    return {int(str(held["version"].value)): run for held, run in made if "version" in held}


def mlflow_run_url(settings: Settings, registry: Registry, run_id: str) -> str:
    """Where a person sees an MLflow run."""
    experiment = registry.client.get_run(run_id).info.experiment_id
    return f"{settings.mlflow_url}/#/experiments/{experiment}/runs/{run_id}"


def _fetch(instance: DagsterInstance, asset: str, unit: str | None) -> list[EventLogRecord]:
    """The materializations of an asset that is of no month, newest first; a unit's, or none's."""
    records = instance.fetch_materializations(_choose(asset, unit), limit=1000).records
    return [each for each in records if is_of_unit(each.partition_key or "", unit)]


def _choose(asset: str, partition: str | None) -> AssetRecordsFilter:
    """The records of an asset; of one of its partitions if one is named."""
    return AssetRecordsFilter(
        AssetKey(asset), asset_partitions=None if partition is None else [partition]
    )


def _plain(metadata: Mapping[str, MetadataValue[Any]]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}


def _show(value: object) -> str | int | float | bool:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, str | int):
        return value
    return "" if value is None else str(value)


def _type(value: object) -> str:
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "string")
