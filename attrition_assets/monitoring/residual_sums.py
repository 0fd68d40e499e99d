"""Sums of the champion's errors over the current outcomes, held against permutations of the rows.

Which errors, and of which columns, is for `concept_drift`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attrition_assets.monitoring.permutation import is_clear

FIRST_PERMUTATIONS, PERMUTATIONS = 500, 8_000
BATCH_VALUES = 4_000_000  # of a batch of permutations: what bounds its memory
# A row beyond this part of a sum's deviation is drawn; so are all where few others are left.
HEAVY, FEWEST_LIGHT = 0.25, 100

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ResidualSums:
    """What a permutation needs of two samples' scores, a score a row and a column.

    A permutation keeps each column's mean and variance, so that sums over the current rows, scaled
    once, are the statistic: `observed`, in deviations. `heavy` are the scores of the rows that are
    drawn one by one; of the others their number, their mean and a root of their scatter matrix.
    """

    observed: Matrix
    current_rows: int
    heavy: Matrix
    light_rows: int
    light_mean: Matrix
    light_root: Matrix


def add_up(
    scores: Matrix, left: npt.NDArray[np.bool_], is_current: npt.NDArray[np.bool_]
) -> ResidualSums:
    """The sums of `scores`, rows x columns, all of which are at hand."""
    rows, current_rows = len(scores), int(is_current.sum())
    centred = scores - scores.mean(axis=0)
    spread = centred.std(axis=0, ddof=1) * np.sqrt(current_rows * (rows - current_rows) / rows)
    centred = centred / np.where(spread > 1e-12, spread, np.inf)
    observed = np.abs(is_current @ centred)
    is_heavy = left | (np.abs(centred) > HEAVY).any(axis=1)
    if rows - is_heavy.sum() < FEWEST_LIGHT:
        is_heavy[:] = True
    heavy, light = centred[is_heavy], centred[~is_heavy]
    light_mean = light.sum(axis=0) / max(len(light), 1)
    light_root = np.asarray(np.linalg.qr(light - light_mean, mode="r"))
    return ResidualSums(observed, current_rows, heavy, len(light), light_mean, light_root)


def draw_p_values(sums: ResidualSums, level: float, seed: int) -> Matrix:
    """Each column's p for a difference in means between the samples, adjusted for all columns.

    Which of the leavers, and of the other rows that alone move a sum by a quarter of its deviation,
    are current is drawn; the sum over the rest, who are many and whose scores are small, is drawn
    from the normal distribution with its mean and covariance.
    """
    rng = np.random.default_rng(seed)
    heavy, light_rows, observed = sums.heavy, sums.light_rows, sums.observed

    def draw(times: int) -> Matrix:
        current_heavy = rng.hypergeometric(len(heavy), light_rows, sums.current_rows, times)
        order = rng.random((times, len(heavy))).argsort(axis=1)
        of_heavy = (order < current_heavy[:, None]) @ heavy
        current_light = (sums.current_rows - current_heavy)[:, None]
        left_out = 1 - current_light / max(light_rows, 1)
        variance = current_light * left_out / max(light_rows - 1, 1)
        noise = rng.standard_normal((times, len(sums.light_root))) @ sums.light_root
        of_light = current_light * sums.light_mean + np.sqrt(variance) * noise
        return np.asarray(np.abs(of_heavy + of_light).max(axis=1))

    def permute(times: int) -> list[Matrix]:
        batch = max(1, min(times, BATCH_VALUES // max(len(heavy), 1)))
        return [draw(min(batch, times - done)) for done in range(0, times, batch)]

    def adjust(maxima: list[Matrix]) -> Matrix:
        largest = np.concatenate(maxima)
        at_least = (largest[:, None] >= observed - 1e-9).sum(axis=0)
        return np.asarray((1 + at_least) / (1 + len(largest)))

    maxima = permute(FIRST_PERMUTATIONS)
    if not is_clear(float(adjust(maxima).min()), level):
        maxima += permute(PERMUTATIONS - FIRST_PERMUTATIONS)
    return adjust(maxima)
