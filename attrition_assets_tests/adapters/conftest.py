"""A server that speaks GitHub's API, and the repository as it is opened there."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from attrition_assets.adapters.github import GitHub
from attrition_assets_tests.github_server import NAME, TOKEN, GitHubServer, serving_github


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubServer]:
    with serving_github(tmp_path_factory.mktemp("github")) as server:
        yield server


@pytest.fixture
def server(shared: GitHubServer) -> GitHubServer:
    shared.restore()
    shared.opened.clear()
    shared.issues.clear()
    shared.quick.clear()
    return shared


@pytest.fixture
def github(server: GitHubServer) -> GitHub:
    return GitHub(NAME, SecretStr(TOKEN), server.url, pause_seconds=0)
