"""Drift alarms that a person has answered: they stand no longer, and what moved is the new normal.

A file a month under `home/acknowledged`; it answers the alarms of earlier months too.
It counts from the first month that was not judged yet when it was made, so that a month judged
again gives what it gave.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.feature_drift import StandingAlarm, find_standing
from attrition_assets.months import list_months, parse_month


class Acknowledgement(BaseModel):
    """Who answered the alarms up to a month's, and why; it counts for months from `counts_from` on.

    `snapshot_version` is the version of the month that was judged.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    why: str
    when: datetime
    snapshot_version: int
    counts_from: str

    def __str__(self) -> str:
        return f"acknowledged by {self.who}: {self.why}"


@dataclass(frozen=True)
class Acknowledgements:
    """The acknowledgements of one home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.home / "acknowledged"

    def answer(
        self, month: pd.Period, reports: DriftReports, who: str, why: str, now: datetime
    ) -> pd.Period:
        """Answer the alarms up to a month's; return the first month for which that counts.

        Raises SnapshotError if the month raised none, if it was answered already, or if no reason
        or nobody is named.
        """
        if not (who.strip() and why.strip()):
            raise SnapshotError(
                f"the alarm of {month} was not answered: say who answers it and why, in words that "
                "an auditor can read later"
            )
        report = reports.read(month)
        if report is None or not report.feature_drift.alarmed:
            why_not = "was never judged" if report is None else "raised no alarm of feature drift"
            raised = ", ".join(map(str, reports.alarmed())) or "no month"
            raise SnapshotError(
                f"{month} {why_not}: there is nothing to answer; alarms were raised in {raised}"
            )
        for answered, held in self._all().items():
            if answered >= month:
                raise SnapshotError(
                    f"the alarm of {answered} was {held}; that answers {month}, counts for months "
                    f"from {held.counts_from} on, and nothing more is to be done"
                )
        counts_from = max(reports.months()) + 1
        answer = Acknowledgement(
            who=" ".join(who.split()),
            why=" ".join(why.split()),
            when=now,
            snapshot_version=report.snapshot_version,
            counts_from=str(counts_from),
        )
        write_atomically(self.folder / f"{month}.json", answer.model_dump_json(indent=1).encode())
        return counts_from

    def known_in(self, month: pd.Period) -> dict[pd.Period, Acknowledgement]:
        """The answers that count for `month`, by the month whose alarm they answer, in order."""
        return {
            answered: held
            for answered, held in self._all().items()
            if parse_month(held.counts_from) <= month
        }

    def _all(self) -> dict[pd.Period, Acknowledgement]:
        paths = list_months(self.folder.glob("*.json"))
        return {month: self._read(path) for month, path in paths.items()}

    def _read(self, path: Path) -> Acknowledgement:
        try:
            held = Acknowledgement.model_validate_json(path.read_bytes())
            parse_month(held.counts_from)
        except ValueError:  # pydantic's are of that kind
            raise SnapshotError(
                f"{path} cannot be read: move it away, then acknowledge {path.stem} again"
            ) from None
        return held


@dataclass(frozen=True)
class Past:
    """What earlier months mean for one: their alarms, and the baseline if one was acknowledged."""

    incidents: frozenset[pd.Period]
    standing: StandingAlarm | None
    baseline: pd.Period | None
    baseline_note: str


def look_back(
    home: Path,
    month: pd.Period,
    champion_as_of: pd.Period,
    present_version: Callable[[pd.Period], int],
) -> Past:
    """Alarms before a month; what a person acknowledged since the champion is the new baseline."""
    alarms = DriftReports(home).alarms(month, present_version)
    acknowledged = Acknowledgements(home).known_in(month)
    incidents = frozenset(alarm.month for alarm in alarms)
    newer = [each for each in incidents & acknowledged.keys() if each > champion_as_of]
    baseline = max(newer, default=None)
    return Past(
        incidents,
        find_standing(alarms, month=month, answered=max([champion_as_of, *acknowledged])),
        baseline,
        str(acknowledged[baseline]) if baseline else "",
    )
