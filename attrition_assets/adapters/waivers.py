"""Waivers: a person's word that a month is right though a comparison with other months refuses it.

A merger doubles the rows, a reform cuts the working hours: what differs from the month before is
not always broken. A waiver holds for one check of one file, by its digest; what breaks the contract
itself cannot be waived.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import SnapshotError
from attrition_assets.validation.verdicts import SnapshotVerdict
from attrition_assets.values import Value

WAIVABLE = ("volume_plausible", "units_unchanged", "missing_values_usual", "leavers_recorded")


class Waiver(Value):
    """Who says that one check's finding on one file is right, and why."""

    check: str
    sent_sha256: str
    who: str
    why: str


@dataclass(frozen=True)
class Waivers:
    """The waivers of one home, a file a month."""

    home: Path

    def add(self, month: pd.Period, waiver: Waiver) -> None:
        """Put a waiver on record. Raises SnapshotError if the check cannot be waived."""
        if waiver.check not in WAIVABLE:
            raise SnapshotError(
                f"{waiver.check!r} cannot be waived; what can: {', '.join(WAIVABLE)}"
            )
        held = [waiver.model_dump(), *(each.model_dump() for each in self.read(month))]
        write_atomically(self._path(month), json.dumps(held, indent=1).encode())

    def read(self, month: pd.Period) -> list[Waiver]:
        """A month's waivers, the newest first. Raises SnapshotError if they cannot be read."""
        path = self._path(month)
        if not path.is_file():
            return []
        try:
            return TypeAdapter(list[Waiver]).validate_json(path.read_bytes())
        except ValidationError:
            raise SnapshotError(
                f"{path} holds no waivers that this version can read: move it away, then "
                f"`attrition run {month}`"
            ) from None

    def apply(
        self, month: pd.Period, digest: str, verdicts: Mapping[str, SnapshotVerdict]
    ) -> dict[str, SnapshotVerdict]:
        """The verdicts on a file, with those waived that a person has vouched for."""
        vouched = {
            each.check: each for each in reversed(self.read(month)) if each.sent_sha256 == digest
        }
        return {
            name: _waive(verdict, vouched[name])
            if name in vouched and not verdict.holds
            else verdict
            for name, verdict in verdicts.items()
        }

    def _path(self, month: pd.Period) -> Path:
        return self.home / "waivers" / f"{month}.json"


def _waive(verdict: SnapshotVerdict, waiver: Waiver) -> SnapshotVerdict:
    said = f"waived by {waiver.who} ({waiver.why}): {verdict.explanation}"
    return verdict.model_copy(
        update={"holds": True, "explanation": said, "faults": (), "violations": ()}
    )
