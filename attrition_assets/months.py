"""Months: how they are named and counted. A month is a `pd.Period`, as of its last day."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])(-01)?")


def parse_month(text: str) -> pd.Period:
    """Read a month from `2026-01` or from a partition key, `2026-01-01`.

    Raises ValueError for anything else.
    """
    if not MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is not a month: write 2026-01, or 2026-01-01 as Dagster does")
    return pd.Period(text[:7], freq="M")


def list_months(paths: Iterable[Path]) -> dict[pd.Period, Path]:
    """The paths that are named after a month, by month, in order; others are left out."""
    named = (path for path in paths if MONTH.fullmatch(path.stem))
    return dict(sorted((parse_month(path.stem), path) for path in named))


def partition_key(month: pd.Period) -> str:
    """The Dagster partition key of a month, such as `2026-01-01`."""
    return f"{month}-01"


def last_day(month: pd.Period) -> pd.Timestamp:
    """Midnight at the start of the month's last day: the date that its snapshot carries."""
    return month.end_time.normalize()


def months_between(earlier: pd.Period, later: pd.Period) -> int:
    """How many months `later` comes after `earlier`."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def name_ranges(months: Iterable[pd.Period]) -> str:
    """Months as text, each run of them as one: `2022-01 to 2022-12, 2023-02`.

    >>> name_ranges(pd.period_range("2022-01", "2022-03", freq="M"))
    '2022-01 to 2022-03'
    """
    runs: list[list[pd.Period]] = []
    for month in sorted(months):
        if runs and month == runs[-1][-1] + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join(f"{run[0]} to {run[-1]}" if run[1:] else f"{run[0]}" for run in runs)


def read_ranges(text: str) -> set[pd.Period]:
    """The months of a text that `name_ranges` wrote; none in any other.

    >>> read_ranges("2022-12 to 2023-01") == {parse_month("2022-12"), parse_month("2023-01")}
    True
    """
    found = re.findall(r"(\d{4}-\d\d)(?: to (\d{4}-\d\d))?", text)
    return {
        month for first, last in found for month in pd.period_range(first, last or first, freq="M")
    }
