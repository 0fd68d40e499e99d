"""The undisturbed homes, made once for all workers; and what each test gets of them."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from dagster import DagsterInstance

from attrition_assets.adapters.files import alone
from attrition_assets_tests.github_server import NAME, TOKEN, GitHubServer, serving_github

from .site import Site, copy_home
from .stages import Stages, make_stages

OpenSite = Callable[..., Site]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `round_` is run for each: `--rounds` says how many there are.

    One that takes a `turn`, since it breaks more than one thing or takes long, for a part of them.
    """
    rounds = int(metafunc.config.getoption("rounds"))
    if "round_" in metafunc.fixturenames:
        metafunc.parametrize("round_", range(rounds))
    if "turn" in metafunc.fixturenames:
        metafunc.parametrize("turn", range((rounds + 1) // 2))


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """All stages; whichever worker comes first makes them."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / "stages"
    with alone(shared / "stages.lock"):
        if not folder.exists():
            folder.mkdir()
            make_stages(folder)
    return Stages(folder)


@pytest.fixture
def open_site(stages: Stages, tmp_path: Path) -> Iterator[OpenSite]:
    """What copies a stage to a home of its own, as often as it is asked."""
    with ExitStack() as opened:

        def copy(stage: str, data: Path | None = None) -> Site:
            folder = tmp_path / f"site-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            settings = copy_home(stages.settings(stage), folder / "home", data)
            instance = DagsterInstance.from_config(str(settings.home))
            return Site(settings, opened.enter_context(instance))

        yield copy
    for path in tmp_path.glob("site-*"):
        shutil.rmtree(path)


@pytest.fixture
def site(open_site: OpenSite) -> Site:
    """Months to 2025-03 accepted, a first model as of 2025-01; 2025-04 has not been run."""
    return open_site("ready")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitHubServer]:
    with serving_github(tmp_path / "github") as server:
        yield server


@pytest.fixture
def github(server: GitHubServer) -> dict[str, str]:
    """What a process must be told so that it sends its issues to the server."""
    return {
        "ATTRITION_GITHUB_TOKEN": TOKEN,
        "ATTRITION_GITHUB_REPOSITORY": NAME,
        "ATTRITION_GITHUB_URL": server.url,
    }
