"""Drift alarms that a person has answered: they stand no longer, and what moved is the new normal.

A file a month under `home/acknowledged`. It counts from the first month that was not judged yet
when it was made, so that a month judged again gives what it gave.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import SnapshotError
from attrition_assets.months import parse_month


class Acknowledgement(BaseModel):
    """Who answered a month's alarm and why; it counts for months from `counts_from` on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    why: str
    counts_from: str


@dataclass(frozen=True)
class Acknowledgements:
    """The acknowledgements of one home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.home / "acknowledged"

    def answer(self, month: pd.Period, reports: DriftReports, who: str, why: str) -> pd.Period:
        """Answer a month's alarm; return the first month for which that counts.

        Raises SnapshotError if the month raised none, or was answered already.
        """
        report = reports.read(month)
        if report is None or not report.feature_drift.alarmed:
            why_not = "was never judged" if report is None else "raised no alarm of feature drift"
            raised = ", ".join(map(str, reports.alarmed())) or "no month"
            raise SnapshotError(
                f"{month} {why_not}: there is nothing to answer; alarms were raised in {raised}"
            )
        path = self.folder / f"{month}.json"
        if path.is_file():
            held = self._read(path)
            raise SnapshotError(
                f"the alarm of {month} was acknowledged by {held.who}: {held.why}; that counts for "
                f"months from {held.counts_from} on, and nothing more is to be done"
            )
        counts_from = max(reports.months()) + 1
        answer = Acknowledgement(who=who, why=why, counts_from=str(counts_from))
        write_atomically(path, answer.model_dump_json(indent=1).encode())
        return counts_from

    def known_in(self, month: pd.Period) -> frozenset[pd.Period]:
        """The months whose alarms are answered as far as `month` is concerned."""
        return frozenset(
            parse_month(path.stem)
            for path in self.folder.glob("[0-9]*.json")
            if parse_month(self._read(path).counts_from) <= month
        )

    def _read(self, path: Path) -> Acknowledgement:
        try:
            held = Acknowledgement.model_validate_json(path.read_bytes())
            parse_month(held.counts_from)
        except ValueError:  # pydantic's are of that kind
            raise SnapshotError(
                f"{path} cannot be read: move it away, then acknowledge {path.stem} again"
            ) from None
        return held
