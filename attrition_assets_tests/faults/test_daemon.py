"""Exactly one retraining for one reason: with the real daemon, killed, late, or looking on."""

import os
import random
import signal
import time
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from dagster import DagsterRunStatus

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.defs.retraining import find_newest_verdict
from attrition_assets.governance.decisions import Kind
from attrition_assets_tests.processes import (
    DAEMON,
    PATIENCE_SECONDS,
    kill_all,
    materialize,
    run,
    running,
    start,
    wait_until,
)

from .conftest import OpenSite
from .forked import begin, command
from .rows import STRUCK
from .site import Site
from .soundness import assert_retrained_once, assert_same_version, assert_sound
from .stages import AFTER, FAILING, PROMOTE, Stages
from .test_kills import Record

MONTHLY = "employee_snapshot,predictions,drift_report,monthly_summary"
LOOKING_ON = "the daemon down, late, or looking on"
CLOSELY = 0.05
BEFORE_A_TICK_SECONDS = 4.0  # a daemon needs longer to start


@pytest.mark.faults("the daemon killed four times between a check's failure and the launch")
def test_a_daemon_that_is_killed_on_the_way_retrains_once(
    site: Site, stages: Stages, turn: int, record_property: Record
) -> None:
    """Twice between the failure and the sensor's tick, twice between the tick and the launch.

    In odd turns the sensors' cursors are wiped each time.
    """

    site.monitor_closely(seconds=120)  # if the run has begun as the last is killed
    struck = []

    def await_and_kill(condition: Callable[[], bool], what: str, look: float = CLOSELY) -> None:
        with running(site.settings, *DAEMON, end=signal.SIGKILL):
            wait_until(condition, what, look)
        decided = "decided, no run" if site.decisions() else "failed, not decided"
        struck.append((site.statuses() or [decided])[0])
        if turn % 2:
            site.wipe_cursors()

    def has_failed() -> bool:
        if not month and site.ticks():
            month.append(begin(command, site.settings, "run", FAILING))
        return find_newest_verdict(site.instance) is not None

    month: list[BaseProcess] = []
    await_and_kill(has_failed, "the check's failure", look=0.1)
    month[0].join(PATIENCE_SECONDS)
    assert month[0].exitcode == 0
    ends = time.monotonic() + random.Random(turn).uniform(0, BEFORE_A_TICK_SECONDS)
    await_and_kill(lambda: time.monotonic() > ends, "an instant")
    await_and_kill(lambda: bool(site.decisions()), "the decision")
    await_and_kill(lambda: bool(site.statuses()), "the run")
    record_property(STRUCK, " / ".join(struck))
    with running(site.settings, *DAEMON):
        wait_until(lambda: "SUCCESS" in site.statuses(), "the retraining")
        site.wait_for_ticks(1)
        wait_until(lambda: "succeeded" in site.summary(FAILING), "the summary to say so")
        wait_until(lambda: not _in_progress(site), "the end of all runs")
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)


def _in_progress(site: Site) -> bool:
    return any(not each.is_finished for each in site.instance.get_runs())


@pytest.mark.faults(LOOKING_ON)
def test_a_month_that_fails_from_the_command_line_is_retrained_once_and_never_again(
    site: Site,
) -> None:
    with running(site.settings, *DAEMON, end=signal.SIGKILL):
        wait_until(lambda: bool(site.ticks()), "a tick")
        done = materialize(site.settings, MONTHLY, FAILING)
        assert done.returncode == 0, done.stderr
        site.wait_for("SUCCESS")
        site.wait_for_ticks(2)
        wait_until(lambda: not _in_progress(site), "the end of all runs")
    assert site.decisions() == ["retraining requested"]
    assert site.ticks().count("REQUESTED") == 1
    assert "version 2 awaits review" in site.ticks()[0]
    assert f"Retraining (run {site.retrainings()[0].run_id}): succeeded" in site.summary(FAILING)
    site.wipe_cursors()
    before = {run.run_id for run in site.instance.get_runs()}
    with running(site.settings, *DAEMON):
        site.wait_for_ticks(2)
    assert {run.run_id for run in site.instance.get_runs()} == before
    assert site.decisions() == ["retraining requested"]


@pytest.mark.faults(LOOKING_ON)
def test_a_month_whose_own_run_failed_after_its_check_is_retrained_once(site: Site) -> None:
    in_the_way = site.home / "reports" / FAILING / "summary.md"
    in_the_way.mkdir(parents=True)
    with running(site.settings, *DAEMON):
        assert materialize(site.settings, MONTHLY, FAILING).returncode == 1
        assert site.month_run(FAILING).status == DagsterRunStatus.FAILURE
        in_the_way.rmdir()
        site.wait_for("SUCCESS")
        site.wait_for_ticks(1)
    assert site.statuses() == ["SUCCESS"]
    assert "**Retraining is advised.**" in site.summary(FAILING)


@pytest.mark.faults("SIGKILL of the real commands, with the real daemon")
def test_a_month_that_was_killed_from_the_command_line_ends_as_failed_and_is_retrained_once(
    site: Site, stages: Stages
) -> None:
    site.monitor_closely(seconds=75)
    words = ("asset", "materialize", "-m", "attrition_assets.definitions", "--select", MONTHLY)
    killed = start(site.settings, "dagster", *words, "--partition", f"{FAILING}-01")
    wait_until(lambda: len(site.instance.get_runs()) > 18, "the month's run", CLOSELY)
    time.sleep(random.Random("a month").uniform(0, stages.seconds("judged")))
    kill_all(killed)
    first = site.month_run(FAILING).run_id
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    with running(site.settings, *DAEMON):
        wait_until(lambda: "SUCCESS" in site.statuses(), "the retraining")
        wait_until(lambda: "succeeded" in site.summary(FAILING), "the summary to say so")
        wait_until(lambda: not _in_progress(site), "the end of all runs")
    ended = site.instance.get_run_by_id(first)
    assert ended is not None
    assert ended.status == DagsterRunStatus.FAILURE
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)


@pytest.mark.faults(LOOKING_ON)
def test_a_killed_command_neither_stays_started_nor_freezes_the_sensor(site: Site) -> None:
    site.monitor_closely(seconds=75)
    command = start(
        site.settings, "attrition", "retrain", "--reason", "soon dead", ATTRITION_TRIALS="5000"
    )
    wait_until(lambda: "model" in site.steps(), "the model step")
    kill_all(command)
    assert site.statuses() == ["STARTED"]
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    with running(site.settings, *DAEMON):
        site.wait_for("FAILURE", "SUCCESS")
        wait_until(lambda: "succeeded" in site.summary(FAILING), "the summary to say so")
    assert site.statuses() == ["FAILURE", "SUCCESS"]
    assert any("a retraining is under way" in said for said in site.ticks())


@pytest.mark.faults("SIGKILL of the real commands, with the real daemon")
def test_a_retraining_whose_process_was_killed_is_started_once_more(
    open_site: OpenSite, stages: Stages
) -> None:
    site = open_site("judged")
    site.monitor_closely(seconds=60)
    with running(site.settings, *DAEMON):
        wait_until(lambda: "reference_data" in site.steps(), "the sensor's retraining", CLOSELY)
        process = site.process_of(site.retrainings()[0].run_id)
        assert process is not None
        time.sleep(random.Random("a retraining").uniform(0, stages.seconds("retrained") / 2))
        os.kill(process, signal.SIGKILL)
        site.wait_for("FAILURE", "SUCCESS")
        wait_until(lambda: not _in_progress(site), "the end of all runs")
        site.wait_for_ticks(1)
        wait_until(lambda: not _in_progress(site), "the end of all runs")
    assert site.retrainings()[1].parent_run_id == site.retrainings()[0].run_id
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)


@pytest.mark.faults("SIGKILL of the real commands, with the real daemon")
def test_a_promotion_that_was_killed_as_the_champion_moved_is_made_once(
    open_site: OpenSite, stages: Stages
) -> None:
    site = open_site("retrained")
    under_way = site.home / "champion.change.json"
    promotion = start(site.settings, "attrition", *PROMOTE)
    wait_until(under_way.exists, "the change", look_seconds=0.0005)
    kill_all(promotion)
    assert run(site.settings, "attrition", *PROMOTE).returncode == 0
    assert run(site.settings, "attrition", "run", AFTER).returncode == 0
    made = [each.kind for each in DecisionLog(site.home).entries() if each.who == "Ada"]
    assert made == [Kind.PROMOTED]
    assert_sound(site, stages, "scored by 2", [FAILING, AFTER], versions=[1, 2])
    assert_same_version(site, stages)


@pytest.mark.faults(LOOKING_ON)
def test_a_refused_month_from_the_command_line_never_waits_in_silence(
    open_site: OpenSite, stages: Stages, tmp_path: Path
) -> None:
    """And a month without a file, and none of them retrains."""
    sent, own = stages.settings("ready").data, tmp_path / "data"
    (own / "snapshots").mkdir(parents=True)
    (own / "departures.parquet").symlink_to(sent / "departures.parquet")
    for path in (sent / "snapshots").glob("*.parquet"):
        if path.stem < FAILING:
            (own / "snapshots" / path.name).symlink_to(path)
    (own / "snapshots" / f"{FAILING}.parquet").write_bytes(b"PAR1 cut off")
    here = open_site("ready", own)
    with running(here.settings, *DAEMON):
        for month in (FAILING, AFTER):
            assert materialize(here.settings, MONTHLY, month).returncode == 1
        wait_until(
            lambda: bool(here.summary(FAILING) and here.summary(AFTER)), "both months' summaries"
        )
        here.wait_for_ticks(1)
    assert "**Refused: nothing was judged.**" in here.summary(FAILING)
    assert "**No snapshot: nothing was judged.**" in here.summary(AFTER)
    assert here.statuses() == []
    told = run(here.settings, "attrition", "status")
    assert f"{FAILING}  refused" in told.stdout
    assert f"{AFTER} to 2" in told.stdout  # and every month since, whose files never came
    assert told.stdout.count("no snapshot") == 1
