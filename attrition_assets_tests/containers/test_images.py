"""Every image is built of its inputs alone, and runs without root and without a writable root.

Where the base image is a stand-in, so is what is proven here: `docker/engine.sh` says so.
"""

import json
from pathlib import Path

import pytest

from attrition_assets.adapters.containers import PREDICTION
from attrition_assets.training.families import Family
from attrition_assets_tests.serving.conftest import put_bundle

from .conftest import INPUTS, Run, build, docker

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker")]

DEV = {"pytest", "mypy", "ruff", "selenium", "schemathesis", "hypothesis", "pip", "uv", "hatchling"}
ABSENT = {
    "frontend": {"pandas", "numpy", "dagster", "mlflow", "mlflow-skinny", "scikit-learn"},
    "api": {"dagster", "mlflow", "evidently", "matplotlib", "optuna"},
    "drift-api": {"dagster", "mlflow", "evidently", "matplotlib", "optuna"},
    "mlflow": {"dagster", "attrition-assets", "shap", "evidently"},
    "dagster": {"nvidia-nccl-cu12"},
}
LIST = "import importlib.metadata as m; print(*(d.metadata['Name'] for d in m.distributions()))"


@pytest.mark.parametrize("target", list(INPUTS))
def test_it_becomes_healthy_without_root_and_carries_only_what_it_needs(
    target: str, run: Run
) -> None:
    container = run(build(target, "inputs"))
    assert docker("exec", container, "id", "-u") == "10001"
    assert docker("exec", container, "sh", "-c", "touch /app/x 2>&1 || true").endswith(
        "Read-only file system"
    )
    held = {name.lower() for name in docker("exec", container, "python", "-c", LIST).split()}
    assert not held & (DEV | ABSENT[target])


@pytest.mark.parametrize("family", list(Family))
def test_the_api_answers_with_the_model_that_is_baked_in(
    family: Family, run: Run, tmp_path: Path
) -> None:
    put_bundle(tmp_path / "model", version=7, family=family)
    container = run(build("api", f"{family}", tmp_path / "model"))
    answer = json.loads(docker("exec", container, "python", "-c", PREDICTION))
    assert answer["model_version"] == 7
    assert 0 < answer["predictions"][0]["probability"] < 1


def test_labels_say_what_it_is_of(engine: None, tmp_path: Path) -> None:
    said = docker("inspect", "--format", "{{json .Config.Labels}}", build("api", "labels"))
    labels = json.loads(said)
    assert labels["org.opencontainers.image.revision"] == "unknown"
    assert labels["attrition.model-version"] == "none"
