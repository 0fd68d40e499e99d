import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.adapters.files import content_digest, to_parquet_bytes
from attrition_assets.adapters.snapshots import RawSnapshot, SnapshotFolder, parse_table
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets_tests.conftest import MakeSnapshot, declare_contract

JANUARY = pd.Period("2026-01", freq="M")
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def source(tmp_path: Path, contract: Contract) -> SnapshotFolder:
    (tmp_path / "snapshots").mkdir()
    return SnapshotFolder(tmp_path, contract)


def send(source: SnapshotFolder, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (source.folder / "snapshots" / name).write_bytes(content)


def write_departures(
    source: SnapshotFolder, name: str = "departures.csv", /, **columns: object
) -> Path:
    table, path = pd.DataFrame(columns), source.folder / name
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


def test_the_months_of_both_formats_are_listed_in_order_and_other_files_are_not(
    source: SnapshotFolder,
) -> None:
    send(source, "2026-02.csv", "2025-12.parquet", "2026-01.csv", "README.md", ".2026-03.csv.7.tmp")
    assert [str(month) for month in source.months()] == ["2025-12", "2026-01", "2026-02"]


@pytest.mark.parametrize("name", ["january.csv", "2026-01-01.parquet", "2026-13.csv", "._a.csv"])
def test_a_table_that_is_not_named_for_a_month_is_named_with_what_to_do(
    name: str, source: SnapshotFolder
) -> None:
    send(source, "2026-01.csv", name)
    with pytest.raises(
        SnapshotError, match=r"is not named for a month: call it 2026-01\."
    ) as caught:
        source.months()
    assert str(source.folder / "snapshots" / name) in str(caught.value)


def test_a_month_is_fetched_as_it_was_sent(source: SnapshotFolder) -> None:
    send(source, "2026-01.csv", content=BOM + b"a,b\n1,2\n")
    raw = source.fetch(JANUARY)
    assert raw == RawSnapshot("2026-01.csv", BOM + b"a,b\n1,2\n")
    assert raw.digest == content_digest(raw.content)
    assert raw.parse().to_dict("list") == {"a": ["1"], "b": ["2"]}


def test_an_absent_month_is_named_with_what_there_is_and_what_to_do(
    source: SnapshotFolder,
) -> None:
    with pytest.raises(SnapshotError, match="it holds no snapshot at all"):
        source.fetch(JANUARY)
    send(source, "2025-10.csv", "2025-12.csv")
    with pytest.raises(SnapshotError) as caught:
        source.fetch(JANUARY)
    assert str(caught.value) == (
        f"no snapshot for 2026-01 in {source.folder / 'snapshots'} (it holds 2025-10 to 2025-12): "
        "put 2026-01.parquet or 2026-01.csv there, or set ATTRITION_DATA"
    )


def test_two_files_for_one_month_are_refused(source: SnapshotFolder) -> None:
    send(source, "2026-01.csv", "2026-01.parquet")
    with pytest.raises(SnapshotError, match=r"two files for 2026-01 in .*: keep one of"):
        source.fetch(JANUARY)


def test_a_byte_order_mark_is_no_different_from_none(make_snapshot: MakeSnapshot) -> None:
    content = make_snapshot("2026-01", 5, 0).to_csv(index=False).encode()
    assert_frame_equal(parse_table("a.csv", BOM + content), parse_table("a.csv", content))


def test_the_byte_order_mark_of_the_real_file_is_no_part_of_a_name(
    ibm_table: pd.DataFrame,
) -> None:
    content = BOM + ibm_table.to_csv(index=False).encode()
    assert next(iter(parse_table("ibm.csv", content))) == "Age"


def test_cells_stay_text_and_only_empty_ones_are_missing() -> None:
    table = parse_table("a.csv", b"id,team\n007,NA\n1e3,\n,None\n")
    assert table["id"].tolist()[:2] == ["007", "1e3"]
    assert table["team"].tolist()[::2] == ["NA", "None"]
    assert table.isna().sum().tolist() == [1, 1]


def test_csv_and_parquet_of_one_table_have_the_same_rows(make_snapshot: MakeSnapshot) -> None:
    table = make_snapshot("2026-01", 5, 0)
    csv = parse_table("a.csv", table.to_csv(index=False).encode())
    parquet = parse_table("a.parquet", to_parquet_bytes(table))
    assert_frame_equal(csv, parquet.astype(str).astype(object), check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "a.csv is an empty file: send it again"),
        ("a.csv", BOM, "a.csv cannot be read as csv"),
        (
            "a.csv",
            "team\nBüro\n".encode("latin-1"),
            r"cannot be read as csv \(UnicodeDecodeError\)",
        ),
        ("a.csv", b"a,b\n1,2\n1,2,3\n", r"cannot be read as csv \(ParserError\)"),
        ("a.parquet", b"a,b\n1,2\n", "a.parquet cannot be read as parquet"),
        ("a.parquet", b"PAR1", "a.parquet cannot be read as parquet"),
    ],
)
def test_bytes_that_are_no_table_are_refused_by_name(
    name: str, content: bytes, message: str
) -> None:
    with pytest.raises(SnapshotError, match=message) as caught:
        parse_table(name, content)
    assert "send it again" in str(caught.value)


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_truncated_parquet_file_is_refused(kept: float, make_snapshot: MakeSnapshot) -> None:
    content = to_parquet_bytes(make_snapshot("2026-01", 50, 0))
    with pytest.raises(SnapshotError, match="it may be truncated"):
        parse_table("2026-01.parquet", content[: int(len(content) * kept)])


def test_without_a_table_of_departures_there_is_none(source: SnapshotFolder) -> None:
    assert source.departures(known_by=JANUARY) is None


@pytest.mark.parametrize("name", ["departures.csv", "departures.parquet"])
def test_departures_after_known_by_are_invisible(name: str, source: SnapshotFolder) -> None:
    write_departures(
        source,
        name,
        EmployeeNumber=[1, 2, 3],
        DepartureDate=["2026-01-31", "2026-02-01", "2025-06-30"],
        Reason=["a", "b", "c"],
    )
    known = source.departures(known_by=JANUARY)
    assert known is not None
    assert list(known) == ["EmployeeNumber", "DepartureDate"]
    assert known["EmployeeNumber"].tolist() == [1, 3]
    later = source.departures(known_by=JANUARY + 1)
    assert later is not None
    assert len(later) == 3


@pytest.mark.parametrize(
    "date",
    [
        datetime.date(2026, 1, 31),
        pd.Timestamp("2026-01-31 23:59"),
        "2026-01-31T17:30:00",
        "2026-01-31 09:00",
    ],
)
@pytest.mark.parametrize("name", ["departures.csv", "departures.parquet"])
def test_a_departure_at_any_hour_is_one_of_that_day(
    date: object, name: str, source: SnapshotFolder
) -> None:
    write_departures(source, name, EmployeeNumber=[1], DepartureDate=[date])
    known = source.departures(known_by=JANUARY)
    assert known is not None
    assert known["DepartureDate"].tolist() == [pd.Timestamp("2026-01-31")]


@pytest.mark.parametrize("name", ["departures.csv", "departures.parquet"])
def test_the_ids_of_departures_are_those_of_snapshots(
    name: str, source: SnapshotFolder, tmp_path: Path
) -> None:
    write_departures(source, name, EmployeeNumber=[7, 10], DepartureDate=["2026-01-05"] * 2)
    known = source.departures(known_by=JANUARY)
    assert known is not None
    assert known["EmployeeNumber"].tolist() == [7, 10]
    pay = {"kind": "continuous", "role": "feature", "range": [0, 9]}
    text_ids = declare_contract(EmployeeNumber={"kind": "id", "role": "id"}, Pay=pay, Id=pay)
    as_text = SnapshotFolder(tmp_path, text_ids).departures(known_by=JANUARY)
    assert as_text is not None
    assert as_text["EmployeeNumber"].tolist() == ["7", "10"]


@pytest.mark.parametrize(
    ("ids", "dates"),
    [
        ([1, 2, 3], ["2026-01-01", "soon", "2026-01-01"]),
        ([1, 2, 3], ["2026-01-01", None, "2026-01-01"]),
        ([1, 2, 3], ["2026-01-01", "2026-01-01T00:00Z", "2026-01-01"]),
        ([1, 2, 3], ["2026-01-01", "9999-12-31", "2026-01-01"]),
        ([1, None, 3], ["2026-01-01"] * 3),
        (["1", "E-2", "3"], ["2026-01-01"] * 3),
    ],
)
@pytest.mark.parametrize("name", ["departures.csv", "departures.parquet"])
def test_a_departure_without_a_usable_id_or_date_is_refused_by_row(
    ids: list[object], dates: list[object], name: str, source: SnapshotFolder
) -> None:
    path = write_departures(source, name, EmployeeNumber=ids, DepartureDate=dates)
    with pytest.raises(SnapshotError) as caught:
        source.departures(known_by=JANUARY)
    assert str(caught.value) == (
        f"{path}: 1 rows without a usable EmployeeNumber or DepartureDate (rows [1]): give each "
        "departure an id and a date such as 2026-01-31"
    )


@pytest.mark.parametrize("column", ["EmployeeNumber", "DepartureDate"])
def test_departures_without_a_column_are_refused_by_its_name(
    column: str, source: SnapshotFolder
) -> None:
    columns = {"EmployeeNumber": [1], "DepartureDate": ["2026-01-01"], "Reason": ["a"]}
    columns.pop(column)
    write_departures(source, **columns)
    with pytest.raises(SnapshotError, match=f"has no column '{column}': it has .*'Reason'"):
        source.departures(known_by=JANUARY)


def test_two_tables_of_departures_are_refused(source: SnapshotFolder) -> None:
    for name in ("departures.csv", "departures.parquet"):
        write_departures(source, name, EmployeeNumber=[1], DepartureDate=["2026-01-01"])
    with pytest.raises(SnapshotError, match="two files for departures"):
        source.departures(known_by=JANUARY)


def test_a_parquet_file_with_a_turned_bit_is_read_or_unreadable_and_nothing_else(
    make_snapshot: MakeSnapshot,
) -> None:
    """Each bit is one of the footer, where pyarrow and pandas raise the most kinds of errors."""
    content = to_parquet_bytes(make_snapshot("2026-01", 40, 0))
    rng = np.random.default_rng(0)
    unreadable = 0
    for _ in range(200):
        damaged = bytearray(content)
        damaged[-1 - rng.integers(len(content) // 3)] ^= 1 << rng.integers(8)
        try:
            RawSnapshot("2026-01.parquet", bytes(damaged)).parse()
        except SnapshotError:
            unreadable += 1
    assert unreadable > 50


@pytest.mark.parametrize(("separator", "called"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_file_with_other_separators_says_so(separator: str, called: str) -> None:
    content = separator.join(["Id", "Pay"]) + "\n" + separator.join(["1", "2,5"])
    with pytest.raises(SnapshotError, match=f"is separated by {called}: send it with commas"):
        parse_table("staff.csv", content.encode())
