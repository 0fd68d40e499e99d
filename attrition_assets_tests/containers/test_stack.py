"""The stack as a person runs it: up, a month, a back-up, all lost, restored, down and up again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from attrition_assets.settings import PROJECT_ROOT

from .conftest import INPUTS, docker
from .stack import Stack

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]

SOCKET = "/var/run/docker.sock"


@pytest.fixture
def stack(engine: None, tmp_path: Path) -> Iterator[Stack]:
    """A stack that is up, of a copy of the project."""
    files = {name.split("/")[0] for names in INPUTS.values() for name in names}
    for name in {*files, "docker-compose.yml", ".env.example", ".dockerignore"}:
        source = PROJECT_ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "secrets")
            shutil.copytree(source, tmp_path / name, ignore=ignored)
        else:
            shutil.copy(source, tmp_path / name)
    stack = Stack.choose(tmp_path)
    stack.make("up")
    yield stack
    stack.make("down")
    stack.compose("down", "--volumes", "--rmi", "local")


def test_it_runs_a_month_and_outlives_being_taken_down_and_lost(stack: Stack) -> None:
    described = json.loads(docker("inspect", *stack.containers()))
    for each in described:
        service = each["Config"]["Labels"]["com.docker.compose.service"]
        host, mounts = each["HostConfig"], {mount["Destination"] for mount in each["Mounts"]}
        assert (SOCKET in mounts) == (service == "daemon"), service
        addresses = {port["HostIp"] for ports in host["PortBindings"].values() for port in ports}
        assert addresses <= {"127.0.0.1"}, service
        assert host["Memory"] > 0, service
        assert host["NanoCpus"] > 0, service
        if service != "postgres":  # its image begins as root, and leaves it by itself
            assert each["Config"]["User"] == "attrition", service
            assert host["ReadonlyRootfs"], service
    passwords = [
        path.read_text().strip().split(":")[-1]
        for path in (stack.folder / "docker" / "secrets").iterdir()
    ]
    assert len(set(passwords)) == 4
    assert not any(password in json.dumps(described) for password in passwords)

    tags = stack.check_month("2023-11")
    assert stack.runs() == [tags["docker/container_id"]]
    run = json.loads(docker("inspect", *stack.runs()))[0]
    assert run["State"]["ExitCode"] == 0
    assert run["Config"]["User"] == "attrition"
    assert run["HostConfig"]["ReadonlyRootfs"]
    assert not any(password in json.dumps(run) for password in passwords)

    for port, path in {"API_PORT": "/model-info", "DRIFT_API_PORT": "/reports"}.items():
        assert httpx.get(f"{stack.url(port)}/health").status_code == 200
        assert httpx.get(stack.url(port) + path).status_code == 401
    key = stack.compose("exec", "-T", "code", "attrition", "key", "add", "her", "--scope", "read")
    said = httpx.get(f"{stack.url('DRIFT_API_PORT')}/reports", headers={"X-API-Key": key})
    assert said.status_code == 200
    assert httpx.get(f"{stack.url('MLFLOW_PORT')}/health").status_code == 200
    foreign = httpx.get(f"{stack.url('MLFLOW_PORT')}/", headers={"Host": "elsewhere.example"})
    assert foreign.status_code == 403

    known = stack.history()
    stack.make("backup")
    (backup,) = (stack.folder / "backups").iterdir()
    held = b"".join(path.read_bytes() for path in backup.iterdir())
    assert not any(password.encode() in held for password in passwords)
    stack.make("down")
    assert not stack.runs()
    assert not stack.containers()
    stack.compose("down", "--volumes")
    shutil.rmtree(stack.folder / "docker" / "secrets")

    stack.make("restore", f"backups/{backup.name}")
    assert known.items() <= stack.history().items()
    assert "2023-11" in stack.compose("exec", "-T", "code", "ls", "/state/assets/employee_snapshot")
    stack.check_month("2023-12")
