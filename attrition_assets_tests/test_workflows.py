"""The workflows are valid by GitHub's schema, and run no text that a pull request brings."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from attrition_assets.settings import PROJECT_ROOT
from attrition_assets_tests.governance.test_pull_requests import PAYLOADS
from attrition_assets_tests.processes import choose_port

WORKFLOWS = sorted((PROJECT_ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> dict[Any, Any]:
    """A workflow by its file's name."""
    text = (PROJECT_ROOT / ".github" / "workflows" / name).read_text("utf-8")
    return dict(yaml.safe_load(text))


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


def test_what_they_run_is_a_target_of_make_or_a_script_that_is_there() -> None:
    """The targets themselves are run by `.ci/run`, and the script below."""
    made = set(re.findall(r"^([\w-]+):", (PROJECT_ROOT / "Makefile").read_text("utf-8"), re.M))
    matrix = read("ci.yml")["jobs"]["slow"]["strategy"]["matrix"]["suite"]
    for name in ("ci.yml", "monthly.yml"):
        steps = [step for job in read(name)["jobs"].values() for step in job["steps"]]
        for command in (step["run"] for step in steps if "run" in step):
            program, _, target = command.partition(" ")
            if program == "make":
                assert made >= (set(matrix) if target == '"$SUITE"' else {target}), command
            else:
                assert os.access(PROJECT_ROOT / command, os.X_OK), command


def test_the_month_runs_on_the_1st_after_the_tests_and_one_at_a_time() -> None:
    workflow = read("monthly.yml")
    assert workflow["name"] == "Monthly MLOps Pipeline"
    assert workflow[True]["schedule"] == [{"cron": "0 0 1 * *"}]
    assert workflow["jobs"]["month"]["needs"] == "test"
    assert workflow["concurrency"] == {"group": "month", "cancel-in-progress": False}


def test_every_job_ends() -> None:
    for path in WORKFLOWS:
        assert all(job["timeout-minutes"] for job in read(path.name)["jobs"].values()), path


@pytest.mark.parametrize("kind", ["github-hosted", ""])
def test_a_month_whose_state_would_be_lost_is_refused(kind: str) -> None:
    done = run_month(RUNNER_KIND=kind)
    assert done.returncode == 1
    assert "REFUSED: this runner ends with the job" in done.stderr
    assert "ATTRITION_DEPLOYMENT" in done.stderr


def test_a_month_is_run_at_the_deployment_that_is_named() -> None:
    url = f"http://127.0.0.1:{choose_port()}"
    done = run_month(RUNNER_KIND="github-hosted", DEPLOYMENT=url, MONTH="2025-02")
    assert done.returncode == 1
    assert done.stdout == f"2025-02 at {url}\n"
    assert f"Error: {url} does not answer as Dagster does" in done.stderr
    wrong = run_month(DEPLOYMENT=url, MONTH="2025-13")
    assert wrong.returncode == 2
    assert "'2025-13' is not a month" in wrong.stderr


def run_month(**variables: str) -> subprocess.CompletedProcess[str]:
    """`scripts/month.sh`, as the workflow's step runs it."""
    return subprocess.run(
        [str(PROJECT_ROOT / "scripts" / "month.sh")],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["monthly.yml", "promotion.yml"])
def test_a_runner_of_one_s_own_keeps_the_stack_s_passwords(name: str) -> None:
    """By default a checkout removes all that git does not know: .env, docker/secrets, backups."""
    (path,) = [each for each in WORKFLOWS if each.name == name]
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
    own = [job for job in jobs if job["runs-on"] != "ubuntu-latest"]
    assert [job["steps"][0]["with"]["clean"] for job in own] == [False]


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
