"""What Docker is given fits the rest of the project; no engine is needed to tell."""

import re

import pytest

from attrition_assets.code_server import describe_container
from attrition_assets.settings import PROJECT_ROOT

from .conftest import INPUTS

DOCKERFILE = (PROJECT_ROOT / "docker" / "Dockerfile").read_text("utf-8")
LOCKS = sorted((PROJECT_ROOT / "docker").glob("*.lock"))
PIN = re.compile(r"^([a-z0-9-]+(?:\[\w+\])?==\S+)(.*)\\$", re.MULTILINE)


def test_an_image_has_only_versions_of_the_projects_lock() -> None:
    known = {pin for pin, _ in PIN.findall((PROJECT_ROOT / "requirements.lock").read_text("utf-8"))}
    assert len(LOCKS) == 4
    for lock in LOCKS:
        pins = {pin for pin, _ in PIN.findall(lock.read_text("utf-8"))}
        assert pins, lock
        assert pins <= known, lock


def test_the_images_are_built_with_the_projects_uv() -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text("utf-8")
    (pinned,) = re.findall(r"^UV_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert f"ARG UV_VERSION={pinned}\n" in DOCKERFILE


@pytest.mark.parametrize("words", [r"^# *syntax *=", "<<", r"^COPY --link", r"^ADD "])
def test_the_dockerfile_is_one_that_an_old_engine_takes(words: str) -> None:
    assert not re.search(words, DOCKERFILE, re.MULTILINE)


def test_every_input_is_there_and_every_target_has_its_own() -> None:
    targets = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert set(INPUTS) == set(targets) - {"uv", "base", "web", "model"}
    for target, inputs in INPUTS.items():
        for name in inputs:
            assert (PROJECT_ROOT / name).exists(), f"{target}: {name}"


def test_a_runs_container_has_the_settings_and_the_secrets_of_the_code_server() -> None:
    environment = {
        **{"ATTRITION_TRIALS": "2", "ATTRITION_HOME": "/state", "PATH": "/usr/bin"},
        **{"STACK": "attrition", "HOST_SECRETS": "/srv/stack/secrets"},
    }
    assert describe_container(environment, ["b.pgpass", "a.pgpass"]) == {
        "env_vars": ["ATTRITION_HOME=/state", "ATTRITION_TRIALS=2"],
        "docker": {
            "networks": ["attrition"],
            "container_kwargs": {
                "labels": {"attrition.stack": "attrition"},
                "volumes": [
                    "attrition_state:/state",
                    "/srv/stack/secrets/a.pgpass:/run/secrets/a.pgpass:ro",
                    "/srv/stack/secrets/b.pgpass:/run/secrets/b.pgpass:ro",
                ],
            },
        },
    }
