"""Many things at once: months, the same month, a backfill during a retraining, retrainings."""

import itertools
import json
import random
import time
import urllib.request
from functools import partial
from typing import Any

import pandas as pd
import pytest

from attrition_assets.months import parse_month
from attrition_assets_tests.github_server import GitHubServer
from attrition_assets_tests.processes import (
    DAEMON,
    PATIENCE_SECONDS,
    choose_port,
    run,
    running,
    start,
    wait_until,
)

from .conftest import OpenSite
from .forked import LOG, begin, command, do
from .site import Site, month_files
from .soundness import (
    assert_retrained_once,
    assert_same_version,
    assert_sound,
    assert_told_once,
    follow_sensors,
)
from .stages import AFTER, FAILING, Stages
from .test_daemon import MONTHLY

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


def launch_backfill(site: Site, months: list[str]) -> None:
    """Ask for the months as a person does in Dagster's UI; its webserver runs for so long."""
    port = choose_port()
    webserver = ("dagster-webserver", "--workspace", "workspace.yaml", "--port", str(port))
    with running(site.settings, *webserver):
        wait_until(lambda: answers(port), "the webserver")
        given = {
            "assetSelection": [{"path": [name]} for name in MONTHLY.split(",")],
            "partitionNames": [f"{month}-01" for month in months],
        }
        launched = ask_graphql(port, BACKFILL, given=given)["data"]["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched


@pytest.mark.faults("two months at once, from Dagster's UI")
def test_two_months_at_once_from_the_ui_are_retrained_once(site: Site) -> None:
    with running(site.settings, *DAEMON):
        launch_backfill(site, [FAILING, AFTER])
        site.wait_for("SUCCESS")
        wait_until(
            lambda: bool(site.summary(FAILING) and site.summary(AFTER)), "both months' summaries"
        )
        site.wait_for_ticks(2)
    assert site.statuses() == ["SUCCESS"]
    assert site.decisions().count("retraining requested") == 1


def run_at_once(
    site: Site, stages: Stages, github: dict[str, str], months: tuple[str, str], name: str
) -> None:
    """Two commands, the second at an instant that `name` seeds; then what the sensors ask for."""
    first = begin(command, site.settings, "run", months[0], **github)
    time.sleep(random.Random(name).uniform(0, stages.seconds("judged")))
    second = begin(command, site.settings, "run", months[1], **github)
    for each in (first, second):
        each.join(PATIENCE_SECONDS)
        assert each.exitcode == 0, (site.home.parent / LOG).read_text()
    do(follow_sensors, site.settings, **github)


@pytest.mark.faults("two months at once")
def test_two_months_at_once_are_retrained_once(
    site: Site, stages: Stages, server: GitHubServer, github: dict[str, str], turn: int
) -> None:
    """Both call for it. The second begins at a random instant of the first."""
    run_at_once(site, stages, github, (FAILING, AFTER), f"months {turn}")
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert len(month_files(site.home, AFTER)) == 2
    issue, *others = sorted(server.issues, key=lambda each: str(each["state"]), reverse=True)
    assert issue["state"] == "open"
    assert AFTER in issue["body"]
    for other in others:  # the later month was told before the earlier one
        assert other["state"] == "closed"
        assert "told elsewhere now" in other["body"]


@pytest.mark.faults("the same month twice at once")
def test_the_same_month_twice_at_once_is_one_month(
    site: Site, stages: Stages, server: GitHubServer, github: dict[str, str], turn: int
) -> None:
    """The second begins at a random instant of the first."""
    run_at_once(site, stages, github, (FAILING, FAILING), f"a month {turn}")
    assert_retrained_once(site)
    assert_sound(site, stages, "judged", [FAILING], versions=[1, 2])
    assert_same_version(site, stages)
    assert_told_once(server, stages, "judged")


@pytest.mark.faults("a backfill of 12 months during a retraining")
def test_a_backfill_of_a_year_during_a_retraining_is_scored_whole_and_retrains_no_more(
    open_site: OpenSite, stages: Stages
) -> None:
    site = open_site("ready")
    year = [str(parse_month(FAILING) + number) for number in range(12)]
    retraining = start(
        site.settings, "attrition", "retrain", "--reason", "meanwhile", ATTRITION_TRIALS="60"
    )
    wait_until(lambda: "model" in site.steps(), "the model step")
    with running(site.settings, *DAEMON):
        launch_backfill(site, year)
        for month in year:
            wait_until(partial(site.summary, month), f"the summary of {month}")
        assert retraining.wait(PATIENCE_SECONDS) == 0
        site.wait_for_ticks(2)
        wait_until(
            lambda: all(each.is_finished for each in site.instance.get_runs()), "the end of all"
        )
    assert site.statuses() == ["SUCCESS"]
    for month in year:
        assert site.month_run(month).is_success
        assert len(month_files(site.home, month)) == 2
        scores = pd.read_parquet(site.home / "assets" / "predictions" / f"{month}-01.parquet")
        assert set(scores["model_version"]) == {1}
        assert len(scores) == 400
    assert_sound(site, stages, "judged", [], versions=[1, 2])


@pytest.mark.faults("two retrainings requested at once, and a sensor that would be a third")
def test_a_failing_month_waits_for_the_retrainings_under_way_and_then_says_why_not(
    open_site: OpenSite,
) -> None:
    """Two retrainings from the command line take turns."""
    site = open_site("judged")
    commands = [
        start(site.settings, "attrition", "retrain", "--reason", reason, ATTRITION_TRIALS="40")
        for reason in ("a new pay scale", "the same, asked for twice")
    ]
    wait_until(lambda: site.statuses() == ["STARTED"] * 2, "two retrainings under way")
    with running(site.settings, *DAEMON):
        wait_until(lambda: bool(site.ticks()), "a tick")
        assert f"{FAILING}: a retraining is under way" in site.ticks()[-1]
        wait_until(lambda: all(each.poll() is not None for each in commands), "both commands")
        assert [each.returncode for each in commands] == [0, 0]
        site.wait_for_ticks(2)
    assert site.statuses() == ["SUCCESS"] * 2
    assert "version 3 awaits review" in site.ticks()[0]
    times = [
        (step.start_time, step.end_time)
        for each in site.retrainings()
        for step in site.instance.get_run_step_stats(each.run_id)
        if step.step_key != "images"  # it has turns of its own
    ]
    assert len(times) == 4
    turns = sorted((begun, ended) for begun, ended in times if begun and ended)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(turns))
    told = run(site.settings, "attrition", "decisions", "--verify")
    assert told.returncode == 0, told.stdout
