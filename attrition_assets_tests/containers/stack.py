"""A stack of docker-compose.yml of a test's own, beside any other, and what asks its Dagster."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from attrition_assets.deployment import ENDED, LAUNCH
from attrition_assets_tests.processes import choose_port, wait_until

from .conftest import docker

PORTS = ("DAGSTER_PORT", "MLFLOW_PORT", "API_PORT", "DRIFT_API_PORT", "FRONTEND_PORT")
RUNS = """{ runsOrError { ... on Runs { results {
  runId jobName status tags { key value } stepStats { stepKey status } } } } }"""


@dataclass(frozen=True)
class Run:
    """A run as Dagster tells it."""

    job: str
    status: str
    tags: dict[str, str]
    steps: dict[str, str]


@dataclass(frozen=True)
class Stack:
    """A folder with the project's files, its stack's name and ports, and where its images go."""

    folder: Path
    name: str
    ports: dict[str, int]
    registry: str

    @classmethod
    def choose(cls, folder: Path, registry: str) -> "Stack":
        """One with ports of its own, set up as a person would: in `.env`."""
        name = f"attrition-test-{choose_port()}"
        stack = cls(folder, name, {port: choose_port() for port in PORTS}, registry)
        chosen = {
            "COMPOSE_PROJECT_NAME": name,
            "ATTRITION_TRIALS": 1,
            "IMAGE_REGISTRY": registry,
            **stack.ports,
        }
        lines = [f"{variable}={value}\n" for variable, value in chosen.items()]
        (folder / ".env").write_text("".join(lines))
        return stack

    def make(self, *command: str) -> str:
        """What `docker/stack.sh` says."""
        done = self.attempt(*command)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{self.compose('logs')}"
        return done.stdout

    def environment(self, **variables: str) -> dict[str, str]:
        """What its scripts are given: this process's environment, and the folder's own code."""
        return {**os.environ, "PYTHONPATH": str(self.folder), **variables}

    def attempt(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`docker/stack.sh`, which may fail."""
        return subprocess.run(
            [str(self.folder / "docker" / "stack.sh"), *command],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            check=False,
        )

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

    def answers(self) -> bool:
        """Whether Dagster answers: not to the first after its database was away."""
        told = self._post(RUNS)
        return told.status_code == 200 and "errors" not in told.json()

    def ask(self, query: str, **variables: Any) -> Any:
        """The answer of Dagster's GraphQL."""
        answer = self._post(query, **variables)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def _post(self, query: str, **variables: Any) -> httpx.Response:
        told = {"query": query, "variables": variables}
        return httpx.post(f"{self.url('DAGSTER_PORT')}/graphql", json=told, timeout=60)

    def launch(self, job: str, config: object = None, **more: Any) -> str:
        """Launch a job as Dagster's UI does; the run's id."""
        place = {"repositoryLocationName": "attrition_assets", "repositoryName": "__repository__"}
        month, assets = more.get("month"), more.get("assets", [])
        tags = [{"key": "dagster/partition", "value": f"{month}-01"}] if month else []
        params = {
            "selector": {
                **place,
                "jobName": job,
                "assetSelection": [{"path": [name]} for name in assets] or None,
            },
            "runConfigData": config or {},
            "executionMetadata": {"tags": tags},
        }
        launched = self.ask(LAUNCH, given=params)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return str(launched["run"]["runId"])

    def history(self) -> dict[str, Run]:
        """The runs that Dagster has on record, the newest first."""
        return {
            told["runId"]: Run(
                told["jobName"],
                told["status"],
                {each["key"]: each["value"] for each in told["tags"]},
                {each["stepKey"]: each["status"] for each in told["stepStats"]},
            )
            for told in self.ask(RUNS)["runsOrError"]["results"]
        }

    def await_runs(self, *ids: str) -> None:
        """Wait until runs have ended, all of them well."""
        wait_until(
            lambda: all(self.history()[each].status in ENDED for each in ids),
            f"{len(ids)} runs",
            look_seconds=1,
        )
        ended = [self.history()[each].status for each in ids]
        assert ended == ["SUCCESS"] * len(ids), self.compose("logs", "daemon", "code")

    def attrition(self, *command: str) -> str:
        """What `attrition` says in the code server's container."""
        return self.compose("exec", "-T", "code", "attrition", *command)
