"""The sums of `residual_sums` of more outcomes than fit in memory as a matrix: added up in parts.

The same test on the same columns. Only who is drawn differs: of samples with thousands of leavers
each, their sum is as normal as that of the others.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from attrition_assets.contract import Contract
from attrition_assets.monitoring.concept_columns import (
    BASE_RATE,
    CALIBRATION,
    SIDES,
    read_columns,
    read_log_odds,
)
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.residual_sums import HEAVY, ResidualSums

PART_ROWS = 131_072
# With so many leavers on both sides none of them is drawn by name.
MANY_LEAVERS = 5_000

Matrix = npt.NDArray[np.float64]


def add_up_in_parts(
    reference: OutcomeSample, current: OutcomeSample, contract: Contract
) -> tuple[list[str], ResidualSums]:
    """The columns' names, as `build_columns` has them, and the sums of their scores."""
    names, centre = _find_centre(reference, contract)
    samples = (reference, current)
    rows, current_rows = reference.rows + current.rows, current.rows
    totals, largest = np.zeros((2, len(names))), np.zeros(len(names))
    products = np.zeros((len(names), len(names)))
    for place, sample in enumerate(samples):
        for scores, _ in _score_parts(sample, SIDES[place], centre, contract):
            totals[place] += scores.sum(axis=1)
            products += scores @ scores.T
            largest = np.maximum(largest, np.abs(scores).max(axis=1))
    mean = totals.sum(axis=0) / rows
    deviation = np.sqrt(np.maximum(np.diag(products) - rows * mean**2, 0) / (rows - 1))
    spread = deviation * np.sqrt(current_rows * (rows - current_rows) / rows)
    spread = np.where(spread > 1e-12, spread, np.inf)
    by_name = min(reference.leavers, current.leavers) < MANY_LEAVERS
    heavy = np.empty((0, len(names)))
    if by_name or ((largest + np.abs(mean)) / spread > HEAVY).any():
        found = [
            scaled[:, by_name * left | (np.abs(scaled) > HEAVY).any(axis=0)].T
            for sample, side in zip(samples, SIDES, strict=True)
            for scores, left in _score_parts(sample, side, centre, contract)
            for scaled in [(scores - mean[:, None]) / spread[:, None]]
        ]
        heavy = np.vstack(found)
    light_rows = rows - len(heavy)
    light_mean = -heavy.sum(axis=0) / light_rows
    scatter = (products - rows * np.outer(mean, mean)) / np.outer(spread, spread)
    scatter -= heavy.T @ heavy + light_rows * np.outer(light_mean, light_mean)
    observed = np.abs(totals[1] - current_rows * mean) / spread
    root = _find_root(scatter)
    return names, ResidualSums(observed, current_rows, heavy, light_rows, light_mean, root)


def _find_centre(reference: OutcomeSample, contract: Contract) -> tuple[list[str], Matrix]:
    """Each column's mean where the reference is likely to leave; NaN if it has no value there."""
    sums: list[Matrix] = []
    for _, columns, part in _read_parts(reference, SIDES[0], contract):
        weight = reference.probability[part] * (1 - reference.probability[part])
        known = ~np.isnan(columns)
        sums.append(np.array([np.nan_to_num(columns) @ weight, known @ weight]))
    weighed, weights = np.sum(sums, axis=0)
    names = next(_read_parts(reference, SIDES[0], contract))[0]
    centre = np.where(weights > 0, weighed / np.where(weights > 0, weights, 1), np.nan)
    centre[names.index(BASE_RATE)] = 0.0
    return names, centre


def _score_parts(
    sample: OutcomeSample, side: str, centre: Matrix, contract: Contract
) -> Iterator[tuple[Matrix, npt.NDArray[np.bool_]]]:
    """Residuals times centred columns, columns x rows, and who left; a missing value is 0."""
    for _, columns, part in _read_parts(sample, side, contract):
        columns -= centre[:, None]
        np.nan_to_num(columns, copy=False)
        columns *= sample.left[part] - sample.probability[part]
        yield columns, sample.left[part]


def _read_parts(
    sample: OutcomeSample, side: str, contract: Contract
) -> Iterator[tuple[list[str], Matrix, slice]]:
    """Names, values (columns x rows, NaN where missing) and place of each part of a sample."""
    for start in range(0, sample.rows, PART_ROWS):
        part = slice(start, min(start + PART_ROWS, sample.rows))
        table = sample.features.iloc[part]
        names = [BASE_RATE, CALIBRATION]
        columns = [np.ones((1, len(table))), read_log_odds(sample.probability[part])[None]]
        for name in contract.monitored:
            columns.append(read_columns(table, name, side, contract).T)
            names += [name] * len(columns[-1])
        yield names, np.vstack(columns), part


def _find_root(scatter: Matrix) -> Matrix:
    """A matrix whose square (its transpose times itself) is `scatter`, singular as that may be."""
    values, vectors = np.linalg.eigh(scatter)
    return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)
