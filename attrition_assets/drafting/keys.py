"""Which columns are keys: the date, whose a row is, and what tells who left."""

import re

import pandas as pd

from attrition_assets.casting import read_dates
from attrition_assets.contract import Kind, Role
from attrition_assets.drafting.names import (
    NAMED_DATE,
    NAMED_ID,
    NAMED_LABELS,
    NAMED_LEAK,
    NAMED_PERSON,
    NAMED_PRESENT,
    is_named,
)
from attrition_assets.drafting.values import LEFT, STAYED, Entry, Flags, are_dates, write_values
from attrition_assets.errors import ContractError

HORIZON_DAYS = 92

YES_OR_NO = {"yes", "no", "y", "n", "1", "0", "true", "false"}


def find_date(columns: dict[str, pd.Series]) -> str | None:
    """The date column that is named like a snapshot's; none if no column is."""
    named = [
        column
        for column, values in columns.items()
        if is_named(column, NAMED_DATE) and are_dates(values)
    ]
    return named[0] if named else None


def find_label(columns: dict[str, pd.Series]) -> str:
    """The one column of two values that is named like a label; ContractError if none is."""
    binary = [column for column, values in columns.items() if values.nunique() == 2]
    for pattern in NAMED_LABELS:
        named = [column for column in binary if is_named(column, pattern)]
        if len(named) == 1:
            return named[0]
        if named:
            raise ContractError(
                f"{', '.join(named)} may each tell who left: name the right one with --label"
            )
    raise ContractError(
        "no column tells who left: none of two values is named like a label; name it with --label "
        f"(of two values: {', '.join(binary) or 'none'})"
    )


def declare_label(values: pd.Series, label: str) -> tuple[Entry, str]:
    """The label's entry and its level, as it is written, that means: left."""
    levels = sorted(values.dropna().unique())
    if len(levels) != 2:
        raise ContractError(
            f"{label!r} has {len(levels)} values: the label needs two, of those who left and who "
            "did not"
        )
    lower = [level.lower() for level in levels]
    present = is_named(label, NAMED_PRESENT) and set(lower) <= YES_OR_NO
    said_left = [lvl for lvl, low in zip(levels, lower, strict=True) if low in LEFT]
    said_stayed = [lvl for lvl, low in zip(levels, lower, strict=True) if low in STAYED]
    if present and said_stayed:  # `active: no` means that somebody left
        positive = said_stayed[0]
    elif said_left:
        positive = said_left[0]
    elif said_stayed:
        positive = next(level for level in levels if level not in said_stayed)
    else:
        positive = values.value_counts().index[-1]
    numbers = all(re.fullmatch(r"-?\d+", level) for level in levels)
    found = sorted(map(int, levels)) if numbers else levels
    entry: Entry = {
        "kind": Kind.NOMINAL,
        "role": Role.LABEL,
        "levels": found,
        "positive": int(positive) if numbers else positive,
    }
    if values.isna().any():
        entry["missing"] = True
    return entry, positive


def read_departures(
    table: pd.DataFrame, ids: pd.Series, dates: pd.Series | None
) -> tuple[str, list[Flags]]:
    """The column of the departures' dates, and which rows are of somebody who left.

    At any time and, where rows are dated, within the horizon of a row. `ids` are the rows' persons,
    named as the column is. Raises ContractError if the departures are of other people, or none of
    their columns says when.
    """
    columns = {str(column): write_values(table[column]) for column in table}
    person = str(ids.name)
    if person not in columns:
        raise ContractError(
            f"the departures have no column {person!r}, which says whose a row of the table is: "
            f"rename it there (it has {', '.join(columns)}), or name another with --id"
        )
    left = ids.isin(columns[person])
    if not left.any():
        raise ContractError(
            f"nobody of the table is among the departures: their {person!r} are of other people, "
            "or written differently (such as 0007 and 7)"
        )
    found = [column for column, values in columns.items() if are_dates(values)]
    named = [column for column in found if is_named(column, NAMED_LEAK)]
    when = next((each[0] for each in (found, named) if len(each) == 1), None)
    if when is None:
        raise ContractError(
            f"which column of the departures says when somebody left? {', '.join(found) or 'None'} "
            "holds dates such as 2026-01-31: keep or name one so that it tells, such as "
            "DepartureDate"
        )
    if dates is None:
        return when, [left.to_numpy()]
    last = pd.Series(read_dates(columns[when]).to_numpy(), index=columns[person]).groupby(level=0)
    days = (ids.map(last.max()) - read_dates(dates)).dt.days
    return when, [left.to_numpy(), (left & days.between(0, HORIZON_DAYS)).to_numpy()]


def find_id(columns: dict[str, pd.Series], label: str | None, date: str | None) -> str | None:
    """A column named like an id that no two rows of a date share.

    None if the table is undated, no column differs in every row and none is named like a person's:
    then a row is a person. Raises ContractError if one is to be asked for.
    """
    dates = columns[date] if date else ""
    unique = [
        column
        for column, values in columns.items()
        if column not in (label, date)
        and values.notna().all()
        and not pd.DataFrame({"value": values, "date": dates}).duplicated().any()
        and not values.str.contains(r"\d\.\d*[1-9]").any()
    ]
    for pattern in (NAMED_PERSON, NAMED_ID):
        if named := [column for column in unique if is_named(column, pattern)]:
            return named[0]
    if date is None and not unique and not any(is_named(each, NAMED_PERSON) for each in columns):
        return None
    hints = [
        f"; {column} has {int(values.isna().sum())} rows without a value"
        for column, values in columns.items()
        if is_named(column, NAMED_PERSON) and values.isna().any()
    ] + [
        f"; {column} holds no dates such as 2026-01-31, so that months are not told apart"
        for column, values in columns.items()
        if date is None and is_named(column, NAMED_DATE) and not are_dates(values)
    ]
    raise ContractError(
        "no column tells whose a row is: none is named like an id and different in every row; name "
        f"it with --id (different in every row: {', '.join(unique) or 'none'}){''.join(hints)}"
    )


def require_id(
    columns: dict[str, pd.Series], column: str, label: str | None, date: str | None
) -> None:
    """Raise ContractError unless a column that a person names can say whose a row is."""
    values = columns[column]
    rows = pd.DataFrame({"value": values, "date": columns[date] if date else ""})
    repeated, missing = int(rows.duplicated().sum()), int(values.isna().sum())
    if column in (label, date) or repeated or missing:
        raise ContractError(
            f"--id {column} cannot say whose a row is: it is the label or the date, or a value "
            f"repeats within a date ({repeated} rows) or is missing ({missing} rows)"
        )
