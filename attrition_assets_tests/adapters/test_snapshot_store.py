from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.adapters.files import content_digest, to_parquet_bytes
from attrition_assets.adapters.snapshot_store import SnapshotStore, digest_rows
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import last_day
from attrition_assets.validation.checks import SNAPSHOT_CHECKS
from attrition_assets.validation.verdicts import Fault
from attrition_assets_tests.conftest import MakeSnapshot

JANUARY = pd.Period("2026-01", freq="M")


@pytest.fixture
def store(tmp_path: Path, contract: Contract) -> SnapshotStore:
    return SnapshotStore(tmp_path, contract)


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-01", 40, 0)


def as_csv(table: pd.DataFrame, month: str = "2026-01") -> RawSnapshot:
    return RawSnapshot(f"{month}.csv", table.to_csv(index=False).encode())


def send(store: SnapshotStore, raw: RawSnapshot, month: pd.Period = JANUARY) -> Path:
    return store.keep(store.judge(raw, month, departures=None))


def failing(store: SnapshotStore, raw: RawSnapshot, month: pd.Period = JANUARY) -> list[str]:
    verdicts = store.judge(raw, month, departures=None).verdicts
    return [name for name, verdict in verdicts.items() if not verdict.holds]


def temporary_files(store: SnapshotStore) -> list[Path]:
    return list(store.home.rglob("*.tmp"))


def test_an_accepted_month_is_read_as_it_was_cast(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    path = send(store, as_csv(table.sample(frac=1, random_state=0)))
    assert path == store.table_path(JANUARY)
    assert store.months() == [JANUARY]
    assert_frame_equal(store.read(JANUARY), table)
    assert not store.quarantine(JANUARY).exists()
    assert temporary_files(store) == []


def test_the_ledger_says_what_was_sent_and_what_was_found(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    raw = as_csv(table)
    send(store, raw)
    ledger = store.ledgers()[JANUARY]
    assert ledger.accepted
    assert (ledger.sent_name, ledger.sent_sha256) == ("2026-01.csv", content_digest(raw.content))
    assert ledger.table_sha256 == content_digest(store.table_path(JANUARY).read_bytes())
    assert tuple(ledger.verdicts) == tuple(sorted(SNAPSHOT_CHECKS))
    assert ledger.summary is not None
    assert (ledger.summary.month, ledger.summary.rows) == ("2026-01", 40)


def test_csv_and_parquet_of_one_table_are_stored_as_the_same_bytes(
    tmp_path: Path, table: pd.DataFrame, contract: Contract
) -> None:
    raws = [as_csv(table), RawSnapshot("2026-01.parquet", to_parquet_bytes(table))]
    stored = [send(SnapshotStore(tmp_path / raw.name, contract), raw).read_bytes() for raw in raws]
    assert stored[0] == stored[1]


def test_a_month_that_was_never_checked_is_not_read(store: SnapshotStore) -> None:
    with pytest.raises(SnapshotError) as caught:
        store.read(JANUARY)
    assert str(caught.value) == (
        "the snapshot of 2026-01 was never checked: materialize employee_snapshot for 2026-01-01"
    )


def test_a_table_that_lies_there_without_a_verdict_is_not_read(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    store.folder.mkdir(parents=True)
    store.table_path(JANUARY).write_bytes(to_parquet_bytes(table))
    assert store.months() == []
    with pytest.raises(SnapshotError, match="was never checked"):
        store.read(JANUARY)


def test_a_refused_month_lies_in_quarantine_as_it_was_sent_and_is_never_read(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    raw = as_csv(table.assign(Gender="Martian"))
    kept = send(store, raw)
    assert kept.parent == store.home / "quarantine" / "2026-01"
    assert kept.name.endswith("-2026-01.csv")
    assert kept.read_bytes() == raw.content
    assert "Martian" not in kept.with_name(f"{kept.name}.verdict.json").read_text()
    assert not store.table_path(JANUARY).exists()
    assert store.months() == []
    with pytest.raises(SnapshotError) as caught:
        store.read(JANUARY)
    assert str(caught.value) == (
        f"the snapshot of 2026-01 was refused (contract_holds) and lies in {kept.parent}: "
        "correct the file, then materialize employee_snapshot for 2026-01-01"
    )
    assert temporary_files(store) == []


def test_two_refused_files_of_one_month_are_both_kept(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    first = send(store, as_csv(table.assign(Age=17)))
    second = send(store, as_csv(table.assign(Age=16)))
    assert first != second
    assert first.exists()
    assert second.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("2026-01.csv", b""),
        ("2026-01.parquet", b"no parquet"),
        ("2026-01.csv", b"hello world"),
        ("2026-01.csv", b"shoe,size\n1,40\n"),
    ],
)
def test_a_file_that_is_no_snapshot_at_all_goes_to_quarantine(
    name: str, content: bytes, store: SnapshotStore
) -> None:
    kept = send(store, RawSnapshot(name, content))
    assert kept.read_bytes() == content
    assert kept.is_relative_to(store.home / "quarantine")
    assert not store.ledgers()[JANUARY].accepted


def test_of_an_unreadable_file_every_verdict_fails_with_the_reason(store: SnapshotStore) -> None:
    raw = RawSnapshot("2026-01.parquet", b"no parquet")
    verdicts = store.judge(raw, JANUARY, departures=None).verdicts
    assert tuple(verdicts) == tuple(SNAPSHOT_CHECKS)
    for verdict in verdicts.values():
        assert not verdict.holds
        assert "2026-01.parquet cannot be read as parquet" in verdict.explanation


@pytest.mark.parametrize("cut", [1, 4, 100, 0.25, 0.5, 0.75, 0.9, -100, -8, -1])
def test_a_parquet_file_cut_anywhere_is_unreadable_and_one_of_nothing_empty(
    cut: float, store: SnapshotStore, table: pd.DataFrame
) -> None:
    content = to_parquet_bytes(table)
    end = int(cut * len(content)) if isinstance(cut, float) else cut
    judged = store.judge(RawSnapshot("2026-01.parquet", content[:end]), JANUARY, departures=None)
    assert judged.faults == (Fault.UNREADABLE_FILE,)
    empty = store.judge(RawSnapshot("2026-01.parquet", b""), JANUARY, departures=None)
    assert empty.faults == (Fault.EMPTY_FILE,)


def test_a_refused_month_is_told_by_the_names_of_its_faults(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    send(store, as_csv(table))
    assert store.ledgers()[JANUARY].faults == ()
    send(store, as_csv(table), JANUARY + 1)
    assert store.ledgers()[JANUARY + 1].faults == (Fault.SENT_BEFORE, Fault.WRONG_DATE)


def test_people_are_compared_with_the_newest_month_before_and_nobody_with_one_after(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    def pay(month: pd.Period, income: int) -> RawSnapshot:
        dated = table.assign(SnapshotDate=last_day(month), MonthlyIncome=income)
        return as_csv(dated, str(month))

    send(store, pay(JANUARY, 2000), JANUARY)
    send(store, pay(JANUARY + 4, 2400), JANUARY + 4)
    assert failing(store, pay(JANUARY + 3, 24000), JANUARY + 3) == ["units_unchanged"]
    assert failing(store, pay(JANUARY - 1, 24000), JANUARY - 1) == []
    assert failing(store, pay(JANUARY + 8, 24000), JANUARY + 8) == []


def test_a_rerun_gives_the_same_verdicts_whatever_was_accepted_since(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    months = [JANUARY + each for each in range(4)]
    raws = {month: as_csv(make_snapshot(str(month), 40, month.ordinal)) for month in months}
    first = {}
    for month, raw in raws.items():
        send(store, raw, month)
        first[month] = store.table_path(month).with_suffix(".json").read_bytes()
    for month, raw in raws.items():
        send(store, raw, month)
        assert store.table_path(month).with_suffix(".json").read_bytes() == first[month]


def test_a_month_is_not_compared_with_a_table_that_was_changed(
    store: SnapshotStore, table: pd.DataFrame, make_snapshot: MakeSnapshot
) -> None:
    send(store, as_csv(table)).write_bytes(b"changed")
    with pytest.raises(SnapshotError, match="is not the table that was checked"):
        failing(store, as_csv(make_snapshot("2026-02", 40, 1)), JANUARY + 1)


def test_one_changed_byte_of_the_stored_table_refuses_reading(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    path = send(store, as_csv(table))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(SnapshotError) as caught:
        store.read(JANUARY)
    assert str(caught.value) == (
        f"{path} is not the table that was checked: materialize employee_snapshot for 2026-01-01 "
        "again"
    )


def test_a_stored_table_that_is_gone_refuses_reading(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    send(store, as_csv(table)).unlink()
    with pytest.raises(SnapshotError, match="is not the table that was checked"):
        store.read(JANUARY)


def test_a_month_refused_after_it_was_accepted_is_refused(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    send(store, as_csv(table))
    send(store, as_csv(table.assign(Age=17)))
    assert store.months() == []
    with pytest.raises(SnapshotError, match=r"was refused \(contract_holds\)"):
        store.read(JANUARY)


def test_a_month_accepted_after_it_was_refused_is_read(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    refused = send(store, as_csv(table.assign(Age=17)))
    send(store, as_csv(table))
    assert_frame_equal(store.read(JANUARY), table)
    assert refused.exists()


def test_a_month_sent_again_is_not_taken_for_another(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    first = send(store, as_csv(table)).read_bytes()
    assert failing(store, as_csv(table)) == []
    assert send(store, as_csv(table)).read_bytes() == first


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_same_rows_sent_for_another_month_are_found_shuffled_and_redated(
    form: str, store: SnapshotStore, table: pd.DataFrame
) -> None:
    send(store, as_csv(table))
    again = table.assign(SnapshotDate=pd.Timestamp("2026-02-28"))
    again = again.sample(frac=1, random_state=0)[list(table)[::-1]]
    again = again.astype({"Age": "float64"})  # 41.0 in place of 41
    raw = (
        as_csv(again, "2026-02")
        if form == "csv"
        else RawSnapshot("2026-02.parquet", to_parquet_bytes(again))
    )
    judged = store.judge(raw, JANUARY + 1, departures=None)
    assert [name for name, each in judged.verdicts.items() if not each.holds] == ["not_sent_before"]
    assert "those sent for 2026-01" in judged.verdicts["not_sent_before"].explanation
    store.keep(judged)
    assert store.months() == [JANUARY]


def test_a_refused_month_is_no_measure_for_others(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    december, january = make_snapshot("2025-12", 400, 1), make_snapshot("2026-01", 40, 0)
    send(store, as_csv(december.assign(Age=17)), JANUARY - 1)
    assert failing(store, as_csv(january)) == []
    send(store, as_csv(december), JANUARY - 1)
    assert failing(store, as_csv(january)) == ["volume_plausible"]


def test_months_are_listed_in_order_whichever_was_sent_first(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    for month in (JANUARY, JANUARY - 1, JANUARY - 13):
        send(store, as_csv(make_snapshot(str(month), 40, month.ordinal)), month)
    assert store.months() == [JANUARY - 13, JANUARY - 1, JANUARY]


def test_one_other_value_is_another_digest_of_rows(table: pd.DataFrame, contract: Contract) -> None:
    other = table.copy()
    other.loc[3, "DailyRate"] = 101 if table.loc[3, "DailyRate"] != 101 else 102
    assert digest_rows(other, contract) != digest_rows(table, contract)
    assert digest_rows(table.head(39), contract) != digest_rows(table, contract)
    assert digest_rows(pd.DataFrame({"shoe": [40]}), contract) == ""


def test_columns_are_read_alone_and_only_of_the_table_that_was_checked(
    store: SnapshotStore, table: pd.DataFrame
) -> None:
    path = send(store, as_csv(table))
    assert_frame_equal(store.read(JANUARY, ["Age", "OverTime"]), table[["Age", "OverTime"]])
    assert_frame_equal(store.read_ids(JANUARY), table[["EmployeeNumber"]])
    assert (store.count_rows(JANUARY), store.count_rows(JANUARY + 1)) == (40, 0)
    path.write_bytes(to_parquet_bytes(table.assign(Age=30)))
    with pytest.raises(SnapshotError, match="is not the table that was checked"):
        store.read_ids(JANUARY)


def test_rows_have_the_digest_of_their_text_whatever_their_types(contract: Contract) -> None:
    """The digest is on record: it must stay what it was in every release."""
    numbers = pd.DataFrame({"Age": [40, 30, 40], "HourlyRate": [1.5, None, 2.0]})
    texts = pd.DataFrame({"Age": ["40.0", "30", "40"], "HourlyRate": ["1.50", None, "2"]})
    mixed = pd.DataFrame({"Age": [40, "30", 40.0], "HourlyRate": ["1.5", None, 2]}, dtype=object)
    digests = {digest_rows(each, contract) for each in (numbers, texts, mixed)}
    assert digests == {"d99ba6f06e868b91d9e089817bf476ee3dd3e871b3e8111289bb12be59c3940d"}
    assert digest_rows(mixed.assign(Age=[True, "30", 40]), contract) not in digests
