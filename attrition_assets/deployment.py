"""A month through a Dagster that runs elsewhere, by its GraphQL, and the retraining it leads to.

Only what the UI could do is done: the month's run is launched, the deployment's own sensor decides,
and what it requested is awaited. Source of the queries: Dagster's GraphQL schema, 1.13.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import pandas as pd

from attrition_assets.defs.runs import MONTHLY, TRIGGER_TAG, tag_month
from attrition_assets.errors import DeploymentError

SENSOR = "retrain_on_drift"
ASK_SECONDS, TIMEOUT_SECONDS = 2.0, 30.0
LONGEST_SILENCE = 300.0  # of a server that restarts, or of a sensor whose daemon is slow
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
WILL_RETRY, RETRY = "dagster/will_retry", "dagster/auto_retry_run_id"
TELLS_SECONDS = 15.0  # within which Dagster has noted whether it starts a failed run once more
BUSY = {500, 502, 503, 504}

REPOSITORIES = """{ repositoriesOrError { __typename
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  ... on PythonError { message } } }"""
DAEMONS = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
LAUNCH = """mutation ($given: ExecutionParams!) { launchRun(executionParams: $given) { __typename
  ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
STATUS = """query ($run: ID!) { runOrError(runId: $run) { __typename
  ... on Run { status tags { key value } } ... on Error { message } } }"""
TAGGED = """query ($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { __typename
  ... on Runs { results { runId } } ... on InvalidPipelineRunsFilterError { message }
  ... on PythonError { message } } }"""
TICKS = """query ($chosen: SensorSelector!) { sensorOrError(sensorSelector: $chosen) { __typename
  ... on Sensor { sensorState { status ticks(limit: 20) {
    timestamp status skipReason runIds error { message } } } } ... on Error { message } } }"""


@dataclass
class Deployment:
    """Dagster's webserver at an address. What it does not do raises DeploymentError."""

    url: str
    report: Callable[[str], None]
    _met: bool = field(default=False, init=False)

    def run_month(self, month: pd.Period, unit: str | None = None) -> None:
        """Run a month, wait for what the sensor decides then, and for the retraining if there is.

        Raises DeploymentError if one of both runs fails, nobody would decide, or nothing answers.
        """
        self._require_daemons()
        judged = self._await("month", self._launch(month, unit))
        self.report(f"the sensor {SENSOR} decides ...")
        tick = self._await_tick(max((each["timestamp"] for each in self._ticks()), default=0.0))
        requested = self.find_requested(judged)
        failed = tick["error"]["message"] if tick["status"] == "FAILURE" else ""
        said = tick["skipReason"] or "the sensor asked for none"
        if unit is not None:  # a tick tells of all units, a line each
            mine = [line for line in said.splitlines() if line.startswith(f"{unit}: ")]
            said, failed = mine[0] if mine else said, failed if f"{unit}: " in failed else ""
        if failed and not requested:
            raise DeploymentError(f"the sensor {SENSOR} failed: {failed}")
        if not requested:
            self.report(f"no retraining: {said}")
        for retraining in requested:
            self._await("retraining", retraining)

    def find_requested(self, judged: str) -> list[str]:
        """The runs of the retraining that the sensor requested on the verdict of a month's run.

        By the tag that it gives them, not by one of its ticks: it may well have decided while the
        month's run, whose verdict was there, had not ended.
        """
        tags = [{"key": TRIGGER_TAG, "value": judged}]
        return [each["runId"] for each in self._ask_patiently(TAGGED, tags=tags)["results"]]

    def _ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The one field of an answer; errors in it are raised."""
        asked = {"query": query, "variables": variables}
        try:
            at = f"{self.url.rstrip('/')}/graphql"
            answer = httpx.post(at, json=asked, timeout=TIMEOUT_SECONDS)
            self._met |= answer.status_code in BUSY
            answer.raise_for_status()
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            said = (str(error) or type(error).__name__).splitlines()[0]
            raise DeploymentError(f"{self.url} does not answer as Dagster does: {said}") from None
        if told.get("errors") or not told.get("data"):
            said = (told.get("errors") or [{"message": "nothing"}])[0]["message"]
            raise DeploymentError(f"{self.url} refuses the question: {said}")
        self._met = True
        (found,) = told["data"].values()
        if "message" in found:
            raise DeploymentError(f"{self.url} answers {found['__typename']}: {found['message']}")
        return dict(found)

    def _ask_patiently(self, query: str, **variables: object) -> dict[str, Any]:
        """The same, by a server that may be away for a while: it is only asked, so asked again.

        Not if it never answered before: its address was perhaps mistyped.
        """
        deadline = time.monotonic() + LONGEST_SILENCE
        while True:
            try:
                return self._ask(query, **variables)
            except DeploymentError as error:
                if not self._met or time.monotonic() > deadline:
                    raise
                self.report(f"asking again: {error}")
            time.sleep(ASK_SECONDS)

    @cached_property
    def _place(self) -> dict[str, str]:
        """Where the jobs are: the names that Dagster gives our code."""
        found = self._ask_patiently(REPOSITORIES)["nodes"]
        ours = [each for each in found if MONTHLY in {job["name"] for job in each["jobs"]}]
        if len(ours) != 1:
            raise DeploymentError(
                f"{self.url} holds {len(ours)} places with a job {MONTHLY!r}, and one is needed: "
                "see the UI under Deployment"
            )
        name, location = ours[0]["name"], ours[0]["location"]["name"]
        return {"repositoryName": name, "repositoryLocationName": location}

    def _require_daemons(self) -> None:
        told = self._ask_patiently(DAEMONS)["daemonHealth"]["allDaemonStatuses"]
        ill = [each["daemonType"] for each in told if each["required"] and not each["healthy"]]
        if ill:
            raise DeploymentError(
                f"{self.url} has daemons that are not healthy ({', '.join(ill)}): nothing would be "
                "decided; start dagster-daemon, see the UI under Deployment"
            )
        if self._read_sensor()["status"] != "RUNNING":
            raise DeploymentError(f"the sensor {SENSOR} at {self.url} is stopped: start it first")

    def _launch(self, month: pd.Period, unit: str | None) -> str:
        tags = [{"key": key, "value": value} for key, value in tag_month(month, unit).items()]
        given = {
            "selector": {**self._place, "jobName": MONTHLY},
            "runConfigData": {},
            "executionMetadata": {"tags": tags},
        }
        return str(self._ask(LAUNCH, given=given)["run"]["runId"])

    def _await(self, what: str, run: str) -> str:
        """Wait until a run has ended, and the one that Dagster starts in place of one whose process
        died: that which succeeded. Raises DeploymentError if none did.
        """
        seen, since = "", 0.0
        while True:
            told = self._ask_patiently(STATUS, run=run)
            tags = {each["key"]: each["value"] for each in told["tags"]}
            if told["status"] != seen:
                seen, since = told["status"], time.monotonic()
                self.report(f"{what}: {seen.lower()}  {self.url}/runs/{run}")
            if seen == "SUCCESS":
                return run
            patience = {None: TELLS_SECONDS, "true": LONGEST_SILENCE}.get(tags.get(WILL_RETRY), 0.0)
            if seen == "CANCELED" or (seen in ENDED and time.monotonic() >= since + patience):
                raise DeploymentError(f"the {what}'s run ended as {seen}: {self.url}/runs/{run}")
            if seen in ENDED and RETRY in tags:
                self.report(f"{what}: its process died, and it is started once more")
                run, seen = tags[RETRY], ""
            else:
                time.sleep(ASK_SECONDS)  # Dagster is asked: it tells nobody

    def _read_sensor(self) -> dict[str, Any]:
        chosen = {**self._place, "sensorName": SENSOR}
        return dict(self._ask_patiently(TICKS, chosen=chosen)["sensorState"])

    def _ticks(self) -> list[dict[str, Any]]:
        """The sensor's newest ticks."""
        return list(self._read_sensor()["ticks"])

    def _await_tick(self, known: float) -> dict[str, Any]:
        """The first tick after a known one, once it has ended."""
        deadline = time.monotonic() + LONGEST_SILENCE
        while time.monotonic() < deadline:
            later = [each for each in self._ticks() if each["timestamp"] > known]
            if later:
                first: dict[str, Any] = min(later, key=lambda each: each["timestamp"])
                if first["status"] != "STARTED":
                    return first
            time.sleep(ASK_SECONDS)
        raise DeploymentError(
            f"the sensor {SENSOR} did not tick for {LONGEST_SILENCE:.0f} seconds: does its daemon "
            "run?"
        )
