"""Who is signed in: an API key that a person entered, held here for as long as the visit lasts.

The browser gets 256 random bits that stand for the key, never the key. They are known here by
their digest and forgotten when the process ends, so there is nothing to sign and nothing to steal
from a disk.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from pydantic import SecretStr

from attrition_assets.adapters.files import content_digest

COOKIE = "attrition_session"
HOURS = 8
MOST_SESSIONS = 1_000


@dataclass
class Sessions:
    """The visits of one process: each has the key that was entered, and ends after eight hours."""

    _held: OrderedDict[str, tuple[SecretStr, float]] = field(default_factory=OrderedDict)

    def open(self, key: SecretStr, now: float) -> str:
        """Begin a visit at `now` (seconds); return what the browser is to send."""
        token = secrets.token_urlsafe(32)
        self._held[content_digest(token.encode())] = (key, now + HOURS * 3600)
        if len(self._held) > MOST_SESSIONS:
            self._held.popitem(last=False)
        return token

    def find(self, token: str | None, now: float) -> SecretStr | None:
        """The key of a visit; None if there is none, or it has ended."""
        held = self._held.get(content_digest(token.encode())) if token else None
        if held is None or held[1] <= now:
            return None
        return held[0]

    def close(self, token: str | None) -> None:
        """End a visit."""
        if token:
            self._held.pop(content_digest(token.encode()), None)


def choose_target(asked: str) -> str:
    """Where to go after signing in: a page of this site, the first one if it is any other.

    >>> choose_target("/months"), choose_target("//elsewhere.example"), choose_target("https://x")
    ('/months', '/', '/')
    """
    inside = asked.startswith("/") and not asked.startswith(("//", "/\\"))
    return asked if inside and asked.isprintable() and "\\" not in asked else "/"
