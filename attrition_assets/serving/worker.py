"""The process that drift checks are computed in, and how the API asks it.

NumPy holds the interpreter for seconds: in a process of its own it keeps no other answer waiting,
it can be ended when its time is over, and what it takes of memory is not the API's. It is asked one
thing at a time, over pipes: a line of JSON each way, and the body or the answer after it.
"""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from attrition_assets.serving.logs import log_json_lines
from attrition_assets.serving.problems import ProblemError

MOST_WAITING = 8
SOON = {"Retry-After": "5"}
COMPARE_FEATURES, COMPARE_PREDICTIONS, READ_BASELINE = "features", "predictions", "baseline"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reply:
    """An answer's body, and of how many rows it is."""

    body: bytes
    rows: int


class Worker:
    """The process, as the API has it: started when it is first asked, and again after its end."""

    def __init__(self, home: Path, contract: Path) -> None:
        module = "attrition_assets.serving.worker"
        self._command = [sys.executable, "-m", module, str(home), str(contract)]
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = ThreadPoolExecutor(1, "drift-worker")
        self._asked, self._lock = 0, threading.Lock()

    def close(self) -> None:
        """Let the process end once it has answered what it was asked."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        if self._process and self._process.stdin:
            self._process.stdin.close()
            self._process.wait()
            self._close_pipes(self._process)

    async def ask(self, what: str, bundle: Path | None, body: bytes = b"") -> Reply:
        """The worker's answer. Raises ProblemError: its own, or that it is busy or was ended.

        If nobody waits for the answer any more, what is computed for it is ended.
        """
        with self._lock:
            if self._asked >= MOST_WAITING:
                raise ProblemError(
                    503,
                    f"{MOST_WAITING} drift checks are under way: try again in a few seconds",
                    headers=SOON,
                )
            self._asked += 1
        asked = {"what": what, "bundle": bundle and str(bundle), "bytes": len(body)}
        future = self._thread.submit(self._exchange, asked, body)
        future.add_done_callback(self._note_done)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.done() and self._process:
                _LOG.warning("a drift check was ended: its time was over")
                self._process.kill()
            raise

    def _note_done(self, _: "Future[Reply]") -> None:
        with self._lock:
            self._asked -= 1

    def _exchange(self, asked: Mapping[str, Any], body: bytes) -> Reply:
        process = self._require_process()
        assert process.stdin and process.stdout
        try:
            _send(process.stdin, asked, body)
            told = json.loads(process.stdout.readline())
            answer = process.stdout.read(told["bytes"])
            if len(answer) != told["bytes"]:
                raise EOFError
        except (OSError, ValueError, EOFError):
            process.kill()
            process.wait()
            _LOG.warning("the process of the drift checks ended with %s", process.returncode)
            raise ProblemError(
                503, "the drift check was ended before it could tell: try again", headers=SOON
            ) from None
        if problem := told["problem"]:
            raise ProblemError(**problem)
        return Reply(answer, told["rows"])

    def _require_process(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            if self._process:
                self._close_pipes(self._process)
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._process

    @staticmethod
    def _close_pipes(process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            assert pipe
            try:
                pipe.close()
            except OSError:  # what was not sent is not to be sent any more
                _LOG.debug("a pipe was broken")


def serve(asked: IO[bytes], told: IO[bytes], home: Path, contract: Path) -> None:
    """Answer what is asked, one after the other, until there is nobody to ask."""
    from attrition_assets.serving.comparisons import Comparisons

    checks = Comparisons(home, contract)

    def read_baseline(_: bytes, bundle: Path | None) -> tuple[bytes, int]:
        baseline = checks.read_baseline(bundle).told
        return baseline.model_dump_json().encode(), baseline.rows

    answers = {
        COMPARE_FEATURES: checks.compare_features,
        COMPARE_PREDICTIONS: checks.compare_predictions,
        READ_BASELINE: read_baseline,
    }
    while line := asked.readline():
        request = json.loads(line)
        body = asked.read(request["bytes"])
        bundle = request["bundle"] and Path(request["bundle"])
        answer, rows, problem = b"", 0, None
        try:
            answer, rows = answers[request["what"]](body, bundle)
        except ProblemError as error:
            problem = error
        except Exception as error:
            # What an exception says may hold people's values: where it was raised is enough.
            where = "".join(traceback.format_tb(error.__traceback__))
            _LOG.error("a drift check failed with %s:\n%s", type(error).__name__, where)
            problem = ProblemError(500, "the program failed; its log says why")
        _send(told, {"rows": rows, "problem": problem and _to_json(problem)}, answer)


def _send(pipe: IO[bytes], said: Mapping[str, Any], body: bytes) -> None:
    pipe.write(json.dumps({**said, "bytes": len(body)}).encode() + b"\n")
    pipe.write(body)
    pipe.flush()


def _to_json(problem: ProblemError) -> dict[str, Any]:
    return {
        "status": problem.status,
        "detail": problem.detail,
        "errors": problem.errors,
        "headers": problem.headers,
    }


if __name__ == "__main__":
    # Who started it says when to end, by closing the pipe: what is under way is answered first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    log_json_lines(logging.WARNING)
    answers_to = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    serve(sys.stdin.buffer, answers_to, Path(sys.argv[1]), Path(sys.argv[2]))
