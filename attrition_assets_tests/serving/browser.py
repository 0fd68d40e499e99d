"""A real headless Chromium for tests, and the real commands that it looks at."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from attrition_assets.settings import Settings

from ..processes import choose_port, start, wait_until

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


def open_browser(profile: Path) -> webdriver.Chrome:
    """A browser with an empty profile; skips, aloud, where there is none."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip(
            "there is no chromium or no chromedriver here: the pages are NOT tested in a browser; "
            "on Debian: apt-get install chromium chromium-driver"
        )
    options = Options()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=Service(driver))


@dataclass
class Servers:
    """The three commands: where the pages are, and how the prediction API is ended and begun."""

    settings: Settings
    stack: ExitStack
    url: str
    predictions: int
    ended: ExitStack

    def end_predictions(self) -> None:
        self.ended.close()

    def start_predictions(self) -> None:
        self.ended.enter_context(serving_command(self.settings, "predictions", self.predictions))


@contextmanager
def serving_command(settings: Settings, what: str, port: int, **variables: str) -> Iterator[str]:
    """`attrition serve WHAT`, once it answers, until the block is left: its URL."""
    url = f"http://127.0.0.1:{port}"
    process = start(settings, "attrition", "serve", what, "--port", str(port), **variables)
    try:
        wait_until(lambda: _answers(url) or process.poll() is not None, f"serve {what}")
        assert process.poll() is None, (settings.home / "attrition.log").read_text()[-2000:]
        yield url
    finally:
        process.terminate()
        process.wait()


@contextmanager
def serving_all(settings: Settings) -> Iterator[Servers]:
    """Both APIs and the pages, by their commands."""
    with ExitStack() as stack, ExitStack() as ended:
        port = choose_port()
        predictions = ended.enter_context(serving_command(settings, "predictions", port))
        drift = stack.enter_context(serving_command(settings, "drift", choose_port()))
        variables = {"ATTRITION_PREDICTION_API": predictions, "ATTRITION_DRIFT_API": drift}
        url = stack.enter_context(serving_command(settings, "frontend", choose_port(), **variables))
        yield Servers(settings, stack, url, port, ended)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).is_success
    except httpx.HTTPError:
        return False
