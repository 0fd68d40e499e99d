"""A real Docker engine and a registry on this machine; without them, tests say so and skip."""

import subprocess
from collections.abc import Iterator

import pytest

from attrition_assets.settings import PROJECT_ROOT

REGISTRY = "127.0.0.1:5000"
UNAVAILABLE = 69


@pytest.fixture(scope="session")
def registry() -> Iterator[str]:
    """The address of a registry, beside an engine that answers."""
    started = subprocess.run(
        [str(PROJECT_ROOT / "docker" / "engine.sh"), "--registry"],
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode == UNAVAILABLE:
        pytest.skip(f"no Docker can be had here, so images are NOT tested: {started.stderr}")
    assert started.returncode == 0, started.stderr
    yield REGISTRY
