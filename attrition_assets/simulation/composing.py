"""A company to order: shifts and faults by name, as the command line writes them.

What each of them does is in `shifts.py` and `faults.py`.
"""

import re
from dataclasses import Field, fields
from inspect import getdoc
from typing import Any

import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.months import parse_month
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.faults import FAULTS, Fault, apply_faults
from attrition_assets.simulation.shifts import SHIFTS, Shift

PLANTED: dict[str, type[Shift] | type[Fault]] = {**SHIFTS, **FAULTS}


def compose_company(
    orders: tuple[str, ...], *, first_month: pd.Period, months: int, headcount: int, seed: int
) -> Company:
    """Simulate a company with what `orders` plant, each as `parse_order` reads it.

    Raises AttritionError if an order is malformed, or asks for what cannot be.
    """
    planted = [parse_order(order) for order in orders]
    faults = [each for each in planted if isinstance(each, Fault)]
    company = simulate_company(
        first_month=first_month,
        months=months,
        seed=seed,
        headcount=headcount,
        shifts=[each for each in planted if not isinstance(each, Fault)],
    )
    return apply_faults(company, faults, seed)


def parse_order(order: str) -> Shift | Fault:
    """Read `NAME@MONTH` or `NAME@MONTH=SIZE`, such as `pay-inflation@2026-01=0.05`.

    Raises AttritionError that says what is accepted.
    """
    name, at, rest = order.partition("@")
    month, equals, size = rest.partition("=")
    try:
        if not at or name not in PLANTED:
            raise ValueError(f"{name!r} is none of {', '.join(PLANTED)}")
        planted = PLANTED[name]
        if not equals:
            return planted(parse_month(month))
        if (field := _find_size(planted)) is None:
            raise ValueError(f"{name} has no size")
        if not re.fullmatch(r"-?\d+(\.\d+)?", size):
            raise ValueError(f"{size!r} is no number")
        sized: dict[str, Any] = {field.name: float(size)}
        return planted(parse_month(month), **sized)
    except ValueError as error:
        raise AttritionError(
            f"cannot plant {order!r}: {error}; write NAME@MONTH or NAME@MONTH=SIZE, such as "
            "pay-inflation@2026-01=0.05 (`attrition simulate --list` shows all)"
        ) from None


def list_planted() -> list[str]:
    """A line for each that can be planted: its name, its default size, and what it does."""
    lines = []
    for name, planted in PLANTED.items():
        does = (getdoc(planted) or "").splitlines()[0]
        size = _find_size(planted)
        lines.append(f"{name:<21} {size.default if size else '':<5} {does}")
    return lines


def _find_size(planted: type[Shift] | type[Fault]) -> Field[float] | None:
    """The field after the month, if there is one."""
    return next(iter(fields(planted)[1:]), None)
