"""The process of the drift checks: what it does when it is killed, busy, or fails."""

import asyncio
import io
import json
import logging
import signal
from pathlib import Path

import pytest

from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.serving.comparisons import Comparisons
from attrition_assets.serving.problems import ProblemError
from attrition_assets.serving.worker import (
    COMPARE_PREDICTIONS,
    MOST_WAITING,
    Worker,
    serve,
)

SAME = b'{"probabilities": [%s 1], "reference": [%s 1]}' % (b"0.5," * 60, b"0.5," * 60)


@pytest.mark.slow
def test_a_killed_workers_check_fails_those_that_wait_are_answered_by_another_and_more_are_refused(
    tmp_path: Path,
) -> None:
    async def check() -> None:
        worker = Worker(tmp_path, DEFAULT_CONTRACT)
        try:
            first = await worker.ask(COMPARE_PREDICTIONS, None, SAME)
            process = worker._process
            assert process is not None
            process.send_signal(signal.SIGSTOP)
            asked = [
                asyncio.create_task(worker.ask(COMPARE_PREDICTIONS, None, SAME))
                for _ in range(MOST_WAITING + 1)
            ]
            refused = asked.pop()
            with pytest.raises(ProblemError, match="8 drift checks are under way") as problem:
                await refused
            assert (problem.value.status, problem.value.headers) == (503, {"Retry-After": "5"})
            process.kill()
            with pytest.raises(ProblemError, match="ended before it could tell") as problem:
                await asked[0]
            assert problem.value.status == 503
            assert await asyncio.gather(*asked[1:]) == [first] * (MOST_WAITING - 1)
            assert worker._process not in (None, process)
        finally:
            worker.close()
        assert worker._process is not None
        assert worker._process.returncode == 0

    asyncio.run(check())


def test_what_an_unexpected_error_says_is_in_no_answer_and_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    name = "Hieronymus"

    def fail(*_: object) -> None:
        raise ValueError(f"could not convert {name!r}")

    monkeypatch.setattr(Comparisons, "compare_predictions", fail)
    request = json.dumps({"what": COMPARE_PREDICTIONS, "bundle": None, "bytes": 2}).encode()
    told = io.BytesIO()
    with caplog.at_level(logging.DEBUG):
        serve(io.BytesIO(request + b"\n{}"), told, tmp_path, DEFAULT_CONTRACT)
    answer = json.loads(told.getvalue())
    assert answer["problem"]["status"] == 500
    assert answer["problem"]["detail"] == "the program failed; its log says why"
    assert name not in caplog.text + told.getvalue().decode()
    assert "ValueError" in caplog.text
    assert "in fail" in caplog.text
