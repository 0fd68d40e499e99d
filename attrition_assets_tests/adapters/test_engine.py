"""Which engine a URL leads to, and that one that answers differently is not believed."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.engine import TableEngine, make_known_table
from attrition_assets.adapters.engine_url import check_engine_url
from attrition_assets.errors import EngineError, SnapshotError
from attrition_assets.monitoring.table_summary import summarize_rows
from attrition_assets_tests.databases import SECRET
from attrition_assets_tests.engines import Held


def test_every_engine_is_believed_after_it_answered_about_a_known_table(held: Held) -> None:
    assert held.engine.backend is held.engine.backend
    assert held.engine.name in ("duckdb", "postgresql", "spark")
    assert held.engine.reads_files == (held.engine.name != "postgresql")


def test_the_known_table_holds_what_engines_differ_in() -> None:
    contract, rows = make_known_table()
    summary = summarize_rows(rows.to_pandas(), contract, one_in=2)
    assert summary.codings["Pay"].step > 1
    assert summary.codings["Pay"].low < 0
    assert summary.counts["Pay"].missing == 3
    assert rows["Pay"].null_count == 2  # and one NaN
    assert all(summary.counts[name].missing for name in ("Mood", "Grade", "Team"))
    assert 0 < summary.added.sample.rows.max() // 2 < summary.rows


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("CREATE MACRO isnan(x) AS false", "answers differently .*: .* Pay in 1 rows"),
        ("CREATE MACRO floor(x) AS x - 1", "answers differently .*: .* Pay in 58 rows"),
        ("CREATE MACRO count_star() AS 1", "answers differently .*: .* rows have no Id"),
        ("CREATE MACRO floor(x) AS ceil(x)", "answers differently .* 60 rows: sums;"),
    ],
)
def test_an_engine_that_answers_differently_is_refused(lie: str, said: str) -> None:
    class Lying(TableEngine):
        def _open(self) -> Any:
            backend = super()._open()
            backend.raw_sql(lie)
            return backend

    with pytest.raises(EngineError, match=said):
        Lying(SecretStr("duckdb://")).read("anything")


@pytest.mark.parametrize(
    "url",
    [
        "duckdb://",
        "duckdb://?memory_limit=4GB&threads=4",
        "spark://host:7077",
        "sc://host",
        "local",
        "local[4]",
        "yarn",
        "postgresql://reader@db.example/hr",
        "snowflake://user@account/database/schema",
        "bigquery://project/dataset",
    ],
)
def test_urls_of_engines_are_accepted(url: str) -> None:
    assert check_engine_url(url) == url


@pytest.mark.parametrize("url", ["", "duckdb", "mysql://host/hr", "locale", "spark", "sqlite:///x"])
def test_other_urls_are_refused_with_those_that_are_accepted(url: str) -> None:
    with pytest.raises(EngineError, match=r"give duckdb://, with .* Spark by its master"):
        check_engine_url(url)


def test_a_database_that_does_not_answer_is_an_error_without_its_password() -> None:
    engine = TableEngine(SecretStr(f"postgresql://reader:{SECRET}@127.0.0.1:9/hr"))
    with pytest.raises(EngineError, match="the engine postgresql could not be opened") as refused:
        engine.read("snapshots")
    assert SECRET not in str(refused.value) + repr(engine)


@pytest.mark.parametrize("package", ["snowflake", "bigquery"])
def test_an_engine_whose_package_is_absent_says_what_to_install(package: str) -> None:
    with pytest.raises(EngineError, match=rf"install .*'ibis-framework\[{package}\]'"):
        TableEngine(SecretStr(f"{package}://somewhere/else")).read("snapshots")


def test_an_absent_or_damaged_table_is_an_error(held: Held, tmp_path: Path) -> None:
    if not held.engine.reads_files:
        with pytest.raises(SnapshotError, match="no name of a table"):
            held.engine.read("a table; DROP TABLE b")
        with pytest.raises(EngineError, match="could not read absent"):
            held.engine.read("absent")
        return
    with pytest.raises(SnapshotError, match="is not there: name a Parquet file"):
        held.engine.read(tmp_path / "absent.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SnapshotError, match=r"damaged\.parquet is no Parquet file"):
        held.engine.read(tmp_path / "damaged.parquet")


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql:reader:hunter2@db/hr", "hunter2"),
        ("postgresql://reader:hun/ter2@127.0.0.1:9/hr", "ter2"),
        ("postgresql://reader:hunt%40er2@127.0.0.1:9/hr", "er2"),
    ],
)
def test_no_part_of_a_password_is_told_whatever_is_wrong_with_its_url(
    url: str, secret: str
) -> None:
    with pytest.raises(EngineError) as refused:
        TableEngine(SecretStr(check_engine_url(url))).open()
    assert secret not in str(refused.value)


def test_a_folder_is_read_only_if_its_files_are_one_table(tmp_path: Path) -> None:
    """One file's types would be given to all: fractions rounded, and nobody told."""
    folder = tmp_path / "month"
    folder.mkdir()
    engine = TableEngine(SecretStr("duckdb://"))
    rows = pd.DataFrame({"Id": [1, 2], "Pay": [100, 200]})
    rows.to_parquet(folder / "a.parquet", index=False)
    rows.to_parquet(folder / ".hidden.parquet", index=False)
    rows.to_parquet(folder / "b.parquet", index=False)
    assert len(engine.backend.to_pyarrow(engine.read(folder))) == 4
    rows.assign(Pay=[100.5, 200]).to_parquet(folder / "b.parquet", index=False)
    with pytest.raises(
        SnapshotError, match=r"b\.parquet and a\.parquet .* different names or types"
    ):
        engine.read(folder)
    (folder / "b.parquet").rename(folder / "b[1].parquet")
    with pytest.raises(SnapshotError, match="named like a pattern: rename it"):
        engine.read(folder)
    (folder / "b[1].parquet").rename(folder / "b.PARQUET")
    with pytest.raises(SnapshotError, match=r"holds b\.PARQUET beside Parquet files"):
        engine.read(folder)


def test_a_memory_limit_in_the_url_is_the_engines() -> None:
    limits = [
        TableEngine(SecretStr(url))
        .backend.raw_sql("SELECT current_setting('memory_limit')")
        .fetchone()
        for url in ("duckdb://", "duckdb://?memory_limit=1GB")
    ]
    assert [limit for (limit,) in limits] == ["286.1 MiB", "953.6 MiB"]
