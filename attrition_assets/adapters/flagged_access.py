"""Who read which month's flagged list: a line of JSON for each time, kept until `attrition purge`.

It is no part of the decision log: nothing is decided by reading, and that log is written as a whole
for every entry. No employee is named here.
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, ValidationError

from attrition_assets.adapters.files import alone, write_atomically
from attrition_assets.adapters.storage import explain_refused_write
from attrition_assets.errors import RecordError, StorageError
from attrition_assets.values import Value


class Access(Value):
    """One reading: `who` is the key's name, `rows` how many employees were given out."""

    at: AwareDatetime
    who: str
    month: str
    form: str
    rows: int


@dataclass(frozen=True)
class FlaggedAccess:
    """The readings of one home's flagged lists."""

    home: Path

    @property
    def path(self) -> Path:
        """Where the lines lie."""
        return self.home / "serving" / "flagged-access.jsonl"

    @property
    def _lock(self) -> Path:
        return self.path.with_name("flagged-access.lock")

    def add(self, access: Access) -> None:
        """Put a reading on record; it is on the disk once this returns.

        Raises StorageError if it cannot be: then nothing may be given out.
        """
        line = f"{access.model_dump_json()}\n".encode()
        try:
            with alone(self._lock), self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            said = explain_refused_write(error, self.path, len(line)) or str(error)
            raise StorageError(
                f"a reading of the flagged list was not put on record: {said}"
            ) from None
        self.path.chmod(0o600)

    def count_before(self, instant: datetime) -> int:
        """How many readings are older than an instant. Raises RecordError, as `read` does."""
        return sum(each.at < instant for each in self.read())

    def remove_before(self, instant: datetime) -> None:
        """Remove the readings that are older than an instant. Raises RecordError, StorageError."""
        with alone(self._lock):
            readings = self.read()
            kept = [each for each in readings if each.at >= instant]
            if len(kept) < len(readings):
                lines = "".join(f"{each.model_dump_json()}\n" for each in kept)
                write_atomically(self.path, lines.encode())
                self.path.chmod(0o600)

    def read(self) -> list[Access]:
        """Every reading, in order. Raises RecordError that names the first line that is none."""
        try:
            lines = self.path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        readings = []
        for number, line in enumerate(lines, start=1):
            try:
                readings.append(Access.model_validate_json(line))
            except ValidationError:
                raise RecordError(
                    f"line {number} of {self.path} is no reading: restore it from a backup"
                ) from None
        return readings
