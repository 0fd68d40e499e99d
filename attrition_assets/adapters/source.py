"""Where the settings say that months come from."""

from attrition_assets.adapters.database import Database
from attrition_assets.adapters.snapshot_database import SnapshotDatabase
from attrition_assets.adapters.snapshots import SnapshotFolder, SnapshotSource
from attrition_assets.contract import Contract
from attrition_assets.settings import Settings


def open_source(settings: Settings, contract: Contract) -> SnapshotSource:
    """The database, if snapshots are asked of it, else the folder."""
    if settings.database is None or settings.snapshots_from is None:
        return SnapshotFolder(settings.data, contract)
    return SnapshotDatabase(
        Database(settings.database), contract, settings.snapshots_from, settings.departures_from
    )
