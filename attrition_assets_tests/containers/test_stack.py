"""The life of a stack, in order, each test upon the one before: months, a retraining, its images, a
promotion, deaths in the middle of a month, and all of it lost and restored on a newer revision.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pandas as pd
import pytest

from attrition_assets.adapters.containers import Engine
from attrition_assets.defs.retraining import retraining_config
from attrition_assets.deployment import ENDED
from attrition_assets.months import parse_month
from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.processes import BIN, wait_until

from .conftest import INPUTS, docker, start_engine
from .stack import Run, Stack

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]

SOCKET = "/var/run/docker.sock"
HISTORY = [str(month) for month in pd.period_range("2023-11", "2025-01", freq="M")]
CALM, SHIFT = "2025-02", "2025-06"  # the shipped company's pay rises in the latter
STRUCK, WITHOUT_DATABASE, RESTORED = "2025-07", "2025-08", "2025-09"
TARGETS = set(INPUTS)


@pytest.fixture(scope="module")
def stack(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up, of a copy of the project."""
    folder = tmp_path_factory.mktemp("stack")
    files = {name.split("/")[0] for names in INPUTS.values() for name in names}
    scripts = {"Makefile", "scripts", "docker-compose.yml", ".env.example", ".dockerignore"}
    for name in files | scripts:
        source = PROJECT_ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "secrets")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder / name)
    (folder / ".venv").mkdir()
    for path in (PROJECT_ROOT / ".venv").iterdir():
        (folder / ".venv" / path.name).symlink_to(path)
    (folder / ".venv" / ".ready").unlink()
    (folder / ".venv" / ".ready").touch()  # of its own: `make` has nothing to install there
    stack = Stack.choose(folder, f"{registry}/{folder.parent.name}")
    try:
        stack.make("up")
        yield stack
    finally:
        stack.make("down")
        stack.compose("down", "--volumes", "--rmi", "local")


@contextmanager
def month_under_way(stack: Stack, month: str) -> Iterator[subprocess.Popen[str]]:
    """`attrition run MONTH --at` the stack, while the month's run has stored its snapshot and goes
    on; ended with the block.
    """
    with subprocess.Popen(
        ask_for(stack, month), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            wait_until(
                lambda: process.poll() is not None or is_under_way(stack, month), f"{month} to run"
            )
            assert process.poll() is None, process.communicate()
            yield process
        finally:
            process.kill()


def is_under_way(stack: Stack, month: str) -> bool:
    return any(
        run.steps.get("employee_snapshot") == "SUCCESS" and run.status not in ENDED
        for run in runs_of(stack, month)
    )


def runs_of(stack: Stack, month: str) -> list[Run]:
    """The runs of a month, the newest first."""
    return [
        run
        for run in stack.history().values()
        if run.job == "monthly" and run.tags.get("dagster/partition") == f"{month}-01"
    ]


def run_month(stack: Stack, month: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(ask_for(stack, month), capture_output=True, text=True, check=False)


def ask_for(stack: Stack, month: str) -> list[str]:
    return [str(BIN / "attrition"), "run", month, "--at", stack.url("DAGSTER_PORT")]


def list_releases(stack: Stack) -> dict[str, str]:
    """The digests on record of the version 2, by target; empty if it has no release."""
    said = stack.compose("exec", "-T", "code", "sh", "-c", "cat /state/images/2.json || true")
    images = json.loads(said)["images"] if said else []
    return {image["target"]: image["digest"] for image in images}


def scored_once(stack: Stack, month: str) -> bool:
    """Whether a month's predictions are of the people of its snapshot, each once."""
    read = (
        "from attrition_assets.adapters.files import read_parquet; from pathlib import Path; "
        "scored, people = (read_parquet(Path(f'/state/assets/{name}/"
        f"{month}-01.parquet')).EmployeeNumber "
        "for name in ('predictions', 'employee_snapshot')); "
        "print(len(people) > 0 and sorted(scored) == sorted(set(people)))"
    )
    return stack.compose("exec", "-T", "code", "python", "-c", read) == "True"


def served(stack: Stack, headers: dict[str, str]) -> int:
    """The version that the prediction API serves."""
    answer = httpx.get(f"{stack.url('API_PORT')}/model-info", headers=headers)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["version"])


def test_each_service_has_as_little_as_it_needs(stack: Stack) -> None:
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
    passwords = read_passwords(stack)
    assert len(set(passwords)) == 4
    assert not any(password in json.dumps(described) for password in passwords)
    for port, path in {"API_PORT": "/model-info", "DRIFT_API_PORT": "/reports"}.items():
        assert httpx.get(f"{stack.url(port)}/health").status_code == 200
        assert httpx.get(stack.url(port) + path).status_code == 401
    assert httpx.get(f"{stack.url('MLFLOW_PORT')}/health").status_code == 200
    foreign = httpx.get(f"{stack.url('MLFLOW_PORT')}/", headers={"Host": "elsewhere.example"})
    assert foreign.status_code == 403


def test_no_image_holds_a_password(stack: Stack) -> None:
    """They were made before the images were built, in the folder that the builds were given."""
    words = [word for password in read_passwords(stack) for word in ("-e", password)]
    looked = ("grep", "-rlF", "--exclude-dir=proc", "--exclude-dir=sys", *words, "/")
    found = f"{' '.join(looked)}; test $? = 1"  # grep's word for: none of it, and no error
    for target in TARGETS:
        run = ("run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "sh")
        docker(*run, f"{stack.name}-{target}", "-c", found)
    with pytest.raises(AssertionError):  # it would be found
        docker(*run, f"{stack.name}-{target}", "-c", f"echo {words[1]} >/tmp/it; {found}")


def read_passwords(stack: Stack) -> list[str]:
    secrets = (stack.folder / "docker" / "secrets").iterdir()
    return [path.read_text().strip().split(":")[-1] for path in secrets]


def test_history_and_the_first_model_each_run_in_a_container_of_its_own(stack: Stack) -> None:
    ids = [stack.launch("monthly", month=month, assets=["employee_snapshot"]) for month in HISTORY]
    stack.await_runs(*ids)
    config = retraining_config(parse_month(HISTORY[-1]))
    stack.await_runs(stack.launch("retraining", config))
    ran = [run.tags["docker/container_id"] for run in stack.history().values()]
    assert set(ran) == set(stack.runs())
    assert len(set(ran)) == len(HISTORY) + 1
    passwords = read_passwords(stack)
    for run in json.loads(docker("inspect", *ran)):
        assert run["State"]["ExitCode"] == 0
        assert run["Config"]["User"] == "attrition"
        assert run["HostConfig"]["ReadonlyRootfs"]
        assert not any(password in json.dumps(run) for password in passwords)


def test_a_calm_month_retrains_nothing_and_a_shift_retrains_once(stack: Stack) -> None:
    """The latter as the workflow runs it, and so with images."""
    calm = run_month(stack, CALM)
    assert calm.returncode == 0, calm.stdout + calm.stderr
    assert calm.stdout.splitlines()[-1].startswith("no retraining: ")
    shift = subprocess.run(
        [str(stack.folder / "scripts" / "month.sh")],
        env=stack.environment(RUNNER_KIND="self-hosted", MONTH=SHIFT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert shift.returncode == 0, shift.stdout + shift.stderr
    assert "retraining: success" in shift.stdout
    retrained = [run for run in stack.history().values() if run.job == "retraining"]
    assert [run.status for run in retrained] == ["SUCCESS", "SUCCESS"]
    assert [run.tags.get("dagster/sensor_name") for run in retrained] == ["retrain_on_drift", None]
    assert retrained[0].tags["docker/container_id"] in stack.runs()


def test_its_images_are_in_the_registry_on_record_and_skipped_from_then_on(stack: Stack) -> None:
    released = list_releases(stack)
    assert set(released) == TARGETS
    engine = Engine(stack.registry)
    for target, digest in released.items():
        assert engine.digest(engine.name(target, "candidate-2")) == digest
    again = stack.attempt("images")
    assert again.returncode == 0
    assert again.stderr.count("is in the registry: skipped") == len(TARGETS)
    assert list_releases(stack) == released


def test_without_registry_or_engine_there_is_an_error_and_no_release(stack: Stack) -> None:
    released = list_releases(stack)
    start_engine("stop-registry")
    try:
        away = stack.attempt("images")
    finally:
        start_engine("--registry")
    assert away.returncode == 1
    assert "refused" in away.stderr
    deaf = stack.attempt("images", DOCKER_HOST="tcp://127.0.0.1:9")
    assert deaf.returncode == 1
    assert "Cannot connect to the Docker daemon" in deaf.stderr
    assert list_releases(stack) == released


def test_what_is_promoted_is_served_and_its_images_are_the_champion_s(stack: Stack) -> None:
    headers = {"X-API-Key": stack.attrition("key", "add", "her", "--scope", "read")}
    wait_until(lambda: served(stack, headers) == 1, "the first version to be served")
    stack.attrition("promote", "--version", "2", "--who", "her", "--override", "--reason", "drill")
    wait_until(lambda: served(stack, headers) == 2, "the second version to be served")
    engine, reviewed = Engine(stack.registry), list_releases(stack)
    stack.make("images")
    assert list_releases(stack) == reviewed  # though the model's card is another one since
    for target, digest in reviewed.items():
        assert engine.digest(engine.name(target, "champion")) == digest


def test_a_run_that_is_killed_is_started_once_more_and_nothing_is_doubled(stack: Stack) -> None:
    with month_under_way(stack, STRUCK) as month:
        (struck,) = runs_of(stack, STRUCK)
        docker("kill", struck.tags["docker/container_id"])
        said, _ = month.communicate()
        assert month.returncode == 0, said
    assert "its process died, and it is started once more" in said
    assert [run.status for run in runs_of(stack, STRUCK)] == ["SUCCESS", "FAILURE"]
    assert scored_once(stack, STRUCK)


def test_a_month_outlives_its_database_or_fails_and_is_run_again(stack: Stack) -> None:
    with month_under_way(stack, WITHOUT_DATABASE) as month:
        stack.compose("kill", "postgres")
        stack.compose("up", "--detach", "--wait", "postgres")
        said, _ = month.communicate()
    assert month.returncode == 0 or "the month's run ended as FAILURE" in said, said
    wait_until(stack.answers, "Dagster to answer again")
    wait_until(
        lambda: all(run.status in ENDED for run in runs_of(stack, WITHOUT_DATABASE)), "its runs"
    )
    again = run_month(stack, WITHOUT_DATABASE)
    assert again.returncode == 0, again.stdout + again.stderr
    assert stack.attrition("decisions", "--verify")
    requested = [run.tags.get("dagster/run_key") for run in stack.history().values()]
    keys = [key for key in requested if key]
    assert keys
    assert len(set(keys)) == len(keys)
    assert scored_once(stack, WITHOUT_DATABASE)


def test_all_that_is_lost_comes_back_on_a_newer_revision(stack: Stack) -> None:
    known, decided = stack.history(), stack.attrition("decisions")
    stack.make("backup")
    (backup,) = (stack.folder / "backups").iterdir()
    held = b"".join(path.read_bytes() for path in backup.iterdir())
    assert not any(password.encode() in held for password in read_passwords(stack))
    stack.make("down")
    assert not stack.runs()
    assert not stack.containers()
    stack.compose("down", "--volumes")
    shutil.rmtree(stack.folder / "docker" / "secrets")
    with (stack.folder / "attrition_assets" / "__init__.py").open("a") as file:
        file.write("\nNEWER = True\n")

    stack.make("restore", f"backups/{backup.name}")
    newer = "import attrition_assets; print(attrition_assets.NEWER)"
    assert stack.compose("exec", "-T", "code", "python", "-c", newer) == "True"
    assert known.items() <= stack.history().items()
    assert stack.attrition("decisions") == decided
    restored = run_month(stack, RESTORED)
    assert restored.returncode == 0, restored.stdout + restored.stderr
