"""What a column that is no key holds: its kind and its levels or range, or why it is ignored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.casting import read_dates, read_numbers
from attrition_assets.contract import Kind, Role
from attrition_assets.drafting.names import (
    NAMED_CODE,
    NAMED_COUNT,
    NAMED_ID,
    NAMED_LABELS,
    NAMED_LEAK,
    NAMED_NAME,
    NAMED_PLACE,
    NAMED_PROTECTED,
    is_named,
)
from attrition_assets.training.evaluation import measure_alone
from attrition_assets.training.gates import LEAK_AUC

STAYED = {"no", "n", "0", "false", "stayed", "active", "employed", "current", "present"}
LEFT = {"yes", "y", "1", "true", "left", "leaver", "terminated", "exited", "resigned", "inactive"}
FEW_LEVELS = 40
FEW_RANKS = 10
Entry = dict[str, Any]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Guess:
    """What a column is taken for, as an entry of the contract, and why."""

    column: str
    entry: Entry
    why: str


def guess_column(column: str, values: pd.Series, left: Sequence[Flags]) -> Guess:
    """What a column is that is no key and no label; `left` are the ways in which rows left."""
    whole: Entry = {"missing": True} if values.isna().any() else {}
    if why := next(_find_objections(column, values, left), None):
        return Guess(column, _declare_ignored(values), why)
    if is_named(column, NAMED_CODE) and not is_named(column, NAMED_COUNT):
        entry, why = _declare_codes(values)
    else:
        entry, why = _declare_values(values, is_count=is_named(column, NAMED_COUNT))
    if entry["role"] == Role.FEATURE and is_named(column, NAMED_PROTECTED):
        entry["role"], why = Role.PROTECTED, f"a protected attribute by its name; {why}"
    return Guess(column, entry | whole, why)


def write_values(values: pd.Series) -> pd.Series:
    """The values as text, as a CSV file has them: 1.0 is 1; what is missing stays so."""
    if pd.api.types.is_float_dtype(values):
        known = values.dropna()
        if (known.abs() < 2**53).all() and (known % 1 == 0).all():
            values = values.astype("Int64")
    written: pd.Series = values.astype("string").astype(object).where(values.notna())
    return written


def are_dates(values: pd.Series) -> bool:
    """Whether all values that are there are dates that begin with the year."""
    known = values.dropna()
    looks = known.str.fullmatch(r"\d{4}-\d\d?(-\d\d?)?([ T].*)?")
    return len(known) > 0 and bool(looks.all()) and bool(read_dates(known).notna().all())


def is_label_like(column: str, values: pd.Series) -> bool:
    """Whether a column of two values is named as one that tells who left is."""
    if values.nunique() != 2 or is_named(column, NAMED_PROTECTED):
        return False
    *sure, vague = NAMED_LABELS
    if any(is_named(column, pattern) for pattern in sure):
        return True
    return is_named(column, vague) and set(values.dropna().str.lower()) <= STAYED | LEFT


def _find_objections(column: str, values: pd.Series, left: Sequence[Flags]) -> Iterator[str]:
    """Why a column must not reach the model, the gravest reason first."""
    if column.startswith("Unnamed: "):
        yield "no name: the numbers of another table's rows, it seems"
    if is_label_like(column, values):
        yield "named like a label: it would tell who left"
    if is_named(column, NAMED_LEAK):
        yield "known only after leaving, by its name: it would tell the label"
    known = values.notna().to_numpy()
    if not known.any():
        yield "no value at all"
        return
    if values.nunique() == 1 and known.all():
        yield "the same value in every row"
        return
    if (auc := max((_measure_leak(values, each) for each in left), default=0.5)) > LEAK_AUC:
        yield f"tells who left with an AUC of {auc:.3f}, alone: is it known only after leaving?"
    if known.mean() < 0.5:
        yield f"missing in {1 - known.mean():.0%} of the rows"
    if is_named(column, NAMED_PLACE):
        yield "a place can stand for ethnicity or income: a proxy"
    if is_named(column, NAMED_NAME):
        yield "names of persons"
    if are_dates(values):
        yield "dates are no feature: give the time since, in months or years"
    repeated = 1 - values.nunique() / known.sum()
    numbers = read_numbers(values[known]).notna().all()
    if numbers and not np.isfinite(read_numbers(values[known])).all():
        yield "infinite values"
    if repeated == 0 and is_named(column, NAMED_ID) and known.sum() > 1:
        yield "another identifier: different in every row"
    elif is_named(column, NAMED_CODE) and values.nunique() > FEW_LEVELS:
        yield f"{values.nunique()} different codes: an identifier"
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
    kind = Kind.DATE if are_dates(values) else Kind.ID
    return {"kind": kind, "role": Role.IGNORED, "missing": True}


def _declare_codes(values: pd.Series) -> tuple[Entry, str]:
    """A column of codes: numbers in it are names, without an order."""
    numbers = read_numbers(values.dropna())
    whole = bool(numbers.notna().all() and (numbers % 1 == 0).all())
    levels = sorted({int(each) for each in numbers} if whole else values.dropna().unique())
    return (
        {"kind": Kind.NOMINAL, "role": Role.FEATURE, "levels": levels},
        f"{len(levels)} codes, by its name; add those that may come",
    )


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
    digits = max(0, 1 - int(np.log10(unit)))
    return round(float(lowest), digits), round(float(highest), digits)
