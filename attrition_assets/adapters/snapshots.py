"""Where monthly snapshots and departures come from: a folder of Parquet or CSV files.

Reads bytes and turns them into a table of raw values. Whether the values are acceptable is for
`validation`; what was accepted is kept by `snapshot_store.py`; months out of a database come from
`snapshot_database.py`.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from attrition_assets.adapters.files import content_digest, read_parquet
from attrition_assets.casting import read_dates, read_ids
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day, parse_month

if TYPE_CHECKING:
    from attrition_assets.adapters.table_source import TableSnapshot

SUFFIXES = (".parquet", ".csv")
# What pandas and pyarrow raise for damaged files; all but the first two for one bit in the footer.
DAMAGED = (OSError, ValueError, KeyError, TypeError, NotImplementedError)


@dataclass(frozen=True)
class RawSnapshot:
    """One month's file as it was sent: its name, its bytes and their digest."""

    name: str
    content: bytes

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes as they were sent."""
        return content_digest(self.content)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it has. Raises SnapshotError if the bytes are no table."""
        return tuple(self.parse().columns)

    def parse(self) -> pd.DataFrame:
        """The table of raw values. Raises SnapshotError if the bytes are no table."""
        return parse_table(self.name, self.content)


class SnapshotSource(Protocol):
    """What the platform needs of a source of snapshots."""

    @property
    def contract(self) -> Contract:
        """What the snapshots must be."""

    @property
    def place(self) -> str:
        """What the months lie in, for a message."""

    @property
    def departures_place(self) -> str:
        """What says who left, whether it is there or not, for a message."""

    def describe_month(self, month: pd.Period) -> str:
        """What must be there for a month, for a message."""

    def months(self) -> list[pd.Period]:
        """The months that have a snapshot, in order."""

    def fetch(self, month: pd.Period) -> "RawSnapshot | TableSnapshot":
        """One month's snapshot, or its table where it lies. Raises SnapshotError without one."""

    def departures(self, known_by: pd.Period) -> pd.DataFrame | None:
        """Who left by the last day of `known_by`; None if labels come inside the snapshots."""


@dataclass(frozen=True)
class SnapshotFolder:
    """A folder with `snapshots/2026-01.parquet` and `departures.parquet`, or the same as `.csv`."""

    folder: Path
    contract: Contract

    @property
    def place(self) -> str:
        """The folder of the snapshots."""
        return str(self.folder / "snapshots")

    @property
    def departures_place(self) -> str:
        """The two files that may say who left."""
        return f"departures.parquet or departures.csv in {self.folder}"

    def describe_month(self, month: pd.Period) -> str:
        """The two files that may hold a month."""
        return f"{month}.parquet or {month}.csv in {self.place}"

    def months(self) -> list[pd.Period]:
        """The months that have a file, in order. Raises SnapshotError if one is named otherwise."""
        found = (self.folder / "snapshots").glob("*")
        files = (path for path in found if path.is_file())
        return sorted({_read_month(path) for path in files if path.suffix in SUFFIXES})

    def fetch(self, month: pd.Period) -> RawSnapshot:
        """One month's file. Raises SnapshotError if it is absent or there are two."""
        path = _find_one(self.folder / "snapshots", str(month))
        if path is None:
            raise SnapshotError(
                f"no snapshot for {month} in {self.place} ({describe_held(self.months())}): put "
                f"{month}.parquet or {month}.csv there, or set ATTRITION_DATA"
            )
        return RawSnapshot(path.name, path.read_bytes())

    def departures(self, known_by: pd.Period) -> pd.DataFrame | None:
        """Id and day of those who left by the last day of `known_by`, a row a departure.

        Raises SnapshotError if a column is absent or a date cannot be read.
        """
        path = _find_one(self.folder, "departures")
        if path is None:
            return None
        table = parse_table(path.name, path.read_bytes())
        return select_departures(table, self.contract, str(path), known_by)


def select_departures(
    table: pd.DataFrame, contract: Contract, place: str, known_by: pd.Period | None = None
) -> pd.DataFrame:
    """Id and day of the departures in `table`, of raw values, by the last day of `known_by` if any.

    Raises SnapshotError, which names the `place`, if a column is absent or a date cannot be read.
    """
    identity, date = contract.id, contract.outcomes.departure_date
    for column in (identity, date):
        if column not in table.columns:
            raise SnapshotError(f"{place} has no column {column!r}: it has {list(table)}")
    dates = read_dates(table[date]).dt.normalize()
    ids = read_ids(table[identity], contract.columns[identity])
    unreadable = dates.isna() | ids.isna()
    if unreadable.any():
        rows = [int(row) for row in unreadable.to_numpy().nonzero()[0][:10]]
        raise SnapshotError(
            f"{place}: {int(unreadable.sum())} rows without a usable {identity} or {date} "
            f"(rows {rows}): give each departure an id and a date such as 2026-01-31"
        )
    departures = pd.DataFrame({identity: ids.to_numpy(), date: dates.to_numpy()})
    if known_by is None:
        return departures
    return departures[departures[date] <= last_day(known_by)].reset_index(drop=True)


def describe_held(months: list[pd.Period]) -> str:
    """Which months there are, for a message that misses one."""
    return f"it holds {months[0]} to {months[-1]}" if months else "it holds no snapshot at all"


def read_file(path: Path) -> pd.DataFrame:
    """The raw values of a table that somebody names. Raises SnapshotError if it is none."""
    if path.suffix not in SUFFIXES or not path.is_file():
        raise SnapshotError(f"{path} is not a file that ends in {' or '.join(SUFFIXES)}")
    return parse_table(path.name, path.read_bytes())


def parse_table(name: str, content: bytes) -> pd.DataFrame:
    """Read Parquet or CSV bytes into raw values; CSV cells stay text, empty ones are missing.

    A UTF-8 byte-order mark is no different from none. Raises SnapshotError if it is no table.
    """
    if not content:
        raise SnapshotError(f"{name} is an empty file: send it again")
    try:
        if name.endswith(".parquet"):
            return read_parquet(content)
        table = pd.read_csv(
            io.BytesIO(content),
            dtype=str,
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    except DAMAGED as error:
        raise SnapshotError(
            f"{name} cannot be read as {Path(name).suffix[1:]} ({type(error).__name__}): "
            "it may be truncated or of another format; send it again"
        ) from None
    for separator, called in (";", "semicolons"), ("\t", "tabs"):
        if len(table.columns) == 1 and separator in table.columns[0]:
            raise SnapshotError(
                f"{name} is separated by {called}: send it with commas between cells, and points "
                "in decimal numbers, or as Parquet"
            )
    return table


def _read_month(path: Path) -> pd.Period:
    try:
        month = parse_month(path.stem)
        if str(month) != path.stem:
            raise ValueError("a partition key is no file's name")
    except ValueError:
        raise SnapshotError(
            f"{path} is not named for a month: call it 2026-01{path.suffix}, or move it away"
        ) from None
    return month


def _find_one(folder: Path, stem: str) -> Path | None:
    found = [path for suffix in SUFFIXES if (path := folder / f"{stem}{suffix}").exists()]
    if folders := [path for path in found if path.is_dir()]:
        raise SnapshotError(f"{folders[0]} is a folder: put a file of that name there")
    if len(found) > 1:
        raise SnapshotError(f"two files for {stem} in {folder}: keep one of {SUFFIXES}")
    return found[0] if found else None
