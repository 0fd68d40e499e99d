"""The checks of a month's table that stays where it is: by its values, counted, and some people.

What the contract says of values, ids and dates is checked for every row; what must hold for a
person from month to month, for the people whose rows are kept. The properties, their names and
their limits are those of `checks`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.casting import read_dates, write_booleans
from attrition_assets.contract import Contract, Role
from attrition_assets.months import last_day
from attrition_assets.validation.checks import check_people, refuse_snapshot
from attrition_assets.validation.continuity import (
    EarlierMonth,
    Previous,
    check_volume,
)
from attrition_assets.validation.table import (
    SCHEMA_RULES,
    is_later,
    list_rules,
    tell_contract,
    tell_dates,
    tell_future,
)
from attrition_assets.validation.verdicts import (
    Fault,
    SnapshotVerdict,
    Violation,
    list_faults,
    refuse_check,
)


class Counted(NamedTuple):
    """A column's different values as they were sent, how many rows have each, and none."""

    values: pd.Series
    rows: npt.NDArray[np.int64]
    missing: int

    def count(self, chosen: npt.NDArray[np.bool_]) -> int:
        """How many rows have one of the chosen values."""
        return int(self.rows[chosen].sum())


@dataclass(frozen=True)
class CountedTable:
    """What an engine tells of a month's table, of so many `rows`.

    `names` are its columns; `counted` holds those of the contract's whose values are not known to
    be accepted, without the ids, of which `repeated` rows have one of another row's, and `unnamed`
    none. `unfit` says why it cannot be summarized, empty if it can.
    """

    rows: int
    names: tuple[str, ...]
    counted: Mapping[str, Counted]
    repeated: int
    unnamed: int
    unfit: str = ""


def check_counted(
    table: CountedTable,
    kept: pd.DataFrame | None,
    contract: Contract,
    month: pd.Period,
    content: str,
    earlier: tuple[EarlierMonth, ...],
    *,
    previous: Previous | None,
    departures: pd.DataFrame | None,
) -> Mapping[str, SnapshotVerdict]:
    """The verdicts on a month's table, by name, as `check_snapshot` has them.

    `kept` are the raw rows of the people whose rows are kept, None if the table could not be
    summarized; `previous` holds the same people of the month before.
    """
    contract_holds = _check_contract(table, contract)
    if not table.rows:
        refused = refuse_snapshot(contract_holds.explanation, *contract_holds.faults)
        return {**refused, "contract_holds": contract_holds}
    verdicts = {
        "contract_holds": contract_holds,
        "one_row_per_employee": _check_duplicates(table, contract),
        "dates_match_month": _check_dates(table, contract, month),
        "nothing_from_the_future": _check_future(table, contract, month, departures),
        "volume_plausible": check_volume(table.rows, month, earlier),
    }
    if kept is None:
        why = "the table is not as the contract declares"
        unknown = refuse_check(why, *contract_holds.faults)
        names = ("not_sent_before", "units_unchanged", "missing_values_usual", "leavers_recorded")
        return {**verdicts, **dict.fromkeys(names, unknown)}
    people = check_people(
        kept, contract, month, content, earlier, previous=previous, departures=departures
    )
    return {**verdicts, **people}


def find_counted_violations(table: CountedTable, contract: Contract) -> tuple[Violation, ...]:
    """Every rule of the contract that the counted values break, as `find_violations` has them."""
    declared = contract.columns
    if not table.rows:
        return (_violate("(all)", "table has no rows", Fault.EMPTY_FILE, 0),)
    lacking = [name for name, each in declared.items() if each.role != Role.LABEL]
    violations = [
        Violation(column=name, rule=rule, fault=fault, rows=table.rows)
        for (rule, fault), names in (
            (SCHEMA_RULES["column_in_schema"], set(table.names) - set(declared)),
            (SCHEMA_RULES["column_in_dataframe"], set(lacking) - set(table.names)),
        )
        for name in names
    ]
    missing = {name: each.missing for name, each in table.counted.items()}
    for name, rows in {**missing, contract.id: table.unnamed}.items():
        if rows and not declared[name].missing:
            violations.append(_violate(name, "is missing", Fault.MISSING_VALUES, rows))
    for name, counted in table.counted.items():
        values = write_booleans(counted.values.to_frame(name), contract)[name]
        for rule in list_rules(declared[name]):
            if rows := counted.count(~np.asarray(rule.holds(values), dtype=bool)):
                violations.append(_violate(name, rule.text, rule.fault, rows))
    return tuple(sorted(violations, key=lambda each: (each.column, each.rule)))


def _violate(column: str, rule: str, fault: Fault, rows: int) -> Violation:
    return Violation(column=column, rule=rule, fault=fault, rows=rows)


def _check_contract(table: CountedTable, contract: Contract) -> SnapshotVerdict:
    violations = find_counted_violations(table, contract)
    if table.unfit and not violations:
        return refuse_check(table.unfit, Fault.NOT_A_NUMBER)
    return tell_contract(violations, contract, table.rows, len(table.names))


def _check_duplicates(table: CountedTable, contract: Contract) -> SnapshotVerdict:
    if contract.id not in table.names:
        return refuse_check(f"no column {contract.id}", Fault.MISSING_COLUMN)
    fault, rows = Fault.EMPLOYEE_TWICE, table.repeated
    found = (_violate(contract.id, "employee appears twice", fault, rows),) if rows else ()
    return SnapshotVerdict(
        holds=not rows,
        explanation=f"{rows} rows repeat an employee (by {contract.id})",
        value=rows,
        limit=0,
        faults=list_faults(found),
        violations=found,
    )


def _check_dates(table: CountedTable, contract: Contract, month: pd.Period) -> SnapshotVerdict:
    name, date = contract.snapshot_date, last_day(month)
    if name not in table.names:
        return refuse_check(f"no column {name}", Fault.MISSING_COLUMN)
    if name not in table.counted:
        return refuse_check(table.unfit, Fault.NOT_A_DATE)
    counted = table.counted[name]
    dates = read_dates(counted.values)
    later = is_later(dates, date)
    wrong = (dates.notna() & (dates != date)).to_numpy(dtype=bool) & ~later
    wrong_rows, later_rows = counted.count(wrong), counted.count(later)
    violations = (
        *_find_unread(counted, name),
        *_tell(name, "date is not the month's last day", Fault.WRONG_DATE, wrong_rows),
        *_tell(name, "date is after the month's last day", Fault.FUTURE_DATE, later_rows),
    )
    return tell_dates(violations, sum(each.rows for each in violations), later_rows, date)


def _check_future(
    table: CountedTable, contract: Contract, month: pd.Period, departures: pd.DataFrame | None
) -> SnapshotVerdict:
    name, label = contract.snapshot_date, contract.label
    if name not in table.names:
        return refuse_check(f"no column {name}", Fault.MISSING_COLUMN)
    if not {name, label} & set(table.names) <= set(table.counted):
        return refuse_check(table.unfit, Fault.NOT_A_DATE)
    counted = table.counted[name]
    later = counted.count(is_later(read_dates(counted.values), last_day(month)))
    filled = 0
    if departures is not None and label in table.names:
        filled = int(table.counted[label].rows.sum())
    violations = (
        *_find_unread(counted, name),
        *_tell(name, "date is after the month's last day", Fault.FUTURE_DATE, later),
        *_tell(label, "is filled before it can be known", Fault.FUTURE_LABEL, filled),
    )
    # Rows that are both are not told from counts: at least so many are one of them.
    rows = later, filled, max(later, filled)
    return tell_future(violations, *rows, last_day(month), inside=departures is None)


def _find_unread(counted: Counted, name: str) -> tuple[Violation, ...]:
    unread = counted.count(read_dates(counted.values).isna().to_numpy(dtype=bool))
    return (
        *_tell(name, "is missing", Fault.MISSING_VALUES, counted.missing),
        *_tell(name, "is not a date such as 2026-01-31", Fault.NOT_A_DATE, unread),
    )


def _tell(column: str, rule: str, fault: Fault, rows: int) -> tuple[Violation, ...]:
    return (_violate(column, rule, fault, rows),) if rows else ()
