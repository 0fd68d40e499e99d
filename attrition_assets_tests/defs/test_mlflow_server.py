"""The registry at a server of MLflow, as in containers: it refuses what a SQLite file takes."""

from pathlib import Path

import httpx
import pytest

from attrition_assets.adapters.registry import Registry
from attrition_assets_tests.processes import choose_port, run, running, wait_until
from attrition_assets_tests.walking import Walked


@pytest.mark.slow
def test_a_retraining_registers_its_version_at_a_server(walked: Walked, tmp_path: Path) -> None:
    settings = walked.copy_to(tmp_path / "home")
    registry = Registry(settings.mlflow_uri, settings.home, walked.loop.contract)
    before = registry.versions()
    url = f"http://127.0.0.1:{choose_port()}"
    address = ("--host", "127.0.0.1", "--port", url.rpartition(":")[2], "--workers", "1")

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/health").is_success
        except httpx.TransportError:
            return False

    server = ("mlflow", "server", "--backend-store-uri", settings.mlflow_uri, *address)
    with running(settings, *server):
        wait_until(answers, "MLflow's server")
        words = ("attrition", "retrain", "--reason", "to see it registered")
        done = run(settings, *words, ATTRITION_MLFLOW_URI=url)
        assert done.returncode == 0, done.stderr
    assert registry.versions() == [*before, max(before) + 1]
    assert registry.load(max(before) + 1).pipeline is not None
