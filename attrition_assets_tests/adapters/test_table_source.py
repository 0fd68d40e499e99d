"""Months whose tables stay where they are: which there are, by file and by a database's name."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.adapters.table_source import TableSnapshot, TableSource
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import parse_month
from attrition_assets_tests.conftest import MakeSnapshot
from attrition_assets_tests.databases import execute, fill

MONTH = parse_month("2026-01")


def open_tables(url: str, tables: str, contract: Contract, people: Path) -> TableSource:
    engine = TableEngine(SecretStr(url))
    return TableSource(engine, tables, 2, contract, SnapshotFolder(people, contract))


def test_files_and_folders_are_months_and_what_is_named_otherwise_is_not(
    tmp_path: Path, contract: Contract
) -> None:
    for name in ("2026-01.parquet", "2025-12.parquet", "2025-13.parquet", "2026-01.csv", "old"):
        (tmp_path / name).touch()
    (tmp_path / "2026-02.parquet").mkdir()
    source = open_tables("duckdb://", str(tmp_path / "{month}.parquet"), contract, tmp_path)
    assert list(map(str, source.months())) == ["2025-12", "2026-01", "2026-02"]
    with pytest.raises(SnapshotError, match=r"no table for 2026-03 .*it holds 2025-12 to 2026-02"):
        source.fetch(parse_month("2026-03"))
    inside = open_tables("duckdb://", str(tmp_path / "{month}" / "a.parquet"), contract, tmp_path)
    assert inside.months() == []
    (tmp_path / "2026-04").mkdir()
    (tmp_path / "2026-04" / "a.parquet").touch()
    assert list(map(str, inside.months())) == ["2026-04"]


def test_a_databases_month_is_judged_and_kept_where_the_rows_stay(
    postgres: Callable[[], str], make_snapshot: MakeSnapshot, contract: Contract, tmp_path: Path
) -> None:
    url = postgres()
    table = make_snapshot("2026-01", 400, 1).drop(columns=contract.label, errors="ignore")
    execute(url, "CREATE SCHEMA hr")
    fill(url, snapshots_2026_01=table, snapshots_2025_12=table, snapshots_of_old=table)
    for name in ("2026_01", "2025_12", "of_old"):
        execute(url, f"ALTER TABLE snapshots_{name} SET SCHEMA hr")
    departures = pd.DataFrame({"EmployeeNumber": [1], "DepartureDate": ["2026-01-15"]})
    departures.to_csv(tmp_path / "departures.csv", index=False)
    source = open_tables(url, "hr.snapshots_{month}", contract, tmp_path)
    try:
        assert list(map(str, source.months())) == ["2025-12", "2026-01"]
        sent, store = source.fetch(MONTH), SnapshotStore(tmp_path / "home", contract)
        assert isinstance(sent, TableSnapshot)
        assert set(sent.columns) == set(table)
        judged = store.judge(sent, MONTH, departures=source.departures(known_by=MONTH))
        assert judged.table is not None, judged.verdicts
        store.keep(judged)
        assert store.count_elsewhere(MONTH) == 400
        assert 120 < store.count_rows(MONTH) < 280  # of one in two people
        assert store.read_summary(MONTH).rows == 400
        store.summary_path(MONTH).write_text("{}")
        with pytest.raises(SnapshotError, match="no summary of 2026-01 lies in"):
            store.read_summary(MONTH)
    finally:
        source.engine.close()
