"""Predictions in a table of the company's database: each month and version once, whole.

The key of a row is who, which month, which version of its snapshot and which model.
"""

from dataclasses import dataclass
from functools import cached_property
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
    inspect,
    select,
)
from sqlalchemy.exc import IntegrityError

from attrition_assets.adapters.database import Database, split_name
from attrition_assets.contract import Contract
from attrition_assets.errors import DatabaseError
from attrition_assets.months import last_day

BATCH_ROWS = 20_000
VERSIONS = ["snapshot_version", "model_version"]
Row = tuple[int | str, float, bool]


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
        rows stand there for the same month and versions, if the table has no key or does not keep
        the values as they are, or if the database refuses.
        """
        rows = predictions[[self.contract.id, *VERSIONS, "probability", "flag"]]
        rows = rows.assign(**{self.contract.snapshot_date: last_day(month).date()})
        self._make()
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

    def check(self) -> bool:
        """Whether the table is there. Raises DatabaseError if its key does not keep rows apart."""
        name, schema = self._table.name, self._table.schema
        with self.database.reading() as connection:
            found = inspect(connection)
            if not found.has_table(name, schema):
                return False
            keys = [
                found.get_pk_constraint(name, schema)["constrained_columns"],
                *(each["column_names"] for each in found.get_unique_constraints(name, schema)),
            ]
        wanted = [column.name for column in self._table.primary_key]
        if not any(set(key) == set(wanted) for key in keys):
            quoted = ", ".join(f'"{column}"' for column in wanted)
            raise DatabaseError(
                f"{self.place} has no primary key of {', '.join(wanted)}, so that a row might be "
                f"written twice: alter table {self.name} add primary key ({quoted})"
            )
        return True

    def _make(self) -> None:
        """Make the table, or check the one that is there; another writer may be faster."""
        if self.check():
            return
        try:
            with self.database.writing() as connection:
                self._table.create(connection)
        except (DatabaseError, IntegrityError):
            if not self.check():
                raise

    def _write_once(self, rows: pd.DataFrame, month: pd.Period) -> bool:
        with self.database.writing() as connection:
            if self._holds(connection, rows, month):
                return False
            for start in range(0, len(rows), BATCH_ROWS):
                batch: Any = rows.iloc[start : start + BATCH_ROWS].to_dict("records")
                connection.execute(insert(self._table), batch)
            if self._read(connection, rows, month) != self._list(rows):
                raise DatabaseError(
                    f"{self.place} does not keep what is written as it is, so nothing was: its "
                    "columns must be as it would be made, with probability double precision, flag "
                    "boolean and the id as the contract has it"
                )
        return True

    def _holds(self, connection: Connection, rows: pd.DataFrame, month: pd.Period) -> bool:
        """Whether just these rows stand there. Raises DatabaseError if others do."""
        held = self._read(connection, rows, month)
        if held and held != self._list(rows):
            snapshot, model = (int(rows[name].iloc[0]) for name in VERSIONS)
            raise DatabaseError(
                f"{self.place} holds {len(held)} other rows of {month}, snapshot version "
                f"{snapshot}, model version {model}: find out who wrote them; once they are "
                "removed, materialize published_predictions"
            )
        return bool(held)

    def _read(self, connection: Connection, rows: pd.DataFrame, month: pd.Period) -> list[Row]:
        """Who, probability and flag of the rows that stand there for the month and versions."""
        table = self._table.c
        query = select(table[self.contract.id], table["probability"], table["flag"]).where(
            table[self.contract.snapshot_date] == last_day(month).date(),
            *(table[name] == int(rows[name].iloc[0]) for name in VERSIONS),
        )
        return sorted((who, share, flag) for who, share, flag in connection.execute(query))

    def _list(self, rows: pd.DataFrame) -> list[Row]:
        columns = [self.contract.id, "probability", "flag"]
        return sorted(zip(*(rows[name].tolist() for name in columns), strict=True))

    @cached_property
    def _table(self) -> Table:
        own = {"probability", "flag", *VERSIONS}
        if taken := own.intersection((self.contract.id, self.contract.snapshot_date)):
            raise DatabaseError(
                f"the contract calls its id or date {taken.pop()!r}, and {self.place} has a column "
                "of that name for something else: rename it in the contract"
            )
        name, schema = split_name(self.name)
        whole = self.contract.columns[self.contract.id].integer
        return Table(
            name,
            MetaData(),
            Column(self.contract.id, BigInteger if whole else String(255), primary_key=True),
            Column(self.contract.snapshot_date, Date, primary_key=True),
            *(Column(version, Integer, primary_key=True) for version in VERSIONS),
            Column("probability", Double, nullable=False),
            Column("flag", Boolean, nullable=False),
            schema=schema,
        )
