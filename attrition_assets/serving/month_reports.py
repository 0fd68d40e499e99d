"""The months as the drift API tells them: what was judged, and what came and was not.

Read from the stores alone. What cannot be read is said to be so; it is never "no drift".
"""

import logging
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.contract import Contract
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Estimate, Finding
from attrition_assets.months import name_ranges, parse_month
from attrition_assets.serving.drift_answers import Judged
from attrition_assets.serving.problems import ProblemError
from attrition_assets.values import Value

# Stricter than a partition's key: what is asked for by one name is found by one name.
MONTH = re.compile(r"[1-9][0-9]{3}-(0[1-9]|1[0-2])")
_LOG = logging.getLogger(__name__)


class State(StrEnum):
    """How a month stands. `unreadable`: it was judged, and what was found cannot be read."""

    JUDGED = "judged"
    CORRECTED = "corrected since it was judged"
    REFUSED = "refused"
    NOT_JUDGED = "not judged"
    UNREADABLE = "unreadable"


class Findings(Value):
    """What each judge found."""

    data_quality: Finding
    feature_drift: Finding
    prediction_drift: Finding
    concept_drift: Finding
    performance: Finding
    champion_age: Finding


class MonthLine(Value):
    """A month in a line; what is of its verdict is None or empty where there is none.

    The decision is what the monitoring policy in force makes of the verdicts. `auc` is the
    champion's, if outcomes were due. `refused_by` names the checks that refused the snapshot.
    """

    month: str
    state: State
    snapshot_version: int | None = None
    champion_version: int | None = None
    findings: Findings | None = None
    decision: Decision | None = None
    headline: str | None = None
    reasons: tuple[str, ...] = ()
    drifted_features: tuple[str, ...] = ()
    auc: Estimate | None = None
    refused_by: tuple[str, ...] = ()


class MonthLines(Value):
    """Every month that came or was judged, in order."""

    months: tuple[MonthLine, ...]


@dataclass(frozen=True)
class MonthReports:
    """The months of one home."""

    home: Path
    contract: Contract
    policy: MonitoringPolicy

    @property
    def reports(self) -> DriftReports:
        """The stored reports."""
        return DriftReports(self.home)

    @property
    def snapshots(self) -> SnapshotStore:
        """The stored snapshots and their verdicts."""
        return SnapshotStore(self.home, self.contract)

    def read(self, month: str) -> DriftReport:
        """The stored report of a month. Raises ProblemError if there is none, or no such month."""
        return self._read(self._require_judged(month))

    def read_newest(self) -> tuple[DriftReport, Judged]:
        """The report of the newest month that was judged, and how it stands.

        Raises ProblemError if no month was judged, or the newest cannot be read.
        """
        judged = self.reports.months()
        if not judged:
            raise ProblemError(404, "no month was judged yet: `attrition run MONTH`")
        newest = judged[-1]
        report = self._read(newest)
        try:
            present = self.snapshots.accepted_version(newest)
            later = tuple(str(month) for month in self.snapshots.ledgers() if month > newest)
        except SnapshotError as error:
            raise _refuse("how the months stand cannot be read", error) from None
        return report, Judged(
            month=report.month,
            snapshot_version=report.snapshot_version,
            is_current=present == report.snapshot_version,
            not_judged=later,
        )

    def find_page(self, month: str) -> Path:
        """Where the page of a month lies. Raises ProblemError as `read` does."""
        found = self._require_judged(month)
        page = self.home / "reports" / str(found) / "drift.html"
        if not page.is_file():
            raise ProblemError(
                404, f"{found} was judged and its page is not there: `attrition run {found}`"
            )
        return page

    def list(self) -> MonthLines:
        """Every month that came or was judged. Raises ProblemError if a verdict on a file is lost.

        A report that cannot be read is a line that says so.
        """
        try:
            ledgers = self.snapshots.ledgers()
        except SnapshotError as error:
            raise _refuse("how the months stand cannot be read", error) from None
        judged = set(self.reports.months())
        lines = []
        for month in sorted({*judged, *ledgers}):
            ledger = ledgers.get(month)
            refused = tuple(ledger.failed) if ledger and not ledger.accepted else ()
            present = ledger.version if ledger and ledger.accepted else 0
            if month in judged:
                line = self._describe(month, present)
            else:
                line = MonthLine(month=str(month), state=State.NOT_JUDGED)
            if refused:
                line = line.model_copy(update={"state": State.REFUSED, "refused_by": refused})
            lines.append(line)
        return MonthLines(months=tuple(lines))

    def _describe(self, month: pd.Period, present: int) -> MonthLine:
        try:
            report = self._read(month)
        except ProblemError:
            return MonthLine(month=str(month), state=State.UNREADABLE)
        decision = decide_retraining(report, self.policy)
        return MonthLine(
            month=str(month),
            state=State.JUDGED if present == report.snapshot_version else State.CORRECTED,
            snapshot_version=report.snapshot_version,
            champion_version=report.champion_version,
            findings=Findings(
                **{name: getattr(report, name).finding for name in Findings.model_fields}
            ),
            decision=decision.decision,
            headline=decision.headline,
            reasons=decision.reasons,
            drifted_features=report.feature_drift.drifted_features,
            auc=report.performance.auc,
        )

    def _require_judged(self, text: str) -> pd.Period:
        if not MONTH.fullmatch(text):
            raise ProblemError(422, "this is not a month: write it as 2026-01")
        month = parse_month(text)
        judged = self.reports.months()
        if month not in judged:
            held = name_ranges(judged) or "no month yet"
            raise ProblemError(404, f"{month} was not judged; there is: {held}")
        return month

    def _read(self, month: pd.Period) -> DriftReport:
        try:
            report = self.reports.read(month)
        except SnapshotError as error:
            raise _refuse(
                f"the report of {month} cannot be read by this release, so whether there is drift "
                f"is not known; `attrition run {month}` writes it anew",
                error,
            ) from None
        if report is None:
            raise ProblemError(404, f"the report of {month} was removed just now")
        return report


def _refuse(what: str, error: SnapshotError) -> ProblemError:
    _LOG.warning("%s", error)
    return ProblemError(500, what)
