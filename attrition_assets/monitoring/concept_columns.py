"""The columns that concept drift is looked for in: each a number a row, or 0 and 1 a level.

How they are weighed with the champion's errors and compared is for `concept_drift`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.pairing import read_numbers

BASE_RATE, CALIBRATION = "(base rate)", "(calibration)"
SIDES = ("reference outcomes", "current outcomes")

Matrix = npt.NDArray[np.float64]


def build_columns(
    reference: OutcomeSample, current: OutcomeSample, contract: Contract
) -> tuple[list[str], Matrix]:
    """One column a number and a nominal level, for reference then current rows.

    Before them the base rate, and the champion's own log-odds for its calibration. Centred where
    the reference is likely to leave, so that a changed base rate alone moves no other column (the
    score test with a free intercept; Rao, 1948); a missing value is the centre.
    """
    weight = reference.probability * (1 - reference.probability)
    log_odds = read_log_odds(np.concatenate([reference.probability, current.probability]))
    names = [BASE_RATE, CALIBRATION]
    columns = [np.ones(len(log_odds)), _centre(log_odds, weight)]
    for name in contract.monitored:
        found = np.vstack(
            [
                read_columns(table, name, side, contract)
                for table, side in zip((reference.features, current.features), SIDES, strict=True)
            ]
        ).T
        names += [name] * len(found)
        columns += [_centre(column, weight) for column in found]
    return names, np.column_stack(columns)


def read_columns(table: pd.DataFrame, name: str, side: str, contract: Contract) -> Matrix:
    """The column as rows x 1 numbers or, if nominal, as rows x levels of 0 and 1."""
    if name not in table:
        raise DriftInputError(f"{side} lack {name}: give every monitored column of the contract")
    declared = contract.columns[name]
    if declared.kind == Kind.NOMINAL:
        levels = declared.levels or ()
        return np.column_stack([(table[name] == level).to_numpy(dtype=float) for level in levels])
    return read_numbers(table[name], side, declared.levels)[:, None]


def _centre(column: Matrix, weight: Matrix) -> Matrix:
    """Less the mean of its first rows, which `weight` weighs."""
    known = ~np.isnan(column[: len(weight)])
    if not weight[known].sum():
        return np.zeros_like(column)
    return np.nan_to_num(column - np.average(column[: len(weight)][known], weights=weight[known]))


def read_log_odds(probability: Matrix) -> Matrix:
    """The champion's log-odds, finite at 0 and 1."""
    return np.asarray(special.logit(np.clip(probability, 1e-9, 1 - 1e-9)))
