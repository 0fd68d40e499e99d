"""Issues reach GitHub once, whatever it answers: tried on a server that misbehaves on purpose."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from attrition_assets.adapters.github import GitHub
from attrition_assets.adapters.outbox import LISTED_AFTER, LONGEST_WAIT, Outbox
from attrition_assets.errors import GitHubError
from attrition_assets.monitoring.episodes import MonthNews
from attrition_assets_tests.github_server import API, TOKEN, GitHubServer
from attrition_assets_tests.monitoring.test_episodes import tell
from attrition_assets_tests.outages import killed_after

NOW = datetime(2026, 2, 1, tzinfo=UTC)
LISTED, MADE = f"GET {API}/issues", f"POST {API}/issues"


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path)


def stand(server: GitHubServer) -> list[tuple[str, str, list[str]]]:
    """Title, state and labels of each issue there."""
    return [
        (
            each["title"].removeprefix("Attrition model, "),
            each["state"],
            [label["name"] for label in each["labels"]],
        )
        for each in server.issues
    ]


def take_in(outbox: Outbox, *news: MonthNews) -> None:
    for each in news:
        outbox.note(each)


def test_a_calm_month_is_a_closed_issue_and_drift_an_open_one_that_is_closed_after_it(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    take_in(outbox, tell(1, "c"), tell(2, "d"))
    assert outbox.send(github, NOW) == ["2026-01", "2026-02"]
    assert stand(server) == [
        ("2026-01: no drift", "closed", ["no-drift"]),
        ("2026-02: drift: features (Pay)", "open", ["drift"]),
    ]
    server.issues[1]["labels"].append({"name": "of a person"})
    take_in(outbox, tell(3, "q"), tell(4, "c"))
    assert outbox.send(github, NOW) == ["2026-02", "2026-04"]
    assert stand(server)[1:] == [
        ("2026-03: q, since 2026-02", "closed", ["of a person", "drift", "data-quality"]),
        ("2026-04: no drift", "closed", ["no-drift"]),
    ]
    take_in(outbox, tell(4, "c"))
    assert outbox.waiting() == []
    assert outbox.send(github, NOW) == []
    sent = outbox.sent("2026-02")
    assert sent is not None
    assert (sent.number, sent.url) == (2, "page/2")


@pytest.mark.parametrize(
    ("request_", "status", "message", "said"),
    [
        (MADE, 500, "Server Error", "refuses what is asked"),
        (MADE, 422, "Validation Failed", "refuses what is asked"),
        (MADE, 401, "Bad credentials", "refuses the token"),
        (LISTED, 404, "Not Found", "has no issues: switch them on"),
    ],
)
def test_what_github_refuses_waits_and_is_sent_once_it_does_not(
    request_: str,
    status: int,
    message: str,
    said: str,
    outbox: Outbox,
    github: GitHub,
    server: GitHubServer,
) -> None:
    outbox.note(tell(1, "d"))
    server.failing[request_] = (status, {"message": message})
    now = NOW
    for tries in (1, 2, 3):
        with pytest.raises(GitHubError, match=said):
            outbox.send(github, now)
        trouble = outbox.trouble()
        assert trouble is not None
        assert (trouble.tries, trouble.since) == (tries, NOW)
        assert trouble.until == now + timedelta(minutes=2 ** (tries - 1))
        assert said in trouble.fault
        assert TOKEN not in trouble.fault
        now += LISTED_AFTER
    assert [issue.key for issue in outbox.waiting()] == ["2026-01"]
    server.failing.clear()
    assert outbox.send(github, now) == ["2026-01"]
    assert outbox.trouble() is None
    assert len(server.issues) == 1


def test_the_wait_between_tries_is_bounded(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "d"))
    server.failing[MADE] = (422, {"message": "no"})
    for _ in range(12):
        with pytest.raises(GitHubError):
            outbox.send(github, NOW)
    trouble = outbox.trouble()
    assert trouble is not None
    assert trouble.until == NOW + LONGEST_WAIT


@pytest.mark.parametrize("cut", [MADE, f"PATCH {API}/issues/1"])
@pytest.mark.parametrize("how", ["unheard", "slow"])
def test_what_was_done_and_not_answered_is_not_done_twice(
    cut: str, how: str, outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "c"))
    getattr(server, how).add(cut)
    with pytest.raises(GitHubError, match="cannot be reached"):
        outbox.send(replace(github, patience_seconds=1), NOW)
    assert len(server.issues) == 1
    server.restore()
    assert outbox.send(github, NOW) == ["2026-01"]
    assert stand(server) == [("2026-01: no drift", "closed", ["no-drift"])]


def test_an_issue_that_is_listed_late_is_not_made_twice(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "c"))
    server.unheard.add(MADE)
    server.unlisted.add(1)
    for since in (timedelta(0), LISTED_AFTER / 2):
        with pytest.raises(GitHubError, match="cannot be reached" if not since else "asked again"):
            outbox.send(github, NOW + since)
        server.unheard.clear()
    trouble = outbox.trouble()
    assert trouble is not None
    assert trouble.until >= NOW + LISTED_AFTER
    server.unlisted.clear()
    assert outbox.send(github, trouble.until) == ["2026-01"]
    assert stand(server) == [("2026-01: no drift", "closed", ["no-drift"])]


def test_an_issue_that_was_never_made_is_asked_for_again(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "c"))
    server.failing[MADE] = (502, {"message": "Bad Gateway"})
    with pytest.raises(GitHubError, match="502 Bad Gateway"):
        outbox.send(github, NOW)
    server.restore()
    assert outbox.send(github, NOW + LISTED_AFTER) == ["2026-01"]
    assert len(server.issues) == 1


@pytest.mark.parametrize(
    ("status", "message", "headers", "minutes"),
    [
        (403, "API rate limit exceeded for user", {"x-ratelimit-reset": "1893457800"}, 30),
        (403, "You have exceeded a secondary rate limit", {"retry-after": "600"}, 10),
        (429, "Too Many Requests", {"retry-after": "600"}, 10),
        (403, "API rate limit exceeded for user", {}, 60),
        (403, "API rate limit exceeded for user", {"retry-after": "1"}, 1),
    ],
)
@pytest.mark.parametrize("request_", [MADE, LISTED])
def test_a_rate_limit_is_honoured_and_no_month_waits_for_it(
    request_: str,
    status: int,
    message: str,
    headers: dict[str, str],
    minutes: int,
    outbox: Outbox,
    github: GitHub,
    server: GitHubServer,
) -> None:
    outbox.note(tell(1, "c"))
    server.failing[request_] = (status, {"message": message})
    server.headers = {"Date": "Tue, 01 Jan 2030 00:00:00 GMT", **headers}
    with pytest.raises(GitHubError, match=f"try again in {minutes} minutes"):
        outbox.send(github, NOW)
    trouble = outbox.trouble()
    assert trouble is not None
    assert trouble.until == NOW + timedelta(minutes=minutes)
    server.restore()
    assert outbox.send(github, trouble.until) == ["2026-01"]


@pytest.mark.parametrize("name", ["create_issue", "update_issue"])
def test_a_process_that_was_killed_while_it_sent_doubles_nothing(
    name: str, outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "d"))
    with killed_after(GitHub, name):
        outbox.send(github, NOW)
    assert outbox.send(github, NOW) == ["2026-01"]
    assert stand(server) == [("2026-01: drift: features (Pay)", "open", ["drift"])]


def test_an_issue_that_was_deleted_there_is_made_again(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    outbox.note(tell(1, "d"))
    outbox.send(github, NOW)
    server.issues[0]["state"] = "deleted"
    outbox.note(tell(2, "d"))
    assert outbox.send(github, NOW) == ["2026-01"]
    assert [each["state"] for each in server.issues] == ["deleted", "open"]


def test_a_corrected_month_moves_its_months_to_other_issues(
    outbox: Outbox, github: GitHub, server: GitHubServer
) -> None:
    take_in(outbox, tell(1, "d"), tell(2, "c"), tell(3, "d"))
    outbox.send(github, NOW)
    outbox.note(tell(2, "d"))
    assert outbox.send(github, NOW) == ["2026-01", "2026-02", "2026-03"]
    assert [state for _, state, _ in stand(server)] == ["open", "closed", "closed"]
    assert "told elsewhere now" in server.issues[2]["body"]
    assert "2026-03: drift: features (Pay), since 2026-01" in server.issues[0]["title"]


def test_without_a_repository_the_text_is_a_file(outbox: Outbox) -> None:
    issue = outbox.note(tell(1, "d"))
    assert outbox.text_path("2026-01").read_text("utf-8") == issue.body
    assert "look at 1" in issue.body
