"""How answered predictions are stored before they are answered: by one thread, many at once.

What came in while the thread wrote is its next transaction. Where the database is away, rows either
are refused, and nobody is answered, or wait in a file of the home until it is back.
"""

import hashlib
import hmac
import logging
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from pydantic import SecretStr

from attrition_assets.adapters.served_predictions import Rows, ServedPredictions
from attrition_assets.errors import DatabaseError

_LOG = logging.getLogger(__name__)

MOST_AT_ONCE = 20_000
MOST_MOVED = 500
RETRY_SECONDS = 1.0
Task = tuple[Rows, "Future[None]"]


@dataclass(frozen=True)
class Pseudonyms:
    """How an employee's id is stored: as it is or, with a key, as its keyed digest."""

    key: SecretStr | None = None

    def name(self, employee: object) -> str:
        """The id as text, or HMAC-SHA256 of it in hexadecimal."""
        if self.key is None:
            return str(employee)
        secret = self.key.get_secret_value().encode()
        return hmac.new(secret, str(employee).encode(), hashlib.sha256).hexdigest()


class PredictionStore:
    """The thread that writes to `target` and, where one is given, to `waiting` in its absence."""

    def __init__(self, target: ServedPredictions, waiting: ServedPredictions | None = None) -> None:
        self.target, self.waiting = target, waiting
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._has_waiting, self._away_until = waiting is not None, 0.0
        self._thread = threading.Thread(target=self._run, name="predictions", daemon=True)
        self._thread.start()

    def put(self, rows: Rows) -> "Future[None]":
        """Store rows; the future is done once they are safe, or raises DatabaseError."""
        done: Future[None] = Future()
        self._tasks.put((rows, done))
        return done

    def close(self) -> None:
        """Store what was put, then end."""
        self._tasks.put(None)
        self._thread.join()
        for held in (self.target, self.waiting):
            if held is not None:
                held.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            tasks, ended = self._take()
            if tasks:
                self._finish(tasks)
            if self._has_waiting:
                self._move()

    def _take(self) -> tuple[list[Task], bool]:
        """What is to be stored next, and whether nothing comes after it."""
        tasks: list[Task] = []
        try:
            item = self._tasks.get(timeout=RETRY_SECONDS if self._has_waiting else None)
            while item is not None:
                tasks.append(item)
                if sum(len(rows) for rows, _ in tasks) >= MOST_AT_ONCE:
                    return tasks, False
                item = self._tasks.get_nowait()
        except queue.Empty:
            return tasks, False
        return tasks, True

    def _finish(self, tasks: list[Task]) -> None:
        try:
            self._write([row for rows, _ in tasks for row in rows])
        except Exception as error:  # whatever it is, who waits must hear of it
            if not isinstance(error, DatabaseError):
                _LOG.exception("predictions were not stored")
            for _, done in tasks:
                done.set_exception(error)
            return
        for _, done in tasks:
            done.set_result(None)

    def _write(self, rows: Rows) -> None:
        if self.waiting is not None and self._is_away():
            self.waiting.write(rows)
            return
        try:
            self.target.write(rows)
        except DatabaseError as error:
            if self.waiting is None:
                raise
            _LOG.warning("predictions wait: %s", error)
            self._note_away()
            self.waiting.write(rows)
            self._has_waiting = True

    def _is_away(self) -> bool:
        """Whether the database did not answer a moment ago: nobody waits for it again so soon."""
        return time.monotonic() < self._away_until

    def _note_away(self) -> None:
        self._away_until = time.monotonic() + RETRY_SECONDS

    def _move(self) -> None:
        """Let what waited stand in the database, if it is back."""
        assert self.waiting is not None
        if self._is_away():
            return
        try:
            self.waiting.write([])  # the table is there
            if rows := self.waiting.read(MOST_MOVED):
                self.target.write(rows)
                self.waiting.remove(rows)
            self._has_waiting = len(rows) == MOST_MOVED
        except DatabaseError:  # not yet
            self._has_waiting = True
            self._note_away()
