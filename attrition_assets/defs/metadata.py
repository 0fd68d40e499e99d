"""Metadata of Dagster's events: plain values shown as tables, and read again."""

from collections.abc import Iterable, Mapping
from typing import Any

from dagster import (
    AssetKey,
    DagsterInstance,
    MetadataValue,
    TableColumn,
    TableMetadataValue,
    TableRecord,
    TableSchema,
)
from pydantic import BaseModel


def show_table(rows: Iterable[Mapping[str, object]]) -> TableMetadataValue:
    """Rows as a table; its columns are those of the first row, missing values are shown empty."""
    listed = [{name: _show(value) for name, value in row.items()} for row in rows]
    columns = [TableColumn(name, _type(value)) for name, value in (listed or [{}])[0].items()]
    return MetadataValue.table([TableRecord(row) for row in listed], TableSchema(columns))


def show_values(values: Iterable[BaseModel]) -> TableMetadataValue:
    """Frozen values as a table, a row each."""
    return show_table(value.model_dump(mode="json") for value in values)


def read_latest_metadata(instance: DagsterInstance, asset: str) -> dict[str, Any] | None:
    """The metadata of an asset's latest materialization; None if there is none."""
    event = instance.get_latest_materialization_event(AssetKey(asset))
    if event is None or event.asset_materialization is None:
        return None
    metadata = event.asset_materialization.metadata
    return {name: value.value for name, value in metadata.items()}


def _show(value: object) -> str | int | float | bool:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, str | int):
        return value
    return "" if value is None else str(value)


def _type(value: object) -> str:
    return {bool: "bool", int: "int", float: "float"}.get(type(value), "string")
