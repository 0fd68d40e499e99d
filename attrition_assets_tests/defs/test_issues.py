"""Each month's issue: told as a file without a repository, and sent to GitHub with one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetCheckEvaluation, ExecuteInProcessResult, build_sensor_context
from dagster._check import not_none
from dagster._core.definitions.sensor_definition import SensorExecutionData
from pydantic import SecretStr

from attrition_assets.adapters.acknowledgements import Acknowledgements
from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.github import open_github
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs import automation
from attrition_assets.defs.issues import SENT_KEY, try_again
from attrition_assets.demo import Loop
from attrition_assets.governance.decisions import Kind
from attrition_assets.monitoring.episodes import MonthNews
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.status import collect_status, render_status
from attrition_assets_tests.github_server import API, NAME, TOKEN, GitHubServer, serving_github

from .conftest import DRIFT, FAULT, LAST, NOW, RETRAINED, Place, Walked


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    with serving_github(tmp_path / "github") as server:
        yield server


@pytest.fixture
def settings(place: Place, server: GitHubServer) -> Settings:
    named = {"github_token": SecretStr(TOKEN), "github_repository": NAME, "github_url": server.url}
    return place.settings.model_copy(update=named)


def summarize(place: Place, settings: Settings, month: str) -> ExecuteInProcessResult:
    loop = Loop(settings, lambda line: None)
    return loop.run(place.instance, "summary", parse_month(month))


def find_check(result: ExecuteInProcessResult) -> tuple[bool, str]:
    (found,) = [
        each for each in result.get_asset_check_evaluations() if each.check_name == "issue_sent"
    ]
    return found.passed, found.description or ""


def test_the_months_of_a_walk_are_told_by_two_issues_and_what_is_over_asks_for_nothing(
    walked: Walked,
) -> None:
    outbox = Outbox(walked.settings.home)
    drift, calm = outbox.waiting()
    assert (drift.key, drift.is_open, calm.key, calm.is_open) == (DRIFT, False, LAST, False)
    assert set(map(str, drift.labels)) == {"drift", "data-quality", "retrained"}
    text = outbox.text_path(DRIFT).read_text("utf-8")
    assert text == drift.body
    assert f"**Over: {LAST} was calm.**" in text
    assert f"# {RETRAINED}\n" in text
    assert f"| {FAULT} | refused | Nothing was judged |" in text
    assert f"| {DRIFT} | drift: features (MonthlyIncome)" in text
    assert "To do, before" not in text
    assert f"Attrition model, {LAST}: no drift" in calm.title
    assert calm.labels == ("no-drift",)


def test_the_issues_are_sent_once_and_stand_as_the_months_do(
    place: Place, settings: Settings, server: GitHubServer
) -> None:
    result = summarize(place, settings, LAST)
    assert result.success
    assert find_check(result) == (True, f"all issues stand in {NAME} as they should")
    told = [(each["title"], each["state"]) for each in server.issues]
    assert len(told) == len({title for title, _ in told})
    again = summarize(place, settings, LAST)
    assert again.success
    assert [(each["title"], each["state"]) for each in server.issues] == told
    (made,) = again.asset_materializations_for_node("monthly_summary")
    assert "page/" in str(made.metadata["issue_link"].value)
    assert made.metadata["issues"].value == "sent: nothing was waiting"


@pytest.mark.slow
def test_what_github_refuses_fails_a_check_and_no_month_and_is_sent_by_the_sensor(
    place: Place, settings: Settings, server: GitHubServer
) -> None:
    server.failing[f"POST {API}/issues"] = (401, {"message": "Bad credentials"})
    result = summarize(place, settings, LAST)
    assert result.success
    passed, said = find_check(result)
    assert not passed
    assert "issues wait: GitHub at" in said
    assert "refuses the token" in said
    outbox, github = Outbox(settings.home), open_github(settings)
    trouble = outbox.trouble()
    assert trouble is not None
    assert "issues wait until" in try_again(outbox, github, trouble.until - timedelta(seconds=1))
    server.failing.clear()
    assert try_again(outbox, github, trouble.until).startswith("sent: ")
    assert try_again(outbox, github, trouble.until) == "No issue waits."
    assert outbox.waiting() == []


def test_a_check_that_failed_holds_once_the_sensor_has_sent_what_waited(
    place: Place, settings: Settings, server: GitHubServer
) -> None:
    def check() -> list[tuple[str | None, str]]:
        held = place.instance.event_log_storage.get_asset_check_execution_history(SENT_KEY, 2)
        return [(each.partition, each.status.value) for each in held]

    def tick() -> SensorExecutionData:
        context = build_sensor_context(instance=place.instance, resources={"settings": settings})
        return automation.send_issues.evaluate_tick(context)

    def status() -> str:
        return render_status(collect_status(settings, place.instance, NOW))

    server.failing[f"POST {API}/issues"] = (422, {"message": "no"})
    summarize(place, settings, LAST)
    assert check()[0] == (f"{LAST}-01", "FAILED")
    assert tick().asset_events == []
    assert "Issues      2 wait since 20" in status()
    server.failing.clear()
    Outbox(settings.home).send(not_none(open_github(settings)), NOW)
    (mended,) = tick().asset_events
    assert isinstance(mended, AssetCheckEvaluation)
    assert (mended.partition, mended.passed) == (f"{LAST}-01", True)
    place.instance.report_runless_asset_event(mended)
    assert check()[0] == (f"{LAST}-01", "SUCCEEDED")
    assert tick().asset_events == []
    assert "Issues      2 on GitHub, none waits" in status()


def test_what_became_of_a_challenger_is_told_and_what_is_left_to_do(place: Place) -> None:
    """It waits, is refused, is promoted though its evidence is against it, and is rolled back."""

    def ask() -> MonthNews:
        assert summarize(place, place.settings, RETRAINED).success
        news = Outbox(place.settings.home).folder / f"{RETRAINED}.news.json"
        return MonthNews.model_validate_json(news.read_bytes())

    log = DecisionLog(place.settings.home)
    before = log.path.read_text("utf-8").splitlines(keepends=True)
    log.path.write_text("".join(each for each in before if '"promoted"' not in each), "utf-8")
    waits = ask()
    assert waits.decided == "Retraining is advised; retrained, version 2 waits"
    assert "`attrition promote --version 2 --reason TEXT`" in waits.todo[0]
    asked: dict[str, Any] = {"version": 2, "asked_by": "Ada"}
    log.append(Kind.PROMOTION_REFUSED, who="the loop", why="too few leavers", at=NOW, **asked)
    refused = ask()
    assert refused.decided.endswith("version 2 was refused")
    assert "promote --version 2 --override" in refused.todo[0]
    told = "Version 2: promotion refused, 2025-06-10, by the loop, asked by Ada: too few leavers"
    assert f"- {told}\n" in refused.summary
    facts: dict[str, Any] = {"version": 2, "previous": 1, "override": "too few leavers"}
    log.append(Kind.PROMOTED, who="Ada", why="seen", at=NOW, **facts)
    promoted = ask()
    assert promoted.decided.endswith("version 2 was promoted")
    assert promoted.todo == ()
    assert "- Version 2 promoted, 2025-06-10, by Ada: seen (though too few l" in promoted.summary
    log.append(Kind.ROLLED_BACK, who="Ada", why="a complaint", at=NOW, version=1, previous=2)
    back = ask()
    assert back.decided.endswith("version 2 was rolled back")
    assert "- Version 2 rolled back to version 1, 2025-06-10, by Ada: a complaint" in back.summary


def test_an_alarm_that_was_answered_asks_for_nothing_more(place: Place) -> None:
    reports = DriftReports(place.settings.home)
    month = parse_month(DRIFT)
    Acknowledgements(place.settings.home).answer(month, reports, "Ada", "a pay scale", NOW)
    assert summarize(place, place.settings, DRIFT).success
    news = Outbox(place.settings.home).folder / f"{DRIFT}.news.json"
    told = MonthNews.model_validate_json(news.read_bytes())
    assert told.decided.endswith("; acknowledged")
    assert not any("acknowledge" in each for each in told.todo)
    assert "- Its alarm was acknowledged by Ada: a pay scale\n" in told.summary


def test_a_month_tells_which_way_its_features_moved_and_where_its_runs_are(place: Place) -> None:
    assert summarize(place, place.settings, DRIFT).success
    lines = place.summary(DRIFT).splitlines()
    (moved,) = (line for line in lines if line.startswith("| MonthlyIncome | mean "))
    before, now = moved.split("mean ")[1].split(" | ")[0].split(" to ")
    assert int(now.replace(",", "")) > int(before.replace(",", ""))
    (run,) = (line for line in lines if line.startswith("- Judged by Dagster's run "))
    run_id = run.rsplit("/", 1)[1]
    assert run.startswith("- Judged by Dagster's run http://127.0.0.1:3000/runs/")
    judged = place.instance.get_run_by_id(run_id)
    assert judged is not None
    assert judged.tags["dagster/partition"] == f"{DRIFT}-01"
    assert judged.job_name == "monthly"
    assert any(line.startswith("- In MLflow: http://127.0.0.1:5001/#/exp") for line in lines)


def test_without_a_token_nothing_is_sent_and_the_check_says_so(place: Place) -> None:
    passed, said = find_check(summarize(place, place.settings, LAST))
    assert passed
    assert "ATTRITION_GITHUB_TOKEN is not set; see" in said
    assert try_again(Outbox(place.settings.home), None, NOW).startswith("No token")
