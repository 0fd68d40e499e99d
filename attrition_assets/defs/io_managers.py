"""How asset values lie on disk: Parquet and JSON, each whole, with the versions it replaced."""

from pathlib import Path

import pandas as pd
from dagster import InputContext, IOManager, MetadataValue, OutputContext
from dagster._check import not_none

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import read_parquet, to_parquet_bytes
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshot_store import JudgedSnapshot, SnapshotStore
from attrition_assets.adapters.versions import superseded, write_version
from attrition_assets.defs.metadata import read_run_metadata
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.errors import SnapshotError, TrainingError
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import parse_month, partition_key
from attrition_assets.training.reference import ReferenceData


class ParquetIOManager(IOManager):
    """A table a partition: `home/assets/<asset>/<partition>.parquet`."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def handle_output(self, context: OutputContext, obj: pd.DataFrame) -> None:
        """Write the partition's table."""
        path = _path(self.home, context, ".parquet")
        version = write_version(path, to_parquet_bytes(obj))
        context.add_output_metadata({"rows": len(obj), **show_version(path, version)})

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Read the partition's table. Raises SnapshotError if it was never materialized."""
        path = _path(self.home, context, ".parquet")
        return read_parquet(_require(path, context))


class DriftReportIOManager(IOManager):
    """A report a partition: `home/assets/<asset>/<partition>.json`."""

    def __init__(self, home: Path) -> None:
        self.reports = DriftReports(home)

    def handle_output(self, context: OutputContext, obj: DriftReport) -> None:
        """Write the partition's report."""
        path = self.reports.path(read_key_month(context.partition_key))
        version = write_version(path, obj.model_dump_json(indent=1).encode())
        context.add_output_metadata(show_version(path, version))

    def load_input(self, context: InputContext) -> DriftReport:
        """Read the partition's report. Raises SnapshotError if it was never materialized."""
        month = read_key_month(context.partition_key)
        _require(self.reports.path(month), context)
        return not_none(self.reports.read(month))


class SnapshotIOManager(IOManager):
    """Accepted snapshots: what is read has a passing verdict for its present bytes."""

    def __init__(self, store: SnapshotStore) -> None:
        self.store = store

    def handle_output(self, context: OutputContext, obj: JudgedSnapshot) -> None:
        """Keep an accepted month with its verdicts."""
        path = self.store.keep(obj)
        context.add_output_metadata(show_version(path, self.store.accepted_version(obj.month)))

    def load_input(self, context: InputContext) -> pd.DataFrame:
        """Read an accepted month. Raises SnapshotError if it was refused or never checked."""
        return self.store.read(read_key_month(context.partition_key))


class ReferenceIOManager(IOManager):
    """Reference data, each table under its digest, with the months that went into it."""

    def __init__(self, store: ReferenceStore, snapshot_store: SnapshotStore) -> None:
        self.store = store
        self.snapshot_store = snapshot_store

    def handle_output(self, context: OutputContext, obj: ReferenceData) -> None:
        """Keep a table and make it the newest."""
        digest = self.store.keep(obj)
        dates = obj.table[obj.contract.snapshot_date]
        ledgers = self.snapshot_store.ledgers()
        months = [
            parse_month(text) for text in sorted(dates.drop_duplicates().dt.strftime("%Y-%m"))
        ]
        self.store.keep_sources(
            digest, {str(month): str(ledgers[month].table_sha256) for month in months}
        )
        context.add_output_metadata({"digest": digest})

    def load_input(self, context: InputContext) -> tuple[ReferenceData, str]:
        """Read the run's own table, or the newest if the run made none, and its digest.

        Raises TrainingError if a month in it was refused, corrected or removed since.
        """
        step = context.step_context
        own = read_run_metadata(step.instance, step.run_id, "reference_data")
        if own is None:
            reference, digest = self.store.read_newest(compact=True)
        else:
            digest = own["digest"]
            reference = self.store.read(digest, parse_month(own["as_of"]), compact=True)
        if changed := self.snapshot_store.find_changed(self.store.sources(digest)):
            raise TrainingError(
                f"the reference data holds {', '.join(changed)}, refused, corrected or "
                "removed since: materialize reference_data with model"
            )
        return reference, digest


def partition_path(home: Path, asset: str, partition: str, suffix: str) -> Path:
    """Where a partition of an asset lies: it is named by its month, in the home of its unit."""
    return home / "assets" / asset / f"{partition_key(read_key_month(partition))}{suffix}"


def show_version(path: Path, version: int) -> dict[str, MetadataValue]:
    """Where a value lies, which version it is, and where those before it lie."""
    earlier = superseded(path)
    return {
        "path": MetadataValue.path(path),
        "version": MetadataValue.int(version),
        **({"replaces": MetadataValue.path(earlier[-1])} if earlier else {}),
    }


def _path(home: Path, context: InputContext | OutputContext, suffix: str) -> Path:
    return partition_path(home, context.asset_key.path[-1], context.partition_key, suffix)


def _require(path: Path, context: InputContext) -> Path:
    if not path.is_file():
        name = context.asset_key.path[-1]
        raise SnapshotError(
            f"no {name} for {context.partition_key} at {path}: materialize {name} for it first"
        )
    return path
