"""Which URLs lead to an engine of large tables. What is behind one is opened in `engine`."""

import re
from pathlib import Path

from attrition_assets.adapters.database import TABLE_NAME
from attrition_assets.errors import EngineError

DUCKDB, MONTH = "duckdb://", "{month}"
SPARK = re.compile(r"spark://.+|sc://.+|local(\[[^\]]+\])?|yarn|k8s://.+")
DATABASES = ("postgres", "postgresql", "snowflake", "bigquery")
ACCEPTED = (
    "duckdb://, with ?memory_limit=4GB&threads=4 if need be; Spark by its master, "
    "spark://host:7077, sc://host, yarn or local[4]; postgresql://, snowflake:// or bigquery://"
)


def reads_files(url: str) -> bool:
    """Whether the engine's tables are Parquet files, or folders of them; else a database's."""
    return SPARK.fullmatch(url) is not None or url.startswith(DUCKDB)


def check_tables(tables: str, url: str) -> str:
    """What names the months' tables, if it can. Raises EngineError that says what is accepted."""
    accepted = (
        f"a path such as /warehouse/snapshots/{MONTH}.parquet"
        if reads_files(url)
        else f"the name of tables such as hr.snapshots_{MONTH}"
    )
    named = tables.replace(MONTH, "2026_01")
    fits = "://" not in tables if reads_files(url) else TABLE_NAME.fullmatch(named) is not None
    if tables.count(MONTH) != 1 or not fits:
        raise EngineError(f"{tables!r} does not name the tables of months: give {accepted}")
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
