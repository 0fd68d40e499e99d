"""The switch that suspends scoring: a file in the home that says who threw it, why and when."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import SuspendedError
from attrition_assets.values import Value


class Suspension(Value):
    """Who suspended scoring, why and since when; until it is resumed, nobody is scored."""

    who: str
    why: str
    since: datetime

    def __str__(self) -> str:
        return (
            f"scoring is suspended since {self.since:%Y-%m-%d %H:%M %Z} by {self.who}: {self.why}"
        )


@dataclass(frozen=True)
class ScoringSwitch:
    """The switch of one home."""

    home: Path

    @property
    def path(self) -> Path:
        """The file that is there while scoring is suspended."""
        return self.home / "suspended.json"

    def read(self) -> Suspension | None:
        """The suspension in force, or None. Raises SuspendedError if its file cannot be read."""
        try:
            return Suspension.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise SuspendedError(
                f"{self.path} is there but cannot be read, so scoring counts as suspended: "
                "`attrition resume --reason TEXT` lifts it"
            ) from None

    def require_on(self) -> None:
        """Raise SuspendedError while scoring is suspended."""
        if suspension := self.read():
            raise SuspendedError(f"{suspension}; lift it with `attrition resume --reason TEXT`")

    def suspend(self, suspension: Suspension) -> None:
        """Suspend scoring. Raises SuspendedError if it is suspended already."""
        if held := self.read():
            raise SuspendedError(f"{held}; resume it first")
        write_atomically(self.path, suspension.model_dump_json(indent=1).encode())

    def resume(self) -> None:
        """Let scoring go on. Raises SuspendedError if it was not suspended."""
        try:
            self.path.unlink()
        except FileNotFoundError:
            raise SuspendedError("scoring is not suspended: there is nothing to resume") from None
