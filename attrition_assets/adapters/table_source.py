"""Months that stay where they are, each a table that the engine reads: too large for memory.

What is kept of one beside its summary are the rows of one in so many people, from which models
learn, and by whose departures they are judged.
"""

from dataclasses import dataclass
from glob import escape
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_checks import examine_table, read_people
from attrition_assets.adapters.engine_url import MONTH
from attrition_assets.adapters.snapshots import SnapshotSource, describe_held
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.table_summary import TableSummary
from attrition_assets.months import parse_month
from attrition_assets.validation.counted import CountedTable


@dataclass(frozen=True)
class TableSnapshot:
    """One month's table where it lies; of one in `one_in` people the rows are kept."""

    place: str
    engine: TableEngine
    contract: Contract
    one_in: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it has. Raises SnapshotError if it is absent."""
        return tuple(self.engine.read(self.place).columns)

    def examine(self) -> tuple[CountedTable, TableSummary | None]:
        """What is in it, and its summary, as `examine_table`."""
        return examine_table(self.engine, self.place, self.contract)

    def read_people(self) -> pd.DataFrame:
        """The raw rows that are kept."""
        return read_people(self.engine, self.place, self.contract, self.one_in)


@dataclass(frozen=True)
class TableSource:
    """Snapshots that `tables` names, with {month} in it; `people` tells who left."""

    engine: TableEngine
    tables: str
    one_in: int
    contract: Contract
    people: SnapshotSource

    @property
    def place(self) -> str:
        """What names the tables."""
        return self.tables

    @property
    def departures_place(self) -> str:
        """What says who left."""
        return self.people.departures_place

    def describe_month(self, month: pd.Period) -> str:
        """The table of a month."""
        return self._find_place(month)

    def months(self) -> list[pd.Period]:
        """The months that have a table, in order."""
        before, after = self.tables.split(MONTH)
        if self.engine.reads_files:
            root = Path(self.tables).anchor
            pattern = f"{escape(before)}[0-9][0-9][0-9][0-9]-[0-1][0-9]{escape(after)}"
            names = [str(path) for path in Path(root).glob(pattern.removeprefix(root))]
        else:
            schema = before.rpartition(".")[0]
            with self.engine.speaking(f"list the tables of {self.tables}"):
                found = self.engine.backend.list_tables(database=schema or None)
            names = [f"{schema}.{name}" if schema else name for name in found]
        months = []
        for name in names:
            if name.startswith(before) and name.endswith(after):
                text = name[len(before) : len(name) - len(after)].replace("_", "-")
                try:
                    months.append(parse_month(text))
                except ValueError:  # another table, whose name begins alike
                    continue
        return sorted(set(months))

    def fetch(self, month: pd.Period) -> TableSnapshot:
        """One month's table. Raises SnapshotError if there is none."""
        held = self.months()
        if month not in held:
            raise SnapshotError(
                f"no table for {month} at {self.tables} ({describe_held(held)}): put "
                f"{self._find_place(month)} there, or set ATTRITION_TABLES"
            )
        return TableSnapshot(self._find_place(month), self.engine, self.contract, self.one_in)

    def departures(self, known_by: pd.Period) -> pd.DataFrame | None:
        """Id and day of those who left by then, as the folder or the database tells them."""
        return self.people.departures(known_by)

    def _find_place(self, month: pd.Period) -> str:
        text = str(month) if self.engine.reads_files else str(month).replace("-", "_")
        return self.tables.replace(MONTH, text)
