"""How asset values lie on disk: Parquet and JSON, each written whole under its final name."""

from pathlib import Path

import pandas as pd
from dagster import InputContext, IOManager, OutputContext

from attrition_assets.adapters.files import to_parquet_bytes, write_atomically
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshot_store import JudgedSnapshot, SnapshotStore
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import parse_month
from attrition_assets.training.reference import ReferenceData


class ParquetIOManager(IOManager):
    """A table a partition: `home/assets/<asset>/<partition>.parquet`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def handle_output(self, context: OutputContext, obj: pd.DataFrame) -> None:
        """Write the partition's table."""
        path = _path(self.home, context, ".parquet")
        write_atomically(path, to_parquet_bytes(obj))
        context.add_output_metadata({"path": str(path), "rows": len(obj)})

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Read the partition's table. Raises SnapshotError if it was never materialized."""
        path = _path(self.home, context, ".parquet")
        return pd.read_parquet(_require(path, context))


class DriftReportIOManager(IOManager):
    """A report a partition: `home/assets/<asset>/<partition>.json`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def handle_output(self, context: OutputContext, obj: DriftReport) -> None:
        """Write the partition's report."""
        path = _path(self.home, context, ".json")
        write_atomically(path, obj.model_dump_json(indent=1).encode())
        context.add_output_metadata({"path": str(path)})

    def load_input(self, context: InputContext) -> DriftReport:
        """Read the partition's report. Raises SnapshotError if it was never materialized."""
        path = _path(self.home, context, ".json")
        return DriftReport.model_validate_json(_require(path, context).read_bytes())


class SnapshotIOManager(IOManager):
    """Accepted snapshots: what is read has a passing verdict for its present bytes."""

    def __init__(self, store: SnapshotStore) -> None:
        self.store = store

    def handle_output(self, context: OutputContext, obj: JudgedSnapshot) -> None:
        """Keep an accepted month with its verdicts."""
        context.add_output_metadata({"path": str(self.store.keep(obj))})

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Read an accepted month. Raises SnapshotError if it was refused or never checked."""
        return self.store.read(parse_month(context.partition_key))


class ReferenceIOManager(IOManager):
    """Reference data, each table under its digest; what is read is the newest."""

    def __init__(self, store: ReferenceStore) -> None:
        self.store = store

    def handle_output(self, context: OutputContext, obj: ReferenceData) -> None:
        """Keep a table and make it the newest."""
        context.add_output_metadata({"digest": self.store.keep(obj)})

    def load_input(self, context: InputContext) -> tuple[ReferenceData, str]:
        """Read the newest table and its digest."""
        return self.store.read_newest()


def partition_path(home: Path, asset: str, partition: str, suffix: str) -> Path:
    """Where a partition of an asset lies."""
    return home / "assets" / asset / f"{partition}{suffix}"


def _path(home: Path, context: InputContext | OutputContext, suffix: str) -> Path:
    return partition_path(home, context.asset_key.path[-1], context.partition_key, suffix)


def _require(path: Path, context: InputContext) -> Path:
    if not path.is_file():
        name = context.asset_key.path[-1]
        raise SnapshotError(
            f"no {name} for {context.partition_key} at {path}: materialize {name} for it first"
        )
    return path
