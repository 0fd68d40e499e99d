"""The engine that works on tables where they lie: DuckDB in this process, or another by its URL.

It is opened, and asked about a table whose summary is known, before it is believed. What it is
asked of a month's table is in `engine_summary`; how it scores one in `engine_scoring`.
"""

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pydantic import SecretStr

from attrition_assets.adapters.database import SHORTEST_SECRET, TABLE_NAME
from attrition_assets.adapters.engine_summary import summarize_table
from attrition_assets.adapters.engine_url import ACCEPTED, DUCKDB, SPARK, reads_files
from attrition_assets.contract import Contract
from attrition_assets.errors import EngineError, SnapshotError
from attrition_assets.monitoring.table_summary import TableSummary, summarize_rows

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

# DuckDB's own limit, beside what Python itself takes; what is beyond goes to disk.
MEMORY_LIMIT = "300MB"
PATTERN = re.compile(r"[*?\[]")
SPARK_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # Dates as pandas writes them, which are not looked at, but would refuse the whole file.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.debug.maxToStringFields": "100",
}


KNOWN = {
    "Id": {"kind": "id", "role": "id", "integer": True},
    "Date": {"kind": "date", "role": "snapshot_date"},
    "Left": {"kind": "nominal", "role": "label", "levels": ["No", "Yes"], "positive": "Yes"},
    # More values than there are codes, from below 0 on; some missing, as NaN and as null.
    "Pay": {
        "kind": "continuous",
        "role": "feature",
        "range": [-100, 300_000],
        "integer": True,
        "missing": True,
    },
    "Bonus": {"kind": "continuous", "role": "feature", "range": [0, 99], "integer": True},
    "Mood": {"kind": "ordinal", "role": "feature", "levels": [-1, 0, 3], "missing": True},
    "Grade": {
        "kind": "ordinal",
        "role": "feature",
        "levels": ["low", "middle", "high"],
        "missing": True,
    },
    "Team": {
        "kind": "nominal",
        "role": "feature",
        "levels": ["Été", "o'clock", "Team B", "team b"],
        "missing": True,
    },
    "Over": {"kind": "nominal", "role": "feature", "levels": ["No", "Yes"]},
}
KNOWN_ROWS = 60


def make_known_table() -> "tuple[Contract, pa.Table]":
    """A contract and a small table in which engines are known to differ, if they do."""
    import pyarrow as pa

    contract = Contract.model_validate({"name": "known", "columns": KNOWN})
    places = range(KNOWN_ROWS)
    levels = {
        name: [*(contract.columns[name].levels or ()), None] for name in ("Mood", "Grade", "Team")
    }
    pay = [float(-100 + (place * 104_729) % 300_101) for place in places]
    gaps = {5: None, 17: math.nan, 40: None}
    return contract, pa.table(
        {
            "Id": pa.array([place * 7_919 + 2**40 for place in places], pa.int64()),
            "Pay": pa.array([gaps.get(place, pay[place]) for place in places], pa.float64()),
            "Bonus": pa.array([(place * 37) % 100 for place in places], pa.int16()),
            **{
                name: pa.array([held[place * 11 % 13 % len(held)] for place in places])
                for name, held in levels.items()
            },
            "Over": pa.array(["Yes" if place % 3 else "No" for place in places]),
        }
    )


@dataclass(frozen=True)
class TableEngine:
    """What a URL leads to. Neither its representation nor its errors show a password."""

    url: SecretStr

    @property
    def name(self) -> str:
        """The kind of engine, for people."""
        return "spark" if self.is_spark else self._secret.split("://")[0]

    @property
    def is_spark(self) -> bool:
        """Whether it is Apache Spark."""
        return SPARK.fullmatch(self._secret) is not None

    @property
    def reads_files(self) -> bool:
        """Whether tables are Parquet files, or folders of them; else tables of a database."""
        return reads_files(self._secret)

    @cached_property
    def backend(self) -> Any:
        """The Ibis backend, opened once and asked about a known table before it is believed.

        Raises EngineError if it cannot be opened, or answers differently.
        """
        with self.speaking("be opened", advice=f": give {ACCEPTED}"):
            backend = self._open()
        self._check(backend)
        return backend

    def open(self) -> None:
        """Raise EngineError unless the engine can be opened, and answers as this machine does."""
        self.backend  # noqa: B018 - opened once, when it is first asked for

    def read(self, place: str | Path) -> "ir.Table":
        """A table: a Parquet file or a folder of them, there or at a URL, or one of the database.

        Raises SnapshotError if there is none.
        """
        backend = self.backend
        if not self.reads_files:
            name = str(place)
            if not TABLE_NAME.fullmatch(name):
                raise SnapshotError(f"{name!r} is no name of a table such as hr.snapshots")
            schema, _, table = name.rpartition(".")
            with self.speaking(f"read {name}"):
                return backend.table(table, database=schema or None)
        files: str | list[str] = str(place)
        if "://" not in str(place):  # else a place that only the engine knows, such as s3://
            found = _find_parquet(Path(place))
            # Spark reads a folder as we do: without what is hidden.
            files = str(place) if self.is_spark else [str(path) for path in found]
        with self.speaking(f"read {place}"):
            return backend.read_parquet(files)

    def summarize(
        self, place: str | Path, contract: Contract, *, one_in: int | None = None
    ) -> TableSummary:
        """The summary of a table. Raises SnapshotError as `read` and `summarize_table` do."""
        table = self.read(place)
        with self.speaking(f"summarize {place}"):
            return summarize_table(self.backend, table, contract, str(place), one_in=one_in)

    def stream(self, table: "ir.Table", rows: int) -> "Iterator[pa.RecordBatch]":
        """The table's rows, so many at a time. Raises EngineError if it breaks off."""
        with self.speaking("read rows"):
            if self._secret.startswith(DUCKDB):
                # What Ibis itself offers holds the whole result: ten times the memory.
                sql = self.backend.compile(table)
                yield from self.backend.con.sql(sql).to_arrow_reader(rows)
            else:
                yield from self.backend.to_pyarrow_batches(table, chunk_size=rows)

    def close(self) -> None:
        """Leave the engine; a Spark session is stopped."""
        if "backend" in self.__dict__:
            self.backend._session.stop() if self.is_spark else self.backend.disconnect()

    def _hide(self, said: str) -> str:
        """What an engine says, without any part of the URL that may be a password."""
        user, _, _ = self._secret.partition("://")[2].rpartition("@")
        for part in {self._secret, *re.split(r"[:/?#&=@]", user), unquote(user.partition(":")[2])}:
            if len(part) >= SHORTEST_SECRET:
                said = said.replace(part, "***")
        return said

    @property
    def _secret(self) -> str:
        return self.url.get_secret_value()

    def _open(self) -> Any:
        import ibis

        if self.is_spark:
            return ibis.pyspark.connect(open_spark(self._secret))
        if self._secret.startswith(DUCKDB):
            backend = ibis.connect(self._secret)
            if "memory_limit" not in self._secret:
                backend.raw_sql(f"SET memory_limit = '{MEMORY_LIMIT}'")
            # The system keeps what was read of files; DuckDB would keep it once more.
            backend.raw_sql("SET enable_external_file_cache = false")
            return backend
        return ibis.connect(self._secret)

    def _check(self, backend: Any) -> None:
        """Ask for the summary of a small table, and compare it with that of its rows, exactly."""
        import ibis

        contract, rows = make_known_table()
        expected = summarize_rows(rows.to_pandas(), contract, one_in=2)
        try:
            with self.speaking("answer about a known table"):
                table = ibis.memtable(rows)
                found = summarize_table(backend, table, contract, "a known table", one_in=2)
            wrong = ", ".join(expected.list_differences(found))
        except SnapshotError as error:
            wrong = str(error)
        if wrong:
            raise EngineError(
                f"the engine {self.name} answers differently from this machine about a table of "
                f"{expected.rows} rows: {wrong}; its verdicts would be others, so do not use it"
            )

    @contextmanager
    def speaking(self, what: str, advice: str = "") -> Iterator[None]:
        """Tell an engine's errors as EngineError: what it could not do, and why."""
        try:
            yield
        except (SnapshotError, EngineError):
            raise
        except ImportError as error:
            raise EngineError(
                f"the engine {self.name} needs a package that is not installed ({error.name}): "
                f"install it, for Spark `pip install attrition-assets[spark]`, else "
                f"`pip install 'ibis-framework[{self.name}]'`"
            ) from None
        except Exception as error:
            said = self._hide(str(error)).strip().splitlines()
            raise EngineError(
                f"the engine {self.name} could not {what}: {type(error).__name__}: "
                f"{said[0] if said else 'no reason given'}{advice}"
            ) from None


def _find_parquet(path: Path) -> list[Path]:
    """The Parquet file, or those of a folder, in order, which have the same columns.

    Raises SnapshotError if there is none, or something else is there that might hold rows.
    """
    if not path.exists():
        raise SnapshotError(f"{path} is not there: name a Parquet file, or a folder of them")
    if PATTERN.search(str(path)):
        raise SnapshotError(f"{path} is named like a pattern, with *, ? or [: rename it")
    if path.is_file():
        _read_schema(path)
        return [path]
    inside = [each for each in sorted(path.iterdir()) if each.name[0] not in "._"]
    if other := [each.name for each in inside if each.suffix != ".parquet" or each.is_dir()]:
        raise SnapshotError(f"{path} holds {other[0]} beside Parquet files: move it elsewhere")
    if not inside:
        raise SnapshotError(f"{path} holds no file that ends in .parquet: name a folder that does")
    if named := [each.name for each in inside if PATTERN.search(each.name)]:
        raise SnapshotError(f"{named[0]} in {path} is named like a pattern: rename it")
    first = _read_schema(inside[0])
    for each in inside[1:]:
        # One would be read as the other's type: fractions as whole numbers.
        if not _read_schema(each).equals(first):
            raise SnapshotError(
                f"{each.name} and {inside[0].name} in {path} have columns of different names or "
                "types: write all files with the same"
            )
    return inside


def _read_schema(path: Path) -> "pa.Schema":
    from pyarrow import ArrowException, parquet

    try:
        return parquet.read_schema(path)
    except (ArrowException, OSError):
        raise SnapshotError(f"{path} is no Parquet file: write the table as Parquet") from None


def open_spark(master: str) -> Any:
    """A Spark session at a master, or of a Spark Connect server.

    Workers run this Python; times are UTC; arithmetic that overflows is an error.
    """
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("attrition-assets")
    builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    for key, value in SPARK_SETTINGS.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
