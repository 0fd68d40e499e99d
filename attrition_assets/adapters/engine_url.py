"""Which URLs lead to an engine of large tables. What is behind one is opened in `engine`."""

import re
from collections.abc import Sequence
from pathlib import Path

from attrition_assets.adapters.database import TABLE_NAME
from attrition_assets.errors import EngineError

DUCKDB, MONTH, UNIT = "duckdb://", "{month}", "{unit}"
SPARK = re.compile(r"spark://.+|sc://.+|local(\[[^\]]+\])?|yarn|k8s://.+")
DATABASES = ("postgres", "postgresql", "snowflake", "bigquery")
ACCEPTED = (
    "duckdb://, with ?memory_limit=4GB&threads=4 if need be; Spark by its master, "
    "spark://host:7077, sc://host, yarn or local[4]; postgresql://, snowflake:// or bigquery://"
)


def reads_files(url: str) -> bool:
    """Whether the engine's tables are Parquet files, or folders of them; else a database's."""
    return SPARK.fullmatch(url) is not None or url.startswith(DUCKDB)


def check_tables(tables: str, url: str, units: Sequence[str] = ()) -> str:
    """What names the months' tables, and the units' if there are any, if it can.

    Raises EngineError that says what is accepted.
    """
    unit = f"{UNIT}_" if units else ""
    accepted = (
        f"a path such as /warehouse/snapshots/{unit}{MONTH}.parquet"
        if reads_files(url)
        else f"the name of tables such as hr.snapshots_{unit}{MONTH}"
    )
    named = [tables.replace(MONTH, "2026_01").replace(UNIT, each) for each in units or ("",)]
    if reads_files(url):
        unfit = "://" in tables or Path(named[0]).suffix not in ("", ".parquet")
    else:
        unfit = not all(map(TABLE_NAME.fullmatch, named))
    if tables.count(MONTH) != 1 or tables.count(UNIT) != bool(units) or unfit:
        of = f" of {', '.join(units)}" if units else ""
        raise EngineError(f"{tables!r} does not name the tables of months{of}: give {accepted}")
    return str(Path(tables).expanduser().absolute()) if reads_files(url) else tables


def check_engine_url(url: str) -> str:
    """The URL, if it is one of an engine. Raises EngineError that says what is accepted."""
    scheme = re.match(r"[a-z0-9]*", url).group()  # type: ignore[union-attr]
    if not (
        SPARK.fullmatch(url)
        or (url.startswith(f"{scheme}://") and scheme in ("duckdb", *DATABASES))
    ):
        raise EngineError(f"no engine has a URL that begins with {scheme!r}: give {ACCEPTED}")
    return url
