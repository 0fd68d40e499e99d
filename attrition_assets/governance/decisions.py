"""What was decided, by whom and why: entries that are chained by their digests.

Each entry is a line of JSON that carries the SHA-256 of the line before it. A line that is changed,
removed or put in between breaks the chain at the next one. Where the lines lie is for
`adapters.decision_log`.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, ValidationError

from attrition_assets.errors import RecordError
from attrition_assets.values import Value

START = "0" * 64


class Kind(StrEnum):
    """What an entry records."""

    RETRAINING_REQUESTED = "retraining requested"
    RETRAINING_SKIPPED = "retraining skipped"
    MODEL_REGISTERED = "model registered"
    MODEL_REFUSED = "model refused"
    PROMOTED = "promoted"
    PROMOTION_REFUSED = "promotion refused"
    ROLLED_BACK = "rolled back"
    SUSPENDED = "scoring suspended"
    RESUMED = "scoring resumed"
    ALARM_ACKNOWLEDGED = "alarm acknowledged"
    CHECK_WAIVED = "check waived"
    RECORDS_REMOVED = "records removed"
    RECORD_BROKEN = "record broken"


CHAMPION_MADE = (Kind.PROMOTED, Kind.ROLLED_BACK)
REGISTRATION = (Kind.MODEL_REGISTERED, Kind.MODEL_REFUSED)


class Entry(Value):
    """One decision. `number` counts from 1; `previous` is the digest of the line before."""

    number: int
    at: AwareDatetime
    kind: Kind
    who: str
    why: str
    facts: dict[str, str | int]
    previous: str

    def describe(self) -> str:
        """The entry in a line for people."""
        facts = ", ".join(f"{name} {_shorten(str(value))}" for name, value in self.facts.items())
        what = f"{self.kind} ({facts})" if facts else str(self.kind)
        return f"{self.number:>4}  {self.at:%Y-%m-%d %H:%M}  {what} by {self.who}: {self.why}"

    def render(self) -> str:
        """The entry as its line, without the line's end."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )


def _shorten(value: str) -> str:
    """Digests and ids of runs are known by how they begin."""
    return value[:12] if re.fullmatch("[0-9a-f-]{32,}", value) else value


def add_entry(
    lines: Sequence[str],
    kind: Kind,
    *,
    who: str,
    why: str,
    at: datetime,
    **facts: str | int,
) -> Entry:
    """The entry that comes after `lines`. Raises RecordError if nobody or no reason is named."""
    require_named(kind, who, why)
    return Entry(
        number=len(lines) + 1,
        at=at,
        kind=kind,
        who=" ".join(who.split()),
        why=" ".join(why.split()),
        facts=facts,
        previous=digest_line(lines[-1]) if lines else START,
    )


def require_named(kind: Kind, who: str, why: str) -> None:
    """Raise RecordError unless somebody decides, for a reason, in text that can be written."""
    try:
        f"{who}{why}".encode()
    except UnicodeEncodeError:
        raise RecordError(
            f"{kind}: this was not done, since who or why is no text of UTF-8: set your terminal "
            "to UTF-8, or write it without accents"
        ) from None
    if not (who.strip() and why.strip()):
        raise RecordError(
            f"{kind}: this was not done, since nobody or no reason is named; say who decides and "
            "why, in words that an auditor can read later"
        )


def trace_champions(entries: Sequence[Entry]) -> list[int]:
    """The versions that lead to the present champion, the oldest first: a rollback takes one away.

    What was champion when the log began is the first; a version that was made champion while it
    was champion counts once.
    """
    led: list[int] = []
    for entry in entries:
        if entry.kind not in CHAMPION_MADE:
            continue
        version, previous = int(entry.facts["version"]), int(entry.facts["previous"])
        if entry.kind == Kind.ROLLED_BACK:
            led = led[:-1]
        elif previous and not led:
            led = [previous]
        if led[-1:] != [version]:
            led.append(version)
    return led


def list_news(entries: Sequence[Entry], version: int) -> list[Entry]:
    """What became of a version since it was registered, in order.

    That is every entry with its number among the facts, and its own rollback: what a later kind of
    entry tells of a version is told with the others.
    """
    return [
        entry
        for entry in entries
        if entry.kind not in REGISTRATION and version in told_versions(entry)
    ]


def told_versions(entry: Entry) -> set[int]:
    """The versions of which an entry is news; the one that a promotion replaces is not told."""
    names = ("version", "previous") if entry.kind == Kind.ROLLED_BACK else ("version",)
    return {int(entry.facts[name]) for name in names if name in entry.facts}


def digest_line(line: str) -> str:
    """SHA-256 of a line, in hexadecimal."""
    return hashlib.sha256(line.encode()).hexdigest()


def read_entry(line: str) -> Entry:
    """The entry of a line. Raises RecordError if it is none, or not as it was written."""
    try:
        entry = Entry.model_validate_json(line)
    except ValidationError as error:
        raise RecordError(f"is no entry ({error.errors()[0]['msg']})") from None
    if entry.render() != line:
        raise RecordError("is not written as entries are")
    return entry


def find_breaks(lines: Sequence[str]) -> list[str]:
    """Where the chain does not hold, in words; empty if it does."""
    breaks, previous = [], START
    for number, line in enumerate(lines, start=1):
        try:
            entry = read_entry(line)
        except RecordError as error:
            breaks.append(f"line {number} {error}")
        else:
            if entry.kind == Kind.RECORD_BROKEN:
                breaks.append(f"before entry {number}, {entry.at:%Y-%m-%d}: {entry.why}")
            if entry.number != number:
                breaks.append(f"line {number} is entry {entry.number}")
            elif entry.previous != previous:
                breaks.append(
                    f"entry {number} does not follow the line before it: that one was changed, or "
                    "another one was removed"
                )
        previous = digest_line(line)
    return breaks
