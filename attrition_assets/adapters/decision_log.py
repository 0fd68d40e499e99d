"""The decision log of a home: `decisions.jsonl`, written whole, one writer at a time.

What an entry is and how entries are chained is in `governance.decisions`.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from attrition_assets.adapters.files import alone, write_atomically
from attrition_assets.errors import RecordError, StorageError
from attrition_assets.governance.decisions import (
    START,
    Entry,
    Kind,
    add_entry,
    digest_line,
    find_breaks,
    read_entry,
    require_named,
)
from attrition_assets.values import Value


class Seal(Value):
    """How many entries there are, the last one's digest, and that of one being written."""

    entries: int
    sha256: str
    following: str | None

    @classmethod
    def of(cls, lines: list[str], following: str | None = None) -> Self:
        """The seal of the lines of a log."""
        last = digest_line(lines[-1]) if lines else START
        return cls(entries=len(lines), sha256=last, following=following)

    def fits(self, present: "Seal") -> bool:
        """Whether it is of this log, or of the one before an entry whose writing was cut short."""
        same = (self.entries, self.sha256) == (present.entries, present.sha256)
        return same or (self.entries + 1, self.following) == (present.entries, present.sha256)


@dataclass(frozen=True)
class Verification:
    """Whether the log is as it was written; `seal` is its length and its last line's digest.

    A seal that was kept elsewhere tells a log that was rewritten as a whole.
    """

    entries: int
    breaks: tuple[str, ...]
    seal: str


@dataclass(frozen=True)
class DecisionLog:
    """The log of one home. Beside it lies its seal, which tells when its end was cut off."""

    home: Path

    @property
    def path(self) -> Path:
        """Where the entries lie, a line each."""
        return self.home / "decisions.jsonl"

    @property
    def seal_path(self) -> Path:
        """Where the number of entries and the last one's digest lie."""
        return self.home / "decisions.seal.json"

    def append(self, kind: Kind, *, who: str, why: str, at: datetime, **facts: str | int) -> Entry:
        """Put a decision on record.

        Raises RecordError, with the log as it was, if nobody or no reason is named.
        """
        require_named(kind, who, why)
        with self._lock():
            lines = self._read()
            if broken := self._find_broken_seal(lines):  # to be sealed anew, but not in silence
                lines = self._write(
                    lines, add_entry(lines, Kind.RECORD_BROKEN, who="the log", why=broken, at=at)
                )
            entry = add_entry(lines, kind, who=who, why=why, at=at, **facts)
            self._write(lines, entry)
        return entry

    def _write(self, lines: list[str], entry: Entry) -> list[str]:
        """Add an entry so that a crash at any instant leaves the log with it or without it."""
        self._write_seal(Seal.of(lines, digest_line(entry.render())))
        lines = [*lines, entry.render()]
        write_atomically(self.path, _join(lines))
        with suppress(StorageError):  # the entry is there: the seal from before tells of it
            self._write_seal(Seal.of(lines))
        return lines

    def entries(self) -> list[Entry]:
        """What was decided, in order. Raises RecordError if a line is no entry."""
        entries = []
        for number, line in enumerate(self._read(), start=1):
            try:
                entries.append(read_entry(line))
            except RecordError as error:
                raise RecordError(
                    f"line {number} of {self.path} {error}: `attrition decisions --verify` tells "
                    "what else was changed; restore the file from a backup"
                ) from None
        return entries

    def known_entries(self) -> list[Entry]:
        """The entries that can be read; what became of the others is for `verify` to tell."""
        known = []
        for line in self._read():
            with suppress(RecordError):
                known.append(read_entry(line))
        return known

    def holds(self, kind: Kind, facts: Mapping[str, str | int]) -> bool:
        """Whether an entry of a kind with these facts can be read."""
        return any((each.kind, each.facts) == (kind, facts) for each in self.known_entries())

    def last_number(self) -> int:
        """How many lines there are: the number of the last entry."""
        return len(self._read())

    def require_writable(self) -> None:
        """Raise RecordError or StorageError if a decision could not be put on record now."""
        with self._lock():
            self._read()
            if (seal := self._read_seal()) is not None:
                self._write_seal(seal)

    def verify(self, earlier_seal: str | None = None) -> Verification:
        """Look for every changed byte, and whether a seal that was kept elsewhere still holds."""
        found = self._verify(earlier_seal)
        if not found.breaks or not self.home.is_dir():
            return found
        try:
            with self._lock():  # another process may have been writing
                return self._verify(earlier_seal)
        except OSError:  # a home that can only be read: nobody writes
            return found

    def _verify(self, earlier_seal: str | None) -> Verification:
        content = self._read_bytes()
        lines = self._split(content)
        breaks = find_breaks(lines)
        if content != _join(lines):
            breaks.append("the last line has no end")
        if broken := self._find_broken_seal(lines):
            breaks.append(broken)
        if earlier_seal is not None:
            entries, _, digest = earlier_seal.partition(":")
            held = lines[: int(entries)] if re.fullmatch("[0-9]{1,9}", entries) else []
            if str(len(held)) != entries or Seal.of(held).sha256 != digest:
                breaks.append(f"the seal {earlier_seal!r} is none that this log ever had")
        seal = Seal.of(lines)
        return Verification(len(lines), tuple(breaks), f"{seal.entries}:{seal.sha256}")

    def _find_broken_seal(self, lines: list[str]) -> str | None:
        seal, present = self._read_seal(), Seal.of(lines)
        if seal is None:
            return f"{self.seal_path.name} is not as it was written"
        if not seal.fits(present):
            return (
                f"{self.seal_path.name} is of {seal.entries} entries and another last one than "
                f"that of the {present.entries} that are there"
            )
        return None

    def _read(self) -> list[str]:
        return self._split(self._read_bytes())

    def _read_bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""

    def _split(self, content: bytes) -> list[str]:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise RecordError(
                f"{self.path} is no text any more: restore it from a backup"
            ) from None
        *lines, rest = text.split("\n")
        return [*lines, rest] if rest else lines

    def _read_seal(self) -> Seal | None:
        """The seal; None if it is not as it was written."""
        try:
            content = self.seal_path.read_bytes()
            seal = Seal.model_validate_json(content)
        except FileNotFoundError:
            return Seal.of([])
        except ValidationError:
            return None
        return seal if seal.model_dump_json().encode() == content else None

    def _write_seal(self, seal: Seal) -> None:
        write_atomically(self.seal_path, seal.model_dump_json().encode())

    def _lock(self) -> AbstractContextManager[None]:
        """Wait until no other process writes."""
        return alone(self.home / "decisions.lock")


def _join(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
