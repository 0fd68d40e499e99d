"""Each month's issue: told as a file without a repository, and sent to GitHub with one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from dagster import ExecuteInProcessResult
from pydantic import SecretStr

from attrition_assets.adapters.decision_log import DecisionLog
from attrition_assets.adapters.github import open_github
from attrition_assets.adapters.outbox import Outbox
from attrition_assets.defs.issues import try_again
from attrition_assets.demo import Loop
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets_tests.github_server import API, NAME, TOKEN, GitHubServer, serving_github

from .conftest import DRIFT, FAULT, LAST, NOW, RETRAINED, Place, Walked

pytestmark = pytest.mark.xdist_group("walked")


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


def test_a_version_is_asked_for_until_it_was_promoted(place: Place) -> None:
    def ask() -> bool:
        assert summarize(place, place.settings, RETRAINED).success
        news = Outbox(place.settings.home).folder / f"{RETRAINED}.news.json"
        return "promote --version 2" in news.read_text("utf-8")

    assert not ask()
    log = DecisionLog(place.settings.home).path
    before = log.read_text("utf-8").splitlines(keepends=True)
    log.write_text("".join(each for each in before if '"promoted"' not in each), "utf-8")
    assert ask()


def test_without_a_token_nothing_is_sent_and_the_check_says_so(place: Place) -> None:
    passed, said = find_check(summarize(place, place.settings, LAST))
    assert passed
    assert "ATTRITION_GITHUB_TOKEN is not set; see" in said
    assert try_again(Outbox(place.settings.home), None, NOW).startswith("No token")
