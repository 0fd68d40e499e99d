"""From values as they were sent to values in the contract's types.

The one reading of numbers, ids and dates: what is checked, compared and stored goes through it.
Whether the values are acceptable is for `validation`.
"""

import pandas as pd

from attrition_assets.contract import Column, Contract, Kind, order_columns
from attrition_assets.errors import ContractError


def cast_to_contract(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """A table without violations in the contract's types and order of columns, sorted by id.

    Integers are int64 (float64 where missing values are allowed), text is `object`, dates are
    datetime64[ns]. Raises ContractError if a value does not fit after all.
    """
    cast = write_booleans(order_columns(table, contract), contract)
    try:
        for name in cast.columns:
            cast[name] = _cast(cast[name], contract.columns[name])
    except (ValueError, TypeError) as error:
        raise ContractError(f"column {name} does not fit the contract: {error}") from None
    return cast.sort_values(contract.id, ignore_index=True)


def write_booleans(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The table with booleans as a CSV file has them, True and False, where text is declared."""
    text = {name for name, column in contract.columns.items() if column.is_text}
    booleans = [
        name
        for name in text.intersection(table.columns)
        if pd.api.types.infer_dtype(table[name], skipna=True) == "boolean"
    ]
    written = {
        name: table[name].astype("string").astype(object).where(table[name].notna())
        for name in booleans
    }
    return table.assign(**written)


def read_numbers(series: pd.Series) -> pd.Series:
    """Values as float64; what is no number is missing."""
    return pd.to_numeric(series, errors="coerce").astype("float64")


def read_ids(ids: pd.Series, column: Column) -> pd.Series:
    """Ids as they are compared: numbers if the contract says integer, else text.

    1 and 1.0 are one number; what is none is missing.
    """
    if column.integer:
        return pd.to_numeric(ids, errors="coerce")
    return ids.astype("string").astype("object")


def read_dates(dates: pd.Series) -> pd.Series:
    """Dates as they are compared; what is none, or has a time zone, is missing."""
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        return pd.Series(pd.NaT, index=dates.index, name=dates.name)
    if pd.api.types.is_datetime64_any_dtype(dates):
        return dates
    text = dates.astype("string")
    zoned = text.str.contains(r"\d[T ]\d.*(?:[Zz]|[+-][\d:]+)$", na=False)
    return pd.to_datetime(text.mask(zoned), format="ISO8601", errors="coerce")


def _cast(series: pd.Series, column: Column) -> pd.Series:
    if column.kind == Kind.DATE:
        return read_dates(series).astype("datetime64[ns]")
    if column.kind == Kind.ID:
        ids = read_ids(series, column)
        return ids.astype("int64") if column.integer else ids
    if column.is_integer or column.kind == Kind.CONTINUOUS:
        whole = column.is_integer and not column.missing
        return read_numbers(series).astype("int64" if whole else "float64")
    return series.astype("object")
