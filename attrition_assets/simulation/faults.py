"""Broken data: what a faulty export does to a month's file, after the company has lived it.

Faults never change what happened to anyone; planted drifts, which do, are in `shifts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.months import last_day
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.planted import Planted


@dataclass(frozen=True)
class UnitError(Planted):
    """In `month`, the income of a random `share` of the rows comes `factor` times too high.

    By default income a year where a month's is meant.
    """

    month: pd.Period
    share: float = 0.1
    factor: int = 12

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        broken = company.snapshots[self.month].copy()
        broken["MonthlyIncome"] *= np.where(_draw_rows(self, broken, rng), self.factor, 1)
        return _send(company, {self.month: broken})


@dataclass(frozen=True)
class MissingValues(Planted):
    """In `month`, a random `share` of the rows comes without an income.

    The contract wants one, so the month is refused until its file is sent again.
    """

    month: pd.Period
    share: float = 0.2

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        broken = company.snapshots[self.month].copy()
        hit = _draw_rows(self, broken, rng)
        broken["MonthlyIncome"] = broken["MonthlyIncome"].astype("Int64").mask(hit)
        return _send(company, {self.month: broken})


@dataclass(frozen=True)
class RenamedLevel(Planted):
    """From `month` on, Research & Development is written R&D, for a `share` of its people.

    The same people each month. The contract does not know the name: each month is refused until the
    export writes the old one again, or the contract lists the new one.
    """

    month: pd.Period
    share: float = 1.0

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        _check_share(self, self.share)
        chosen = rng.random(1 + max(map(_find_highest_number, company.snapshots.values())))
        broken = {}
        for month, snapshot in company.snapshots.items():
            if month >= self.month:
                renamed = snapshot["Department"] == RENAMED
                renamed &= chosen[snapshot["EmployeeNumber"]] < self.share
                department = snapshot["Department"].mask(renamed, NEW_NAME)
                broken[month] = snapshot.assign(Department=department)
        return _send(company, broken)


@dataclass(frozen=True)
class DuplicatedFile(Planted):
    """The file of `month` is the month before's, sent again with its old snapshot date."""

    month: pd.Period

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        return _send(company, {self.month: _find_before(self, company).copy()})


@dataclass(frozen=True)
class CorrectedFile(Planted):
    """In `month`, a random `share` of the rows comes as it was a month before; then corrected.

    The stale file passes the contract. The right one, without any other fault of the month, lies in
    `later/` and comes with the next month's: copy it over the first, and run `month` again.
    """

    month: pd.Period
    share: float = 0.5

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        _check_nothing_later(self, company)
        right = company.snapshots[self.month]
        before = _find_before(self, company).set_index("EmployeeNumber")
        hit = _draw_rows(self, right, rng) & right["EmployeeNumber"].isin(before.index).to_numpy()
        stale = before.loc[right.loc[hit, "EmployeeNumber"]].reset_index()
        stale["SnapshotDate"] = last_day(self.month)
        sent = pd.concat([right[~hit], stale[list(right.columns)]])
        sent = sent.sort_values("EmployeeNumber", ignore_index=True)
        company = replace(company, later={**company.later, self.month: right})
        return _send(company, {self.month: sent})


@dataclass(frozen=True)
class LateFile(Planted):
    """The file of `month` is not there when it is due: it lies in `later/`, for the next month.

    Until a person copies it beside the others, `month` cannot be run; the months after it can.
    """

    month: pd.Period

    def apply(self, company: Company, rng: np.random.Generator) -> Company:
        """The company with the fault."""
        _check_nothing_later(self, company)
        snapshots = dict(company.snapshots)
        later = {**company.later, self.month: snapshots.pop(self.month)}
        return replace(company, snapshots=snapshots, later=later)


# The level that is renamed, and as what: two thirds of the people.
RENAMED: Final = "Research & Development"
NEW_NAME: Final = "R&D"

Fault = UnitError | DuplicatedFile | MissingValues | RenamedLevel | LateFile | CorrectedFile

# By the name that the command line uses. Each draws from the stream of its place here.
FAULTS: Final[dict[str, type[Fault]]] = {
    "unit-error": UnitError,
    "duplicated-file": DuplicatedFile,
    "missing-values": MissingValues,
    "renamed-level": RenamedLevel,
    "late-file": LateFile,
    "corrected-file": CorrectedFile,
}

# Within a month: what lasts, then the file that will be right, then what breaks or replaces it.
_ORDER: Final = (RenamedLevel, CorrectedFile, UnitError, MissingValues, DuplicatedFile, LateFile)


def apply_faults(company: Company, faults: Sequence[Fault], seed: int) -> Company:
    """The company with `faults` in its files, month by month; their order means nothing.

    Of one month's, a late file is as broken as the others make it, and a file sent twice hides what
    was wrong with the one in its place. The rows that a fault hits depend on `seed`, the month and
    the kind of fault alone. Raises AttritionError if a fault's month has no snapshot, or if it asks
    for what cannot be.
    """
    months = company.snapshots
    streams = list(FAULTS.values())
    for fault in sorted(faults, key=lambda each: (each.month.ordinal, _ORDER.index(type(each)))):
        if fault.month not in months:
            raise AttritionError(
                f"{fault}: no snapshot of {fault.month}; choose a month from {min(months)} to "
                f"{max(months)}"
            )
        # A stream of 0 is as if it were left out: earlier releases had no other.
        rng = np.random.default_rng([seed, fault.month.ordinal, streams.index(type(fault))])
        company = fault.apply(company, rng)
    return company


def _send(company: Company, files: dict[pd.Period, pd.DataFrame]) -> Company:
    """The company with these snapshots in place of its own."""
    return replace(company, snapshots={**company.snapshots, **files})


def _check_share(fault: Fault, share: float) -> None:
    if not 0 <= share <= 1:
        raise AttritionError(f"{fault} cannot hit a share of {share}: choose a share from 0 to 1")


def _check_nothing_later(fault: "CorrectedFile | LateFile", company: Company) -> None:
    if fault.month in company.later:
        raise AttritionError(
            f"{fault}: a file of {fault.month} comes a month later already, by another "
            "corrected-file or late-file; choose another month for one of them"
        )


def _draw_rows(
    fault: UnitError | MissingValues | CorrectedFile,
    table: pd.DataFrame,
    rng: np.random.Generator,
) -> np.ndarray:
    """Which rows are hit, as a mask; AttritionError if the share is not one."""
    _check_share(fault, fault.share)
    hit = np.zeros(len(table), dtype=bool)
    hit[rng.choice(len(table), size=round(fault.share * len(table)), replace=False)] = True
    return hit


def _find_before(fault: DuplicatedFile | CorrectedFile, company: Company) -> pd.DataFrame:
    """The file of the month before the fault's; AttritionError if there is none."""
    before = fault.month - 1
    if before not in company.snapshots:
        first = f"{fault.month} is the first month"
        why = f"the file of {before} is late" if before in company.later else first
        raise AttritionError(f"{fault}: {why}, there is no file to send again; choose a later one")
    return company.snapshots[before]


def _find_highest_number(snapshot: pd.DataFrame) -> int:
    return int(snapshot["EmployeeNumber"].max())
