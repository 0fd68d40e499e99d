"""Whether the drift API can tell anything: is there a champion, and its baseline to compare with.

What was read once of a champion is not read again: whoever asks need not wait behind a check.
"""

import json
import time
from pathlib import Path
from typing import Any

from attrition_assets.serving.champion import Champion
from attrition_assets.serving.problems import ProblemError
from attrition_assets.serving.worker import READ_BASELINE, Worker

RETRY_SECONDS = 5.0


class Readiness:
    """What is known of the served champion's baseline; what failed is tried anew, now and then."""

    def __init__(self, champion: Champion, worker: Worker) -> None:
        self.champion, self.worker = champion, worker
        self._place: Path | None = None
        self._found: dict[str, Any] | ProblemError | None = None
        self._until = 0.0

    async def require(self) -> dict[str, Any]:
        """The baseline that rows are compared with. Raises ProblemError if there is none."""
        served = self.champion.require()
        if served.place != self._place or time.monotonic() > self._until:
            self._found = await self._ask(served.place)
            failed = isinstance(self._found, ProblemError)
            self._place = served.place
            self._until = time.monotonic() + RETRY_SECONDS if failed else float("inf")
        if isinstance(self._found, ProblemError):
            raise self._found
        assert self._found is not None
        return self._found

    async def _ask(self, place: Path) -> dict[str, Any] | ProblemError:
        try:
            reply = await self.worker.ask(READ_BASELINE, place)
        except ProblemError as problem:
            return problem
        found: dict[str, Any] = json.loads(reply.body)
        return found
