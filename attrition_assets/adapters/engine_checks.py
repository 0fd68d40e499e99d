"""What the checks of a month ask of its table where it lies: values, counted, and some rows.

Whether the answers are acceptable is for `validation.counted`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attrition_assets.adapters.engine import TableEngine
from attrition_assets.adapters.engine_columns import (
    choose_people,
    count_column,
    read_whole,
)
from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import UnfitTableError
from attrition_assets.monitoring.table_summary import TableSummary
from attrition_assets.validation.counted import Counted, CountedTable

if TYPE_CHECKING:
    import ibis.expr.types as ir


def examine_table(
    engine: TableEngine, place: str, contract: Contract
) -> tuple[CountedTable, TableSummary | None]:
    """What is in a month's table, and its summary; None if its values break the contract.

    Values of columns that were summarized are accepted, and so not counted once more. Raises
    SnapshotError if the table is absent, changes while it is read, or is of a contract by which no
    table can be summarized.
    """
    table = engine.read(place)
    summary, unfit = None, ""
    try:
        summary = engine.summarize(place, contract)
    except UnfitTableError as error:
        unfit = str(error)
    sound = set(contract.monitored) if summary else set()
    names = [name for name in contract.columns if name in table.columns and name != contract.id]
    counted = {}
    with engine.speaking(f"read {place}"):
        for name in names:
            try:
                if name not in sound:
                    counted[name] = _count(engine, table, name, contract, place)
            except UnfitTableError as error:  # of too many different values
                summary, unfit = None, str(error)
        found = CountedTable(
            names=tuple(table.columns),
            counted=counted,
            unfit=unfit,
            **_count_people(engine.backend, table, contract),
        )
    return found, summary


def read_people(
    engine: TableEngine, place: str | Path, contract: Contract, one_in: int
) -> pd.DataFrame:
    """The raw rows of one in so many people, chosen by their ids, in the ids' order."""
    table = engine.read(place)
    chosen = choose_people(table, contract, one_in)
    with engine.speaking(f"read {place}"):
        rows: pd.DataFrame = engine.backend.to_pyarrow(chosen).to_pandas()
    date = contract.snapshot_date
    if engine.is_spark and date in rows and _is_whole(rows[date]):
        rows[date] = _to_dates(rows[date])
    return rows.sort_values(contract.id, ignore_index=True)


def _count_people(backend: Any, table: "ir.Table", contract: Contract) -> dict[str, int]:
    asked = {"rows": table.count()}
    if contract.id in table.columns:
        identity = read_whole(table[contract.id])
        asked |= {"named": identity.count(), "people": identity.nunique()}
    (told,) = backend.to_pyarrow(table.aggregate(**asked)).to_pylist()
    named = told.get("named", told["rows"])
    return {
        "rows": told["rows"],
        "repeated": named - told.get("people", named),
        "unnamed": told["rows"] - named,
    }


def _count(
    engine: TableEngine, table: "ir.Table", name: str, contract: Contract, place: str
) -> Counted:
    found = count_column(engine.backend, table[name], place).to_pandas()
    known = found["value"].notna()
    values = found.loc[known, "value"].reset_index(drop=True)
    if engine.is_spark and contract.columns[name].kind == Kind.DATE and _is_whole(values):
        values = _to_dates(values)
    rows = found["rows"].to_numpy(dtype=np.int64)
    return Counted(values, rows[known], int(rows[~known].sum()))


def _is_whole(values: pd.Series) -> bool:
    return pd.api.types.is_integer_dtype(values)


def _to_dates(values: pd.Series) -> pd.Series:
    """Spark reads the nanoseconds in which pandas writes dates as numbers."""
    return pd.to_datetime(values, unit="ns")
