"""The shipped company and its files."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.contract import read_contract
from attrition_assets.errors import SnapshotError
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.faults import CorrectedFile, Fault, LateFile, apply_faults
from attrition_assets.simulation.shipped import simulate_shipped_company, write_company
from attrition_assets.validation.table import find_violations

from .conftest import FIRST_MONTH, read_bytes

MEGABYTES_3 = 3_000_000
DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def shipped() -> Company:
    return simulate_shipped_company()


def test_only_the_month_with_the_unit_error_breaks_the_contract(shipped: Company) -> None:
    contract = read_contract()
    broken = [
        str(month)
        for month, snapshot in shipped.snapshots.items()
        if find_violations(snapshot, contract)
    ]
    assert broken == ["2025-11"]
    assert len(shipped.snapshots) == 36


def test_pay_rises_by_the_planted_inflation(shipped: Company) -> None:
    pay = [
        shipped.snapshots[pd.Period(month, freq="M")].set_index("EmployeeNumber")["MonthlyIncome"]
        for month in ("2025-05", "2025-06")
    ]
    assert (pay[1] / pay[0]).median() == pytest.approx(1.12, abs=0.001)


def test_what_is_written_is_read_again(shipped: Company, tmp_path: Path) -> None:
    write_company(shipped, tmp_path)
    for month, snapshot in shipped.snapshots.items():
        assert_frame_equal(pd.read_parquet(tmp_path / f"snapshots/{month}.parquet"), snapshot)
    assert_frame_equal(pd.read_parquet(tmp_path / "departures.parquet"), shipped.departures)


def test_the_files_are_small_and_the_same_on_every_run(shipped: Company, tmp_path: Path) -> None:
    write_company(shipped, tmp_path)
    first = read_bytes(tmp_path)
    write_company(simulate_shipped_company(), tmp_path)
    assert read_bytes(tmp_path) == first
    assert len(first) == 37
    assert sum(map(len, first.values())) < MEGABYTES_3


def test_an_earlier_companys_months_are_removed_and_nothing_else(
    small: Company, tmp_path: Path
) -> None:
    old = tmp_path / "snapshots" / "1999-12.parquet"
    note = tmp_path / "snapshots" / "README.md"
    old.parent.mkdir()
    old.write_bytes(b"old")
    note.write_text("kept", encoding="utf-8")
    write_company(small, tmp_path)
    assert not old.exists()
    assert note.read_text(encoding="utf-8") == "kept"
    assert len(list(old.parent.glob("*.parquet"))) == len(small.snapshots)


def test_files_that_come_later_lie_apart_with_what_to_do_and_bring_the_whole_company(
    small: Company, tmp_path: Path
) -> None:
    late, corrected = FIRST_MONTH + 2, FIRST_MONTH + 5
    faults: list[Fault] = [LateFile(late), CorrectedFile(corrected)]
    write_company(apply_faults(small, faults, seed=1), tmp_path)
    source = SnapshotFolder(tmp_path, read_contract())
    assert source.months() == [month for month in small.snapshots if month != late]
    with pytest.raises(SnapshotError, match=f"no snapshot for {late}"):
        source.fetch(late)
    note = (tmp_path / "later" / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"`(cp .*); attrition run (.*)`", note)
    assert [month for _, month in commands] == [str(late), str(corrected)]
    for command, _ in commands:
        _, file, target = command.split()
        shutil.copy(tmp_path / file, tmp_path / target)
    for month, snapshot in small.snapshots.items():
        assert_frame_equal(source.fetch(month).parse(), snapshot)


def test_an_earlier_companys_later_files_are_removed_and_nothing_else(
    small: Company, tmp_path: Path
) -> None:
    mine = tmp_path / "later" / "mine.txt"
    mine.parent.mkdir()
    mine.write_text("kept", encoding="utf-8")
    write_company(apply_faults(small, [LateFile(FIRST_MONTH)], seed=1), tmp_path)
    assert len(list((tmp_path / "later").rglob("*.parquet"))) == 1
    write_company(small, tmp_path)
    assert [path for path in (tmp_path / "later").rglob("*") if path.is_file()] == [mine]


def test_an_earlier_companys_months_stay_if_writing_fails(
    small: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "snapshots" / "1999-12.parquet"
    old.parent.mkdir()
    old.write_bytes(b"old")

    def fail(path: Path, content: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("attrition_assets.simulation.shipped.write_atomically", fail)
    with pytest.raises(OSError, match="no space"):
        write_company(small, tmp_path)
    assert old.exists()


def test_data_holds_the_shipped_company(shipped: Company) -> None:
    stale = "run `make data`"
    assert_frame_equal(pd.read_parquet(DATA / "departures.parquet"), shipped.departures, obj=stale)
    held = {path.stem for path in (DATA / "snapshots").iterdir()}
    assert held == set(map(str, shipped.snapshots))
    for month, snapshot in shipped.snapshots.items():
        path = DATA / "snapshots" / f"{month}.parquet"
        assert_frame_equal(pd.read_parquet(path), snapshot, obj=f"{path.name}, {stale}")
