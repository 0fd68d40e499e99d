"""How old a month is, and how a removal is read again."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from attrition_assets.governance.decisions import Entry, Kind, add_entry
from attrition_assets.governance.retention import describe_months, find_last_past, find_removal
from attrition_assets.months import name_ranges, parse_month, read_ranges


def month(text: str) -> pd.Period:
    return parse_month(text)


@pytest.mark.parametrize(
    ("now", "days", "last"),
    [
        ("2026-11-26", 1461, "2022-10"),
        ("2026-12-01", 1461, "2022-11"),  # its last day is 1462 days ago
        ("2026-11-30", 1461, "2022-10"),  # the last day of 2022-11 is 1461 days ago, and kept
        ("2024-03-01", 183, "2023-07"),
    ],
)
def test_a_month_is_past_it_once_its_last_day_is_older(now: str, days: int, last: str) -> None:
    assert find_last_past(datetime.fromisoformat(f"{now}T23:59:00+00:00"), days) == month(last)


@pytest.mark.parametrize(
    ("months", "text"),
    [
        (["2023-02", "2022-11", "2022-12", "2023-01"], "2022-11 to 2023-02"),
        (["2022-01", "2022-03", "2022-04"], "2022-01, 2022-03 to 2022-04"),
        ([], ""),
    ],
)
def test_ranges_of_months_are_read_as_they_are_named(months: list[str], text: str) -> None:
    held = {month(each) for each in months}
    assert name_ranges(held) == text
    assert read_ranges(text) == held
    assert read_ranges(describe_months(held)) == held


def test_the_newest_removal_of_a_month_is_found_and_shown_in_full() -> None:
    lines: list[str] = []
    entries: list[Entry] = []
    for who, removed in (("Ada", "2022-01 to 2022-03"), ("Bob", "2022-03"), ("Eve", "none")):
        entry = add_entry(
            lines,
            Kind.RECORDS_REMOVED,
            who=who,
            why="past it",
            at=datetime(2026, 11, 26, tzinfo=UTC),
            months=removed,
            run="0efb3b70-38af-4b8e-8840-750fb8d30ecd",
        )
        entries.append(entry)
        lines.append(entry.render())
    first, newest = find_removal(entries, month("2022-02")), find_removal(entries, month("2022-03"))
    assert first is not None
    assert newest is not None
    assert (first.who, newest.who) == ("Ada", "Bob")
    assert str(first) == "removed under retention on 2026-11-26 by Ada: past it (decision 1)"
    assert find_removal(entries, month("2022-04")) is None
    assert "months 2022-01 to 2022-03, run 0efb3b70-38a)" in entries[0].describe()
