"""The workflows are valid by GitHub's schema, and run no text that a pull request brings."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.governance.test_pull_requests import PAYLOADS

WORKFLOWS = sorted((PROJECT_ROOT / ".github" / "workflows").glob("*.yml"))


def test_they_are_valid_by_githubs_schema() -> None:
    assert WORKFLOWS
    checker = (sys.executable, "-m", "check_jsonschema", "--builtin-schema")
    done = subprocess.run(
        [*checker, "vendor.github-workflows", *map(str, WORKFLOWS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    wrong = subprocess.run(
        [*checker, "vendor.github-workflows", str(PAYLOADS / "merged.json")],
        capture_output=True,
        check=False,
    )
    assert wrong.returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_script_holds_an_expression_and_nothing_may_be_written(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert not [step["run"] for step in steps if "${{" in step.get("run", "")]
    assert set(workflow["permissions"].values()) == {"read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    for used in (step["uses"] for step in steps if "uses" in step):
        assert re.fullmatch(r"actions/[\w-]+@(v\d+|[0-9a-f]{40})", used), used


def test_a_promotion_runs_only_what_was_merged() -> None:
    (path,) = [each for each in WORKFLOWS if each.name == "promotion.yml"]
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow[True] == {"pull_request_target": {"types": ["closed"]}}  # `on`, in YAML 1.1
    (job,) = workflow["jobs"].values()
    assert [step["uses"] for step in job["steps"] if "uses" in step] == ["actions/checkout@v4"]
    checkout = job["steps"][0]["with"]
    assert checkout["ref"] == "${{ github.event.repository.default_branch }}"
    assert checkout["persist-credentials"] is False
    assert "'model-promotion'" in job["if"]
    assert "promote --from-pull-request" in job["steps"][-1]["run"]


def test_a_promotion_is_given_the_reviews_and_who_may_push() -> None:
    (path,) = [each for each in WORKFLOWS if each.name == "promotion.yml"]
    (job,) = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    fetch, promote = (step["run"] for step in job["steps"][-2:])
    fetched = {Path(line.split(" > ")[1].strip('"')).name: line for line in fetch.splitlines()}
    given = dict(re.findall(r'--(\w+) "\$RUNNER_TEMP/([\w.]+)"', promote))
    assert given == {name: f"{name}.json" for name in ("reviews", "collaborators")}
    assert all(f"/{name}" in fetched[file] for name, file in given.items())
