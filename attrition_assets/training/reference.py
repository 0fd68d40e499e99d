"""The reference data: the table that trains a model and, later, is its baseline.

Which months go in, and with which labels. How the table is stored is for `adapters`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import TrainingError
from attrition_assets.outcomes import label_snapshot, step_months

LABEL = "left_within_horizon"
STEP_LABEL = "left_within_step"
# The months between are kept up to this many people a month: more have leavers enough without.
FEW_PEOPLE = 20_000


@dataclass(frozen=True)
class ReferenceData:
    """Accepted snapshots with the labels known as of a month.

    `table` holds the contract's columns (without its label), `left_within_horizon` and
    `left_within_step` (see `outcomes.step_months`), both 1.0, 0.0 or NaN for unknown. The newest
    snapshot, whose labels are usually not known yet, shows the people as they were when the model
    was trained: it is the baseline that later months are compared with.
    """

    table: pd.DataFrame
    as_of: pd.Period
    contract: Contract

    @property
    def labelled(self) -> pd.DataFrame:
        """The rows whose outcome is known: what trains a model."""
        return _take(self.table, np.flatnonzero(self.table[LABEL].notna()))

    @property
    def outcomes(self) -> pd.DataFrame:
        """The rows whose outcome within a step is known: `labelled`, then those between them."""
        labelled = self.table[LABEL].notna()
        between = ~labelled & self.table[STEP_LABEL].notna()
        rows = np.concatenate([np.flatnonzero(labelled), np.flatnonzero(between)])
        return _take(self.table, rows)

    @property
    def newest(self) -> pd.DataFrame:
        """The rows of the newest snapshot: the baseline of drift."""
        dates = self.table[self.contract.snapshot_date]
        return self.table.loc[dates.eq(dates.max())].reset_index(drop=True)


def _take(table: pd.DataFrame, rows: npt.NDArray[np.intp]) -> pd.DataFrame:
    """The rows at some positions, numbered anew; nothing is copied if they are the first ones."""
    if len(rows) and rows[-1] == len(rows) - 1 and (np.diff(rows) == 1).all():
        taken = table.head(len(rows))
        taken.index = pd.RangeIndex(len(rows))
        return taken
    return table.iloc[rows].reset_index(drop=True)


def build_reference(
    as_of: pd.Period,
    *,
    accepted: list[pd.Period],
    read: Callable[[pd.Period], pd.DataFrame],
    departures: pd.DataFrame | None,
    contract: Contract,
    window_months: int,
    count: Callable[[pd.Period], int] | None = None,
) -> ReferenceData:
    """Gather the newest reference data that `as_of` can know.

    Takes the snapshots of `as_of` and of each horizon before it, back to `window_months`, so that
    a departure counts once; where one of them was not accepted, the next older month takes its
    place. The accepted months between them lend their outcomes within a step, for concept drift;
    they train nothing, and their label stays unknown. Snapshots that carry their own labels are all
    taken. `count` tells a month's number of people without reading them, where that is known.

    Raises TrainingError if no accepted month has matured labels.
    """
    spacing = 1 if departures is None else contract.horizon_months
    oldest = as_of - window_months - contract.horizon_months
    months = _choose_months([each for each in accepted if oldest < each <= as_of], spacing)
    between = [each for each in accepted if months and months[0] < each < as_of]
    parts = []
    for month in sorted({*months, *between}):
        if month not in months and count and count(month) > FEW_PEOPLE:
            continue
        part = _label(read(month), month, departures=departures, known_by=as_of, contract=contract)
        if month in months:
            parts.append(part)
        elif len(part) <= FEW_PEOPLE:
            parts.append(part.assign(**{LABEL: np.nan}))
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({LABEL: []})
    if not table[LABEL].notna().any():
        raise TrainingError(
            f"no labels are known as of {as_of}: a model needs an accepted snapshot of "
            f"{as_of - contract.horizon_months} or earlier (accepted so far: "
            f"{', '.join(map(str, accepted)) or 'none'}); materialize employee_snapshot for one"
        )
    return ReferenceData(table, as_of, contract)


def _choose_months(months: list[pd.Period], spacing: int) -> list[pd.Period]:
    """The newest of `months` and those before it, at least `spacing` apart, in order."""
    chosen: list[pd.Period] = []
    for month in sorted(months, reverse=True):
        if not chosen or month <= chosen[-1] - spacing:
            chosen.append(month)
    return sorted(chosen)


def _label(
    snapshot: pd.DataFrame,
    month: pd.Period,
    *,
    departures: pd.DataFrame | None,
    known_by: pd.Period,
    contract: Contract,
) -> pd.DataFrame:
    def label(horizon: int) -> pd.Series:
        return label_snapshot(
            snapshot,
            month,
            departures=departures,
            known_by=known_by,
            contract=contract,
            horizon_months=horizon,
        )

    step = step_months(departures, contract)
    table = snapshot.drop(columns=contract.label, errors="ignore")
    return table.assign(**{LABEL: label(contract.horizon_months), STEP_LABEL: label(step)})
