"""Whether one month's table is as the contract declares, of one row an employee, and dated right.

Reports columns, rules, numbers of rows and row numbers, never a person's values. What must hold
between months is for `continuity`; all of a month's checks are gathered in `checks`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from attrition_assets.casting import read_dates, read_ids, read_numbers, write_booleans
from attrition_assets.contract import Column, Contract, Kind, Role
from attrition_assets.months import last_day
from attrition_assets.validation.verdicts import (
    SHOWN_ROWS,
    Fault,
    SnapshotVerdict,
    Violation,
    find_offenders,
    list_faults,
    refuse_check,
)

SCHEMA_RULES = {
    "column_in_schema": ("is not in the contract", Fault.EXTRA_COLUMN),
    "column_in_dataframe": ("column is missing", Fault.MISSING_COLUMN),
}


def find_violations(table: pd.DataFrame, contract: Contract) -> tuple[Violation, ...]:
    """Every rule of the contract that `table`, of raw values, breaks.

    Columns: as declared, in any order; only the label may be absent. Values: parsable as their
    kind, inside range or levels, present unless the contract allows them to be missing.
    """
    if duplicated := sorted(set(table.columns[table.columns.duplicated()].astype(str))):
        return tuple(
            Violation(
                column=name,
                rule="column name appears twice",
                fault=Fault.DUPLICATE_COLUMN,
                rows=len(table),
            )
            for name in duplicated
        )
    import pandera.pandas as pa

    if table.empty:
        return (
            Violation(column="(all)", rule="table has no rows", fault=Fault.EMPTY_FILE, rows=0),
        )
    table = write_booleans(table, contract)
    rules = {name: list_rules(column) for name, column in contract.columns.items()}
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(
                None,
                checks=[
                    pa.Check(rule.holds, error=rule.text, ignore_na=True) for rule in rules[name]
                ],
                nullable=column.missing,
                required=column.role != Role.LABEL,
            )
            for name, column in contract.columns.items()
        },
        strict=True,
    )
    try:
        schema.validate(table.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as errors:
        return _summarise(errors.failure_cases, rules, len(table))
    return ()


def check_contract(table: pd.DataFrame, contract: Contract) -> SnapshotVerdict:
    """Every column is there, of its kind, inside its range or levels."""
    return tell_contract(find_violations(table, contract), contract, *table.shape)


def tell_contract(
    violations: tuple[Violation, ...], contract: Contract, rows: int, columns: int
) -> SnapshotVerdict:
    """The verdict on a table of so many rows and columns that breaks these rules."""
    explanation = (
        "; ".join(map(str, violations[:SHOWN_ROWS]))
        or f"{rows} rows and {columns} columns are as {contract.name} declares"
    )
    return SnapshotVerdict(
        holds=not violations,
        explanation=explanation,
        value=len(violations),
        limit=0,
        faults=list_faults(violations),
        violations=violations,
    )


def check_duplicates(table: pd.DataFrame, contract: Contract) -> SnapshotVerdict:
    """No employee appears twice."""
    if contract.id not in table.columns:
        return refuse_check(f"no column {contract.id}", Fault.MISSING_COLUMN)
    ids = read_ids(table[contract.id], contract.columns[contract.id])
    repeated = (ids.duplicated(keep="first") & ids.notna()).to_numpy()
    fault = Fault.EMPLOYEE_TWICE
    return SnapshotVerdict(
        holds=not repeated.any(),
        explanation=f"{int(repeated.sum())} rows repeat an employee (by {contract.id})",
        value=float(repeated.sum()),
        limit=0,
        faults=(fault,) if repeated.any() else (),
        violations=find_offenders(contract.id, "employee appears twice", fault, repeated),
    )


def check_dates(table: pd.DataFrame, contract: Contract, month: pd.Period) -> SnapshotVerdict:
    """Every row is dated the month's last day."""
    name = contract.snapshot_date
    if name not in table.columns:
        return refuse_check(f"no column {name}", Fault.MISSING_COLUMN)
    date = last_day(month)
    dates = read_dates(table[name])
    later = is_later(dates, date)
    wrong = (dates.notna() & (dates != date)).to_numpy() & ~later
    unread = dates.isna().to_numpy()
    violations = (
        *_find_unread(table[name], name),
        *find_offenders(name, "date is not the month's last day", Fault.WRONG_DATE, wrong),
        *find_offenders(name, "date is after the month's last day", Fault.FUTURE_DATE, later),
    )
    return tell_dates(violations, int((unread | wrong | later).sum()), int(later.sum()), date)


def tell_dates(
    violations: tuple[Violation, ...], count: int, later: int, date: pd.Timestamp
) -> SnapshotVerdict:
    """The verdict on so many rows that are not dated `date`, of which so many are `later`."""
    return SnapshotVerdict(
        holds=not count,
        explanation=f"{count} rows are not dated {date.date()}, the month's last day; "
        f"{later} of them are later",
        value=count,
        limit=0,
        faults=list_faults(violations),
        violations=violations,
    )


def check_future(
    table: pd.DataFrame, contract: Contract, month: pd.Period, departures: pd.DataFrame | None
) -> SnapshotVerdict:
    """No row is dated later, and no label is there before its time.

    On the snapshot's own date nobody can know a label: where departures are dated, it is absent.
    Labels that come inside the snapshots are known later, and hidden until then.
    """
    name = contract.snapshot_date
    if name not in table.columns:
        return refuse_check(f"no column {name}", Fault.MISSING_COLUMN)
    later = is_later(read_dates(table[name]), last_day(month))
    filled = np.zeros(len(table), dtype=bool)
    if departures is not None and contract.label in table.columns:
        filled = table[contract.label].notna().to_numpy()
    violations = (
        *_find_unread(table[name], name),
        *find_offenders(name, "date is after the month's last day", Fault.FUTURE_DATE, later),
        *find_offenders(
            contract.label, "is filled before it can be known", Fault.FUTURE_LABEL, filled
        ),
    )
    rows = int(later.sum()), int(filled.sum()), int((later | filled).sum())
    return tell_future(violations, *rows, last_day(month), inside=departures is None)


def tell_future(
    violations: tuple[Violation, ...],
    later: int,
    filled: int,
    either: int,
    date: pd.Timestamp,
    *,
    inside: bool,
) -> SnapshotVerdict:
    """The verdict on rows dated after `date`, or with a label filled, unless labels come inside."""
    labels = (
        "labels come inside the snapshots and are hidden until they have matured"
        if inside
        else f"{filled} labels are filled, which departures alone can tell later"
    )
    return SnapshotVerdict(
        holds=not violations,
        explanation=f"{later} rows are dated after {date.date()}; {labels}",
        value=either,
        limit=0,
        faults=list_faults(violations),
        violations=violations,
    )


def is_later(dates: pd.Series, date: pd.Timestamp) -> np.ndarray:
    """Which dates, of those that can be read, are of a later day."""
    later: np.ndarray = (dates.dt.normalize() > date).to_numpy(dtype=bool)
    return later


def _find_unread(sent: pd.Series, name: str) -> tuple[Violation, ...]:
    """The rows whose date is missing, or none at all."""
    missing = sent.isna().to_numpy()
    unread = read_dates(sent).isna().to_numpy() & ~missing
    return (
        *find_offenders(name, "is missing", Fault.MISSING_VALUES, missing),
        *find_offenders(name, "is not a date such as 2026-01-31", Fault.NOT_A_DATE, unread),
    )


class Rule(NamedTuple):
    """What every value of a column must be: says so, named if broken, passes missing values."""

    text: str
    fault: Fault
    holds: Callable[[Any], Any]


def list_rules(column: Column) -> list[Rule]:
    """The rules of one column: each sees a whole series."""
    rules: list[Rule] = []
    if column.kind == Kind.DATE:
        rules.append(Rule("is not a date such as 2026-01-31", Fault.NOT_A_DATE, _is_date))
    elif column.kind == Kind.CONTINUOUS or column.is_integer:
        rules.append(Rule("is not a finite number", Fault.NOT_A_NUMBER, _is_finite))
    if column.is_integer:
        rules.append(Rule("is not a whole number", Fault.NOT_WHOLE, _is_whole))
    if column.range:
        low, high = column.range
        is_within = partial(_is_within, low=low, high=high)
        rules.append(Rule(f"is outside {low:g} to {high:g}", Fault.OUT_OF_RANGE, is_within))
    if column.levels:
        levels = list(column.levels)
        convert = _as_is if column.is_text else read_numbers
        rules.append(
            Rule(f"is none of {levels}", Fault.UNKNOWN_LEVEL, lambda s: convert(s).isin(levels))
        )
    return rules


def _is_date(series: pd.Series) -> pd.Series:
    return read_dates(series).notna()


def _is_finite(series: pd.Series) -> Any:
    return np.isfinite(read_numbers(series))


def _as_is(series: pd.Series) -> pd.Series:
    return series.astype("object")


def _is_whole(series: pd.Series) -> pd.Series:
    numbers = read_numbers(series)
    return numbers.isna() | numbers.eq(np.floor(numbers))


def _is_within(series: pd.Series, low: float, high: float) -> pd.Series:
    numbers = read_numbers(series)
    return numbers.isna() | numbers.between(low, high)


def _summarise(
    failures: pd.DataFrame, rules: Mapping[str, list[Rule]], rows: int
) -> tuple[Violation, ...]:
    """Pandera's failure cases as violations, without the values that failed."""
    violations = []
    for (column, check), cases in failures.fillna({"column": ""}).groupby(
        ["column", "check"], sort=True
    ):
        if check in SCHEMA_RULES:
            rule, fault = SCHEMA_RULES[check]
            violations += [
                Violation(column=str(name), rule=rule, fault=fault, rows=rows)
                for name in sorted(cases["failure_case"].astype(str))
            ]
            continue
        rule, fault = ("is missing", Fault.MISSING_VALUES)
        if check != "not_nullable":
            rule, fault = next(
                (each.text, each.fault) for each in rules[str(column)] if each.text == check
            )
        where = sorted(int(index) for index in cases["index"].dropna())
        violations.append(
            Violation(
                column=str(column),
                rule=rule,
                fault=fault,
                rows=len(where) or rows,
                first_rows=tuple(where[:SHOWN_ROWS]),
            )
        )
    return tuple(violations)
