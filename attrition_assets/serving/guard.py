"""What stands before every request: keys, limits of rate, size, number and time, and the log.

A plain ASGI middleware, so that it costs little and sees every byte. Nothing of a body or of an
employee is logged.
"""

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Connection

from attrition_assets.errors import KeyFileError
from attrition_assets.serving.keys import KeyRing, Scope
from attrition_assets.serving.problems import ProblemError

LOG = logging.getLogger("attrition.access")
HEADER = b"x-api-key"
MOST_CALLERS = 1_000
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True)
class Limits:
    """What one caller and one process may take.

    `rate` is requests a second for each key, with as many at once; `body` bytes of one request;
    `at_once` requests under way; `seconds` for one request.
    """

    rate: float = 200.0
    body: int = 16_000_000
    at_once: int = 64
    seconds: float = 30.0


class Meter:
    """The metrics of one API, as Prometheus reads them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.latency = Histogram(
            "attrition_request_seconds",
            "Seconds from a request's first byte to the last of its answer.",
            ("path", "method", "status"),
            registry=self.registry,
            buckets=BUCKETS,
        )
        self.under_way = Gauge(
            "attrition_requests_under_way",
            "Requests that are not answered yet.",
            registry=self.registry,
        )
        self.predictions = Counter(
            "attrition_predictions",
            "Predictions that were stored and answered.",
            ("model_version", "flag"),
            registry=self.registry,
        )


class Rate:
    """How many requests each caller may still make: a bucket of tokens that fills up again."""

    def __init__(self, a_second: float) -> None:
        self.a_second = a_second
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> float:
        """0 if a request may be made at `now` (seconds), else the seconds until one may."""
        most = max(1.0, self.a_second)
        tokens, at = self._held.pop(caller, (most, now))
        tokens = min(most, tokens + (now - at) * self.a_second)
        taken = tokens >= 1
        self._held[caller] = (tokens - 1 if taken else tokens, now)
        if len(self._held) > MOST_CALLERS:
            self._held.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self.a_second


class Guard:
    """The middleware. `needed` gives the scope that a path asks for, None for one that is open.

    Without `keys` every caller may do all: for loopback only.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: KeyRing | None,
        needed: Callable[[str], Scope | None],
        name_path: Callable[[str], str],
        limits: Limits,
        meter: Meter,
    ) -> None:
        self.app, self.keys, self.needed, self.name_path = app, keys, needed, name_path
        self.limits, self.meter = limits, meter
        self._rate, self._under_way = Rate(limits.rate), 0

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, seen = time.perf_counter(), Seen(send)
        scope.setdefault("state", {})  # not every server has one
        self._under_way += 1
        self.meter.under_way.set(self._under_way)
        caller = ""
        try:
            caller = self._admit(scope)
            scope["state"]["caller"] = caller
            body = Body(receive, self.limits.body)
            body.require_length(dict(scope["headers"]))
            async with asyncio.timeout(self.limits.seconds):
                await self.app(scope, body.receive, seen.send)
        except ProblemError as problem:
            await seen.answer(problem)
        except TimeoutError:
            await seen.answer(
                ProblemError(503, f"it took more than {self.limits.seconds:g} seconds")
            )
        except Exception:
            logging.getLogger(__name__).exception("a request failed")
            await seen.answer(ProblemError(500, "the program failed; its log says why"))
        finally:
            self._under_way -= 1
            self.meter.under_way.set(self._under_way)
            self._note(scope, seen, caller, time.perf_counter() - started)

    def _admit(self, scope: Connection) -> str:
        """The caller's name. Raises ProblemError if it may not ask this, or not now."""
        needed, host = self.needed(scope["path"]), (scope.get("client") or ("unknown",))[0]
        caller = f"host {host}"
        if self.keys is not None and needed is not None:
            caller = self._find_key(scope, needed, caller)
        if needed is not None:
            if wait := self._rate.take(caller, time.monotonic()):
                raise ProblemError(
                    429,
                    f"more than {self.limits.rate:g} requests a second: try again in {wait:.2f} s",
                    headers={"Retry-After": str(max(1, round(wait)))},
                )
            if self._under_way > self.limits.at_once:
                raise ProblemError(
                    503,
                    f"{self.limits.at_once} requests are under way: try again in a second",
                    headers={"Retry-After": "1"},
                )
        return caller

    def _find_key(self, scope: Connection, needed: Scope, host: str) -> str:
        assert self.keys is not None
        secret = dict(scope["headers"]).get(HEADER, b"").decode("latin-1")
        try:
            key = self.keys.find(secret) if secret else None
        except KeyFileError:
            logging.getLogger(__name__).exception("the keys cannot be read")
            raise ProblemError(503, "the API's keys cannot be read: its log says why") from None
        if key is None:
            if self._rate.take(host, time.monotonic()):
                raise ProblemError(
                    429, "too many requests without a key", headers={"Retry-After": "1"}
                )
            what = "is not known, or was revoked" if secret else "is missing"
            raise ProblemError(
                401,
                f"the key {what}: send one in the header X-API-Key",
                headers={"WWW-Authenticate": 'ApiKey realm="attrition"'},
            )
        if needed not in key.scopes:
            raise ProblemError(403, f"the key {key.name!r} is not good for {needed}")
        return key.name

    def _note(self, scope: Connection, seen: "Seen", caller: str, seconds: float) -> None:
        path = self.name_path(scope["path"])
        self.meter.latency.labels(path, scope["method"], str(seen.status)).observe(seconds)
        LOG.info(
            "%s",
            json.dumps(
                {
                    "method": scope["method"],
                    "path": path,
                    "status": seen.status,
                    "ms": round(seconds * 1000, 1),
                    "caller": caller,
                    **scope["state"].get("noted", {}),
                }
            ),
        )


class Seen:
    """What was sent so far: an answer is begun once."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def answer(self, problem: ProblemError) -> None:
        """Answer with a problem, unless another answer was begun."""
        if self.status:
            return
        body = problem.render()
        headers: Mapping[str, str] = {
            "content-type": "application/problem+json",
            "content-length": str(len(body)),
            **problem.headers,
        }
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        start = {"type": "http.response.start", "status": problem.status, "headers": raw}
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


class Body:
    """A request's body, counted as it comes in."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._bytes = receive, most, 0

    def require_length(self, headers: Mapping[bytes, bytes]) -> None:
        """Raise ProblemError if the body is said to be too long."""
        said = headers.get(b"content-length", b"0")
        if said.isdigit() and int(said) > self._most:
            raise self._refuse()

    async def receive(self) -> Message:
        """The next message. Raises ProblemError once the body is too long."""
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > self._most:
            raise self._refuse()
        return message

    def _refuse(self) -> ProblemError:
        return ProblemError(
            413, f"the body is larger than the {self._most:,} bytes that are accepted"
        )
