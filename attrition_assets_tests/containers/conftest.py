"""A Docker engine for tests, or a loud skip; and containers that end with the test."""

import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.processes import wait_until

UNAVAILABLE = 69
INPUTS: dict[str, list[str]] = yaml.safe_load((PROJECT_ROOT / "docker/inputs.yaml").read_text())
HARDENED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
Run = Callable[[str], str]


def docker(*command: str, content: bytes = b"") -> str:
    """What a docker command says; its errors are the test's."""
    done = subprocess.run(["docker", *command], input=content, capture_output=True, check=False)
    assert done.returncode == 0, f"docker {command}: {done.stderr[-4000:].decode()}"
    return done.stdout.decode().strip()


@pytest.fixture(scope="session")
def engine() -> None:
    """An engine that answers."""
    start_engine()


@pytest.fixture(scope="session")
def registry() -> str:
    """The address of a registry on this machine, beside an engine that answers."""
    start_engine("--registry")
    return "127.0.0.1:5000"


def start_engine(*options: str) -> None:
    """Let `docker/engine.sh` make what it can; skip, aloud, where it cannot."""
    script = str(PROJECT_ROOT / "docker" / "engine.sh")
    done = subprocess.run([script, *options], capture_output=True, text=True, check=False)
    if done.returncode == UNAVAILABLE and "REQUIRE_ENGINE" not in os.environ:
        pytest.skip(f"NOT TESTED IN CONTAINERS: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    print(done.stdout)


def build(target: str, tag: str, model: Path | None = None) -> str:
    """Build a target of what `inputs.yaml` lists, and of nothing else; return its name."""
    context = io.BytesIO()
    # buildx knows an archive by its first block, which is another one in the default format.
    with tarfile.open(fileobj=context, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in INPUTS[target]:
            archive.add(PROJECT_ROOT / name, name, filter=_leave_out_bytecode)
        if model:
            archive.add(model, "model")
    chosen = ("--build-arg", "MODEL=model") if model else ()
    name = f"attrition-test-{target}:{tag}"
    docker(
        *("buildx", "build", "--progress=plain", "--file", "docker/Dockerfile"),
        *("--target", target, "--tag", name, *chosen, "-"),
        content=context.getvalue(),
    )
    return name


def _leave_out_bytecode(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in entry.name else entry


@pytest.fixture
def run(engine: None) -> Iterator[Run]:
    """Starts an image, hardened, and returns its container once it is healthy."""
    started = []

    def start(image: str) -> str:
        container = docker("run", "--detach", *HARDENED, image)
        started.append(container)
        wait_until(lambda: read_health(container) != "starting", f"{image} to be healthy")
        assert read_health(container) == "healthy", docker("logs", container)
        return container

    yield start
    for container in started:
        docker("rm", "--force", "--volumes", container)


def read_health(container: str) -> str:
    return docker("inspect", "--format", "{{.State.Health.Status}}", container)
