"""API keys: who may ask for what. A file in the home holds each key's digest, never the key.

A key is 256 random bits, so that its SHA-256 tells nothing. What is written to the file counts at
once: a revoked key is refused from the next request on.
"""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from attrition_assets.adapters.files import alone, content_digest, write_atomically
from attrition_assets.errors import KeyFileError
from attrition_assets.values import Value


class Scope(StrEnum):
    """What a key is good for."""

    PREDICT = "predict"
    DRIFT = "drift"
    READ = "read"
    FLAGGED = "flagged"


class ApiKey(Value):
    """A key as it is known here: its name, the digest of its secret, and what it is good for."""

    name: str
    sha256: str
    scopes: tuple[Scope, ...]
    made: AwareDatetime


HELD = TypeAdapter(tuple[ApiKey, ...])


@dataclass
class KeyRing:
    """The keys of one home."""

    home: Path
    _seen: tuple[int, int] | None = None
    _known: dict[str, ApiKey] | None = None

    @property
    def path(self) -> Path:
        """Where the digests lie."""
        return self.home / "serving" / "keys.json"

    def add(self, name: str, scopes: tuple[Scope, ...], now: datetime) -> str:
        """Make a key and return it: it is shown this once.

        Raises KeyFileError if the name is taken or blank, or no scope is given.
        """
        with self._alone():
            held = self.read()
            if not name.strip() or not scopes:
                raise KeyFileError("no key was made: give it a name and at least one --scope")
            if name in {key.name for key in held}:
                raise KeyFileError(
                    f"no key was made: there is a key {name!r}; revoke it first, or choose another "
                    "name"
                )
            secret = secrets.token_urlsafe(32)
            self._write(
                (
                    *held,
                    ApiKey(
                        name=name, sha256=content_digest(secret.encode()), scopes=scopes, made=now
                    ),
                )
            )
        return secret

    def revoke(self, name: str) -> None:
        """Let a key be good for nothing from now on. Raises KeyFileError if there is none."""
        with self._alone():
            held = self.read()
            kept = tuple(key for key in held if key.name != name)
            if len(kept) == len(held):
                named = ", ".join(key.name for key in held) or "none"
                raise KeyFileError(f"there is no key {name!r}; there are: {named}")
            self._write(kept)

    def read(self) -> tuple[ApiKey, ...]:
        """Every key. Raises KeyFileError if the file is not as it was written."""
        try:
            return HELD.validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except ValidationError:
            raise KeyFileError(
                f"{self.path} is not as it was written: restore it, or move it away and make the "
                "keys anew: `attrition key add NAME --scope SCOPE`"
            ) from None

    def find(self, secret: str) -> ApiKey | None:
        """The key of a secret; None if there is none. The file is read anew when it was changed."""
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            return None
        if seen != self._seen or self._known is None:
            self._known, self._seen = {key.sha256: key for key in self.read()}, seen
        return self._known.get(content_digest(secret.encode()))

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        write_atomically(self.path, HELD.dump_json(keys, indent=1))
        self.path.chmod(0o600)

    def _alone(self) -> AbstractContextManager[None]:
        return alone(self.path.with_name("keys.lock"))
