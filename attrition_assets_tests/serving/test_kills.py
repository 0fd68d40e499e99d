"""The real command, killed under load: what was answered is on record, once.

Slow (minutes): `make test-slow`.
"""

import http.client
import random
import signal
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from attrition_assets.adapters.served_predictions import ServedPredictions
from attrition_assets.settings import Settings
from attrition_assets_tests.processes import choose_port, running, wait_until

from .conftest import draw_people, put_bundle, to_body

pytestmark = pytest.mark.slow
KILLS, ASKING = 20, 4


def has_follower(server: int) -> bool:
    """Whether the process that follows the champion for a server is there."""
    wanted = ["attrition_assets.serving.follow", str(server)]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if path.read_bytes().decode().split("\0")[2:4] == wanted:
                return True
    return False


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready").status_code == 200
    except httpx.HTTPError:
        return False


def ask_until_it_is_dead(port: int, body: bytes, acknowledged: list[str]) -> None:
    """Ask over and over; note the request of each whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with closing(connection), suppress(OSError, http.client.HTTPException):
        while True:
            connection.request("POST", "/predict", body)
            with connection.getresponse() as answer:  # it holds the socket too, until it is closed
                content = answer.read()
            if answer.status == 200:
                acknowledged.append(content.split(b'"request_id":"')[1][:32].decode())


def test_every_answer_of_a_process_that_is_killed_under_load_is_on_record_once(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    settings = Settings.from_environment({"ATTRITION_HOME": str(home)})
    put_bundle(settings.serving_folder)
    body, acknowledged, rng = to_body(draw_people(3)), list[str](), random.Random(0)
    port = choose_port()
    for _ in range(KILLS):
        with running(settings, "attrition", "serve", "predictions", "--port", str(port)) as server:
            wait_until(lambda: is_ready(port), "the API")
            given = (port, body, acknowledged)
            asking = [
                threading.Thread(target=ask_until_it_is_dead, args=given) for _ in range(ASKING)
            ]
            for each in asking:
                each.start()
            time.sleep(rng.uniform(0.05, 0.8))  # the instant of the kill
            server.send_signal(signal.SIGKILL)
            server.wait()
            for each in asking:
                each.join()
        wait_until(lambda: not has_follower(server.pid), "the follower to end")
    held = ServedPredictions(SecretStr(f"sqlite:///{home}/serving/predictions.db"))
    stored = [(each["request_id"], each["row"]) for each in held.read(10_000_000)]
    assert len(acknowledged) > 10 * KILLS
    assert len(stored) == len(set(stored))
    wanted = {(request, row) for request in acknowledged for row in range(3)}
    assert wanted - set(stored) == set()
    requests = {request for request, _ in stored}
    assert len(stored) == 3 * len(requests)  # whole requests, or nothing of them
