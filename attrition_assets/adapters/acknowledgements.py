"""Drift alarms that a person has answered: they stand no longer, and what moved is the new normal.

A file under `home/acknowledged` for each, which lists the alarms that it answers: a month's, and
those that stood before it. It counts from the first month that was not judged yet when it was made,
so that a month judged again gives what it gave.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pandas as pd

from attrition_assets.adapters.drift_reports import DriftReports
from attrition_assets.adapters.files import write_atomically
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.feature_drift import StandingAlarm, find_standing
from attrition_assets.months import parse_month
from attrition_assets.values import Value

# A month, and the version of its snapshot.
Alarm = tuple[pd.Period, int]
NAMED = re.compile(r"\d{4}-\d\d\.\d+\.json")


class Acknowledgement(Value):
    """Who answered which alarms and why; it counts for months from `counts_from` on.

    `answers` are months with the version of their snapshot that alarmed, the newest the last.
    """

    who: str
    why: str
    when: datetime
    counts_from: str
    answers: dict[str, int]

    def __str__(self) -> str:
        return f"acknowledged by {self.who}: {self.why}"

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """What it answers, in order."""
        return tuple((parse_month(month), version) for month, version in self.answers.items())


@dataclass(frozen=True)
class Acknowledgements:
    """The acknowledgements of one home."""

    home: Path

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.home / "acknowledged"

    def path(self, month: pd.Period, version: int) -> Path:
        """Where the answer to a version of a month lies."""
        return self.folder / f"{month}.{version}.json"

    def answer(
        self, month: pd.Period, reports: DriftReports, who: str, why: str, now: datetime
    ) -> pd.Period:
        """Answer the alarms up to a month's; return the first month for which that counts.

        Those that a month raises later, or once it was corrected, are not answered. Raises
        SnapshotError if the month raised none, if it was answered already, or if no reason or
        nobody is named.
        """
        if not (who.strip() and why.strip()):
            raise SnapshotError(
                f"the alarm of {month} was not answered: say who answers it and why, in words that "
                "an auditor can read later"
            )
        raised = {alarm.month: alarm.snapshot_version for alarm in reports.raised()}
        judged = reports.months()
        if month not in raised:
            why_not = "raised no alarm of feature drift" if month in judged else "was never judged"
            named = ", ".join(map(str, raised)) or "no month"
            raise SnapshotError(
                f"{month} {why_not}: there is nothing to answer; alarms were raised in {named}"
            )
        for held in self._all():
            if (month, raised[month]) in held.alarms:
                raise SnapshotError(
                    f"the alarm of {month} was {held}; that counts for months from "
                    f"{held.counts_from} on, and nothing more is to be done"
                )
        counts_from = max(judged) + 1
        answer = Acknowledgement(
            who=" ".join(who.split()),
            why=" ".join(why.split()),
            when=now,
            counts_from=str(counts_from),
            answers={str(each): version for each, version in raised.items() if each <= month},
        )
        content = answer.model_dump_json(indent=1).encode()
        write_atomically(self.path(month, raised[month]), content)
        return counts_from

    def of(self, month: pd.Period, version: int) -> Acknowledgement | None:
        """The answer to the alarm of a version of a month; None if nobody answered it."""
        found = [held for held in self._all() if (month, version) in held.alarms]
        return found[0] if found else None

    def known_in(self, month: pd.Period) -> list[Acknowledgement]:
        """The answers that count for `month`, by the month whose alarm they answer."""
        return [held for held in self._all() if parse_month(held.counts_from) <= month]

    def _all(self) -> list[Acknowledgement]:
        paths = [path for path in self.folder.glob("*.json") if NAMED.fullmatch(path.name)]
        return sorted((self._read(path) for path in paths), key=lambda held: held.alarms[-1])

    def _read(self, path: Path) -> Acknowledgement:
        try:
            held = Acknowledgement.model_validate_json(path.read_bytes())
            parse_month(held.counts_from)
            month, version = held.alarms[-1]
            if path != self.path(month, version):
                raise ValueError("another month's")
        except (ValueError, IndexError):  # pydantic's are of the first kind
            raise SnapshotError(
                f"{path} cannot be read: move it away, then acknowledge {path.name[:7]} again"
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
    known = Acknowledgements(home).known_in(month)
    standing = find_standing(
        alarms,
        month=month,
        champion_as_of=champion_as_of,
        answered={answered for held in known for answered in held.alarms},
    )
    present = {(alarm.month, alarm.snapshot_version) for alarm in alarms}
    notes = {
        held.alarms[-1][0]: str(held)
        for held in known
        if held.alarms[-1] in present and held.alarms[-1][0] > champion_as_of
    }
    baseline = max(notes, default=None)
    incidents = frozenset(alarm.month for alarm in alarms)
    return Past(incidents, standing, baseline, notes[baseline] if baseline else "")
