"""A person's word lets a month pass one check, for one file, and is kept with the verdict."""

from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.adapters.snapshot_store import JudgedSnapshot, SnapshotStore
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.months import parse_month
from attrition_assets_tests.conftest import MakeSnapshot

FIRST, MERGER = parse_month("2026-01"), parse_month("2026-02")


def judge(store: SnapshotStore, month: pd.Period, table: pd.DataFrame) -> JudgedSnapshot:
    raw = RawSnapshot(f"{month}.csv", table.to_csv(index=False).encode())
    judged = store.judge(raw, month, departures=None)
    store.keep(judged)
    return judged


@pytest.fixture
def store(tmp_path: Path, contract: Contract, make_snapshot: MakeSnapshot) -> SnapshotStore:
    """The first month accepted, the second refused: it has twice as many people."""
    store = SnapshotStore(tmp_path, contract)
    assert not judge(store, FIRST, make_snapshot("2026-01", 100, 1)).faults
    assert judge(store, MERGER, make_snapshot("2026-02", 200, 2)).faults == ("implausible_volume",)
    return store


def test_a_month_that_a_person_vouches_for_is_accepted_and_says_so(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    store.waive(MERGER, "volume_plausible", "people analytics", "we bought a company")
    assert not judge(store, MERGER, make_snapshot("2026-02", 200, 2)).faults
    assert store.months() == [FIRST, MERGER]
    said = store.ledgers()[MERGER].verdicts["volume_plausible"].explanation
    assert said.startswith("waived by people analytics (we bought a company): 200 rows, 2.00 times")


def test_a_waiver_is_for_one_file_only(store: SnapshotStore, make_snapshot: MakeSnapshot) -> None:
    store.waive(MERGER, "volume_plausible", "people analytics", "we bought a company")
    assert judge(store, MERGER, make_snapshot("2026-02", 300, 3)).faults == ("implausible_volume",)


def test_what_breaks_the_contract_cannot_be_waived(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    table = make_snapshot("2026-02", 100, 2).drop(columns="Age")
    assert judge(store, MERGER, table).faults == ("missing_column",)
    with pytest.raises(SnapshotError, match="'contract_holds' cannot be waived; what can: volume"):
        store.waive(MERGER, "contract_holds", "somebody", "never mind")
    assert judge(store, MERGER, table).faults == ("missing_column",)


@pytest.mark.parametrize(
    ("month", "check", "said"),
    [
        (MERGER, "units_unchanged", "2026-02 was not refused by 'units_unchanged': it was refused"),
        (FIRST, "volume_plausible", "2026-01 was not refused by 'volume_plausible': it is not"),
        (FIRST - 9, "volume_plausible", "2025-04 was not refused"),
    ],
)
def test_only_what_refused_a_month_can_be_waived(
    store: SnapshotStore, month: pd.Period, check: str, said: str
) -> None:
    with pytest.raises(SnapshotError, match=said):
        store.waive(month, check, "somebody", "never mind")


def test_waivers_that_cannot_be_read_waive_nothing(
    store: SnapshotStore, make_snapshot: MakeSnapshot
) -> None:
    store.waive(MERGER, "volume_plausible", "people analytics", "we bought a company")
    (store.home / "waivers" / "2026-02.json").write_text("[{")
    with pytest.raises(SnapshotError, match=r"2026-02\.json holds no waivers .* move it away"):
        judge(store, MERGER, make_snapshot("2026-02", 200, 2))
    assert store.months() == [FIRST]
