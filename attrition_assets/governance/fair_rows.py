"""Which rows champion and challenger are compared on: the newest that neither learned from.

How they are compared is for `comparison`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.errors import ComparisonError
from attrition_assets.governance.comparison import FEWEST_LEAVERS
from attrition_assets.training.reference import LABEL, ReferenceData

FEWEST_ROWS = 600
PROBABILITY = "probability"


@dataclass(frozen=True)
class FairRows:
    """What `compare_models` needs, a value a row, and where the rows come from.

    `held_out` of them have the champion's held-out probability, the others are later than what it
    learned. `left_out` rows of the same snapshots are fair to one model only.
    """

    left: npt.NDArray[np.float64]
    champion: npt.NDArray[np.float64]
    challenger: npt.NDArray[np.float64]
    people: npt.NDArray[np.generic]
    snapshots: tuple[pd.Period, ...]
    held_out: int
    left_out: int


def select_fair_rows(
    reference: ReferenceData,
    held_out: pd.DataFrame,
    *,
    champion_as_of: pd.Period,
    champion_held_out: pd.DataFrame,
    score: Callable[[pd.DataFrame], pd.Series],
) -> FairRows:
    """The newest labelled rows of the challenger's reference data, each fairly scored by both.

    The challenger is judged by its `held_out` probabilities: of folds without the person. The
    champion is judged by its `score` in snapshots of its own month or later, whose outcomes lie
    after all that it knew, and by its own held-out probability before; a row with neither would
    flatter it, and is left out. Snapshots are pooled whole, newest first, until they hold 600 rows
    and 150 distinct leavers, whichever needs more; all of them if they never do. Both tables have
    the id and the snapshot's date as the contract names them, and `probability`.

    Known to be unequal still: a held-out probability comes of four fifths of the people, which
    costs the challenger at most about .005 in AUC in simulated companies of 1,470
    (docs/benchmarks/gate.md); and it has learned from others of the same months, which is what
    retraining is for, while the champion may have met the person earlier.

    Raises ComparisonError if a table repeats a row, the challenger's lacks a labelled one, or no
    row is fair.
    """
    contract = reference.contract
    keys = [contract.id, contract.snapshot_date]
    rows = reference.labelled
    challenger = _look_up(rows, held_out, keys, "challenger")
    if lacking := int(challenger.isna().sum()):
        raise ComparisonError(
            f"challenger: {lacking} of {len(rows)} labelled rows have no held-out probability: "
            "give the table that its own training made"
        )
    champion = _look_up(rows, champion_held_out, keys, "champion")
    months = rows[contract.snapshot_date].dt.to_period("M")
    later = months >= champion_as_of
    fair = later | champion.notna()
    if not fair.any():
        raise ComparisonError(
            f"none of {len(rows)} labelled rows is fair to the champion: it learned as of "
            f"{champion_as_of} and held none of them out; wait for outcomes of that month"
        )
    newest = _pool_newest(rows[fair], months[fair], contract.id)
    chosen = fair & months.isin(newest)
    scored = chosen & later
    if scored.any():
        champion = champion.mask(scored, score(rows[scored]))
    return FairRows(
        left=rows.loc[chosen, LABEL].to_numpy(dtype="float64"),
        champion=champion[chosen].to_numpy(),
        challenger=challenger[chosen].to_numpy(),
        people=rows.loc[chosen, contract.id].to_numpy(),
        snapshots=newest,
        held_out=int((chosen & ~later).sum()),
        left_out=int((~fair & months.isin(newest)).sum()),
    )


def _look_up(rows: pd.DataFrame, scored: pd.DataFrame, keys: list[str], whose: str) -> pd.Series:
    """The probability of each row, NaN where the table has no such row."""
    if repeated := int(scored.duplicated(keys).sum()):
        raise ComparisonError(f"{whose}: {repeated} held-out rows repeat {' and '.join(keys)}")
    if missing := int(scored[PROBABILITY].isna().sum()):
        raise ComparisonError(f"{whose}: {missing} held-out rows have no probability")
    found = rows[keys].merge(scored[[*keys, PROBABILITY]], on=keys, how="left")
    return found[PROBABILITY].astype("float64").set_axis(rows.index)


def _pool_newest(rows: pd.DataFrame, months: pd.Series, person: str) -> tuple[pd.Period, ...]:
    """The newest months that together hold rows and leavers enough, in order."""
    chosen: list[pd.Period] = []
    for month in sorted(months.unique(), reverse=True):
        chosen.append(month)
        pooled = rows[months.isin(chosen)]
        leavers = pooled.loc[pooled[LABEL] == 1, person].nunique()
        if len(pooled) >= FEWEST_ROWS and leavers >= FEWEST_LEAVERS:
            break
    return tuple(sorted(chosen))
