"""The real commands, daemon and webserver, as a person starts them, and waiting for conditions."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attrition_assets.settings import PROJECT_ROOT, Settings

BIN = Path(sys.executable).parent
PATIENCE_SECONDS = 600


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with the home and the data of `settings` and few trials."""
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith("ATTRITION_")}
    return {
        **inherited,
        "DAGSTER_HOME": str(settings.home),
        "ATTRITION_DATA": str(settings.data),
        "ATTRITION_TRIALS": "1",
    }


def run(settings: Settings, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the virtual environment to its end."""
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        env={**environment(settings), **more},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def materialize(settings: Settings, select: str, month: str) -> subprocess.CompletedProcess[str]:
    """`dagster asset materialize` of a month's assets."""
    return run(
        settings,
        "dagster",
        *("asset", "materialize", "-m", "attrition_assets.definitions"),
        *("--select", select, "--partition", f"{month}-01"),
    )


def wait_until(condition: Callable[[], object], what: str, look_seconds: float = 0.2) -> None:
    """Wait for a condition; give up after a time that no healthy machine needs."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"gave up waiting for {what}"
        time.sleep(look_seconds)


def start(settings: Settings, *command: str, **more: str) -> subprocess.Popen[bytes]:
    """Start a command of the virtual environment, its output in the home, and leave it running."""
    with (settings.home / f"{command[0]}.log").open("ab") as output:
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            env={**environment(settings), **more},
            cwd=PROJECT_ROOT,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def kill_all(process: subprocess.Popen[Any]) -> None:
    """Kill a command and all that it started, at once, as a machine that stops."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def running(
    settings: Settings, *command: str, end: signal.Signals = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until the block is left, then is ended by a signal.

    All that it started is killed then, if it is still there.
    """
    process = start(settings, *command)
    try:
        yield process
    finally:
        process.send_signal(end)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        kill_all(process)


DAEMON = ("dagster-daemon", "run", "--workspace", "workspace.yaml")


def choose_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
