"""What GitHub refuses is told in one message that names what to do; the token is never shown."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from attrition_assets.adapters.github import GitHub
from attrition_assets.errors import GitHubError
from attrition_assets_tests.github_server import API, NAME, TOKEN, GitHubServer
from attrition_assets_tests.processes import choose_port


def refuse(github: GitHub) -> str:
    with pytest.raises(GitHubError) as caught:
        github.require_label("model-promotion")
    assert TOKEN not in str(caught.value) + repr(github)
    return str(caught.value)


def test_a_pull_request_is_opened_and_labelled(server: GitHubServer, github: GitHub) -> None:
    github.require_label("model-promotion")
    number, url = github.open_pull_request("promote-version-2", "main", "Promote", "why")
    github.add_label(number, "model-promotion")
    assert url == f"https://github.example/{NAME}/pull/1"
    (opened,) = server.opened
    told = {name: opened[name] for name in ("head", "base", "title", "body", "labels")}
    assert told == {
        "head": "promote-version-2",
        "base": "main",
        "title": "Promote",
        "body": "why",
        "labels": ["model-promotion"],
    }


def test_a_rejected_token_is_told(github: GitHub) -> None:
    said = refuse(replace(github, token=SecretStr("old")))
    assert f"GitHub at {github.url} refuses the token" in said
    assert "make a new one and set ATTRITION_GITHUB_TOKEN" in said


def test_an_absent_repository_is_told(github: GitHub) -> None:
    said = refuse(replace(github, name="company/atrition"))
    assert "there is no repository company/atrition, or the token may not see it" in said


def test_an_absent_label_is_told_with_the_command_that_makes_it(
    server: GitHubServer, github: GitHub
) -> None:
    with pytest.raises(GitHubError, match="has no label drift: make it, `gh label create drift"):
        github.require_label("drift")


def test_a_network_that_is_down_is_told(github: GitHub) -> None:
    said = refuse(replace(github, url=f"http://127.0.0.1:{choose_port()}"))
    assert "cannot be reached ([Errno 111] Connection refused)" in said


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (403, {"message": "Resource not accessible"}, "(403 Resource not accessible)"),
        (403, {"message": "API rate limit exceeded for user"}, "takes no more requests"),
        (
            422,
            {"message": "Validation Failed", "errors": [{"message": "A pull request exists"}, "x"]},
            "(422 Validation Failed; A pull request exists): the token needs",
        ),
        (500, {"message": "Server Error"}, "(500 Server Error)"),
    ],
)
def test_a_pull_request_that_is_refused_is_told(
    status: int, answer: dict[str, object], said: str, server: GitHubServer, github: GitHub
) -> None:
    server.failing[f"POST {API}/pulls"] = status, answer
    with pytest.raises(GitHubError) as caught:
        github.open_pull_request("promote-version-2", "main", "Promote", "why")
    assert said in str(caught.value)
    assert server.opened == []
