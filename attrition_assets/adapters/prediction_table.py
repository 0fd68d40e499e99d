"""Predictions in a table of the company's database: each month and version once, whole.

The key of a row is who, which month, which version of its snapshot and which model.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Double,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError

from attrition_assets.adapters.database import TABLE_NAME, Database
from attrition_assets.contract import Contract
from attrition_assets.errors import DatabaseError
from attrition_assets.months import last_day

BATCH_ROWS = 20_000
VERSIONS = ["snapshot_version", "model_version"]


@dataclass(frozen=True)
class PredictionTable:
    """The table `name` (or `schema.name`) of a database, made when it is first written to.

    Its columns are the contract's id and snapshot date, `snapshot_version`, `model_version`,
    `probability` and `flag`.
    """

    database: Database
    contract: Contract
    name: str

    @property
    def place(self) -> str:
        """Which table it is."""
        return f"table {self.name} of {self.database.name}"

    def write(self, predictions: pd.DataFrame, month: pd.Period) -> bool:
        """Write a month's predictions in one transaction; False if they stand there already.

        Two writers at once leave them once. Raises DatabaseError, with nothing written, if other
        rows stand there for the same month and versions, or if the database refuses.
        """
        rows = predictions[[self.contract.id, *VERSIONS, "probability", "flag"]]
        rows = rows.assign(**{self.contract.snapshot_date: last_day(month).date()})
        try:
            return self._write_once(rows, month)
        except IntegrityError:  # another writer was faster: what it wrote is looked at
            pass
        try:
            return self._write_once(rows, month)
        except IntegrityError as error:
            raise DatabaseError(
                f"{self.place} refuses the rows of {month}: {self.database.explain(error)}"
            ) from None

    def _write_once(self, rows: pd.DataFrame, month: pd.Period) -> bool:
        with self.database.writing() as connection:
            self._table.create(connection, checkfirst=True)
            if self._holds(connection, rows, month):
                return False
            for start in range(0, len(rows), BATCH_ROWS):
                batch: Any = rows.iloc[start : start + BATCH_ROWS].to_dict("records")
                connection.execute(insert(self._table), batch)
        return True

    def _holds(self, connection: Connection, rows: pd.DataFrame, month: pd.Period) -> bool:
        """Whether just these rows stand there. Raises DatabaseError if others do."""
        table, identity = self._table.c, self.contract.id
        versions = {name: int(rows[name].iloc[0]) for name in VERSIONS}
        query = select(table[identity], table["probability"], table["flag"]).where(
            table[self.contract.snapshot_date] == last_day(month).date(),
            *(table[name] == version for name, version in versions.items()),
        )
        held = {
            person: (probability, flag) for person, probability, flag in connection.execute(query)
        }
        if not held:
            return False
        values = zip(rows["probability"].tolist(), rows["flag"].tolist(), strict=True)
        if held != dict(zip(rows[identity].tolist(), values, strict=True)):
            raise DatabaseError(
                f"{self.place} holds {len(held)} other rows of {month}, snapshot version "
                f"{versions['snapshot_version']}, model version {versions['model_version']}: find "
                f"out who wrote them; once they are removed, materialize published_predictions"
            )
        return True

    @property
    def _table(self) -> Table:
        if not TABLE_NAME.fullmatch(self.name):
            raise DatabaseError(
                f"ATTRITION_PREDICTIONS_TO is no name of a table such as hr.predictions: "
                f"{self.name!r}"
            )
        schema, _, name = self.name.rpartition(".")
        whole = self.contract.columns[self.contract.id].integer
        return Table(
            name,
            MetaData(),
            Column(self.contract.id, BigInteger if whole else String(255), primary_key=True),
            Column(self.contract.snapshot_date, Date, primary_key=True),
            *(Column(version, Integer, primary_key=True) for version in VERSIONS),
            Column("probability", Double, nullable=False),
            Column("flag", Boolean, nullable=False),
            schema=schema or None,
        )
