"""How the pages ask the two APIs: never longer than five seconds, and every failure has a name."""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx
from pydantic import SecretStr

SECONDS = 5.0
MOST_BYTES = 64_000_000


class Kind(StrEnum):
    """What went wrong, as the pages tell it."""

    AWAY = "away"
    SLOW = "slow"
    NO_KEY = "no key"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    INVALID = "invalid"
    BUSY = "busy"
    NOT_READY = "not ready"
    ODD = "odd"


BY_STATUS = {
    401: Kind.NO_KEY,
    403: Kind.FORBIDDEN,
    404: Kind.MISSING,
    422: Kind.INVALID,
    413: Kind.INVALID,
    429: Kind.BUSY,
    503: Kind.NOT_READY,
}
# What a page that cannot show its main part is answered with.
STATUSES = {Kind.NO_KEY: 401, Kind.FORBIDDEN: 403, Kind.MISSING: 404, Kind.INVALID: 422}


@dataclass
class Trouble(Exception):  # noqa: N818 - what is told is no error of this program
    """Why an API did not give what was asked for; `errors` are those of the fields sent."""

    service: str
    kind: Kind
    detail: str = ""
    errors: list[dict[str, str]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The status of a page that has nothing else to show."""
        return STATUSES.get(self.kind, 503)


@dataclass(frozen=True)
class Part:
    """A part of a page: what an API gave, or what went wrong."""

    data: Any = None
    trouble: Trouble | None = None

    @property
    def status(self) -> int:
        """What a page is answered with whose main part this is."""
        return self.trouble.status if self.trouble else 200


class Service:
    """One API, as it is asked."""

    def __init__(self, name: str, url: str, client: httpx.AsyncClient) -> None:
        self.name, self.url, self._client = name, url.rstrip("/"), client

    async def get(self, path: str, key: SecretStr | None, **params: str | int) -> Any:
        """What the API answers as JSON. Raises Trouble."""
        return self._read_json(await self._ask("GET", path, key, params=params))

    async def post(self, path: str, key: SecretStr | None, body: Mapping[str, Any]) -> Any:
        """What the API answers to a body as JSON. Raises Trouble."""
        return self._read_json(await self._ask("POST", path, key, json=body))

    async def get_text(self, path: str, key: SecretStr | None, **params: str | int) -> str:
        """What the API answers as text. Raises Trouble."""
        return (await self._ask("GET", path, key, params=params)).text

    async def _ask(
        self, method: str, path: str, key: SecretStr | None, **more: Any
    ) -> httpx.Response:
        headers = {} if key is None else {"X-API-Key": key.get_secret_value()}
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._client.request(
                    method, f"{self.url}{path}", headers=headers, **more
                )
        except (TimeoutError, httpx.TimeoutException):
            raise Trouble(self.name, Kind.SLOW) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError):
            raise Trouble(self.name, Kind.AWAY) from None
        if not answer.is_success:
            raise self._explain(answer)
        if len(answer.content) > MOST_BYTES:
            raise Trouble(self.name, Kind.ODD, "it answered more than a page can show")
        return answer

    def _explain(self, answer: httpx.Response) -> Trouble:
        kind = BY_STATUS.get(answer.status_code, Kind.ODD)
        try:
            said = answer.json()
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        errors = [each for each in said.get("errors") or [] if isinstance(each, dict)]
        detail = str(said.get("detail") or f"it answered {answer.status_code}")
        return Trouble(self.name, kind, detail, errors)

    def _read_json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise Trouble(self.name, Kind.ODD, "it answered no JSON") from None


async def attempt(asked: Awaitable[Any]) -> Part:
    """What is asked for, or what went wrong, as a part of a page."""
    try:
        return Part(data=await asked)
    except Trouble as trouble:
        return Part(trouble=trouble)
