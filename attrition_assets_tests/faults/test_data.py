"""Data that are broken never retrain and are told by name; drifts that matter retrain once each."""

from pathlib import Path

import pytest
from dagster import DagsterInstance

from attrition_assets.adapters.files import to_parquet_bytes
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import read_contract
from attrition_assets.demo import RETRAIN
from attrition_assets.months import parse_month
from attrition_assets.simulation.shifts import (
    HiringWave,
    MoraleDrop,
    OvertimeCrunch,
    PayInflation,
    Reorganisation,
    Shift,
)
from attrition_assets.simulation.shipped import write_company
from attrition_assets_tests.broken_files import KINDS, break_file
from attrition_assets_tests.github_server import GitHubServer

from .conftest import OpenSite
from .forked import command, do
from .soundness import assert_retrained_once, assert_sound, follow_sensors
from .stages import FAILING, Stages, open_loop, simulate

START = parse_month(FAILING)
# First what the months before tell: the longer ago they are, the more people there may be.
BROKEN = sorted(KINDS, key=lambda how: how != "all employees doubled")
# Each in its first month, in a company of its own.
DRIFTS: dict[str, Shift] = {
    "pay up by 40 %": PayInflation(START, 0.4),
    "pay down by a quarter": PayInflation(START, -0.25),
    "60 % on overtime": OvertimeCrunch(START, 0.6),
    "half of the staff in low spirits": MoraleDrop(START, 0.5),
    "a fifth more people": HiringWave(START, 0.2),
    "half of the researchers in Sales": Reorganisation(START, 0.5),
}


def run_months(*months: str) -> None:
    """Each month through its job, and then both sensors, which must ask for no retraining."""
    loop = open_loop()
    with DagsterInstance.from_config(str(loop.settings.home)) as instance:
        for month in months:
            assert not loop.run(instance, "monthly", parse_month(month)).success
            assert not loop.evaluate(instance, RETRAIN).run_requests
            loop.write_summaries(instance)


@pytest.mark.faults("twelve kinds of broken data, in fourteen ways, a month each")
def test_broken_months_retrain_nothing_and_each_report_names_its_fault(
    open_site: OpenSite,
    stages: Stages,
    tmp_path: Path,
    server: GitHubServer,
    github: dict[str, str],
) -> None:
    company, data = simulate(), tmp_path / "data"
    write_company(company, data)
    before = to_parquet_bytes(company.snapshots[START - 1])
    expected = {}
    for number, how in enumerate(BROKEN):
        month = START + number
        content, expected[str(month)] = break_file(how, company.snapshots[month], before)
        (data / "snapshots" / f"{month}.parquet").write_bytes(content)
    site = open_site("ready", data)
    do(run_months, site.settings, *expected, **github)
    assert site.retrainings() == []
    store = SnapshotStore(site.home, read_contract())
    told = {name: set(store.ledgers()[parse_month(name)].faults) for name in expected}
    assert told == expected
    for name, faults in expected.items():
        assert "**Refused: nothing was judged.**" in site.summary(name)
        assert [fault for fault in faults if fault not in site.summary(name)] == []
    assert_sound(site, stages, "ready", [], versions=[1])
    (issue,) = server.issues
    assert issue["state"] == "open"
    assert [name for name in expected if name not in issue["body"]] == []


@pytest.mark.faults("six planted drifts, a company each")
@pytest.mark.parametrize("planted", DRIFTS)
def test_a_planted_drift_retrains_once(
    planted: str, open_site: OpenSite, stages: Stages, tmp_path: Path
) -> None:
    write_company(simulate(DRIFTS[planted]), tmp_path / "data")
    site = open_site("ready", tmp_path / "data")
    do(command, site.settings, "run", FAILING)
    for _ in range(2):
        do(follow_sensors, site.settings)
    assert site.statuses() == ["SUCCESS"]
    assert_retrained_once(site)
    assert_sound(site, stages, "retrained", [], versions=[1, 2])
