"""Engines of large tables for tests: DuckDB, a PostgreSQL of the tests, and Spark where it is.

Spark's are marked: it is no part of the daily installation, and takes its time to start.
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.engine import TableEngine

from .databases import fill

_counter = itertools.count()


class Held(NamedTuple):
    """An engine, and how a table gets to where it reads."""

    engine: TableEngine
    put: Callable[[pd.DataFrame], str]


# PySpark leaves the sockets open over which rows come.
SPARK = (pytest.mark.spark, pytest.mark.filterwarnings("ignore:.*unclosed <socket"))


@pytest.fixture(
    scope="session", params=["duckdb", "postgresql", pytest.param("spark", marks=SPARK)]
)
def held(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Held]:
    """Each engine in turn, opened once."""
    folder = tmp_path_factory.mktemp("engine")

    def put_file(table: pd.DataFrame) -> str:
        path = folder / f"table{next(_counter)}.parquet"
        table.to_parquet(path, index=False, row_group_size=1000)
        return str(path)

    if request.param == "duckdb":
        yield Held(TableEngine(SecretStr("duckdb://")), put_file)
        return
    if request.param == "spark":
        pytest.importorskip("pyspark", reason="Spark is not installed: it is NOT tested")
        if shutil.which("java") is None:
            pytest.skip("there is no Java: Spark is NOT tested")
        engine = TableEngine(SecretStr("local[2]"))
        yield Held(engine, put_file)
        engine.close()
        return
    url: str = request.getfixturevalue("postgres")()

    def put_table(table: pd.DataFrame) -> str:
        name = f"table{next(_counter)}"
        fill(url, **{name: table})
        return name

    engine = TableEngine(SecretStr(url))
    yield Held(engine, put_table)
    engine.close()


def write_halves(table: pd.DataFrame, folder: Path) -> Path:
    """A table as a folder of two Parquet files."""
    folder.mkdir()
    half = len(table) // 2
    table[:half].to_parquet(folder / "a.parquet", index=False)
    table[half:].to_parquet(folder / "b.parquet", index=False)
    return folder
