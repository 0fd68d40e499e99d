"""The drift reports of the months that were judged: a JSON file each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, ValidationError

from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.feature_drift import PastAlarm
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import list_months, partition_key

Report = TypeVar("Report", bound=BaseModel)


class _Test(BaseModel):
    column: str
    drifted: bool


class _Drift(BaseModel):
    alarmed: bool
    reaches_model: bool
    tests: tuple[_Test, ...]


class _Judged(BaseModel):
    """What later months must know of a report."""

    snapshot_version: int
    champion_version: int
    feature_drift: _Drift


@dataclass(frozen=True)
class DriftReports:
    """The reports under `home/assets/drift_report`."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.home / "assets" / "drift_report"

    def path(self, month: pd.Period) -> Path:
        """Where a month's report lies."""
        return self.folder / f"{partition_key(month)}.json"

    def months(self) -> list[pd.Period]:
        """The months that have a report, in order."""
        return list(list_months(self.folder.glob("*.json")))

    def read(self, month: pd.Period) -> DriftReport | None:
        """A month's report; None if it was never judged.

        Raises SnapshotError if it was written by another release.
        """
        return self._read(month, DriftReport)

    def scored_by(self, month: pd.Period) -> tuple[int, int] | None:
        """The version that scored a month, and the snapshot's; None if it was never judged.

        A report of an earlier release tells them too. Raises SnapshotError if it is none.
        """
        report = self._read(month, _Judged)
        return None if report is None else (report.champion_version, report.snapshot_version)

    def _read(self, month: pd.Period, kind: type[Report]) -> Report | None:
        path = self.path(month)
        if not path.is_file():
            return None
        try:
            return kind.model_validate_json(path.read_bytes())
        except ValidationError:
            raise SnapshotError(
                f"{path} cannot be read by this release: move it away, then `attrition run {month}`"
            ) from None

    def raised(self, before: pd.Period | None = None) -> list[PastAlarm]:
        """The alarms of feature drift before a month, in order, whatever became of theirs since.

        Of a report only the fields of an alarm are read, so that one of an earlier release counts.
        """
        months = [month for month in self.months() if before is None or month < before]
        reports = [(month, self._read(month, _Judged)) for month in months]
        return [
            PastAlarm(
                month,
                tuple(dict.fromkeys(each.column for each in drift.tests if each.drifted)),
                drift.reaches_model,
                report.snapshot_version,
            )
            for month, report in reports
            if report is not None and (drift := report.feature_drift).alarmed
        ]

    def alarms(
        self, before: pd.Period, present_version: Callable[[pd.Period], int]
    ) -> list[PastAlarm]:
        """The alarms of feature drift in the months before a month, in order.

        A report on a snapshot that was refused or corrected since raised none.
        """
        return [
            alarm
            for alarm in self.raised(before)
            if present_version(alarm.month) == alarm.snapshot_version
        ]
