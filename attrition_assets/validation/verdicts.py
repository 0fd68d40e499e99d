"""Verdicts: what a check of a table or a model found, and the names of what can be wrong.

Plain values. How they come about is for `table`, `continuity` and `training/gates.py`.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

import numpy as np
from pydantic import model_validator

from attrition_assets.values import Value

SHOWN_ROWS = 10


class Fault(StrEnum):
    """What can be wrong with a month's file: what explains the others comes before them."""

    EMPTY_FILE = "empty_file"
    UNREADABLE_FILE = "unreadable_file"
    SENT_BEFORE = "sent_before"
    DUPLICATE_COLUMN = "duplicate_column"
    MISSING_COLUMN = "missing_column"
    EXTRA_COLUMN = "extra_column"
    NOT_A_NUMBER = "not_a_number"
    NOT_WHOLE = "not_whole"
    NOT_A_DATE = "not_a_date"
    UNKNOWN_LEVEL = "unknown_level"
    UNIT_CHANGE = "unit_change"
    OUT_OF_RANGE = "out_of_range"
    MISSING_VALUES = "missing_values"
    EMPLOYEE_TWICE = "employee_twice"
    WRONG_DATE = "wrong_date"
    FUTURE_DATE = "future_date"
    FUTURE_LABEL = "future_label"
    IMPLAUSIBLE_VOLUME = "implausible_volume"
    LEAVERS_UNRECORDED = "leavers_unrecorded"
    LEAVERS_PRESENT = "leavers_present"


class Violation(Value):
    """One rule that a column breaks: how many rows do, and the first of them (0 is the first)."""

    column: str
    rule: str
    fault: Fault
    rows: int
    first_rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f" (rows {', '.join(map(str, self.first_rows))})" if self.first_rows else ""
        return f"{self.column}: {self.rule}: {self.rows} rows{where}"


class Verdict(Value):
    """Whether one property holds: what was measured and what is accepted."""

    holds: bool
    explanation: str
    value: float | None = None
    limit: float | None = None


class SnapshotVerdict(Verdict):
    """A verdict on a month's file: what is wrong with it by name, and who offends.

    `faults` is empty if, and only if, the property holds. One that could not be checked carries
    the fault that stood in the way, and none of its own.
    """

    faults: tuple[Fault, ...] = ()
    violations: tuple[Violation, ...] = ()

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        if self.holds == bool(self.faults):
            raise ValueError("a verdict has faults if, and only if, it does not hold")
        return self


def refuse_check(reason: str, *faults: Fault) -> SnapshotVerdict:
    """The verdict on what could not be checked because of `faults` found elsewhere."""
    return SnapshotVerdict(
        holds=False, explanation=f"could not be checked: {reason}", faults=faults
    )


def list_faults(found: Iterable[SnapshotVerdict | Violation]) -> tuple[Fault, ...]:
    """The faults of verdicts or violations: each once, in the order of `Fault`."""
    named: set[Fault] = set()
    for each in found:
        named.update({each.fault} if isinstance(each, Violation) else each.faults)
    return tuple(fault for fault in Fault if fault in named)


def find_offenders(
    column: str, rule: str, fault: Fault, offends: np.ndarray
) -> tuple[Violation, ...]:
    """The violation by the rows where `offends` is true; none if it never is."""
    rows = np.flatnonzero(offends)
    if not len(rows):
        return ()
    first = tuple(int(row) for row in rows[:SHOWN_ROWS])
    return (Violation(column=column, rule=rule, fault=fault, rows=len(rows), first_rows=first),)
