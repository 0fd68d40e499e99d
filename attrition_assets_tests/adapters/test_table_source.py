"""Months whose tables stay where they are: which there are, by file and by a database's name."""

from collections.abc import Callable
from dataclasses import replace
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
from attrition_assets.monitoring.table_summary import draw_sample
from attrition_assets.months import last_day, parse_month
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


def write_month(folder: Path, month: pd.Period, table: pd.DataFrame) -> None:
    folder.mkdir(exist_ok=True)
    dated = table.assign(SnapshotDate=last_day(month))
    dated.to_parquet(folder / f"{month}.parquet", index=False)


def test_a_correction_of_people_whose_rows_are_not_kept_is_another_version(
    make_snapshot: MakeSnapshot, contract: Contract, tmp_path: Path
) -> None:
    table = make_snapshot("2026-01", 400, 1).drop(columns=contract.label, errors="ignore")
    source = open_tables("duckdb://", str(tmp_path / "t" / "{month}.parquet"), contract, tmp_path)
    store, digests = SnapshotStore(tmp_path / "home", contract), []
    for age in (table["Age"], table["Age"].clip(upper=50)):
        kept = draw_sample(table["EmployeeNumber"].to_numpy(), source.one_in)
        write_month(tmp_path / "t", MONTH, table.assign(Age=age.where(~kept, table["Age"])))
        store.keep(store.judge(source.fetch(MONTH), MONTH, departures=None))
        ledger = store.ledger(MONTH)
        assert ledger is not None
        digests.append(ledger.table_sha256)
    assert store.accepted_version(MONTH) == 2
    assert store.find_changed({str(MONTH): str(digests[0])}) == [str(MONTH)]
    pd.testing.assert_frame_equal(store.read_version(MONTH, 1), store.read(MONTH))
    ages = [store.read_summary(MONTH, each).counts["Age"].mean for each in digests]
    assert ages[0] == pytest.approx(table["Age"].mean()) and ages[1] < ages[0] - 1


def test_a_files_rows_sent_again_as_a_table_are_those_of_another_month(
    make_snapshot: MakeSnapshot, contract: Contract, tmp_path: Path
) -> None:
    table = make_snapshot("2026-01", 400, 1).drop(columns=contract.label, errors="ignore")
    write_month(tmp_path / "snapshots", MONTH, table)
    write_month(tmp_path / "t", MONTH + 1, table)
    store = SnapshotStore(tmp_path / "home", contract)
    files = SnapshotFolder(tmp_path, contract)
    store.keep(store.judge(files.fetch(MONTH), MONTH, departures=None))
    tables = open_tables("duckdb://", str(tmp_path / "t" / "{month}.parquet"), contract, tmp_path)
    sent = replace(tables, one_in=1).fetch(MONTH + 1)
    judged = store.judge(sent, MONTH + 1, departures=None)
    assert not judged.verdicts["not_sent_before"].holds
    assert "those sent for 2026-01" in judged.verdicts["not_sent_before"].explanation


def test_too_few_people_to_tell_anything_by_are_not_kept(
    make_snapshot: MakeSnapshot, contract: Contract, tmp_path: Path
) -> None:
    table = make_snapshot("2026-01", 400, 1).drop(columns=contract.label, errors="ignore")
    write_month(tmp_path / "t", MONTH, table)
    tables = open_tables("duckdb://", str(tmp_path / "t" / "{month}.parquet"), contract, tmp_path)
    sent = replace(tables, one_in=50).fetch(MONTH)
    with pytest.raises(
        SnapshotError, match=r"of the 400 rows of 2026-01 only \d+ people .* at most 2"
    ):
        SnapshotStore(tmp_path / "home", contract).judge(sent, MONTH, departures=None)
