"""Who left, as far as a given month can know: labels mature late, and unknown is not "stayed".

Everything is told by the month being processed, never by the wall clock.
"""

import numpy as np
import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.months import last_day


def label_snapshot(
    snapshot: pd.DataFrame,
    month: pd.Period,
    *,
    departures: pd.DataFrame | None,
    known_by: pd.Period,
    contract: Contract,
    horizon_months: int | None = None,
) -> pd.Series:
    """For each row of a month's snapshot: 1.0 left within the horizon, 0.0 did not, NaN unknown.

    A label is known once the whole horizon has passed by the last day of `known_by`. Leaving
    counts from the day after the snapshot's to the horizon's last day. Without a table of
    departures the label stands in the snapshot itself, is hidden until it has matured, and is
    unknown where the snapshot came without it; `horizon_months`, by default the contract's, can
    then not be another.
    """
    horizon = horizon_months or contract.horizon_months
    unknown = pd.Series(np.nan, index=snapshot.index, name="left", dtype="float64")
    if month + horizon > known_by:
        return unknown
    if departures is None:
        if horizon != contract.horizon_months:
            raise ValueError(f"labels inside snapshots are for {contract.horizon_months} months")
        if contract.label not in snapshot.columns:
            return unknown
        column = contract.columns[contract.label]
        left = (snapshot[contract.label] == column.positive).astype("float64")
        return left.where(snapshot[contract.label].notna()).rename("left")
    dates = departures[contract.outcomes.departure_date]
    within = (dates > last_day(month)) & (dates <= last_day(month + horizon))
    leavers = departures.loc[within, contract.id]
    return snapshot[contract.id].isin(leavers).astype("float64").rename("left")


def step_months(departures: pd.DataFrame | None, contract: Contract) -> int:
    """The shortest time, in months, within which outcomes are known without overlapping.

    One month where departures are dated; the whole horizon where labels stand in the snapshots.
    """
    return contract.horizon_months if departures is None else 1
