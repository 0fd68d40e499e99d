"""Pairs the columns of two tables for comparison, and refuses tables that cannot be compared.

Which columns are tested, what kind each is, and its values as numbers or levels are settled here;
the tests themselves are not. Messages name columns, sides and row numbers, never a person's values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract, Kind, Role
from attrition_assets.errors import DriftInputError

SHOWN_ROWS = 5
TESTED_KINDS = (Kind.CONTINUOUS, Kind.ORDINAL, Kind.NOMINAL)
NUMBERS = (bool, int, float, np.number, np.bool_)
SIDES = ("reference_data", "current_data")


@dataclass(frozen=True)
class Side:
    """One column of one table: the values that are present, and which rows (bool) lack one.

    Values are floats, or objects if the column is nominal.
    """

    present: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnPair:
    """One column of both tables, as its kind's test takes it. `inferred`: nobody declared it."""

    column: str
    kind: Kind
    inferred: bool
    reference: Side
    current: Side


def pair_columns(
    reference: pd.DataFrame, current: pd.DataFrame, contract: Contract, kinds: Mapping[str, Kind]
) -> tuple[ColumnPair, ...]:
    """Every testable column of both tables, in the reference's order.

    A column's kind is the contract's, else that in `kinds`, else inferred: numbers are continuous,
    dates are not tested, anything else is nominal. Raises DriftInputError if a table or a column
    cannot be used, or a column that should be tested is in one table only.
    """
    for table, side in zip((reference, current), SIDES, strict=True):
        check_table(table, side)
    names = [*reference.columns, *(name for name in current if name not in reference)]
    found = {name: _find_kind(name, reference, current, contract, kinds) for name in names}
    tested = {name: kind for name, kind in found.items() if kind in TESTED_KINDS}
    for table, side in zip((reference, current), SIDES, strict=True):
        if lacking := [name for name in tested if name not in table]:
            raise DriftInputError(
                f"{side} lacks {', '.join(lacking)}, which the other table has: give both tables "
                "the same columns, or drop what should not be compared"
            )
    if not tested:
        raise DriftInputError(
            "reference_data and current_data have no column to compare: give columns of the "
            f"contract {contract.name}, or declare their kinds"
        )
    pairs = tuple(
        ColumnPair(
            column=name,
            kind=kind,
            inferred=name not in contract.columns and name not in kinds,
            reference=_read_side(reference[name], kind, contract, SIDES[0]),
            current=_read_side(current[name], kind, contract, SIDES[1]),
        )
        for name, kind in tested.items()
    )
    for pair in pairs:
        if pair.kind == Kind.NOMINAL:
            _refuse_mixed_levels(pair)
    return pairs


def check_table(table: object, side: str) -> None:
    """Raise DriftInputError unless `table` is a data frame with rows and distinct text names."""
    if not isinstance(table, pd.DataFrame):
        raise DriftInputError(f"{side} is a {type(table).__name__}: give a pandas DataFrame")
    if table.empty:
        raise DriftInputError(f"{side} is empty: give a table with rows and columns")
    if unnamed := [name for name in table.columns if not isinstance(name, str)]:
        raise DriftInputError(f"{side} has columns named {unnamed}: name every column with text")
    if repeated := sorted(set(table.columns[table.columns.duplicated()])):
        raise DriftInputError(
            f"{side} has more than one column {', '.join(repeated)}: keep one of each"
        )


def read_numbers(
    column: pd.Series, side: str, levels: tuple[int | str, ...] | None = None
) -> npt.NDArray[np.float64]:
    """The column as floats, missing values as NaN; text levels become their position, from 0.

    Raises DriftInputError that names the rows holding text, an undeclared level or infinity.
    """
    missing = column.isna().to_numpy(dtype=bool)
    accepted = "a finite number"
    if levels and isinstance(levels[0], str):
        positions = {level: position for position, level in enumerate(levels)}
        numbers = column.astype("object").map(positions).to_numpy(dtype=float)
        accepted = f"one of {list(levels)}"
    elif pd.api.types.is_numeric_dtype(column):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
    else:
        numbers = np.array([float(v) if isinstance(v, NUMBERS) else np.nan for v in column])
    if (wrong := np.flatnonzero(~missing & ~np.isfinite(numbers))).size:
        raise _refuse_values(column, side, wrong, accepted)
    return numbers.astype(np.float64)


def _find_kind(
    name: str,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    contract: Contract,
    kinds: Mapping[str, Kind],
) -> Kind | None:
    """The column's kind, or None if its role in the contract keeps it out of the tests."""
    if name in contract.columns:
        declared = contract.columns[name]
        return declared.kind if declared.role in (Role.FEATURE, Role.PROTECTED) else None
    if name in kinds:
        return kinds[name]
    seen = {_infer_kind(table[name]) for table in (reference, current) if name in table} - {None}
    return seen.pop() if len(seen) == 1 else Kind.NOMINAL


def _infer_kind(column: pd.Series) -> Kind | None:
    """The kind of a column nobody declared, by its values; None if it has none."""
    values = pd.api.types.infer_dtype(column, skipna=True)
    if values == "empty":
        return None
    if values in ("integer", "floating", "mixed-integer-float"):
        return Kind.CONTINUOUS
    return Kind.DATE if values in ("datetime64", "datetime", "date", "period") else Kind.NOMINAL


def _read_side(column: pd.Series, kind: Kind, contract: Contract, side: str) -> Side:
    missing = column.isna().to_numpy(dtype=bool)
    if kind == Kind.NOMINAL:
        return Side(_read_levels(column, side)[~missing], missing)
    declared = contract.columns.get(str(column.name))
    numbers = read_numbers(column, side, declared.levels if declared else None)
    return Side(numbers[~missing], missing)


def _read_levels(column: pd.Series, side: str) -> npt.NDArray[np.object_]:
    """The column's levels; NaN and None stand where one is missing."""
    values = column.to_numpy(dtype=object)
    missing = column.isna().to_numpy(dtype=bool)
    is_level = [
        isinstance(value, str) or (isinstance(value, NUMBERS) and np.isfinite(value))
        for value in values
    ]
    if (wrong := np.flatnonzero(~missing & ~np.array(is_level))).size:
        raise _refuse_values(column, side, wrong, "text, a finite number or true/false")
    return values


def _refuse_mixed_levels(pair: ColumnPair) -> None:
    """Raise if one side's levels are text and the other's are not: no level could be the same."""
    types = [{isinstance(v, str) for v in side.present} for side in (pair.reference, pair.current)]
    if all(types) and types[0].isdisjoint(types[1]):
        text, other = SIDES if True in types[0] else SIDES[::-1]
        raise DriftInputError(
            f"column {pair.column} is text in {text} and not in {other}: give both the same type"
        )


def _refuse_values(
    column: pd.Series, side: str, rows: npt.NDArray[np.intp], accepted: str
) -> DriftInputError:
    shown = ", ".join(map(str, rows[:SHOWN_ROWS]))
    return DriftInputError(
        f"{side}, column {column.name}: {len(rows)} rows do not hold {accepted} (rows {shown}, "
        "counted from 0): correct them, or leave them missing"
    )
