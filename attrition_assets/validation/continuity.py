"""What must hold between a month and those before it: size, people, units, gaps, departures.

Only accepted months that came before are looked at (and the content of all others), so that
accepting a later month changes no verdict. One table against its contract is for `table`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from attrition_assets.casting import read_ids, read_numbers
from attrition_assets.contract import Column, Contract, Kind
from attrition_assets.months import last_day, months_between
from attrition_assets.validation.verdicts import (
    Fault,
    SnapshotVerdict,
    Violation,
    find_offenders,
    list_faults,
    refuse_check,
)
from attrition_assets.values import Value

COMPARED_MONTHS = 12  # people, units and gaps; the number of rows goes stale sooner
VOLUME_RATIO, VOLUME_MONTHS = 1.5, 3
# Months, fortnights, weeks, working days, days and working hours in a year, weeks in a month;
# hundredths and thousandths. Factors near 2, as of a fortnight in a month, leap too little to tell.
UNIT_FACTORS = (12, 26, 52, 260, 365, 2080, 52 / 12, 100, 1000)
UNIT_TOLERANCE = 0.15  # room for a raise in the same month
LEAP = 3.7  # the least of the factors, less the tolerance
COARSE = 10  # a smaller whole number leaps by itself: 1 training a year, then 6
UNIT_ROWS, UNIT_SHARE = 5, 0.01
MISSING_LEAP, MISSING_AT_FIRST, MISSING_ERRORS = 0.2, 0.5, 4.0
VANISHED_ROWS, UNRECORDED_SHARE, PRESENT_SHARE = 5, 0.5, 0.02
_NOBODY_BEFORE = "no accepted month of the last {} to compare with"
_RANGES_REMAIN = "the contract's ranges alone tell a wrong unit"


class EarlierMonth(Value):
    """What a new month is compared with: an accepted month's size and content."""

    month: str
    rows: int
    content: str


@dataclass(frozen=True)
class Previous:
    """The newest accepted month before the one that is judged, and its table."""

    month: pd.Period
    table: pd.DataFrame


def find_previous(
    earlier: tuple[EarlierMonth, ...], month: pd.Period, within: int = COMPARED_MONTHS
) -> EarlierMonth | None:
    """The newest accepted month before `month`, if it is at most `within` months older."""
    recent = [each for each in earlier if 0 < _age(each, month) <= within]
    return max(recent, key=lambda each: each.month, default=None)


def check_volume(rows: int, month: pd.Period, earlier: tuple[EarlierMonth, ...]) -> SnapshotVerdict:
    """The number of rows is near that of the previous month."""
    before = find_previous(earlier, month, VOLUME_MONTHS)
    if before is None:
        nobody = _NOBODY_BEFORE.format(VOLUME_MONTHS)
        return SnapshotVerdict(holds=True, explanation=f"{rows} rows; {nobody}")
    ratio = rows / before.rows
    holds = 1 / VOLUME_RATIO <= ratio <= VOLUME_RATIO
    return SnapshotVerdict(
        holds=holds,
        explanation=f"{rows} rows, {ratio:.2f} times the {before.rows} of {before.month}; "
        f"accepted is {1 / VOLUME_RATIO:.2f} to {VOLUME_RATIO:.2f} times",
        value=ratio,
        limit=VOLUME_RATIO,
        faults=() if holds else (Fault.IMPLAUSIBLE_VOLUME,),
    )


def check_repetition(
    month: pd.Period, content: str, earlier: tuple[EarlierMonth, ...]
) -> SnapshotVerdict:
    """The rows, whatever their date, are not those of another accepted month."""
    same = [each.month for each in earlier if each.content == content and each.month != str(month)]
    return SnapshotVerdict(
        holds=not same,
        explanation=f"its rows are those sent for {', '.join(same)}: send this month's own file"
        if same
        else "differs from every other accepted month",
        value=len(same),
        limit=0,
        faults=(Fault.SENT_BEFORE,) if same else (),
    )


def check_units(
    table: pd.DataFrame, contract: Contract, previous: Previous | None
) -> SnapshotVerdict:
    """No continuous column is in another unit than in the previous month, person by person.

    A unit has changed for some if at least 5 people, and 1 % of those compared, have a unit factor
    (such as 12) times their former value, and most of those whose value leapt (3.7 times or
    more, either way) leapt by it. Factors are told within 15 %, since values also change by
    themselves; whole numbers below 10 are not looked at.
    """
    if previous is None:
        nobody = _NOBODY_BEFORE.format(COMPARED_MONTHS)
        return SnapshotVerdict(holds=True, explanation=f"{nobody}; {_RANGES_REMAIN}")
    if reason := explain_ids(table, contract):
        return reason
    ids = read_ids(table[contract.id], contract.columns[contract.id])
    before = previous.table.set_index(contract.id)
    rows = np.flatnonzero((ids.isin(before.index) & ~ids.duplicated()).to_numpy())
    if len(rows) < UNIT_ROWS:
        return SnapshotVerdict(
            holds=True,
            explanation=f"{len(rows)} people are also in {previous.month}, too few to compare; "
            f"{_RANGES_REMAIN}",
        )
    before = before.reindex(ids.iloc[rows])
    violations: list[Violation] = []
    names = [
        name
        for name in contract.select_kind(Kind.CONTINUOUS)
        if name in table.columns and name in before.columns
    ]
    for name in names:
        now, then = read_numbers(table[name]).to_numpy()[rows], read_numbers(before[name])
        for rule, changed in _find_unit_changes(now, then.to_numpy(), contract.columns[name]):
            offends = np.zeros(len(table), dtype=bool)
            offends[rows[changed]] = True
            rule = f"is {rule} the person's value of {previous.month}"
            violations += find_offenders(name, rule, Fault.UNIT_CHANGE, offends)
    found = "; ".join(map(str, violations))
    return SnapshotVerdict(
        holds=not violations,
        explanation=f"{found}: send each column in its former unit"
        if found
        else f"none of {len(names)} columns leapt by a unit factor for the {len(rows)} people who "
        f"are also in {previous.month}",
        value=max((each.rows for each in violations), default=0) / len(rows),
        limit=UNIT_SHARE,
        faults=list_faults(violations),
        violations=tuple(violations),
    )


def check_missing(
    table: pd.DataFrame, contract: Contract, previous: Previous | None
) -> SnapshotVerdict:
    """Where values may be missing, not many more are than in the previous month.

    Accepted is a share 20 points above the previous month's, or 4 standard errors of the
    difference where those are more; with no previous month, half. Columns that are ignored may be
    as empty as they like.
    """
    names = [
        name for name in contract.monitored if contract.columns[name].missing and name in table
    ]
    violations: list[Violation] = []
    for name in names:
        missing = table[name].isna().to_numpy()
        if previous is None or name not in previous.table.columns:
            limit, than = MISSING_AT_FIRST, "nothing to compare with"
        else:
            share = float(previous.table[name].isna().mean())
            limit = share + _accept_leap(share, missing, len(previous.table))
            than = f"{share:.0%} in {previous.month}"
        if missing.mean() > limit:
            rule = f"is missing in {missing.mean():.0%} of the rows ({than})"
            violations += find_offenders(name, rule, Fault.MISSING_VALUES, missing)
    found = "; ".join(map(str, violations))
    return SnapshotVerdict(
        holds=not violations,
        explanation=f"{found}: mend the export, or take the column out of the contract"
        if found
        else f"{len(names)} columns may have missing values; none has unusually many",
        value=len(violations),
        limit=0,
        faults=list_faults(violations),
        violations=tuple(violations),
    )


def check_leavers(
    table: pd.DataFrame,
    contract: Contract,
    month: pd.Period,
    previous: Previous | None,
    departures: pd.DataFrame | None,
) -> SnapshotVerdict:
    """Departures are those of these people: most who are gone have one, few who stayed do.

    Without one they would silently count as having stayed. Someone who came back may have both.
    """
    if departures is None:
        return SnapshotVerdict(
            holds=True, explanation="labels come inside the snapshots: no departures are needed"
        )
    if previous is None:
        return SnapshotVerdict(holds=True, explanation=_NOBODY_BEFORE.format(COMPARED_MONTHS))
    if reason := explain_ids(table, contract):
        return reason
    ids = read_ids(table[contract.id], contract.columns[contract.id])
    before = previous.table[contract.id]
    left_by = _select_departed(departures, month, contract)
    gone, unrecorded = _count_gone(before, ids, left_by[contract.id])
    share = unrecorded / max(gone, 1)
    since = left_by[contract.outcomes.departure_date] > last_day(month - COMPARED_MONTHS)
    left = left_by.loc[since, contract.id]
    stayed = int((ids.isin(left) & ids.isin(before)).sum())
    if stayed > max(VANISHED_ROWS, PRESENT_SHARE * len(ids)):
        return SnapshotVerdict(
            holds=False,
            explanation=f"{stayed} people are here as they were in {previous.month}, and have a "
            f"departure of the last {COMPARED_MONTHS} months: send departures that are those of "
            "these people",
            value=stayed / len(ids),
            limit=PRESENT_SHARE,
            faults=(Fault.LEAVERS_PRESENT,),
        )
    holds = not _is_too_many(gone, unrecorded)
    advice = ": send departures up to date and of the same ids, or the rows that are lacking"
    return SnapshotVerdict(
        holds=holds,
        explanation=f"{gone} of the {len(before)} people of {previous.month} are gone, "
        f"{unrecorded} of them without a departure by {last_day(month).date()}"
        + ("" if holds else advice),
        value=share,
        limit=UNRECORDED_SHARE,
        faults=() if holds else (Fault.LEAVERS_UNRECORDED,),
    )


def find_unrecorded(
    months: list[pd.Period],
    read: Callable[[pd.Period], pd.DataFrame],
    departures: pd.DataFrame | None,
    contract: Contract,
) -> str | None:
    """Why a table of departures cannot be that of these accepted months; None if it can.

    Each month is compared with the accepted one before it, as `check_leavers` did when it was
    judged: the table may have lost rows since. Where labels come inside the snapshots, none is
    needed. `read` is asked for each month once, and for its ids alone.
    """
    if departures is None:
        return None
    people = ((month, read(month)[contract.id]) for month in months)
    for (earlier, before), (later, now) in pairwise(people):
        left_by = _select_departed(departures, later, contract)
        gone, unrecorded = _count_gone(before, now, left_by[contract.id])
        if _is_too_many(gone, unrecorded):
            return (
                f"departures are lost: {gone} people of {earlier} are gone in {later}, "
                f"{unrecorded} of them without a departure, and would count as having stayed; "
                "send all departures, not only the newest, and of the same ids"
            )
    return None


def _select_departed(
    departures: pd.DataFrame, month: pd.Period, contract: Contract
) -> pd.DataFrame:
    return departures[departures[contract.outcomes.departure_date] <= last_day(month)]


def _count_gone(before: pd.Series, now: pd.Series, departed: pd.Series) -> tuple[int, int]:
    """How many people of `before` are gone, and how many of those have no departure."""
    gone = before[~before.isin(now)]
    return len(gone), int((~gone.isin(departed)).sum())


def _is_too_many(gone: int, unrecorded: int) -> bool:
    return gone >= VANISHED_ROWS and unrecorded > UNRECORDED_SHARE * gone


def explain_ids(table: pd.DataFrame, contract: Contract) -> SnapshotVerdict | None:
    """Why people cannot be told by their ids; None if they can."""
    name = contract.id
    if name not in table.columns:
        return refuse_check(f"no column {name}", Fault.MISSING_COLUMN)
    unread = read_ids(table[name], contract.columns[name]).isna()
    if not unread.any():
        return None
    missing = (unread & table[name].isna()).any()
    fault = Fault.MISSING_VALUES if missing else Fault.NOT_A_NUMBER
    return refuse_check(f"{int(unread.sum())} rows have no {name} that can be read", fault)


def _age(earlier: EarlierMonth, month: pd.Period) -> int:
    return months_between(pd.Period(earlier.month, freq="M"), month)


def _find_unit_changes(
    now: np.ndarray, then: np.ndarray, column: Column
) -> list[tuple[str, np.ndarray]]:
    """The factors by which many values leapt, in words, and for whom."""
    smaller = np.minimum(np.abs(now), np.abs(then))
    clear = np.isfinite(now) & np.isfinite(then) & (np.sign(now) == np.sign(then)) & (now != 0)
    clear &= smaller >= (COARSE if column.is_integer else 0)
    growth = np.log(np.abs(np.where(clear, now, 1))) - np.log(np.abs(np.where(clear, then, 1)))
    leapt = np.abs(growth) >= np.log(LEAP)
    enough = max(UNIT_ROWS, UNIT_SHARE * len(now), leapt.sum() / 2)
    if leapt.sum() < enough:
        return []
    found = []
    for factor in UNIT_FACTORS:
        named = f"{round(factor, 2):g}"
        for words, leap in ((f"{named} times", factor), (f"1/{named} of", 1 / factor)):
            changed = np.abs(growth - np.log(leap)) <= np.log1p(UNIT_TOLERANCE)
            if changed.sum() >= enough:
                found.append((words, changed))
    return found


def _accept_leap(share: float, missing: np.ndarray, people_before: int) -> float:
    """How far the share of missing values may rise."""
    people = len(missing)
    pooled = (share * people_before + float(missing.sum())) / (people_before + people)
    error = np.sqrt(pooled * (1 - pooled) * (1 / people + 1 / people_before))
    return max(MISSING_LEAP, MISSING_ERRORS * float(error))
