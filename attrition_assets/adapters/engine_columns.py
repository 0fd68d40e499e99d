"""The contract's columns of a table that stays where it is: their values, counted by its engine.

What cannot be compared as whole numbers and levels is refused here, so that every engine and the
rows themselves come to the same counts. What is added up of them is for `engine_summary`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from attrition_assets.contract import Column, Contract
from attrition_assets.errors import SnapshotError, UnfitTableError
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.summaries import ValueCounts
from attrition_assets.monitoring.table_summary import MODULUS, MULTIPLIER

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

# More distinct values than this are those of an id, or of something that should be rounded.
MOST_VALUES = 1 << 20
SHOWN = 3
# Floats hold every whole number up to this one.
LARGEST_WHOLE = 2.0**53


def select_columns(backend: Any, table: "ir.Table", contract: Contract, place: str) -> "ir.Table":
    """The id and the monitored columns: text as it is, numbers as 64-bit integers.

    The backend is Ibis's, which holds the table.

    Raises SnapshotError, which names the table by `place`, if one is absent, of another type than
    the contract says, or holds fractions.
    """
    names = [contract.id, *contract.monitored]
    if lacking := [name for name in names if name not in table.columns]:
        raise UnfitTableError(
            f"{place} lacks {', '.join(lacking)}: give every monitored column of the contract "
            f"{contract.name}, and its id"
        )
    if fractional := [
        name for name in names if not _is_whole(contract.columns[name]) and name != contract.id
    ]:
        raise SnapshotError(
            f"{', '.join(fractional)} of the contract {contract.name} may have fractions, whose "
            "sums differ between engines: scale them to whole numbers (cents for euros) and "
            "declare `integer: true`"
        )
    wrong = [
        f"{name} is {table[name].type()}, not {'text' if column.is_text else 'a whole number'}"
        for name, column in contract.columns.items()
        if name in names and not _fits(table[name], column, is_id=name == contract.id)
    ]
    if wrong:
        raise UnfitTableError(f"{place}: {'; '.join(wrong)}: send the types that the contract says")
    _refuse_odd_numbers(backend, table, contract, place)
    return table.select(**{name: read_whole(table[name]) for name in names})


def count_columns(
    backend: Any, table: "ir.Table", contract: Contract, place: str
) -> dict[str, ValueCounts]:
    """The value counts of each monitored column of a table that `select_columns` gave.

    Levels of a nominal column are positions in the order of `ComparedColumn.of_contract`, ordered
    texts in the contract's. Raises SnapshotError if the contract does not accept all values, or
    there are too many different ones to count.
    """
    columns = ComparedColumn.of_contract(contract)
    found = {each.column: _count(backend, table, each, place) for each in columns}
    counts = {name: counted for name, (counted, _) in found.items()}
    if faults := [fault for _, fault in found.values() if fault]:
        raise UnfitTableError(
            f"{place} holds what the contract {contract.name} does not accept: {'; '.join(faults)}"
        )
    return counts


def count_column(backend: Any, column: "ir.Column", place: str) -> "pa.Table":
    """How many rows have each value of a column: `value`, which may be null, and `rows`.

    Raises SnapshotError if there are too many different ones to count.
    """
    held = column.as_table()
    (name,) = held.columns
    counted = held.group_by(value=held[name]).aggregate(rows=held.count())
    found = backend.to_pyarrow(counted.limit(MOST_VALUES + 1))
    if len(found) > MOST_VALUES:
        raise UnfitTableError(
            f"{place}, column {name}: more than {MOST_VALUES:,} different values cannot be "
            "counted; declare it an id, leave it out of the contract, or round it"
        )
    return found


def choose_people(table: "ir.Table", contract: Contract, one_in: int) -> "ir.Table":
    """The rows of one in so many people, by their ids, which are whole numbers.

    The same people whatever the engine and the month: `table_summary.draw_sample` says who.
    """
    if one_in == 1:
        return table
    identity = read_whole(table[contract.id])
    # Some engines' remainders are negative where the number is.
    spread = ((identity % MODULUS + MODULUS) % MODULUS) * MULTIPLIER % MODULUS
    return table.filter(spread < MODULUS // one_in)


def _is_whole(column: Column) -> bool:
    return column.is_text or column.is_integer


def _fits(column: "ir.Column", declared: Column, *, is_id: bool) -> bool:
    kind = column.type()
    return bool(kind.is_string() if declared.is_text and not is_id else kind.is_numeric())


def read_whole(column: "ir.Column") -> "ir.Column":
    """Numbers as integers; NaN is a missing value, as it is to pandas."""
    kind = column.type()
    if kind.is_string() or kind.is_integer():
        return column if kind.is_string() else column.cast("int64")
    known = column.isnan().ifelse(None, column) if kind.is_floating() else column
    return known.cast("int64")


def _refuse_odd_numbers(backend: Any, table: "ir.Table", contract: Contract, place: str) -> None:
    """Ask whether numbers not stored as whole ones are, and whether every row has an id."""
    names = [
        name
        for name in (contract.id, *contract.monitored)
        if table[name].type().is_numeric() and not table[name].type().is_integer()
    ]
    fractions = {}
    for at, name in enumerate(names):
        number = table[name].cast("float64")
        # What cannot be rounded to 64 bits counts as a fraction; NaN is a missing value.
        small = (number.abs() > LARGEST_WHOLE).ifelse(0.5, number)
        known = number.isnan().ifelse(0.0, small)
        fractions[str(at)] = (known != known.floor()).ifelse(1, 0).sum()
    found = backend.to_pyarrow(table.aggregate(**fractions)).to_pylist()[0] if fractions else {}
    if wrong := [f"{names[int(at)]} in {rows} rows" for at, rows in found.items() if rows]:
        raise UnfitTableError(
            f"{place} has fractions or infinite values where the contract declares whole numbers: "
            f"{', '.join(wrong)}; round them, or scale them (cents for euros), before they are sent"
        )
    counted = table.aggregate(rows=table.count(), ids=read_whole(table[contract.id]).count())
    (told,) = backend.to_pyarrow(counted).to_pylist()
    if lacking := told["rows"] - told["ids"]:
        raise UnfitTableError(
            f"{place}: {lacking} rows have no {contract.id}: give each row an id, a whole number"
        )


def _count(
    backend: Any, table: "ir.Table", column: ComparedColumn, place: str
) -> tuple[ValueCounts, str]:
    """A column's counts, and what is wrong with its values: nothing, or a part of a sentence."""
    found = count_column(backend, table[column.column], place)
    values, rows = (found[name].to_pylist() for name in ("value", "rows"))
    held = {value: int(count) for value, count in zip(values, rows, strict=True)}
    missing = held.pop(None, 0)
    fault = _find_fault(column, held, missing)
    declared = column.declared
    ordered = declared.levels if declared and declared.is_text and not column.levels else ()
    if levels := column.levels or ordered or ():
        counts = np.array([held.get(level, 0) for level in levels], np.int64)
        places = np.arange(len(levels))
        kept = slice(None) if column.levels else counts > 0
        return ValueCounts(places[kept], counts[kept], missing), fault
    ascending = sorted(held)
    counts = np.array([held[value] for value in ascending], np.int64)
    return ValueCounts(np.array(ascending, np.int64), counts, missing), fault


def _find_fault(column: ComparedColumn, held: Mapping[int | str, int], missing: int) -> str:
    declared = column.declared
    assert declared is not None
    name = column.column
    if declared.range:
        low, high = declared.range
        odd = [value for value in held if not low <= float(value) <= high]
        accepted = f"{low:g} to {high:g}"
    else:
        odd = [value for value in held if value not in (declared.levels or ())]
        accepted = f"one of {list(declared.levels or ())}"
    if odd:
        shown = ", ".join(map(repr, sorted(odd, key=str)[:SHOWN]))
        return (
            f"{name} has {sum(held[each] for each in odd)} rows that are not {accepted} ({shown})"
        )
    if missing and not declared.missing:
        return f"{name} is missing in {missing} rows"
    return ""
