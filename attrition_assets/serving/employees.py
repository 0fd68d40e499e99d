"""What an employee is to the prediction API: types made from the contract, nothing guessed.

An employee is the id and the columns that reach the model. No other column is taken, protected ones
neither: what is not needed for a score is not asked for.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from attrition_assets.contract import Column, Contract, Kind

MOST_EMPLOYEES = 10_000
LONGEST_ID = 200
STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# Beyond these JSON's numbers are not told apart by everybody (RFC 8259, 6): one employee's id may
# arrive as another's.
EXACT = Field(ge=-(2**53) + 1, le=2**53 - 1)


def _read_whole(value: object) -> object:
    """5.0 is 5: JSON does not tell them apart, nor does whoever has missing values in a column."""
    return int(value) if type(value) is float and value.is_integer() else value


WHOLE = BeforeValidator(_read_whole)


def describe_request(contract: Contract) -> TypeAdapter[dict[str, Any]]:
    """What reads the body of `POST /predict`: `{"employees": [{...}, ...]}`, 1 to 10,000 of them.

    Numbers are numbers and text is text: "5" is no 5, and a field that is absent or that the
    contract does not have is an error, which names it.
    """
    fields = {name: describe_column(contract.columns[name]) for name in asked_columns(contract)}
    # mypy takes no TypedDict that is made at run time.
    employee: Any = with_config(STRICT)(TypedDict("Employee", fields))  # type: ignore[operator]
    several = Annotated[
        list[employee],
        # Of faulty employees the first is named: all of them would be seconds and gigabytes.
        Field(min_length=1, max_length=MOST_EMPLOYEES, fail_fast=True),
    ]
    request: Any = with_config(STRICT)(TypedDict("Employees", {"employees": several}))  # type: ignore[operator]
    return TypeAdapter(request)


def asked_columns(contract: Contract) -> tuple[str, ...]:
    """The fields of an employee: the id, then the contract's features in order."""
    return (contract.id, *contract.features)


def describe_column(column: Column) -> Any:
    """The type of a field: levels as they are listed, numbers within their range."""
    if column.kind == Kind.ID:
        if column.integer:
            return Annotated[int, EXACT, WHOLE]
        return Annotated[str, Field(min_length=1, max_length=LONGEST_ID)]
    levels = column.levels or ()
    described: Any
    if (
        levels
        and column.is_integer
        and levels == tuple(range(int(levels[0]), int(levels[0]) + len(levels)))
    ):
        described = Annotated[int, Field(ge=levels[0], le=levels[-1]), WHOLE]  # no true
    elif levels and not column.is_text:
        described = Annotated[Literal[levels], BeforeValidator(_require_integer)]
    elif levels:
        described = Literal[levels]
    else:
        low, high = column.range or (None, None)
        limits = Field(ge=low, le=high)
        described = Annotated[int, limits, WHOLE] if column.integer else Annotated[float, limits]
    return described | None if column.missing else described


def _require_integer(value: object) -> object:
    value = _read_whole(value)
    if type(value) is not int:
        raise ValueError("Input should be a valid integer")
    return value


def make_employee(contract: Contract) -> dict[str, Any]:
    """An employee that is nobody: the middle of each range and the first of each level."""
    return make_values(contract, asked_columns(contract))


def make_values(contract: Contract, names: Sequence[str]) -> dict[str, Any]:
    """A value of each column: the middle of its range, the first of its levels."""

    def choose(column: Column) -> Any:
        if column.kind == Kind.ID:
            return 1 if column.integer else "E-1"
        if column.levels:
            return column.levels[0]
        low, high = column.range or (0.0, 0.0)
        middle = (low + high) / 2
        return int(middle) if column.integer else middle

    return {name: choose(contract.columns[name]) for name in names}
