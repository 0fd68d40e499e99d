"""Real processes that do what a command does, without the seconds that its imports take.

Each is forked from a process that has imported everything and started nothing. It has a process
group and an environment of its own, and can be killed.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from attrition_assets.settings import PROJECT_ROOT, Settings
from attrition_assets_tests.processes import PATIENCE_SECONDS, environment

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["attrition_assets_tests.faults.preloaded"])
LOG = "commands.log"  # beside the home


def begin(
    function: Callable[..., None], settings: Settings, *given: Any, **more: str
) -> BaseProcess:
    """Start `function(*given)` in a process whose environment is that of `settings`.

    What libraries leave in their temporary folders as it is killed lies beside the home.
    """
    told = {**environment(settings), "TMPDIR": str(settings.home.parent), **more}
    process = FORKS.Process(
        target=_do, args=(told, settings.home.parent / LOG, function, given), daemon=True
    )
    process.start()
    return process


def do(function: Callable[..., None], settings: Settings, *given: Any, **more: str) -> float:
    """The same to its end, which must be a good one; return the seconds that it took."""
    started = time.monotonic()
    process = begin(function, settings, *given, **more)
    process.join(PATIENCE_SECONDS)
    log = settings.home.parent / LOG
    assert process.exitcode == 0, f"{given}: {process.exitcode}: {log.read_text()[-3000:]}"
    return time.monotonic() - started


def command(*words: str) -> None:
    """The command `attrition` with some words, as its script calls it."""
    from attrition_assets.cli import main

    main(list(words), prog_name="attrition")


def kill_after(process: BaseProcess, seconds: float) -> bool:
    """Kill a process and its group after some time; whether it had not ended by itself."""
    process.join(seconds)
    if process.exitcode is not None:
        return False
    assert process.pid
    with suppress(ProcessLookupError):  # it has no group yet
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.join(PATIENCE_SECONDS)
    return process.exitcode == -signal.SIGKILL


def _do(
    told: dict[str, str], log: Path, function: Callable[..., None], given: tuple[Any, ...]
) -> None:
    os.setsid()
    os.environ.clear()
    os.environ.update(told)
    os.chdir(PROJECT_ROOT)
    with log.open("ab") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    function(*given)
