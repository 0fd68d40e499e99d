"""Broken data: what a faulty export does to a month's file, after the company has lived it.

Faults never change what happened to anyone; planted drifts, which do, are in `shifts.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company

Snapshots = Mapping[pd.Period, pd.DataFrame]


@dataclass(frozen=True)
class UnitError:
    """In `month`, the income of a random `share` of the rows comes `factor` times too high.

    By default income a year where a month's is meant.
    """

    month: pd.Period
    share: float = 0.1
    factor: int = 12

    def apply(self, snapshots: Snapshots, rng: np.random.Generator) -> pd.DataFrame:
        """The month's snapshot with the fault."""
        broken = snapshots[self.month].copy()
        count = round(self.share * len(broken))
        rows = rng.choice(len(broken), size=count, replace=False)
        income = broken["MonthlyIncome"].to_numpy(copy=True)
        income[rows] *= self.factor
        broken["MonthlyIncome"] = income
        return broken


@dataclass(frozen=True)
class DuplicatedFile:
    """The file of `month` is the month before's, sent again with its old snapshot date."""

    month: pd.Period

    def apply(self, snapshots: Snapshots, rng: np.random.Generator) -> pd.DataFrame:
        """The month's snapshot with the fault."""
        if self.month - 1 not in snapshots:
            raise AttritionError(
                f"{self}: {self.month} is the first month, there is no file to send again; choose "
                "a later one"
            )
        return snapshots[self.month - 1].copy()


Fault = UnitError | DuplicatedFile

# By the name that the command line uses.
FAULTS: Final[dict[str, type[Fault]]] = {
    "unit-error": UnitError,
    "duplicated-file": DuplicatedFile,
}


def apply_faults(company: Company, faults: Sequence[Fault], seed: int) -> Company:
    """The company with `faults` in its snapshots, applied in order of their months.

    The rows that a fault hits depend on `seed` and the month alone. Raises AttritionError if a
    fault's month has no snapshot.
    """
    snapshots = dict(company.snapshots)
    for fault in sorted(faults, key=lambda fault: fault.month.ordinal):
        if fault.month not in snapshots:
            raise AttritionError(
                f"{fault}: no snapshot of {fault.month}; choose a month from {min(snapshots)} to "
                f"{max(snapshots)}"
            )
        rng = np.random.default_rng([seed, fault.month.ordinal])
        snapshots[fault.month] = fault.apply(snapshots, rng)
    return Company(snapshots, company.departures)
