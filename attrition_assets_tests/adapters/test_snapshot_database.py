"""Months out of a database: the same as from a folder, read only, once, and never its password."""

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from pydantic import SecretStr
from sqlalchemy import text

from attrition_assets.adapters import snapshot_database
from attrition_assets.adapters.database import Database
from attrition_assets.adapters.snapshot_database import SnapshotDatabase
from attrition_assets.adapters.snapshots import RawSnapshot, SnapshotSource
from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.errors import DatabaseError, SnapshotError
from attrition_assets.months import parse_month
from attrition_assets_tests.conftest import MakeSnapshot
from attrition_assets_tests.databases import SECRET, execute, fill

JANUARY, FEBRUARY = parse_month("2026-01"), parse_month("2026-02")


@pytest.fixture
def months(make_snapshot: MakeSnapshot) -> dict[pd.Period, pd.DataFrame]:
    return {month: make_snapshot(str(month), 30, month.ordinal) for month in (JANUARY, FEBRUARY)}


@pytest.fixture
def source(url: str, months: dict[pd.Period, pd.DataFrame], contract: Contract) -> SnapshotDatabase:
    rows = pd.concat(months.values()).sample(frac=1, random_state=0)
    left = pd.DataFrame(
        {
            contract.id: [3, 5, 9],
            contract.outcomes.departure_date: pd.to_datetime(
                ["2026-01-10", "2026-02-20", "2026-03-02"]
            ),
        }
    )
    fill(url, snapshots=rows.assign(Name="somebody"), departures=left)
    return open_database(url, contract, departures_from="departures")


def open_database(
    url: str, contract: Contract, snapshots_from: str = "snapshots", **more: str
) -> SnapshotDatabase:
    return SnapshotDatabase(Database(SecretStr(url)), contract, snapshots_from, **more)


def test_a_month_is_the_rows_dated_in_it_with_the_columns_of_the_contract(
    source: SnapshotSource, months: dict[pd.Period, pd.DataFrame], contract: Contract
) -> None:
    assert source.months() == [JANUARY, FEBRUARY]
    for month, expected in months.items():
        sent = source.fetch(month)
        assert isinstance(sent, RawSnapshot)
        table = sent.parse()
        assert set(table) == set(contract.columns)  # nobody asked for the name
        assert_frame_equal(cast_to_contract(table, contract), expected)


def test_the_same_rows_are_the_same_bytes_however_they_are_batched(
    source: SnapshotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = source.fetch(JANUARY)
    assert source.fetch(JANUARY).digest == once.digest
    monkeypatch.setattr(snapshot_database, "BATCH_ROWS", 7)
    in_batches = source.fetch(JANUARY)
    assert in_batches.name == "2026-01-from-database.parquet"
    assert_frame_equal(in_batches.parse(), once.parse())


def test_departures_are_those_known_by_the_month(
    source: SnapshotDatabase, url: str, contract: Contract
) -> None:
    known = source.departures(known_by=FEBRUARY)
    assert known is not None
    assert known[contract.id].tolist() == [3, 5]
    assert str(known["DepartureDate"].iloc[1].date()) == "2026-02-20"
    assert open_database(url, contract).departures(known_by=FEBRUARY) is None


def test_a_query_may_stand_for_a_table_with_colons_percents_and_a_last_remark(
    source: SnapshotDatabase, contract: Contract, url: str
) -> None:
    date, identity = f'"{contract.snapshot_date}"', f'"{contract.id}"'
    query = (
        f"select * from snapshots where {identity} <= 10 and '12:30 :no % 5' like '12:30 :no %%'"
    )
    query += " -- a remark"
    if url.startswith("postgresql"):
        query = query.replace("<= 10", f"<= 10::int and {date}::date > '2026-01-01'::date")
    asked = open_database(url, contract, query)
    assert asked.months() == [JANUARY, FEBRUARY]
    assert asked.fetch(JANUARY).parse()[contract.id].tolist() == list(range(1, 11))
    assert asked.place.startswith("the query ATTRITION_SNAPSHOTS_FROM of the ")


@pytest.mark.parametrize(
    "write", [lambda date: date.strftime("%Y-%m-%d"), lambda date: date.date(), lambda date: date]
)
def test_dates_may_be_dates_or_text(
    write: Callable[[pd.Timestamp], object],
    url: str,
    contract: Contract,
    months: dict[pd.Period, pd.DataFrame],
) -> None:
    name = contract.snapshot_date
    rows = pd.concat(months.values())
    rows[name] = rows[name].map(write).astype(object)
    fill(url, snapshots=rows)
    source = open_database(url, contract)
    assert source.months() == [JANUARY, FEBRUARY]
    table = cast_to_contract(source.fetch(FEBRUARY).parse(), contract)
    assert_frame_equal(table, months[FEBRUARY])


def test_what_is_not_there_is_said_with_what_is(
    source: SnapshotDatabase, url: str, contract: Contract
) -> None:
    with pytest.raises(SnapshotError, match=r"no row dated 2026-03-31 in table snapshots of the"):
        source.fetch(parse_month("2026-03"))
    with pytest.raises(SnapshotError, match=r"it holds 2026-01 to 2026-02"):
        source.fetch(parse_month("2026-03"))
    with pytest.raises(DatabaseError, match=r"(?i)nowhere.*correct ATTRITION_DATABASE"):
        open_database(url, contract, "nowhere").months()
    execute(url, 'alter table departures rename column "DepartureDate" to left_on')
    with pytest.raises(SnapshotError, match=r"no column 'DepartureDate' .*: it has .*, left_on"):
        source.departures(known_by=FEBRUARY)
    execute(url, f'alter table snapshots rename column "{contract.id}" to who')
    with pytest.raises(SnapshotError, match=f"no column '{contract.id}'"):
        source.fetch(JANUARY)


def test_rows_without_a_date_belong_to_no_month_and_are_not_lost_in_silence(
    source: SnapshotDatabase, url: str, contract: Contract
) -> None:
    execute(url, f'insert into snapshots ("{contract.id}") values (999)')
    with pytest.raises(SnapshotError, match=r"no usable SnapshotDate: date each row"):
        source.months()


@pytest.mark.parametrize(
    "spellings",
    [
        ["2026-01-31", "20260131", "2026-01-31 00:00:00", "2026-01-31T00:00:00"],
        [20260131, 20260131, 20260131, 20260131],
    ],
)
def test_no_row_of_a_month_is_lost_however_its_date_is_written(
    spellings: list[object], url: str, contract: Contract
) -> None:
    rows = {contract.id: [1, 2, 3, 4], contract.snapshot_date: spellings}
    fill(url, snapshots=pd.DataFrame(rows))
    source = open_database(url, contract)
    assert source.months() == [JANUARY]
    assert source.fetch(JANUARY).parse()[contract.id].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("date", [None, "31/01/2026", "soon", "2026-01-31T00:00:00+02:00"])
def test_a_month_is_not_read_around_rows_whose_date_is_none(
    date: str | None, url: str, contract: Contract
) -> None:
    dates = ["2026-01-31", date]
    fill(url, snapshots=pd.DataFrame({contract.id: [1, 2], contract.snapshot_date: dates}))
    with pytest.raises(SnapshotError, match="no usable SnapshotDate: date each row with its"):
        open_database(url, contract).fetch(JANUARY)


def test_a_column_keeps_its_values_whatever_the_database_calls_its_type() -> None:
    person = uuid.UUID(int=7)
    columns: dict[str, tuple[list[Any], list[Any]]] = {
        "numbers": ([1, 2], [2.5, None]),
        "mixed": ([1, "two"], ["3", None]),
        "decimals": ([Decimal("1.10"), None], [Decimal("12.345"), 3]),
        "whole decimals": ([Decimal(2**53 + 1), None], [Decimal(5), 6]),
        "beyond floats": ([2**63 - 1], [1.5]),
        "empty then text": ([None, None], ["a", "b"]),
        "empty": ([None, None], [None, None]),
        "ids": ([person, person], [person, None]),
        "days": ([datetime.date(2026, 1, 31), None], [datetime.date(2026, 2, 28), None]),
    }
    joined = {
        name: snapshot_database._join([snapshot_database._to_array(part) for part in parts])
        for name, parts in columns.items()
    }
    assert joined["numbers"].to_pylist() == [1.0, 2.0, 2.5, None]
    assert joined["mixed"].to_pylist() == ["1", "two", "3", None]
    assert joined["decimals"].to_pylist() == [1.1, None, 12.345, 3.0]
    assert joined["whole decimals"].to_pylist() == [2**53 + 1, None, 5, 6]
    assert joined["beyond floats"].to_pylist() == [str(2**63 - 1), "1.5"]
    assert joined["empty then text"].to_pylist() == [None, None, "a", "b"]
    assert joined["empty"].to_pylist() == [None] * 4
    assert joined["ids"].to_pylist() == [str(person)] * 3 + [None]
    assert joined["days"].to_pylist()[:3:2] == [
        datetime.datetime(2026, 1, 31),
        datetime.datetime(2026, 2, 28),
    ]


def test_nothing_can_be_written_while_reading(source: SnapshotDatabase) -> None:
    with (
        pytest.raises(DatabaseError, match=r"(?i)read-?only"),
        source.database.reading() as connection,
    ):
        connection.execute(text("delete from snapshots"))
    assert source.months() == [JANUARY, FEBRUARY]


def test_a_query_that_writes_is_refused(
    postgres: Callable[[], str], contract: Contract, make_snapshot: MakeSnapshot
) -> None:
    url = postgres()
    fill(url, snapshots=make_snapshot("2026-01", 5, 0))
    execute(
        url,
        "create table trail (n int)",
        "create function leave_a_trail() returns int as "
        "'insert into trail values (1) returning n' language sql",
    )
    asked = open_database(url, contract, "select *, leave_a_trail() from snapshots")
    with pytest.raises(DatabaseError, match="read-only transaction"):
        asked.fetch(JANUARY)


def test_neither_errors_nor_representations_show_the_password(
    postgres: Callable[[], str], contract: Contract
) -> None:
    url = postgres()
    assert SECRET in url
    gone = url.replace("host=", "host=/nowhere")
    elsewhere = f"postgresql://reader:{SECRET}@127.0.0.1:1/hr"
    for each in (gone, elsewhere, url.replace("/hr", "/no"), f"nodb://reader:{SECRET}@host/hr"):
        source = open_database(each, contract)
        with pytest.raises(DatabaseError) as caught:
            source.months()
        assert SECRET not in str(caught.value)
        assert SECRET not in repr(source)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, contract: Contract) -> None:
    path = f"{tmp_path}/typo.db"
    with pytest.raises(DatabaseError, match=r"there is no SQLite file .*typo\.db"):
        open_database(f"sqlite:///{path}", contract).months()
    with pytest.raises(DatabaseError, match=r"there is no SQLite file \(none is named\)"):
        open_database("sqlite://", contract).months()


def test_a_files_name_may_hold_anything_and_no_other_file_is_opened(
    tmp_path: Path, contract: Contract, make_snapshot: MakeSnapshot
) -> None:
    path = tmp_path / "a#b %41?.db"
    plain = tmp_path / "plain.db"
    plain.touch()
    fill(f"sqlite:///{plain}", snapshots=make_snapshot("2026-01", 5, 0))
    plain.rename(path)
    named = str(path).replace("%", "%25").replace("?", "%3F")
    held = open_database(f"sqlite:///{named}", contract).months() if path.is_file() else []
    assert held == [JANUARY]
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("postgresql://reader:p@SECRET@nohost.invalid/hr", "an @ too many"),
        ("postgresql://reader:pw@host/hr@SECRET", "an @ too many"),
        ("SECRET", "is no SQLAlchemy URL"),
        ("sqlite:////tmp/x.db?timeout=SECRET", "an option after the"),
        ("postgresql://reader:pw@exa..mple/hr", "does not do what is asked of it"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_shown(
    value: str, said: str, contract: Contract, tmp_path: Path
) -> None:
    if value.startswith("sqlite"):
        (tmp_path / "x.db").touch()
        value = value.replace("/tmp/x.db", str(tmp_path / "x.db"))
    with pytest.raises(DatabaseError) as caught:
        open_database(value, contract).months()
    assert said in str(caught.value)
    assert "SECRET" not in str(caught.value)


def test_what_a_database_says_of_a_value_is_not_repeated(
    postgres: Callable[[], str], contract: Contract, make_snapshot: MakeSnapshot
) -> None:
    url = postgres()
    fill(url, snapshots=make_snapshot("2026-01", 5, 0).assign(Name="Jane Doe"))
    query = 'select "SnapshotDate", "Name"::int as "EmployeeNumber" from snapshots'
    asked = open_database(url, contract, query)
    with pytest.raises(DatabaseError, match="a value does not fit what is asked of it") as caught:
        asked.fetch(JANUARY)
    assert "Jane" not in str(caught.value)
