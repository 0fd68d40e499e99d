"""The scores of the months, as the loop stored them; only of snapshots that stand.

Scores of a month that was refused or corrected since are not given out: they are of people who are
not as they were scored. Without Dagster, which writes them.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.files import read_parquet
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import list_months, partition_key


@dataclass(frozen=True)
class MonthlyScores:
    """The tables under `home/assets/predictions`."""

    home: Path
    contract: Contract

    @property
    def snapshots(self) -> SnapshotStore:
        """Whose scores they are."""
        return SnapshotStore(self.home, self.contract)

    def path(self, month: pd.Period) -> Path:
        """Where a month's scores lie."""
        return self._folder / f"{partition_key(month)}.parquet"

    def months(self) -> list[pd.Period]:
        """The months that were ever scored, in order."""
        return list(list_months(self._folder.glob("*.parquet")))

    def read(self, month: pd.Period) -> pd.DataFrame | None:
        """A row an employee of a month: id, probability, flag, reasons, versions.

        None if the month was not scored, or its snapshot is another one since. Raises SnapshotError
        if the file is not what the loop writes.
        """
        path = self.path(month)
        if not path.is_file():
            return None
        try:
            table = read_parquet(path)
            stands = bool(
                (table["snapshot_version"] == self.snapshots.accepted_version(month)).all()
            )
        except (OSError, ValueError, KeyError):
            raise SnapshotError(
                f"the scores of {month} cannot be read: `attrition run {month}` writes them anew"
            ) from None
        return table if stands else None

    def read_with(self, month: pd.Period, columns: tuple[str, ...]) -> pd.DataFrame | None:
        """A month's scores beside `columns` of its snapshot; None where `read` gives none."""
        scores = self.read(month)
        if scores is None:
            return None
        identity = self.contract.id
        people = self.snapshots.read(month, [identity, *columns])
        return scores.merge(people, on=identity, how="left", validate="one_to_one")

    @property
    def _folder(self) -> Path:
        return self.home / "assets" / "predictions"
