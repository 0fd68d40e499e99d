"""Whether a month's table may be used: the contract, and what must hold between months.

Everything is evaluated before anything is stored, and reported at once: columns, rules, numbers of
rows and row numbers, never a person's values. Where tables are kept is for `snapshot_store.py`.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from attrition_assets.casting import read_dates, read_ids, read_numbers
from attrition_assets.contract import Column, Contract, Kind, Role
from attrition_assets.months import last_day, months_between

SHOWN_ROWS = 10
VOLUME_RATIO = 1.5
VOLUME_MONTHS = 3
SNAPSHOT_CHECKS = {
    "contract_holds": "Every column is there, of its kind, inside its range or levels.",
    "one_row_per_employee": "No employee appears twice.",
    "dates_match_month": "Every row is dated the month's last day.",
    "volume_plausible": "The number of rows is near that of the months before.",
    "not_sent_before": "The rows are not those of another month.",
}


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Violation(_Value):
    """One rule that a column breaks: how many rows do, and the first of them (0 is the first)."""

    column: str
    rule: str
    rows: int
    first_rows: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = f" (rows {', '.join(map(str, self.first_rows))})" if self.first_rows else ""
        return f"{self.column}: {self.rule}: {self.rows} rows{where}"


class Verdict(_Value):
    """Whether one property holds: what was measured, what is accepted, and who offends."""

    holds: bool
    explanation: str
    value: float | None = None
    limit: float | None = None
    violations: tuple[Violation, ...] = ()


class EarlierMonth(_Value):
    """What a new month is compared with: an accepted month's size and content."""

    month: str
    rows: int
    content: str


def find_violations(table: pd.DataFrame, contract: Contract) -> tuple[Violation, ...]:
    """Every rule of the contract that `table`, of raw values, breaks.

    Columns: as declared, in any order; only the label may be absent. Values: parsable as their
    kind, inside range or levels, present unless the contract allows them to be missing.
    """
    if duplicated := sorted(set(table.columns[table.columns.duplicated()].astype(str))):
        return tuple(
            Violation(column=name, rule="column name appears twice", rows=len(table))
            for name in duplicated
        )
    import pandera.pandas as pa

    if table.empty:
        return (Violation(column="(all)", rule="table has no rows", rows=0),)
    schema = pa.DataFrameSchema(
        {
            name: pa.Column(
                None,
                checks=_rules(column, pa),
                nullable=column.missing,
                required=column.role != Role.LABEL,
            )
            for name, column in contract.columns.items()
        },
        strict=True,
    )
    try:
        schema.validate(table.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as errors:
        return _summarise(errors.failure_cases, len(table))
    return ()


def check_snapshot(
    table: pd.DataFrame,
    contract: Contract,
    month: pd.Period,
    content: str,
    earlier: tuple[EarlierMonth, ...],
) -> Mapping[str, Verdict]:
    """The five verdicts on a month's raw table, by name.

    `content` is the table's digest without its dates, `earlier` the months accepted before.
    """
    return {
        "contract_holds": _check_contract(table, contract),
        "one_row_per_employee": _check_duplicates(table, contract),
        "dates_match_month": _check_dates(table, contract, month),
        "volume_plausible": _check_volume(table, month, earlier),
        "not_sent_before": _check_repetition(month, content, earlier),
    }


def refuse_unreadable(reason: str) -> Mapping[str, Verdict]:
    """The verdicts on a file that is no table: none of the properties could be checked."""
    return {
        name: Verdict(holds=False, explanation=f"could not be checked: {reason}")
        for name in SNAPSHOT_CHECKS
    }


def _check_contract(table: pd.DataFrame, contract: Contract) -> Verdict:
    violations = find_violations(table, contract)
    explanation = (
        "; ".join(map(str, violations[:SHOWN_ROWS]))
        or f"{len(table)} rows and {table.shape[1]} columns are as {contract.name} declares"
    )
    return Verdict(
        holds=not violations,
        explanation=explanation,
        value=len(violations),
        limit=0,
        violations=violations,
    )


def _check_duplicates(table: pd.DataFrame, contract: Contract) -> Verdict:
    if contract.id not in table.columns:
        return Verdict(holds=False, explanation=f"could not be checked: no column {contract.id}")
    ids = read_ids(table[contract.id], contract.columns[contract.id])
    repeated = (ids.duplicated(keep="first") & ids.notna()).to_numpy()
    return Verdict(
        holds=not repeated.any(),
        explanation=f"{int(repeated.sum())} rows repeat an employee (by {contract.id})",
        value=float(repeated.sum()),
        limit=0,
        violations=_violations(contract.id, "employee appears twice", repeated),
    )


def _check_dates(table: pd.DataFrame, contract: Contract, month: pd.Period) -> Verdict:
    name = contract.snapshot_date
    if name not in table.columns:
        return Verdict(holds=False, explanation=f"could not be checked: no column {name}")
    dates = read_dates(table[name])
    wrong = (dates != last_day(month)).to_numpy()
    future = int((dates > last_day(month)).sum())
    return Verdict(
        holds=not wrong.any(),
        explanation=f"{int(wrong.sum())} rows are not dated {last_day(month).date()}, the month's "
        f"last day; {future} of them are later",
        value=float(wrong.sum()),
        limit=0,
        violations=_violations(name, "date is not the month's last day", wrong),
    )


def _check_volume(
    table: pd.DataFrame, month: pd.Period, earlier: tuple[EarlierMonth, ...]
) -> Verdict:
    recent = [each for each in earlier if 0 < _age(each, month) <= VOLUME_MONTHS]
    if not recent:
        return Verdict(
            holds=len(table) > 0,
            explanation=f"{len(table)} rows; no month of the last {VOLUME_MONTHS} to compare with",
        )
    before = max(recent, key=lambda each: each.month)
    ratio = len(table) / before.rows
    return Verdict(
        holds=1 / VOLUME_RATIO <= ratio <= VOLUME_RATIO,
        explanation=f"{len(table)} rows, {ratio:.2f} times the {before.rows} of {before.month}; "
        f"accepted is {1 / VOLUME_RATIO:.2f} to {VOLUME_RATIO:.2f} times",
        value=ratio,
        limit=VOLUME_RATIO,
    )


def _check_repetition(month: pd.Period, content: str, earlier: tuple[EarlierMonth, ...]) -> Verdict:
    same = [each.month for each in earlier if each.content == content and each.month != str(month)]
    return Verdict(
        holds=not same,
        explanation=f"its rows are those sent for {', '.join(same)}: send this month's own file"
        if same
        else f"differs from each of the {len(earlier)} other accepted months",
        value=len(same),
        limit=0,
    )


def _age(earlier: EarlierMonth, month: pd.Period) -> int:
    return months_between(pd.Period(earlier.month, freq="M"), month)


def _violations(column: str, rule: str, offends: np.ndarray) -> tuple[Violation, ...]:
    rows = np.flatnonzero(offends)
    if not len(rows):
        return ()
    first = tuple(int(row) for row in rows[:SHOWN_ROWS])
    return (Violation(column=column, rule=rule, rows=len(rows), first_rows=first),)


def _rules(column: Column, pa: Any) -> list[Any]:
    """The Pandera checks of one column: each sees a whole series and passes missing values."""
    rules: list[tuple[str, Callable[[Any], Any]]] = []
    if column.kind == Kind.DATE:
        rules.append(("is not a date such as 2026-01-31", lambda s: read_dates(s).notna()))
    elif column.kind == Kind.CONTINUOUS or column.is_integer:
        rules.append(("is not a finite number", lambda s: np.isfinite(read_numbers(s))))
    if column.is_integer:
        rules.append(("is not a whole number", _is_whole))
    if column.range:
        low, high = column.range
        rules.append((f"is outside {low:g} to {high:g}", partial(_is_within, low=low, high=high)))
    if column.levels:
        levels = list(column.levels)
        convert = _as_is if column.is_text else read_numbers
        rules.append((f"is none of {levels}", lambda s: convert(s).isin(levels)))
    return [pa.Check(rule, error=message, ignore_na=True) for message, rule in rules]


def _as_is(series: pd.Series) -> pd.Series:
    return series.astype("object")


def _is_whole(series: pd.Series) -> pd.Series:
    numbers = read_numbers(series)
    return numbers.isna() | numbers.eq(np.floor(numbers))


def _is_within(series: pd.Series, low: float, high: float) -> pd.Series:
    numbers = read_numbers(series)
    return numbers.isna() | numbers.between(low, high)


def _summarise(failures: pd.DataFrame, rows: int) -> tuple[Violation, ...]:
    """Pandera's failure cases as violations, without the values that failed."""
    violations = []
    for (column, check), cases in failures.fillna({"column": ""}).groupby(
        ["column", "check"], sort=True
    ):
        if check in ("column_in_schema", "column_in_dataframe"):
            rule = "is not in the contract" if check == "column_in_schema" else "column is missing"
            violations += [
                Violation(column=str(name), rule=rule, rows=rows)
                for name in sorted(cases["failure_case"].astype(str))
            ]
            continue
        where = sorted(int(index) for index in cases["index"].dropna())
        violations.append(
            Violation(
                column=str(column),
                rule="is missing" if check == "not_nullable" else str(check),
                rows=len(where) or rows,
                first_rows=tuple(where[:SHOWN_ROWS]),
            )
        )
    return tuple(violations)
