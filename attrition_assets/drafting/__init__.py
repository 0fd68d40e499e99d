"""A first contract for a table that nobody has described: guesses, each with its reason.

What a column is called and what it holds decide; a person confirms. A column that could tell who
left, or who somebody is, is ignored rather than used. Nothing is read or written here.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import yaml

from attrition_assets.contract import Contract, Kind, Role
from attrition_assets.drafting.keys import (
    declare_label,
    find_date,
    find_id,
    find_label,
    read_departures,
    require_id,
)
from attrition_assets.drafting.values import Entry, Flags, Guess, guess_column, write_values
from attrition_assets.errors import ContractError

SNAPSHOT_DATE, ROW_NUMBER = "SnapshotDate", "RowNumber"
LABEL, DEPARTURE_DATE = "LeftWithinHorizon", "DepartureDate"


@dataclass(frozen=True)
class Draft:
    """A contract in the making: one guess a column, in the table's order."""

    name: str
    guesses: tuple[Guess, ...]
    departure_date: str = DEPARTURE_DATE

    @property
    def contract(self) -> Contract:
        """The contract that the guesses make."""
        columns = {guess.column: guess.entry for guess in self.guesses}
        outcomes = {"departure_date": self.departure_date}
        return Contract.model_validate(
            {"name": self.name, "outcomes": outcomes, "columns": columns}
        )

    def render_checked(self) -> str:
        """The file's text. Raises ContractError unless it reads as what was drafted."""
        text = self.render()
        try:
            read = Contract.model_validate(yaml.safe_load(text))
        except (yaml.YAMLError, ValueError) as error:
            raise ContractError(
                f"no contract can be drafted ({str(error).splitlines()[0]}): rename the column "
                "that has a line break or the like in its name, or leave it out"
            ) from None
        if read != self.contract:
            raise ContractError("no contract can be drafted: a name or a level is no plain text")
        return text

    def render(self) -> str:
        """The contract as YAML, each guess with its reason beside it."""
        lines = [
            "# Drafted from a table: each line is a guess, and its reason stands behind it.",
            "# kind: continuous, ordinal, nominal, id, date.",
            "# role: feature, protected, label, id, snapshot_date, ignored.",
            f"name: {_flow(self.name)}",
            "# The label means: left within so many months of the snapshot's date.",
            f"outcomes: {{horizon_months: 3, departure_date: {_flow(self.departure_date)}}}",
            "columns:",
        ]
        lines += [
            f"  {_flow(guess.column)}: {_flow(guess.entry)}  # confirm: {guess.why}"
            for guess in self.guesses
        ]
        return "\n".join(lines) + "\n"


def draft_contract(
    table: pd.DataFrame,
    name: str,
    *,
    label: str | None = None,
    id_column: str | None = None,
    departures: pd.DataFrame | None = None,
) -> Draft:
    """Guess what each column of `table`, raw values with rows of people, is for.

    `label` and `id_column` name the columns that say who left and who a row is, where their names
    do not tell. Where `departures` (raw values, a row for each who left) tell it, no column needs
    to. Raises ContractError if one is needed and cannot be guessed, or is not a column.
    """
    if table.empty:
        raise ContractError("the table has no rows: nothing can be guessed from it")
    if repeated := sorted(set(table.columns[table.columns.duplicated()].astype(str))):
        raise ContractError(f"columns appear twice: {', '.join(repeated)}; rename or drop one")
    for given in (label, id_column):
        if given is not None and given not in table:
            raise ContractError(f"{given!r} is no column: {', '.join(map(str, table.columns))}")
    columns = {str(column): write_values(table[column]) for column in table}
    date = find_date(columns)
    if label is None and departures is None:
        label = find_label(columns)
    if id_column is not None:
        require_id(columns, id_column, label, date)
    person = id_column or find_id(columns, label, date)
    if person is None and departures is not None:
        raise ContractError("no column tells whose a row is, for the departures: name it with --id")
    departure_date = DEPARTURE_DATE
    left: list[Flags] = []
    if departures is not None and person is not None:
        dates = columns[date] if date else None
        departure_date, left = read_departures(departures, columns[person].rename(person), dates)
    if label is not None:
        entry, positive = declare_label(columns[label], label)
        left.append((columns[label] == positive).to_numpy())
    guesses = []
    for column, values in columns.items():
        if column == label:
            why = f"two values, and its name; {positive!r} is taken to mean: left"
            guesses.append(Guess(column, entry, why))
        elif column == person:
            whole = bool(values.str.fullmatch(r"0|[1-9][0-9]{0,14}").all())
            found: Entry = {"kind": Kind.ID, "role": Role.ID} | ({"integer": True} if whole else {})
            said = "named with --id" if id_column else "its name"
            guesses.append(Guess(column, found, f"{said}, and no value repeats within a date"))
        elif column == date:
            found = {"kind": Kind.DATE, "role": Role.SNAPSHOT_DATE}
            guesses.append(Guess(column, found, "dates, and its name"))
        else:
            guesses.append(guess_column(column, values, left))
    if person is None:
        found = {"kind": Kind.ID, "role": Role.ID, "integer": True}
        why = (
            "no column differs in every row, so a row is a person: `attrition import` numbers them"
        )
        guesses.insert(0, Guess(ROW_NUMBER, found, why))
    if date is None:
        found = {"kind": Kind.DATE, "role": Role.SNAPSHOT_DATE}
        why = "the table has none: `attrition import` adds it"
        guesses.insert(0, Guess(SNAPSHOT_DATE, found, why))
    if label is None:
        entry = {"kind": Kind.NOMINAL, "role": Role.LABEL, "levels": ["No", "Yes"]}
        why = "no column of the table: the departures tell it"
        guesses.append(Guess(LABEL, entry | {"positive": "Yes"}, why))
    draft = Draft(name, tuple(guesses), departure_date)
    if not any(guess.entry["role"] == Role.FEATURE for guess in guesses):
        raise ContractError("no column is left for the model: all are ids, labels or text")
    return draft


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    plain = _plain(value)
    text = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True
    )
    return text.removesuffix("...\n").strip()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, Kind | Role) else value
