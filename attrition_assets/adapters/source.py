"""Where the settings say that months come from."""

from attrition_assets.adapters.database import Database
from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.snapshot_database import SnapshotDatabase
from attrition_assets.adapters.snapshots import SnapshotFolder, SnapshotSource
from attrition_assets.adapters.table_source import TableSource
from attrition_assets.contract import Contract
from attrition_assets.settings import Settings


def open_source(
    settings: Settings, contract: Contract, engine: TableEngine | None = None
) -> SnapshotSource:
    """Tables of the engine, if any are named, or the database, if it is asked, else the folder."""
    if settings.tables is not None:
        people = SnapshotFolder(settings.data, contract)
        engine = engine or TableEngine(settings.engine)
        return TableSource(engine, settings.tables, settings.kept_one_in, contract, people)
    if settings.database is None or settings.snapshots_from is None:
        return SnapshotFolder(settings.data, contract)
    return SnapshotDatabase(
        Database(settings.database), contract, settings.snapshots_from, settings.departures_from
    )
