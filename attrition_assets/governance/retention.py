"""How long records are kept, and how a removal is read again from the decision log.

Plain values. What is removed, and from where, is for `adapters.removal`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pandas as pd

from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.months import last_day, name_ranges, read_ranges
from attrition_assets.values import Value


class Removal(Value):
    """When the records of a month were removed under retention, by whom and why."""

    number: int
    at: datetime
    who: str
    why: str

    def __str__(self) -> str:
        return (
            f"removed under retention on {self.at:%Y-%m-%d} by {self.who}: {self.why} (decision "
            f"{self.number})"
        )


def find_last_past(now: datetime, retention_days: int) -> pd.Period:
    """The newest month whose last day is more than `retention_days` before `now`."""
    oldest_day = pd.Timestamp(now.date() - timedelta(days=retention_days))
    month = pd.Period(oldest_day, freq="M")
    return month if last_day(month) < oldest_day else month - 1


def find_end(month: pd.Period) -> datetime:
    """The first instant after a month, in UTC: what has a time before it is of it, or older."""
    end: datetime = (month + 1).start_time.tz_localize(UTC).to_pydatetime()
    return end


def find_removal(entries: Iterable[Entry], month: pd.Period) -> Removal | None:
    """The newest removal of a month's records; None if they never were."""
    for entry in reversed(list(entries)):
        if entry.kind == Kind.RECORDS_REMOVED and month in read_ranges(
            str(entry.facts.get("months", ""))
        ):
            return Removal(number=entry.number, at=entry.at, who=entry.who, why=entry.why)
    return None


def describe_months(months: Iterable[pd.Period]) -> str:
    """Months as ranges, as a removal records them; `none` if there is none."""
    return name_ranges(months) or "none"
