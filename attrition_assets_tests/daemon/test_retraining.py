"""Exactly one retraining for one reason: with the real daemon, through outages, kills and reruns.

Slow (minutes): `make test-slow`.
"""

import itertools
import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster import DagsterEventType, DagsterRunStatus

from attrition_assets_tests.processes import (
    DAEMON,
    choose_port,
    materialize,
    run,
    running,
    start,
    wait_until,
)

from .conftest import AFTER, FAILING, SENSORS, Site

pytestmark = pytest.mark.slow
MONTHLY = "employee_snapshot,predictions,drift_report,monthly_summary"
BACKFILL = """
mutation Backfill($given: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $given) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


def ask_graphql(port: int, query: str, **variables: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def answers(port: int) -> bool:
    try:
        return bool(ask_graphql(port, "{ version }")["data"]["version"])
    except OSError:
        return False


def monitor_closely(site: Site, seconds: int) -> None:
    """The shipped instance, but it gives up on a run after some seconds and looks every five."""
    path = site.settings.home / "dagster.yaml"
    config = yaml.safe_load(path.read_text("utf-8"))
    config["run_monitoring"] |= {
        "max_runtime_seconds": seconds,
        "poll_interval_seconds": 5,
        "free_slots_after_run_end_seconds": 1,
    }
    path.unlink()
    path.write_text(yaml.safe_dump(config), "utf-8")


def read_process(site: Site, run_id: str) -> int | None:
    """The process of a run that the daemon launched; None before it has started."""
    events = site.instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)
    for event in events:
        data = event.dagster_event and event.dagster_event.engine_event_data
        if data and "pid" in data.metadata:
            return int(str(data.metadata["pid"].value))
    return None


def step_times(site: Site, run_id: str) -> list[tuple[float, float]]:
    """When each step of a run started and ended."""
    return [
        (step.start_time, step.end_time)
        for step in site.instance.get_run_step_stats(run_id)
        if step.start_time and step.end_time
    ]


def test_a_month_that_fails_from_the_command_line_is_retrained_once_and_never_again(
    site: Site,
) -> None:
    """Also with the daemon killed, its cursors wiped, and started again."""
    with running(site.settings, *DAEMON, end=signal.SIGKILL):
        wait_until(lambda: bool(site.ticks()), "a tick")
        done = materialize(site.settings, MONTHLY, FAILING)
        assert done.returncode == 0, done.stderr
        site.wait_for("SUCCESS")
        site.wait_for_ticks(2)
    assert site.decisions() == ["retraining requested"]
    assert site.ticks().count("REQUESTED") == 1
    assert "version 2 awaits review" in site.ticks()[0]
    assert f"Retraining (run {site.retrainings()[0].run_id}): succeeded" in site.summary(FAILING)
    for state in site.instance.all_instigator_state():
        if state.instigator_name in SENSORS:
            site.instance.delete_instigator_state(state.instigator_origin_id, state.selector_id)
    before = {run.run_id for run in site.instance.get_runs()}
    with running(site.settings, *DAEMON):
        site.wait_for_ticks(2)
    assert {run.run_id for run in site.instance.get_runs()} == before
    assert site.decisions() == ["retraining requested"]


def test_a_month_that_failed_while_the_daemon_was_down_is_retrained_once(site: Site) -> None:
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    assert site.statuses() == []
    with running(site.settings, *DAEMON):
        site.wait_for("SUCCESS")
        site.wait_for_ticks(1)
    assert site.statuses() == ["SUCCESS"]


def test_a_month_whose_own_run_failed_after_its_check_is_retrained_once(site: Site) -> None:
    in_the_way = site.settings.home / "reports" / FAILING / "summary.md"
    in_the_way.mkdir(parents=True)
    with running(site.settings, *DAEMON):
        assert materialize(site.settings, MONTHLY, FAILING).returncode == 1
        assert site.month_run(FAILING).status == DagsterRunStatus.FAILURE
        in_the_way.rmdir()
        site.wait_for("SUCCESS")
        site.wait_for_ticks(1)
    assert site.statuses() == ["SUCCESS"]
    assert "**Retraining is advised.**" in site.summary(FAILING)


def test_two_months_at_once_from_the_ui_are_retrained_once(site: Site) -> None:
    port = choose_port()
    webserver = ("dagster-webserver", "--workspace", "workspace.yaml", "--port", str(port))
    with running(site.settings, *DAEMON), running(site.settings, *webserver):
        wait_until(lambda: answers(port), "the webserver")
        given = {
            "assetSelection": [{"path": [name]} for name in MONTHLY.split(",")],
            "partitionNames": [f"{month}-01" for month in (FAILING, AFTER)],
        }
        launched = ask_graphql(port, BACKFILL, given=given)["data"]["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        site.wait_for("SUCCESS")
        wait_until(
            lambda: bool(site.summary(FAILING) and site.summary(AFTER)), "both months' summaries"
        )
        site.wait_for_ticks(2)
    assert site.statuses() == ["SUCCESS"]
    assert site.decisions().count("retraining requested") == 1


def test_a_failing_month_waits_for_the_retraining_under_way_and_then_says_why_not(
    site: Site,
) -> None:
    """Two retrainings from the command line take turns; the sensor's would be a third."""
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    commands = [
        start(site.settings, "attrition", "retrain", "--reason", reason, ATTRITION_TRIALS="40")
        for reason in ("a new pay scale", "the same, asked for twice")
    ]
    wait_until(lambda: site.statuses() == ["STARTED"] * 2, "two retrainings under way")
    with running(site.settings, *DAEMON):
        wait_until(lambda: bool(site.ticks()), "a tick")
        assert f"{FAILING}: a retraining is under way" in site.ticks()[-1]
        wait_until(lambda: all(each.poll() is not None for each in commands), "both commands")
        assert [command.returncode for command in commands] == [0, 0]
        site.wait_for_ticks(2)
    assert site.statuses() == ["SUCCESS"] * 2
    assert "version 3 awaits review" in site.ticks()[0]
    times = [times for run in site.retrainings() for times in step_times(site, run.run_id)]
    assert len(times) == 4
    turns = sorted(times)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(turns))


def test_a_killed_command_neither_stays_started_nor_freezes_the_sensor(site: Site) -> None:
    monitor_closely(site, seconds=75)
    command = start(
        site.settings, "attrition", "retrain", "--reason", "soon dead", ATTRITION_TRIALS="5000"
    )
    wait_until(lambda: in_step(site, "model"), "the model step")
    command.kill()
    command.wait()
    assert site.statuses() == ["STARTED"]
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    with running(site.settings, *DAEMON):
        site.wait_for("FAILURE", "SUCCESS")
        wait_until(lambda: "succeeded" in site.summary(FAILING), "the summary to say so")
    assert site.statuses() == ["FAILURE", "SUCCESS"]
    assert any("a retraining is under way" in said for said in site.ticks())


def test_a_retraining_whose_process_was_killed_is_started_once_more(site: Site) -> None:
    monitor_closely(site, seconds=60)
    assert materialize(site.settings, MONTHLY, FAILING).returncode == 0
    with running(site.settings, *DAEMON):
        wait_until(lambda: in_step(site, "reference_data"), "the sensor's retraining")
        process = read_process(site, site.retrainings()[0].run_id)
        assert process is not None
        os.kill(process, signal.SIGKILL)
        site.wait_for("FAILURE", "SUCCESS")
        site.wait_for_ticks(1)
    assert site.statuses() == ["FAILURE", "SUCCESS"]
    assert site.retrainings()[1].parent_run_id == site.retrainings()[0].run_id
    assert site.decisions() == ["retraining requested"]


def test_a_refused_month_from_the_command_line_never_waits_in_silence(site: Site) -> None:
    """And a month without a file, and none of them retrains."""
    sent = Path(site.settings.data) / "snapshots"
    own = site.settings.home / "data"
    own.mkdir()
    (own / "departures.parquet").symlink_to(Path(site.settings.data) / "departures.parquet")
    (own / "snapshots").mkdir()
    for path in sent.glob("*.parquet"):
        if path.stem not in (FAILING, AFTER):
            (own / "snapshots" / path.name).symlink_to(path)
    (own / "snapshots" / f"{FAILING}.parquet").write_bytes(b"PAR1 cut off")
    settings = site.settings.model_copy(update={"data": own})
    here = Site(settings, site.instance)
    with running(settings, *DAEMON):
        for month in (FAILING, AFTER):
            assert materialize(settings, MONTHLY, month).returncode == 1
        wait_until(
            lambda: bool(here.summary(FAILING) and here.summary(AFTER)), "both months' summaries"
        )
        here.wait_for_ticks(1)
    assert "**Refused: nothing was judged.**" in here.summary(FAILING)
    assert "**No snapshot: nothing was judged.**" in here.summary(AFTER)
    assert here.statuses() == []
    told = run(settings, "attrition", "status")
    assert f"{FAILING}  refused" in told.stdout
    assert f"{AFTER} to 2" in told.stdout  # and every month since, whose files never came
    assert told.stdout.count("no snapshot") == 1


def in_step(site: Site, step: str) -> bool:
    """Whether the newest retraining has entered a step."""
    runs = site.retrainings()
    return bool(runs) and any(
        stats.step_key == step for stats in site.instance.get_run_step_stats(runs[-1].run_id)
    )
