"""A change of champion that is under way: written down first, so that it can be finished.

One at a time for a home. How it is made and finished is in `defs.promotion`.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pydantic import AwareDatetime, Field, ValidationError

from attrition_assets.adapters.files import alone, write_atomically
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.values import Value


class ChampionChange(Value):
    """What is to go on record once `version` is champion; `previous` is 0 if there was none.

    `after` is the number of the log's last entry before it.
    """

    kind: Kind
    version: int
    previous: int
    who: str
    why: str
    at: AwareDatetime
    facts: dict[str, str | int] = Field(default_factory=dict)
    after: int = 0

    def is_recorded_as(self, entry: Entry) -> bool:
        """Whether a log's entry is that of this change."""
        same = (entry.kind, entry.at, entry.facts.get("version"))
        return entry.number > self.after and same == (self.kind, self.at, self.version)


@dataclass(frozen=True)
class ChangeUnderWay:
    """The one change that a home may have under way, and the lock that keeps others waiting."""

    home: Path

    @property
    def path(self) -> Path:
        """Where the change lies until it is wholly made."""
        return self.home / "champion.change.json"

    def alone(self) -> AbstractContextManager[None]:
        """Wait until no other process changes the champion, and keep them waiting."""
        return alone(self.home / "champion.lock")

    def begin(self, change: ChampionChange) -> None:
        """Write the change down. Raises StorageError if that cannot be done."""
        write_atomically(self.path, change.model_dump_json().encode())

    def read(self) -> ChampionChange | None:
        """The change that was cut short; None if none was, or what lies there is none."""
        try:
            return ChampionChange.model_validate_json(self.path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def end(self) -> None:
        """There is nothing left to finish."""
        self.path.unlink(missing_ok=True)
