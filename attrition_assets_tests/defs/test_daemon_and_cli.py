"""The real daemon and the real command line, on a copy of the walked state."""

from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.scheduler.instigation import TickStatus

from attrition_assets.settings import Settings
from attrition_assets_tests.processes import DAEMON, materialize, run, running, wait_until

from .conftest import FAULT, LAST, Walked

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Settings:
    return walked.copy_to(tmp_path / "home")


def count_sensor_ticks(instance: DagsterInstance) -> int:
    states = [s for s in instance.all_instigator_state() if s.instigator_name == "retrain_on_drift"]
    return sum(
        tick.status != TickStatus.STARTED
        for s in states
        for tick in instance.get_ticks(s.instigator_origin_id, s.selector_id, limit=10)
    )


def test_the_daemons_first_tick_after_a_walk_launches_nothing(copy: Settings) -> None:
    with DagsterInstance.from_config(str(copy.home)) as instance:
        before = {run.run_id for run in instance.get_runs()}
        assert count_sensor_ticks(instance) == 0
        with running(copy, *DAEMON):
            wait_until(lambda: count_sensor_ticks(instance) >= 1, "an ended tick of the sensor")
        assert {run.run_id for run in instance.get_runs()} == before
        (state,) = (
            s for s in instance.all_instigator_state() if s.instigator_name == "retrain_on_drift"
        )
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        ended = [tick for tick in ticks if tick.status != TickStatus.STARTED]
        assert {tick.status for tick in ended} == {TickStatus.SKIPPED}
        assert all("retraining is not needed" in (tick.skip_reason or "") for tick in ended)


def test_a_month_materialized_again_from_the_command_line_has_the_same_bytes(
    copy: Settings,
) -> None:
    paths = [
        copy.home / "assets" / "predictions" / f"{LAST}-01.parquet",
        copy.home / "assets" / "drift_report" / f"{LAST}-01.json",
    ]
    before = [path.read_bytes() for path in paths]
    done = materialize(copy, "predictions,drift_report", LAST)
    assert done.returncode == 0, done.stderr
    assert "RUN_SUCCESS" in done.stderr + done.stdout
    assert [path.read_bytes() for path in paths] == before


def test_a_refused_month_cannot_be_scored_by_selection(copy: Settings) -> None:
    done = materialize(copy, "predictions", FAULT)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert f"the snapshot of {FAULT} was refused (dates_match_month, not_sent_before)" in said
    assert not (copy.home / "assets" / "predictions" / f"{FAULT}-01.parquet").exists()


def test_months_before_the_champions_own_are_not_scored_as_if_unseen(copy: Settings) -> None:
    done = materialize(copy, "predictions", "2024-06")
    assert done.returncode == 1
    assert "cannot score 2024-06 as if it had not" in done.stdout + done.stderr


def test_an_unknown_version_is_refused_and_changes_nothing(copy: Settings, walked: Walked) -> None:
    done = run(copy, "attrition", "promote", "--version", "9")
    assert done.returncode == 1
    assert done.stderr.strip() == "Error: no version 9 of 'attrition'; there are [1, 2]"
    assert walked.loop.registry.champion_version() == 2


def test_a_forced_retraining_waits_for_promotion_with_its_reason(copy: Settings) -> None:
    done = run(copy, "attrition", "retrain", "--reason", "a new pay scale")
    assert done.returncode == 0, done.stderr
    with DagsterInstance.from_config(str(copy.home)) as instance:
        (latest,) = instance.get_runs(limit=1)
    assert (latest.job_name, latest.tags["attrition/reason"]) == ("retraining", "a new pay scale")
    refused = run(copy, "attrition", "promote", "--reason", "reviewed")
    assert refused.returncode == 1
    assert "against version 2: cannot tell" in refused.stdout
    assert "150 are needed" in refused.stdout + refused.stderr
    assert "attrition promote --version 3 --override --reason TEXT" in refused.stderr
    promoted = run(copy, "attrition", "promote", "--reason", "reviewed", "--override")
    assert promoted.stdout.splitlines()[-1] == "version 3 is champion now; it was 2 before"
    back = run(copy, "attrition", "rollback", "--reason", "a complaint")
    assert back.stdout.strip() == "version 2 is champion again, in place of 3"
    told = run(copy, "attrition", "decisions").stdout
    for said in (
        "promotion refused (asked_by",
        "promoted (override against the champion the comparison says",
        "previous 2, version 3) by",
        "rolled back",
    ):
        assert said in told


def test_a_month_that_is_none_is_told_before_anything_runs(copy: Settings) -> None:
    done = run(copy, "attrition", "retrain", "--reason", "x", "--as-of", "foo")
    assert done.returncode == 2
    assert "--as-of: 'foo' is not a month: write 2026-01" in done.stderr


def test_a_misspelt_setting_is_named_with_what_is_accepted(copy: Settings) -> None:
    done = run(copy, "attrition", "retrain", "--reason", "x", ATTRITION_TRAILS="9")
    assert done.returncode == 1
    assert "ATTRITION_TRAILS: unknown variable" in done.stderr
    assert "ATTRITION_TRIALS: Optuna trials of a retraining" in done.stderr
    assert "Traceback" not in done.stderr
