from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.adapters.import_table import import_table
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day
from attrition_assets.training.reference import LABEL, build_reference
from attrition_assets_tests.conftest import REAL_TABLE, MakeSnapshot, declare_contract, with_horizon

START = pd.Period("2025-01", freq="M")


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2025-01", 120, 0).drop(columns="SnapshotDate")


@pytest.fixture
def sent(tmp_path: Path, table: pd.DataFrame) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xef\xbb\xbf" + table.to_csv(index=False).encode())
    return path


def read_months(folder: Path, contract: Contract) -> dict[pd.Period, pd.DataFrame]:
    source = SnapshotFolder(folder, contract)
    return {month: source.fetch(month).parse() for month in source.months()}


def test_a_table_becomes_a_history_and_months_that_begin_once_its_labels_have_matured(
    sent: Path, tmp_path: Path, contract: Contract
) -> None:
    months = import_table(sent, tmp_path / "data", contract, first_month=START, months=6)
    assert [str(month) for month in months] == [
        "2025-01",
        *("2025-05", "2025-06", "2025-07", "2025-08", "2025-09", "2025-10"),
    ]
    tables = read_months(tmp_path / "data", contract)
    assert [len(each) for each in tables.values()] == [60, 10, 10, 10, 10, 10, 10]
    for month, each in tables.items():
        assert each["SnapshotDate"].eq(last_day(month)).all()


def test_everybody_is_in_one_month_with_the_values_of_the_table(
    sent: Path, tmp_path: Path, table: pd.DataFrame, contract: Contract
) -> None:
    import_table(sent, tmp_path / "data", contract, first_month=START)
    everyone = pd.concat(read_months(tmp_path / "data", contract).values())
    again = cast_to_contract(everyone, contract).drop(columns="SnapshotDate")
    assert_frame_equal(again, table)


def test_the_same_seed_deals_the_same_people_and_another_does_not(
    sent: Path, tmp_path: Path, contract: Contract
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        import_table(sent, tmp_path / name, contract, first_month=START, seed=seed)
    content = [(tmp_path / name / "snapshots" / "2025-01.parquet").read_bytes() for name in "abc"]
    assert content[0] == content[1] != content[2]


@pytest.mark.parametrize("horizon", [1, 2, 3, 12])
def test_every_imported_month_is_accepted_whatever_the_horizon(
    horizon: int, tmp_path: Path, make_snapshot: MakeSnapshot
) -> None:
    pay = {"kind": "continuous", "role": "feature", "range": [0, 9]}
    contract = with_horizon(declare_contract(Pay=pay), horizon)
    path = tmp_path / "table.csv"
    make_snapshot("2025-01", 120, 0, contract).drop(columns="Date").to_csv(path, index=False)
    months = import_table(path, tmp_path / "data", contract, first_month=START, months=3)
    source, store = SnapshotFolder(tmp_path / "data", contract), SnapshotStore(tmp_path, contract)
    for month in months:
        store.keep(store.judge(source.fetch(month), month, departures=None))
    assert store.months() == months
    reference = build_reference(
        months[1],
        accepted=months[:2],
        read=store.read,
        departures=source.departures(known_by=months[1]),
        contract=contract,
        window_months=24,
    )
    assert reference.labelled[LABEL].notna().sum() == 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Gender": "Martian"}, "Gender: is none of ['Female', 'Male']: 120 rows"),
        ({"Attrition": None}, "Attrition: is missing: 120 rows"),
        ({"shoe": 40}, "shoe: is not in the contract"),
        ({"EmployeeNumber": 7}, "119 rows repeat an employee (by EmployeeNumber): give each one"),
    ],
)
def test_a_table_that_does_not_fit_leaves_no_folder(
    change: dict[str, Any],
    message: str,
    sent: Path,
    tmp_path: Path,
    table: pd.DataFrame,
    contract: Contract,
) -> None:
    table.assign(**change).to_csv(sent, index=False)
    with pytest.raises(SnapshotError) as caught:
        import_table(sent, tmp_path / "data", contract, first_month=START)
    assert str(sent) in str(caught.value)
    assert message in str(caught.value)
    assert "Martian" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_a_table_without_labels_teaches_nothing(
    sent: Path, tmp_path: Path, table: pd.DataFrame, contract: Contract
) -> None:
    table.drop(columns="Attrition").to_csv(sent, index=False)
    with pytest.raises(SnapshotError, match="has no column 'Attrition': nothing to learn from"):
        import_table(sent, tmp_path / "data", contract, first_month=START)


def test_too_few_people_for_the_months_are_refused(
    sent: Path, tmp_path: Path, table: pd.DataFrame, contract: Contract
) -> None:
    table.head(11).to_csv(sent, index=False)
    with pytest.raises(SnapshotError, match="has 11 rows: half of them are too few for 6 months"):
        import_table(sent, tmp_path / "data", contract, first_month=START)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["none.csv", "table.xlsx", "."])
def test_what_is_no_table_is_refused_with_what_is_accepted(
    name: str, tmp_path: Path, contract: Contract
) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"x")
    with pytest.raises(SnapshotError, match=r"is not a file that ends in \.parquet or \.csv"):
        import_table(tmp_path / name, tmp_path / "data", contract, first_month=START)


def test_a_folder_that_is_there_already_is_left_alone(
    sent: Path, tmp_path: Path, contract: Contract
) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(SnapshotError, match="is there already: choose another folder, or remove"):
        import_table(sent, tmp_path / "data", contract, first_month=START)
    assert list((tmp_path / "data").iterdir()) == []


def test_what_an_interrupted_import_left_is_no_part_of_the_next(
    sent: Path, tmp_path: Path, contract: Contract
) -> None:
    left = tmp_path / ".data.tmp" / "snapshots"
    left.mkdir(parents=True)
    (left / "1999-01.csv").write_bytes(b"x")
    months = import_table(sent, tmp_path / "data", contract, first_month=START)
    assert SnapshotFolder(tmp_path / "data", contract).months() == months
    assert not left.exists()


def test_the_real_file_is_imported_as_it_is(
    ibm_table: pd.DataFrame, tmp_path: Path, contract: Contract
) -> None:
    import_table(REAL_TABLE, tmp_path / "data", contract, first_month=START)
    tables = read_months(tmp_path / "data", contract)
    assert [len(each) for each in tables.values()] == [735, 123, 123, 123, 122, 122, 122]
    everyone = pd.concat(tables.values())
    assert sorted(everyone["EmployeeNumber"]) == sorted(ibm_table["EmployeeNumber"].astype(int))
    assert everyone["Attrition"].eq("Yes").sum() == 237


class Panel:
    """Three months of the same people in one file, and who left in another."""

    def __init__(self, folder: Path, make_snapshot: MakeSnapshot) -> None:
        self.months = {
            month: make_snapshot(str(month), 40, 0).drop(columns="Attrition")
            for month in pd.period_range(START, periods=3, freq="M")
        }
        self.path, self.left = folder / "people.csv", folder / "leavers.csv"
        self.rows = pd.concat(self.months.values()).sample(frac=1, random_state=0)
        self.rows.to_csv(self.path, index=False)
        pd.DataFrame({"EmployeeNumber": [4], "DepartureDate": ["2025-03-05"]}).to_csv(
            self.left, index=False
        )


@pytest.fixture
def panel(tmp_path: Path, make_snapshot: MakeSnapshot) -> Panel:
    return Panel(tmp_path, make_snapshot)


def test_a_dated_table_is_split_by_its_dates_and_keeps_who_left(
    panel: Panel, tmp_path: Path, contract: Contract
) -> None:
    folder = tmp_path / "data"
    months = import_table(panel.path, folder, contract, first_month=START, departures=panel.left)
    assert months == list(panel.months)
    for month, sent in read_months(folder, contract).items():
        assert_frame_equal(cast_to_contract(sent, contract), panel.months[month])
    left = SnapshotFolder(folder, contract).departures(known_by=START + 2)
    assert left is not None
    assert left["EmployeeNumber"].tolist() == [4]


def test_a_dated_table_needs_to_know_who_left(
    panel: Panel, sent: Path, tmp_path: Path, contract: Contract
) -> None:
    with pytest.raises(SnapshotError, match="for a dated table, --departures FILE may say who"):
        import_table(panel.path, tmp_path / "data", contract, first_month=START)
    with pytest.raises(SnapshotError, match="departures need a table that is dated by it"):
        import_table(sent, tmp_path / "data", contract, first_month=START, departures=panel.left)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("SnapshotDate", "2025-01-30", "1 rows are not dated by a month's last day, such as"),
        ("SnapshotDate", None, r"such as 2026-01-31, in 'SnapshotDate' \(rows \[0\]\): date them"),
        ("SnapshotDate", "2024-12-31", "begins in 2024-12, .* set ATTRITION_FIRST_MONTH=2024-12"),
        ("Gender", "Martian", "in 2025-01, does not fit the contract ibm_hr_attrition:"),
    ],
)
def test_a_dated_table_that_cannot_be_split_leaves_no_folder(
    column: str,
    value: str | None,
    message: str,
    panel: Panel,
    tmp_path: Path,
    contract: Contract,
) -> None:
    rows = panel.rows.sort_values("SnapshotDate").astype({column: object})
    rows.iloc[0, rows.columns.get_loc(column)] = value  # type: ignore[index]
    rows.to_csv(panel.path, index=False)
    with pytest.raises(SnapshotError, match=message):
        import_table(
            panel.path, tmp_path / "data", contract, first_month=START, departures=panel.left
        )
    assert not (tmp_path / "data").exists()


def test_departures_of_strangers_are_refused(
    panel: Panel, tmp_path: Path, contract: Contract
) -> None:
    panel.left.write_text("EmployeeNumber,DepartureDate\n4000,2025-03-05\n")
    with pytest.raises(SnapshotError, match="their EmployeeNumber are of other people"):
        import_table(
            panel.path, tmp_path / "data", contract, first_month=START, departures=panel.left
        )
