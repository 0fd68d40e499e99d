"""A company to order: shifts and faults by name, as the command line writes them.

What each of them does is in `shifts.py` and `faults.py`.
"""

import re
from dataclasses import MISSING, fields
from inspect import getdoc

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
        if equals and _default_size(planted) is None:
            raise ValueError(f"{name} has no size")
        if equals and not re.fullmatch(r"-?\d+(\.\d+)?", size):
            raise ValueError(f"{size!r} is no number")
        number = {_size_field(planted): float(size)} if equals else {}
        return planted(parse_month(month), **number)  # type: ignore[arg-type]
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
        size = _default_size(planted)
        lines.append(f"{name:<16} {'' if size is None else size:<5} {does}")
    return lines


def _size_field(planted: type[Shift] | type[Fault]) -> str:
    return fields(planted)[1].name


def _default_size(planted: type[Shift] | type[Fault]) -> float | None:
    """The second field is the size, if there is one."""
    rest = fields(planted)[1:]
    return float(rest[0].default) if rest and rest[0].default is not MISSING else None
