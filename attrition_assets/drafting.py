"""A first contract for a table that nobody has described: guesses, each with its reason.

What a column is called and what it holds decide; a person confirms. A column that could tell who
left, or who somebody is, is ignored rather than used. Nothing is read or written here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml

from attrition_assets.casting import read_dates, read_numbers
from attrition_assets.contract import Contract, Kind, Role
from attrition_assets.errors import ContractError
from attrition_assets.training.evaluation import measure_alone
from attrition_assets.training.gates import LEAK_AUC

FEW_LEVELS = 40
FEW_RANKS = 10
SNAPSHOT_DATE = "SnapshotDate"
Entry = dict[str, Any]
Flags = npt.NDArray[np.bool_]

# Parts of a column's name, in lower case and between underscores.
NAMED_LABELS = (
    r"attrition|churn(ed)?|turnover|terminated|exited|quit|resigned|leavers?",
    r"(?<!._)((has_|is_)?left|left_company|has_gone)(?!_.)",  # the whole name: not left-handed
    r"status|active|employed",
)
NAMED_PRESENT = r"active|employed|present"
NAMED_ID = r"id|uid|uuid|number|no|nr|code|key|ssn|email|mail|username|login"
NAMED_DATE = r"snapshot|as_of|asof|period|month|report(ed|ing)?_date|extract(ed)?"
NAMED_LEAK = (
    r"exit|termination|terminated|termd|severance|separation|resignation|resigned|last_day|"
    r"last_working|offboard(ing|ed)?|leaving|left|end_date|departure|term_(date|reason)|churn(ed)?"
)
NAMED_PROTECTED = (
    r"gender|sex|age|dob|birth|born|race|ethnic(ity)?|religion|faith|disab(ility|led)|marital|"
    r"married|pregnan(t|cy)|nationality|citizen(ship)?|orientation|veteran|hispanic|latino|"
    r"parental|children|dependents"
)
NAMED_COUNT = r"num|count|times|years|months|weeks|days|hours"
NAMED_PLACE = r"zip|zipcode|postal|postcode|plz|address|street|latitude|longitude|lat|lon"
STAYED = {"no", "n", "0", "false", "stayed", "active", "employed", "current", "present"}
LEFT = {"yes", "y", "1", "true", "left", "leaver", "terminated", "exited", "resigned", "inactive"}
YES_OR_NO = {"yes", "no", "y", "n", "1", "0", "true", "false"}


@dataclass(frozen=True)
class Guess:
    """What a column is taken for, as an entry of the contract, and why."""

    column: str
    entry: Entry
    why: str


@dataclass(frozen=True)
class Draft:
    """A contract in the making: one guess a column, in the table's order."""

    name: str
    guesses: tuple[Guess, ...]

    @property
    def contract(self) -> Contract:
        """The contract that the guesses make."""
        columns = {guess.column: guess.entry for guess in self.guesses}
        return Contract.model_validate({"name": self.name, "columns": columns})

    def render(self) -> str:
        """The contract as YAML, each guess with its reason beside it."""
        lines = [
            "# Drafted from a table: each line is a guess, and its reason stands behind it.",
            "# kind: continuous, ordinal, nominal, id, date.",
            "# role: feature, protected, label, id, snapshot_date, ignored.",
            f"name: {_flow(self.name)}",
            "# The label means: left within so many months of the snapshot's date.",
            "outcomes: {horizon_months: 3, departure_date: DepartureDate}",
            "columns:",
        ]
        lines += [
            f"  {_flow(guess.column)}: {_flow(guess.entry)}  # confirm: {guess.why}"
            for guess in self.guesses
        ]
        return "\n".join(lines) + "\n"


def draft_contract(
    table: pd.DataFrame, name: str, *, label: str | None = None, id_column: str | None = None
) -> Draft:
    """Guess what each column of `table`, raw values with rows of people, is for.

    `label` and `id_column` name the columns that say who left and who a row is, where their names
    do not tell. Raises ContractError if one is needed and cannot be guessed, or is not a column.
    """
    if table.empty:
        raise ContractError("the table has no rows: nothing can be guessed from it")
    if repeated := sorted(set(table.columns[table.columns.duplicated()].astype(str))):
        raise ContractError(f"columns appear twice: {', '.join(repeated)}; rename or drop one")
    for given in (label, id_column):
        if given is not None and given not in table:
            raise ContractError(f"{given!r} is no column: {', '.join(map(str, table.columns))}")
    columns = {str(column): _write(table[column]) for column in table}
    date = _find_date(columns)
    label = label or _find_label(columns)
    person = id_column or _find_id(columns, label, date)
    entry, positive = _declare_label(columns[label], label)
    left = (columns[label] == positive).to_numpy()
    guesses = []
    for column, values in columns.items():
        if column == label:
            why = f"two values, and its name; {positive!r} is taken to mean: left"
            guesses.append(Guess(column, entry, why))
        elif column == person:
            whole = bool(values.str.fullmatch(r"[0-9]{1,15}").all())
            found: Entry = {"kind": Kind.ID, "role": Role.ID} | ({"integer": True} if whole else {})
            guesses.append(Guess(column, found, "its name, and no value repeats within a date"))
        elif column == date:
            found = {"kind": Kind.DATE, "role": Role.SNAPSHOT_DATE}
            guesses.append(Guess(column, found, "dates, and its name"))
        else:
            guesses.append(_guess(column, values, left))
    if date is None:
        found = {"kind": Kind.DATE, "role": Role.SNAPSHOT_DATE}
        why = "the table has none: `attrition import` adds it"
        guesses.insert(0, Guess(SNAPSHOT_DATE, found, why))
    draft = Draft(name, tuple(guesses))
    if not any(guess.entry["role"] == Role.FEATURE for guess in guesses):
        raise ContractError("no column is left for the model: all are ids, labels or text")
    return draft


def _write(values: pd.Series) -> pd.Series:
    """The values as text, as a CSV file has them: 1.0 is 1; what is missing stays so."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    written: pd.Series = values.astype("string").astype(object).where(values.notna())
    return written


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


def _split(column: str) -> str:
    """The words of a name in lower case, each between underscores: `_date_of_birth_`."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", column)
    return "_" + "_".join(re.findall(r"[a-z0-9]+", words.lower())) + "_"


def _is_named(column: str, pattern: str) -> bool:
    return re.search(f"_({pattern})_", _split(column)) is not None


def _find_date(columns: dict[str, pd.Series]) -> str | None:
    """The date column that is named like a snapshot's; none if no column is."""
    named = [
        column
        for column, values in columns.items()
        if _is_named(column, NAMED_DATE) and _are_dates(values)
    ]
    return named[0] if named else None


def _are_dates(values: pd.Series) -> bool:
    known = values.dropna()
    looks = known.str.fullmatch(r"\d{4}-\d\d?(-\d\d?)?([ T].*)?")
    return len(known) > 0 and bool(looks.all()) and bool(read_dates(known).notna().all())


def _find_label(columns: dict[str, pd.Series]) -> str:
    binary = [column for column, values in columns.items() if values.nunique() == 2]
    for pattern in NAMED_LABELS:
        named = [column for column in binary if _is_named(column, pattern)]
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


def _declare_label(values: pd.Series, label: str) -> tuple[Entry, str]:
    """The label's entry and its level, as it is written, that means: left."""
    levels = sorted(values.dropna().unique())
    if len(levels) != 2:
        raise ContractError(
            f"{label!r} has {len(levels)} values: the label needs two, of those who left and who "
            "did not"
        )
    lower = [level.lower() for level in levels]
    present = _is_named(label, NAMED_PRESENT) and set(lower) <= YES_OR_NO
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


def _find_id(columns: dict[str, pd.Series], label: str, date: str | None) -> str:
    """A column that no two rows of a date share, named like an id if there is one."""
    dates = columns[date] if date else pd.Series("", index=columns[label].index)
    unique = [
        column
        for column, values in columns.items()
        if column not in (label, date)
        and values.notna().all()
        and not pd.DataFrame({"value": values, "date": dates}).duplicated().any()
        and not values.str.contains(r"\d\.\d*[1-9]").any()
    ]
    for pattern in (r"(employee|emp|person|staff|worker)_(id|number|no|nr|code|key)", NAMED_ID):
        if named := [column for column in unique if _is_named(column, pattern)]:
            return named[0]
    raise ContractError(
        "no column tells whose a row is: none is named like an id and different in every row; name "
        f"it with --id (different in every row: {', '.join(unique) or 'none'})"
    )


def _guess(column: str, values: pd.Series, left: Flags) -> Guess:
    """What a column is that is no key and no label."""
    whole: Entry = {"missing": True} if values.isna().any() else {}
    for why in _find_objections(column, values, left):
        return Guess(column, _declare_ignored(values), why)
    entry, why = _declare_values(values, is_count=_is_named(column, NAMED_COUNT))
    if entry["role"] == Role.FEATURE and _is_named(column, NAMED_PROTECTED):
        entry["role"], why = Role.PROTECTED, f"a protected attribute by its name; {why}"
    return Guess(column, entry | whole, why)


def _find_objections(column: str, values: pd.Series, left: Flags) -> Iterator[str]:
    """Why a column must not reach the model, the gravest reason first."""
    if _is_named(column, NAMED_LEAK):
        yield "known only after leaving, by its name: it would tell the label"
    known = values.notna().to_numpy()
    if not known.any():
        yield "no value at all"
        return
    if values.nunique() == 1 and known.all():
        yield "the same value in every row"
        return
    if (auc := _measure_leak(values, left)) > LEAK_AUC:
        yield f"tells who left with an AUC of {auc:.3f}, alone: is it known only after leaving?"
    if known.mean() < 0.5:
        yield f"missing in {1 - known.mean():.0%} of the rows"
    if _is_named(column, NAMED_PLACE):
        yield "a place can stand for ethnicity or income: a proxy"
    if _are_dates(values):
        yield "dates are no feature: give the time since, in months or years"
    repeated = 1 - values.nunique() / known.sum()
    numbers = read_numbers(values[known]).notna().all()
    if repeated == 0 and _is_named(column, NAMED_ID) and known.sum() > 1:
        yield "another identifier: different in every row"
    elif not numbers and values.nunique() > FEW_LEVELS:
        yield f"text of {values.nunique()} different values: names or remarks"


def _measure_leak(values: pd.Series, left: Flags) -> float:
    """AUC of the column's missing values, or of its values if few, for who left."""
    if not 0 < left.sum() < len(left):
        return 0.5
    numbers, aucs = read_numbers(values), [measure_alone(values.isna(), left, by_level=False)]
    if numbers.notna().sum() == values.notna().sum():
        aucs.append(measure_alone(numbers, left, by_level=False))
    elif values.nunique() <= FEW_LEVELS:
        aucs.append(measure_alone(values, left, by_level=True))
    return max(aucs)


def _declare_ignored(values: pd.Series) -> Entry:
    """An entry that accepts whatever else the column may hold."""
    kind = Kind.DATE if _are_dates(values) else Kind.ID
    return {"kind": kind, "role": Role.IGNORED, "missing": True}


def _declare_values(values: pd.Series, *, is_count: bool) -> tuple[Entry, str]:
    """The kind of a column, with the levels or the range that it accepts."""
    known = values.dropna()
    numbers = read_numbers(known)
    if not numbers.notna().all():
        levels = sorted(known.unique())
        return (
            {"kind": Kind.NOMINAL, "role": Role.FEATURE, "levels": levels},
            f"text of {len(levels)} values; add those that may come",
        )
    low, high = float(numbers.min()), float(numbers.max())
    integer = bool((numbers % 1 == 0).all())
    if integer and low >= 0 and high <= FEW_RANKS and not is_count:
        levels = list(range(int(low), int(high) + 1))
        return (
            {"kind": Kind.ORDINAL, "role": Role.FEATURE, "levels": levels},
            f"few whole numbers from {low:g} to {high:g}: ranks; add those that may come",
        )
    lowest, highest = _widen(low, high, integer)
    entry: Entry = {"kind": Kind.CONTINUOUS, "role": Role.FEATURE, "range": [lowest, highest]}
    if integer:
        entry["integer"] = True
    return entry, f"numbers from {low:g} to {high:g}; beyond the range is a fault, not drift"


def _widen(low: float, high: float, integer: bool) -> tuple[float, float]:
    """The range and as much again, in round numbers; not below 0 where nothing is."""
    span = high - low or 1.0
    unit = 10 ** np.floor(np.log10(span))
    lowest, highest = np.floor((low - span / 2) / unit) * unit, np.ceil((high + span) / unit) * unit
    lowest = max(0.0, lowest) if low >= 0 else lowest
    if integer:
        return int(lowest), int(highest)
    return float(f"{lowest:.6g}"), float(f"{highest:.6g}")
