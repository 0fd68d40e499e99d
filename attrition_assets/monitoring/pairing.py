"""Pairs the columns of two tables for comparison, and refuses tables that cannot be compared.

Which columns are tested, what kind each is, and its values as numbers or levels are settled here;
the tests themselves are not. Messages name columns, sides and row numbers, never a person's values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Column, Contract, Kind, Role
from attrition_assets.errors import DriftInputError

SHOWN_ROWS = 5
FIRST_ROWS = 10_000
COMMON_LEVEL = 0.03
TESTED_KINDS = (Kind.CONTINUOUS, Kind.ORDINAL, Kind.NOMINAL)
NUMBERS = (bool, int, float, np.number, np.bool_)
SIDES = ("reference_data", "current_data")


Values = npt.NDArray[np.int64] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class ComparedColumn:
    """A column that two tables are compared by. `inferred`: nobody declared it.

    `declared` is what the contract says of it, if anything. `used` tells whether it may reach the
    model. The values of a nominal one are positions in `levels`.
    """

    column: str
    kind: Kind
    inferred: bool
    used: bool
    declared: Column | None
    levels: tuple[Any, ...]

    @classmethod
    def of_contract(cls, contract: Contract) -> "tuple[ComparedColumn, ...]":
        """The monitored columns of a contract, levels in the order of `pair_columns`."""
        return tuple(
            cls(
                column=name,
                kind=declared.kind,
                inferred=False,
                used=declared.is_used,
                declared=declared,
                levels=order_levels(declared.levels or ()) if declared.kind == Kind.NOMINAL else (),
            )
            for name in contract.monitored
            for declared in [contract.columns[name]]
        )


@dataclass(frozen=True)
class ColumnPair(ComparedColumn):
    """One column of both tables, as its kind's tests take it.

    Nominal columns are positions in `levels`, -1 where missing; the others are numbers, int64 if
    all are whole and none is missing, else float64 with NaN where missing.
    """

    reference: Values
    current: Values

    @property
    def known(self) -> tuple[Values, Values]:
        """The values that are there: of the reference, and of the current table."""
        sides = zip((self.reference, self.current), self.missing, strict=True)
        before, now = (values[~lacks] if lacks.any() else values for values, lacks in sides)
        return before, now

    @property
    def missing(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which rows (bool) lack a value: of the reference, and of the current table."""
        return self._find_missing(self.reference), self._find_missing(self.current)

    def _find_missing(self, values: Values) -> npt.NDArray[np.bool_]:
        if self.kind == Kind.NOMINAL:
            return np.asarray(values < 0)
        return np.isnan(values) if values.dtype == np.float64 else np.zeros(len(values), dtype=bool)


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
    return tuple(
        _pair(name, kind, reference, current, contract, kinds) for name, kind in tested.items()
    )


def choose_common(shares: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """The positions of the levels common enough (by share, 0..1) to be looked at by themselves.

    One of them if there are two, since the other then says the same.
    """
    common = np.flatnonzero(np.asarray(shares) > COMMON_LEVEL)
    return common[1:] if len(common) == 2 else common


def read_column(values: pd.Series, column: ComparedColumn) -> Values:
    """A table's values of a column: positions in its levels, -1 where missing, or numbers.

    Raises DriftInputError that names the rows holding something else.
    """
    if column.kind != Kind.NOMINAL:
        return _read_values(
            values, "the table", column.declared.levels if column.declared else None
        )
    codes, found = _code_levels(values, "the table")
    if unknown := [level for level in found if level not in column.levels]:
        raise _refuse_values(
            values,
            "the table",
            np.flatnonzero(values.isin(unknown)),
            f"one of {list(column.levels)}",
        )
    return _recode(codes, found, column.levels)


def order_levels(levels: Iterable[Any]) -> tuple[Any, ...]:
    """Levels in an order that no order of rows changes: which stands last decides the scores."""
    return tuple(sorted(set(levels), key=str))


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


def _pair(
    name: str,
    kind: Kind,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    contract: Contract,
    kinds: Mapping[str, Kind],
) -> ColumnPair:
    declared = contract.columns.get(name)
    columns = tuple(zip((reference[name], current[name]), SIDES, strict=True))
    levels: tuple[Any, ...] = ()
    before: Values
    now: Values
    if kind == Kind.NOMINAL:
        coded = [_code_levels(column, side) for column, side in columns]
        _refuse_mixed_levels(name, *(found for _, found in coded))
        levels = order_levels((*coded[0][1], *coded[1][1]))
        before, now = (_recode(codes, found, levels) for codes, found in coded)
    else:
        order = declared.levels if declared else None
        before, now = (_read_values(column, side, order) for column, side in columns)
    return ColumnPair(
        column=name,
        kind=kind,
        inferred=declared is None and name not in kinds,
        used=declared is None or declared.is_used,
        declared=declared,
        levels=levels,
        reference=before,
        current=now,
    )


def _read_values(column: pd.Series, side: str, levels: tuple[int | str, ...] | None) -> Values:
    """The column's numbers, as int64 where it holds them so: there is nothing to check."""
    values, is_text = column.to_numpy(), levels is not None and isinstance(levels[0], str)
    if values.dtype.kind in "iu" and values.dtype != np.uint64 and not is_text:
        return values.astype(np.int64, copy=False)
    return read_numbers(column, side, levels)


def _code_levels(column: pd.Series, side: str) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Each row's position in the column's own levels, -1 where it has none; and the levels."""
    accepted = "text, a finite number or true/false"
    try:
        codes, found = _factorize(column)
    except TypeError:  # lists and the like, which cannot be told apart quickly
        rows = np.flatnonzero([not isinstance(each, (str, *NUMBERS)) for each in column])
        raise _refuse_values(column, side, rows, accepted) from None
    is_level = [
        isinstance(each, str) or (isinstance(each, NUMBERS) and bool(np.isfinite(each)))
        for each in found
    ]
    if not all(is_level):
        rows = np.flatnonzero((codes >= 0) & ~np.append(is_level, True)[codes])
        raise _refuse_values(column, side, rows, accepted)
    return codes.astype(np.int64, copy=False), list(found)


def _factorize(column: pd.Series) -> tuple[npt.NDArray[np.intp], pd.Index]:
    """As pandas does it; faster where the first rows of a long column show every level."""
    if len(column) > 2 * FIRST_ROWS and column.dtype == object:
        found = pd.Index(column.iloc[:FIRST_ROWS].dropna().unique(), dtype=object)
        codes = found.get_indexer(pd.Index(column, dtype=object))
        if column.iloc[np.flatnonzero(codes < 0)].isna().all():
            return codes, found
    codes, found = pd.factorize(column)
    return codes, pd.Index(found)


def _recode(
    codes: npt.NDArray[np.int64], found: list[Any], levels: tuple[Any, ...]
) -> npt.NDArray[np.int64]:
    position = {level: place for place, level in enumerate(levels)}
    table = np.array([*(position[level] for level in found), -1], dtype=np.int64)
    return np.asarray(table[codes])


def _refuse_mixed_levels(name: str, reference: list[Any], current: list[Any]) -> None:
    """Raise if one side's levels are text and the other's are not: no level could be the same."""
    types = [{isinstance(level, str) for level in side} for side in (reference, current)]
    if all(types) and types[0].isdisjoint(types[1]):
        text, other = SIDES if True in types[0] else SIDES[::-1]
        raise DriftInputError(
            f"column {name} is text in {text} and not in {other}: give both the same type"
        )


def _refuse_values(
    column: pd.Series, side: str, rows: npt.NDArray[np.intp], accepted: str
) -> DriftInputError:
    shown = ", ".join(map(str, rows[:SHOWN_ROWS]))
    return DriftInputError(
        f"{side}, column {column.name}: {len(rows)} rows do not hold {accepted} (rows {shown}, "
        "counted from 0): correct them, or leave them missing"
    )
