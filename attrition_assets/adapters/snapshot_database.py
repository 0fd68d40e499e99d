"""Snapshots and departures out of a company's database: a table or a query of each.

A month is the rows that are dated in it. They are read once, in batches, as a file of Parquet;
from there on they are what a file in a folder is.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, literal_column, select, text
from sqlalchemy import column as name_column
from sqlalchemy import table as name_table

from attrition_assets.adapters.database import TABLE_NAME, Database, split_name
from attrition_assets.adapters.snapshots import RawSnapshot, describe_held, select_departures
from attrition_assets.casting import read_dates
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 20_000


@dataclass(frozen=True)
class SnapshotDatabase:
    """A table or a SELECT of dated rows of people, and one of departures.

    Only the contract's columns are asked for. Without `departures_from`, labels come inside the
    snapshots.
    """

    database: Database
    contract: Contract
    snapshots_from: str
    departures_from: str | None = None

    @property
    def place(self) -> str:
        """What the months lie in."""
        return _name(self.snapshots_from, "ATTRITION_SNAPSHOTS_FROM", self.database)

    @property
    def departures_place(self) -> str:
        """What departures come from, or what would say so."""
        if self.departures_from is None:
            return "table of departures (ATTRITION_DEPARTURES_FROM is not set)"
        return _name(self.departures_from, "ATTRITION_DEPARTURES_FROM", self.database)

    def describe_month(self, month: pd.Period) -> str:
        """What a month needs here."""
        return f"row dated {last_day(month).date()} in {self.place}"

    def months(self) -> list[pd.Period]:
        """The months that have a row, in order.

        Raises SnapshotError if a row has no date, or what is none; DatabaseError if the database
        does not answer.
        """
        names = [self.contract.snapshot_date]
        with self.database.reading() as connection:
            self._require_columns(connection, self.snapshots_from, names, self.place)
            return sorted(set(self._read_dates(connection).values()))

    def fetch(self, month: pd.Period) -> RawSnapshot:
        """The rows dated in a month, by id.

        Raises SnapshotError if there are none, and as `months` does.
        """
        names = [self.contract.snapshot_date, self.contract.id]
        columns: list[ColumnElement[Any]] = [name_column(name) for name in names]
        date, identity = columns
        with self.database.reading() as connection:
            present = self._require_columns(connection, self.snapshots_from, names, self.place)
            dates = self._read_dates(connection)
            own = [value for value, dated in dates.items() if dated == month]
            if not own:
                held = describe_held(sorted(set(dates.values())))
                raise SnapshotError(
                    f"no {self.describe_month(month)} ({held}): load the month there, or correct "
                    "ATTRITION_SNAPSHOTS_FROM"
                )
            wanted = [name for name in self.contract.columns if name in present]
            query = _select(wanted, self.snapshots_from).where(date.in_(own)).order_by(identity)
            table = _stream(connection, query)
        return RawSnapshot(f"{month}-from-database.parquet", _to_parquet(table))

    def departures(self, known_by: pd.Period) -> pd.DataFrame | None:
        """Id and day of those who left by the last day of `known_by`, a row a departure.

        Raises SnapshotError if a column is absent or a date cannot be read.
        """
        if self.departures_from is None:
            return None
        names = [self.contract.id, self.contract.outcomes.departure_date]
        with self.database.reading() as connection:
            self._require_columns(connection, self.departures_from, names, self.departures_place)
            table = _stream(connection, _select(names, self.departures_from)).to_pandas()
        return select_departures(table, self.contract, self.departures_place, known_by)

    def _require_columns(
        self, connection: Connection, source: str, names: list[str], place: str
    ) -> list[str]:
        """The columns that a table or query has. Raises SnapshotError if one of `names` is not."""
        every: Select[Any] = select(literal_column("*")).select_from(_source(source)).limit(0)
        held = list(connection.execute(every).keys())
        for name in names:
            if name not in held:
                raise SnapshotError(
                    f"{place} has no column {name!r} (upper and lower case count): it has "
                    f"{', '.join(held)}"
                )
        return held

    def _read_dates(self, connection: Connection) -> dict[Any, pd.Period]:
        """Each date that a row has, as the database gives it, and its month."""
        name = self.contract.snapshot_date
        query = _select([name], self.snapshots_from).distinct()
        found = [row[0] for row in connection.execute(query)]
        dates = read_dates(pd.Series(found, dtype="object"))
        if dates.isna().any():
            raise SnapshotError(
                f"rows of {self.place} have no usable {name}: date each row with its month's last "
                "day, such as 2026-01-31"
            )
        return dict(zip(found, dates.dt.to_period("M"), strict=True))


def _name(source: str, variable: str, database: Database) -> str:
    what = f"table {source}" if TABLE_NAME.fullmatch(source) else f"the query {variable}"
    return f"{what} of {database.name}"


def _source(source: str) -> Any:
    """What follows FROM: a table, or a query in brackets. A colon in it is a colon."""
    if TABLE_NAME.fullmatch(source):
        name, schema = split_name(source)
        return name_table(name, schema=schema)
    query = source.strip().rstrip(";").replace(":", r"\:")
    return text(f"({query}\n) AS asked")  # its last line may be a comment


def _select(names: Iterable[str], source: str) -> Select[Any]:
    columns: list[Any] = [name_column(name) for name in names]
    query: Select[Any] = select(*columns)
    return query.select_from(_source(source))


def _stream(connection: Connection, query: Select[Any]) -> "pa.Table":
    """The rows of a query, taken from the database in batches and held as columns of Arrow."""
    import pyarrow as pa

    result = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS).execute(query)
    names, batches = list(result.keys()), []
    for rows in result.partitions():
        batches.append([_to_array(values) for values in zip(*rows, strict=True)])
    columns = [_join(chunks) for chunks in zip(*batches, strict=True)]
    if not columns:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    return pa.table(dict(zip(names, columns, strict=True)))


def _to_array(values: Sequence[Any]) -> "pa.Array":
    """One batch of a column: whole decimals as integers, the others as floats.

    What is no number, date or truth is text.
    """
    import pyarrow as pa

    try:
        if any(isinstance(value, Decimal) for value in values):
            whole = all(value is None or value == value // 1 for value in values)
            kind = int if whole else float
            values = [None if value is None else kind(value) for value in values]
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ArithmeticError, TypeError):
        array = None
    if array is None or not (pa.types.is_primitive(array.type) or pa.types.is_null(array.type)):
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return array.cast(pa.timestamp("us")) if pa.types.is_date(array.type) else array


def _join(chunks: Sequence["pa.Array"]) -> "pa.ChunkedArray":
    """The batches of a column as one type: numbers as floats, other mixtures as text."""
    import pyarrow as pa

    types = {chunk.type for chunk in chunks if not pa.types.is_null(chunk.type)}
    if len(types) > 1:
        numbers = all(pa.types.is_integer(each) or pa.types.is_floating(each) for each in types)
        types = {pa.float64() if numbers else pa.string()}
    kind = types.pop() if types else pa.string()
    try:
        return pa.chunked_array([chunk.cast(kind) for chunk in chunks], kind)
    except pa.ArrowInvalid:  # an integer that no float is equal to
        return pa.chunked_array([chunk.cast(pa.string()) for chunk in chunks], pa.string())


def _to_parquet(table: "pa.Table") -> bytes:
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()
