"""Broken data through the real jobs: told apart by name, put into quarantine, never learned from.

Each file is sent for the month after the walk's last, on a copy of the walked state.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dagster import DagsterInstance, ExecuteInProcessResult, RunRequest

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.files import content_digest, to_parquet_bytes
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.snapshots import RawSnapshot
from attrition_assets.defs.io_managers import partition_path
from attrition_assets.defs.retraining import decide_request
from attrition_assets.demo import Loop
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets_tests.broken_files import KINDS, break_file, raise_pay

from .conftest import LAST, NOW, UNSEEN, Walked

# Two columns of which each fits the other's range: pay rises in percent, and distances.
SWAPPED = {"PercentSalaryHike": "DistanceFromHome", "DistanceFromHome": "PercentSalaryHike"}


@dataclass(frozen=True)
class Desk:
    """Where files are sent to and what then happens: a copy of the walked state and of its data."""

    loop: Loop
    instance: DagsterInstance

    def send(self, month: str, content: bytes) -> ExecuteInProcessResult:
        path = self.loop.settings.data / "snapshots" / f"{month}.parquet"
        path.write_bytes(content)
        return self.loop.run(self.instance, "monthly", parse_month(month))

    def score(self, month: str) -> ExecuteInProcessResult:
        return self.loop.run(self.instance, "monthly", parse_month(month), assets=["predictions"])

    def find_scores(self, month: str) -> Path:
        return partition_path(self.loop.settings.home, "predictions", f"{month}-01", ".parquet")

    def gather_months(self) -> set[str]:
        """The months in the reference data of a retraining that starts now."""
        result = self.loop.run(self.instance, "retraining", assets=["reference_data"])
        assert result.success
        reference, _ = ReferenceStore(self.loop.settings.home, self.loop.contract).read_newest()
        return set(reference.table["SnapshotDate"].dt.strftime("%Y-%m"))


def open_desk(walked: Walked, folder: Path) -> Iterator[Desk]:
    shutil.copytree(walked.settings.data, folder / "data")
    walked.copy_to(folder / "home")
    settings = Settings.from_environment(
        {"ATTRITION_HOME": str(folder / "home"), "ATTRITION_DATA": str(folder / "data")}
    )
    with DagsterInstance.from_config(str(folder / "home")) as instance:
        yield Desk(Loop(settings, lambda line: None), instance)


@pytest.fixture(scope="module")
def desk(walked: Walked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Shared by the tests that leave nothing but refused files of the unseen month."""
    yield from open_desk(walked, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def own_desk(walked: Walked, tmp_path: Path) -> Iterator[Desk]:
    yield from open_desk(walked, tmp_path)


@pytest.mark.parametrize("how", KINDS)
def test_a_broken_month_is_named_kept_apart_and_not_scored(
    how: str, desk: Desk, walked: Walked
) -> None:
    sent_before = desk.loop.source.fetch(parse_month(LAST))
    assert isinstance(sent_before, RawSnapshot)
    content, faults = break_file(how, walked.unseen, sent_before.content)
    result = desk.send(UNSEEN, content)
    assert not result.success
    month, store = parse_month(UNSEEN), desk.loop.store
    assert set(store.ledgers()[month].faults) == faults
    assert month not in store.months()
    kept = store.quarantine(month) / f"{content_digest(content)[:12]}-{UNSEEN}.parquet"
    assert kept.read_bytes() == content
    assert not desk.score(UNSEEN).success
    assert not desk.find_scores(UNSEEN).exists()
    log = DecisionLog(store.home)
    decided = decide_request(desk.instance, MonitoringPolicy(), store.accepted_version, log, NOW)
    assert not isinstance(decided, RunRequest)


def test_a_retraining_after_broken_months_has_no_row_of_them(desk: Desk) -> None:
    """After those above, or after its own file alone if they did not run."""
    assert not desk.send(UNSEEN, b"").success
    gathered = desk.gather_months()
    assert LAST in gathered
    assert UNSEEN not in gathered


def test_the_month_as_it_should_have_come_is_scored_and_learned_from(
    own_desk: Desk, walked: Walked
) -> None:
    assert not own_desk.send(UNSEEN, b"").success
    assert own_desk.send(UNSEEN, to_parquet_bytes(walked.unseen)).success
    assert own_desk.find_scores(UNSEEN).is_file()
    assert UNSEEN in own_desk.gather_months()


def test_a_scored_month_that_is_sent_again_broken_keeps_its_scores_and_is_learned_from_no_more(
    own_desk: Desk,
) -> None:
    scores = own_desk.find_scores(LAST).read_bytes()
    broken = raise_pay(own_desk.loop.store.read(parse_month(LAST)))
    assert not own_desk.send(LAST, to_parquet_bytes(broken)).success
    assert own_desk.find_scores(LAST).read_bytes() == scores
    assert not own_desk.score(LAST).success
    assert own_desk.find_scores(LAST).read_bytes() == scores
    assert LAST not in own_desk.gather_months()


def test_two_columns_swapped_inside_their_ranges_pass_every_check_and_drift_sees_them(
    own_desk: Desk, walked: Walked
) -> None:
    """No contract can see it: every value is acceptable where it stands. It is left to drift."""
    swapped = walked.unseen.rename(columns=SWAPPED)
    assert own_desk.send(UNSEEN, to_parquet_bytes(swapped)).success
    month = parse_month(UNSEEN)
    assert own_desk.loop.store.ledgers()[month].faults == ()
    assert set(own_desk.loop.read_report(month).feature_drift.drifted_features) >= set(SWAPPED)
