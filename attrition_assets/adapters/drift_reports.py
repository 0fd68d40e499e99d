"""The drift reports of the months that were judged: a JSON file each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.feature_drift import PastAlarm
from attrition_assets.monitoring.report import DriftReport
from attrition_assets.months import parse_month, partition_key


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
        return sorted(parse_month(path.stem) for path in self.folder.glob("[0-9]*.json"))

    def read(self, month: pd.Period) -> DriftReport | None:
        """A month's report; None if it was never judged.

        Raises SnapshotError if it was written by another release.
        """
        path = self.path(month)
        if not path.is_file():
            return None
        try:
            return DriftReport.model_validate_json(path.read_bytes())
        except ValidationError:
            raise SnapshotError(
                f"{path} cannot be read by this release: move it away, then `attrition run {month}`"
            ) from None

    def alarmed(self) -> list[pd.Period]:
        """The months that raised an alarm of feature drift, whatever became of them since."""
        return [
            month
            for month in self.months()
            if (report := self.read(month)) and report.feature_drift.alarmed
        ]

    def alarms(
        self, before: pd.Period, present_version: Callable[[pd.Period], int]
    ) -> list[PastAlarm]:
        """The alarms of feature drift in the months before a month, in order.

        A report on a snapshot that was refused or corrected since raised none.
        """
        earlier = [self.read(month) for month in self.months() if month < before]
        return [
            PastAlarm(
                parse_month(report.month),
                report.feature_drift.drifted_features,
                report.feature_drift.reaches_model,
            )
            for report in earlier
            if report is not None
            and report.feature_drift.alarmed
            and present_version(parse_month(report.month)) == report.snapshot_version
        ]
