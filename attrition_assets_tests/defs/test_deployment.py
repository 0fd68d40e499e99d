"""`attrition run --at`: a month by the real webserver and daemon of another home, and faults."""

from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from dagster import DagsterInstance, DagsterRun

from attrition_assets.defs.runs import RETRAINING, TRIGGER_TAG
from attrition_assets.deployment import Deployment
from attrition_assets.errors import DeploymentError
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets_tests.processes import DAEMON, choose_port, run, running, wait_until

from .conftest import FAULT, LAST, Walked


@pytest.fixture
def copy(walked: Walked, tmp_path: Path) -> Settings:
    return walked.copy_to(tmp_path / "home")


@pytest.fixture
def webserver(copy: Settings) -> Iterator[str]:
    port = choose_port()
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/server_info").status_code == 200
        except httpx.HTTPError:
            return False

    with running(copy, "dagster-webserver", "-w", "workspace.yaml", "-p", str(port)):
        wait_until(answers, "the webserver")
        yield url


@pytest.mark.slow
def test_a_month_is_run_its_sensor_decides_and_a_failure_is_told(
    copy: Settings, webserver: str
) -> None:
    deaf = run(copy, "attrition", "run", LAST, "--at", webserver)
    assert deaf.returncode == 1
    assert "has daemons that are not healthy" in deaf.stderr  # nobody would decide
    with ExitStack() as stack, DagsterInstance.from_config(str(copy.home)) as instance:
        before = instance.get_runs_count()
        stack.enter_context(running(copy, *DAEMON))
        wait_until(
            lambda: all(
                status.healthy
                for status in instance.get_daemon_statuses().values()
                if status.required
            ),
            "the daemons",
        )
        done = run(copy, "attrition", "run", LAST, "--at", webserver)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith(f"{LAST} at {webserver}\nmonth: ")
        assert "month: success" in done.stdout
        last = done.stdout.splitlines()[-1]
        assert last.startswith(f"no retraining: {LAST}: retraining is not needed")
        assert instance.get_runs_count() == before + 1
        # As if the sensor had decided while the month's run was still at its last assets.
        judged = instance.get_run_records(limit=1)[0].dagster_run.run_id
        requested = DagsterRun(RETRAINING, "of-the-month", tags={TRIGGER_TAG: judged})
        instance.add_run(requested)
        instance.add_run(DagsterRun(RETRAINING, "of-another", tags={TRIGGER_TAG: "another"}))
        assert Deployment(webserver, print).find_requested(judged) == ["of-the-month"]
        refused = run(copy, "attrition", "run", FAULT, "--at", webserver)
        assert refused.returncode == 1
        assert "the month's run ended as FAILURE" in refused.stderr


def test_nobody_there_is_told() -> None:
    url = f"http://127.0.0.1:{choose_port()}"
    with pytest.raises(DeploymentError, match=f"{url} does not answer as Dagster does"):
        Deployment(url, print).run_month(parse_month(LAST))


def test_something_else_there_is_told() -> None:
    class Other(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            with pytest.raises(DeploymentError, match="404"):
                Deployment(url, print).run_month(parse_month(LAST))
        finally:
            server.shutdown()
            thread.join()
