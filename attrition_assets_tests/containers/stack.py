"""A stack of docker-compose.yml of a test's own, beside any other, and what asks its Dagster."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from attrition_assets_tests.processes import choose_port, wait_until

from .conftest import docker

PORTS = ("DAGSTER_PORT", "MLFLOW_PORT", "API_PORT", "DRIFT_API_PORT", "FRONTEND_PORT")
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
LAUNCH = """
mutation ($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on LaunchRunSuccess { run { runId } } }
}"""
STATUS = """
query ($run: ID!) { runOrError(runId: $run) { ... on Run { status tags { key value } } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"


@dataclass(frozen=True)
class Stack:
    """A folder with the project's files, and the ports and the name of its stack."""

    folder: Path
    name: str
    ports: dict[str, int]

    @classmethod
    def choose(cls, folder: Path) -> "Stack":
        """One with ports of its own, set up as a person would: in `.env`."""
        name = f"attrition-test-{choose_port()}"
        stack = cls(folder, name, {port: choose_port() for port in PORTS})
        chosen = {"COMPOSE_PROJECT_NAME": name, "ATTRITION_TRIALS": 1, **stack.ports}
        lines = [f"{variable}={value}\n" for variable, value in chosen.items()]
        (folder / ".env").write_text("".join(lines))
        return stack

    def make(self, *command: str) -> str:
        """What `docker/stack.sh` says."""
        done = subprocess.run(
            [str(self.folder / "docker" / "stack.sh"), *command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.compose('logs')}"
        return done.stdout

    def compose(self, *command: str) -> str:
        """What `docker compose` says in the folder."""
        file = str(self.folder / "docker-compose.yml")
        return docker("compose", "--file", file, *command)

    def containers(self) -> list[str]:
        """The containers of the stack, running or not, but those of runs."""
        label = f"label=com.docker.compose.project={self.name}"
        return docker("ps", "--all", "--quiet", "--filter", label).split()

    def runs(self) -> list[str]:
        """The containers of runs, whole ids."""
        label = f"label=attrition.stack={self.name}"
        return docker("ps", "--all", "--quiet", "--no-trunc", "--filter", label).split()

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer of Dagster's GraphQL."""
        told = {"query": query, "variables": variables}
        answer = httpx.post(f"{self.url('DAGSTER_PORT')}/graphql", json=told, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def check_month(self, month: str) -> dict[str, str]:
        """Materialize a month's `employee_snapshot`, as Dagster's UI does; the run's tags."""
        params = {
            "selector": {
                "repositoryLocationName": "attrition_assets",
                "repositoryName": "__repository__",
                "jobName": "monthly",
                "assetSelection": [{"path": ["employee_snapshot"]}],
            },
            "mode": "default",
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": f"{month}-01"}]},
        }
        launched = self.ask(LAUNCH, params=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        run = launched["run"]["runId"]

        def status() -> dict[str, Any]:
            found: dict[str, Any] = self.ask(STATUS, run=run)["runOrError"]
            return found

        wait_until(lambda: status()["status"] in ENDED, f"the run of {month}", look_seconds=1)
        found = status()
        assert found["status"] == "SUCCESS", self.compose("logs", "daemon")
        return {each["key"]: each["value"] for each in found["tags"]}

    def history(self) -> dict[str, str]:
        """The runs that Dagster has on record, and how each ended."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        return {each["runId"]: each["status"] for each in found}
