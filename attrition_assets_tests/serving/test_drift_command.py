"""`attrition serve drift` as a person starts it and stops it."""

import signal
import threading
from pathlib import Path

import httpx
import pytest

from attrition_assets_tests.processes import PATIENCE_SECONDS, choose_port, running, wait_until

from .drift_home import CALM, MakeHome, make_home

__all__ = ["make_home"]


@pytest.mark.slow
def test_the_command_serves_and_answers_what_is_under_way_before_it_stops(
    make_home: MakeHome, tmp_path: Path
) -> None:
    home, port = make_home(tmp_path), choose_port()
    command = ("attrition", "serve", "drift", "--port", str(port))
    with (
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS) as client,
        running(home.settings, *command) as process,
    ):

        def is_ready() -> bool:
            try:
                return client.get("/ready").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(is_ready, "the API")
        rows = home.rows(home.tables[CALM])
        answers: list[httpx.Response] = []
        body = {"rows": rows * 30, "reference": rows * 30}
        asking = threading.Thread(
            target=lambda: answers.append(client.post("/drift/feature", json=body))
        )
        asking.start()
        metrics = httpx.Client(base_url=client.base_url)
        with metrics:
            wait_until(
                lambda: "requests_under_way 2.0" in metrics.get("/metrics").text, "the check"
            )
        process.send_signal(signal.SIGTERM)
        asking.join()
        # Once all is answered uvicorn ends by the signal that it got, as whoever sent it expects.
        assert process.wait(PATIENCE_SECONDS) == -signal.SIGTERM
    assert answers[0].json()["dataset_drift"] is False
    log = (tmp_path / "attrition.log").read_text("utf-8")
    assert '"path": "/drift/feature", "status": 200' in log
    assert "Traceback" not in log
