"""A month's file, broken in every way that the contract tells, and what each is called."""

from collections.abc import Callable

import pandas as pd

from attrition_assets.adapters.files import to_parquet_bytes
from attrition_assets.validation.verdicts import Fault
from attrition_assets_tests.conftest import spoil


def raise_pay(table: pd.DataFrame) -> pd.DataFrame:
    """A tenth of the rows with yearly pay as monthly pay."""
    pay = table["MonthlyIncome"].to_numpy(copy=True)
    pay[::10] *= 12
    return table.assign(MonthlyIncome=pay)


# What becomes of the month's table, or of its bytes, and what that is called.
TABLES: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], set[Fault]]] = {
    "a missing column": (
        lambda table: table.drop(columns="Education"),
        {Fault.MISSING_COLUMN},
    ),
    "an extra column": (lambda table: table.assign(shoe=40), {Fault.EXTRA_COLUMN}),
    "text in a number": (
        lambda table: spoil(table, "Age", "pensioner", [3, 17]).astype({"Age": str}),
        {Fault.NOT_A_NUMBER},
    ),
    "an unknown level": (
        lambda table: spoil(table, "Gender", "Martian", [5]),
        {Fault.UNKNOWN_LEVEL},
    ),
    "out of range": (lambda table: spoil(table, "Age", 17, [5]), {Fault.OUT_OF_RANGE}),
    "income x12 for some": (raise_pay, {Fault.UNIT_CHANGE, Fault.OUT_OF_RANGE}),
    "a flood of nulls": (
        lambda table: table.assign(Age=table["Age"].where(table.index % 5 == 0)),
        {Fault.MISSING_VALUES},
    ),
    "some employees doubled": (
        lambda table: pd.concat([table, table.head(40)]),
        {Fault.EMPLOYEE_TWICE},
    ),
    "all employees doubled": (
        lambda table: pd.concat([table, table]),
        {Fault.EMPLOYEE_TWICE, Fault.IMPLAUSIBLE_VOLUME},
    ),
    "labels from the future": (lambda table: table.assign(Attrition="No"), {Fault.FUTURE_LABEL}),
    "dates from the future": (
        lambda table: table.assign(SnapshotDate=table["SnapshotDate"] + pd.offsets.MonthEnd(1)),
        {Fault.FUTURE_DATE},
    ),
}
BYTES: dict[str, tuple[Callable[[bytes], bytes], set[Fault]]] = {
    "an empty file": (lambda content: b"", {Fault.EMPTY_FILE}),
    "a truncated file": (lambda content: content[: len(content) // 2], {Fault.UNREADABLE_FILE}),
}


AGAIN = "last month's file again"
KINDS = (*BYTES, *TABLES, AGAIN)


def break_file(how: str, table: pd.DataFrame, sent_before: bytes) -> tuple[bytes, set[Fault]]:
    """The file of a month's table, broken, and what it must be called."""
    if how == AGAIN:
        return sent_before, {Fault.SENT_BEFORE, Fault.WRONG_DATE}
    if how in BYTES:
        spoil_bytes, faults = BYTES[how]
        return spoil_bytes(to_parquet_bytes(table)), faults
    spoil_table, faults = TABLES[how]
    return to_parquet_bytes(spoil_table(table)), faults
