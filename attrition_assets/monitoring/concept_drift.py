"""Whether the relation between features and leaving changed: permuted residuals of the champion.

Outcomes in, a verdict out. Rows must be independent: outcomes of different months that do not
overlap. Changes of the features themselves are for `drift_detection`.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.pairing import read_numbers
from attrition_assets.monitoring.permutation import is_clear
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import ConceptDrift, Finding, OutcomeWindow

BASE_RATE, CALIBRATION = "(base rate)", "(calibration)"
FIRST_PERMUTATIONS, PERMUTATIONS = 500, 8_000
BATCH_VALUES = 4_000_000  # of a batch of permutations: what bounds its memory
# A row beyond this part of a sum's deviation is drawn; so are all where few others are left.
HEAVY, FEWEST_LIGHT = 0.25, 100
# How an evaluation's level is shared by its windows: most to the longest.
SHARES = {1: (1.0,), 2: (1 / 3, 2 / 3)}

Matrix = npt.NDArray[np.float64]


def detect_concept_drift(
    reference: OutcomeSample,
    windows: Mapping[int, OutcomeSample],
    contract: Contract,
    policy: MonitoringPolicy,
    seed: int,
) -> ConceptDrift:
    """Judge whether the champion errs elsewhere now than on its `reference` outcomes.

    `windows` are the outcomes of the last months, by their number, the shortest first: a large
    change is seen in the last three, a small one takes six. Residuals (left - probability) times
    each centred column are compared between the samples; the largest standardised difference
    in means is held against its distribution over permutations of the rows (single-step max-T of
    Westfall and Young, 1993), which adjusts each column's p for all of them: 500 times, and 8,000
    where that is not clear. Reference probabilities must be out of fold.
    """
    if lack := reference.explain_lack(policy.min_leavers):
        return ConceptDrift(finding=Finding.CANNOT_TELL, reason=f"reference outcomes: {lack}")
    longest = windows[max(windows)]
    judged = []
    for (months, sample), share in zip(windows.items(), SHARES[len(windows)], strict=True):
        if not sample.explain_lack(policy.min_leavers):
            level = policy.outcome_level * share
            judged.append(_judge_window(reference, sample, months, level, contract, seed))
    known = {"rows": longest.rows, "leavers": longest.leavers, "windows": tuple(judged)}
    if not judged:
        lack = longest.explain_lack(policy.min_leavers)
        return ConceptDrift(
            finding=Finding.CANNOT_TELL, reason=f"current outcomes: {lack}"
        ).model_copy(update=known)
    numbers = "; ".join(_describe(window) for window in judged)
    numbers += f"; {reference.leavers} leavers among {reference.rows} rows on its baseline"
    found = ConceptDrift(finding=Finding.NO_DRIFT, reason="").model_copy(update=known)
    if not found.columns:
        reason = f"the champion errs no differently than on its baseline ({numbers})"
        return found.model_copy(update={"reason": reason})
    reason = f"the champion now errs by {', '.join(found.columns)} ({numbers})"
    return found.model_copy(update={"finding": Finding.DRIFT, "reason": reason})


def _describe(window: OutcomeWindow) -> str:
    return (
        f"last {window.months} months: p = {window.p_value:.2g}, drift is up to "
        f"{window.level:.2g}, {window.leavers} leavers among {window.rows} rows"
    )


def _judge_window(
    reference: OutcomeSample,
    current: OutcomeSample,
    months: int,
    level: float,
    contract: Contract,
    seed: int,
) -> OutcomeWindow:
    names, columns = _build_columns(reference, current, contract)
    left = np.concatenate([reference.left, current.left])
    residuals = left - np.concatenate([reference.probability, current.probability])
    is_current = np.arange(len(left)) >= reference.rows
    p_values = _permute_max(residuals[:, None] * columns, left, is_current, level, seed)
    found = tuple(dict.fromkeys(np.array(names)[p_values <= level].tolist()))
    return OutcomeWindow(
        months=months,
        rows=current.rows,
        leavers=current.leavers,
        p_value=float(p_values.min()),
        level=level,
        columns=found,
    )


def _build_columns(
    reference: OutcomeSample, current: OutcomeSample, contract: Contract
) -> tuple[list[str], Matrix]:
    """One column a number and a nominal level, for reference then current rows.

    Before them the base rate, and the champion's own log-odds for its calibration. Centred where
    the reference is likely to leave, so that a changed base rate alone moves no other column (the
    score test with a free intercept; Rao, 1948); a missing value is the centre.
    """
    weight = reference.probability * (1 - reference.probability)
    log_odds = special.logit(
        np.clip(np.concatenate([reference.probability, current.probability]), 1e-9, 1 - 1e-9)
    )
    names = [BASE_RATE, CALIBRATION]
    columns = [np.ones(len(log_odds)), _centre(log_odds, weight)]
    for name in contract.monitored:
        found = np.vstack(
            [
                _read_columns(table, name, side, contract)
                for table, side in (
                    (reference.features, "reference outcomes"),
                    (current.features, "current outcomes"),
                )
            ]
        ).T
        names += [name] * len(found)
        columns += [_centre(column, weight) for column in found]
    return names, np.column_stack(columns)


def _read_columns(table: pd.DataFrame, name: str, side: str, contract: Contract) -> Matrix:
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


def _permute_max(
    scores: Matrix,
    left: npt.NDArray[np.bool_],
    is_current: npt.NDArray[np.bool_],
    level: float,
    seed: int,
) -> Matrix:
    """Each column's p for a difference in means between the samples, adjusted for all columns.

    `scores` is rows x columns. A permutation keeps each column's mean and variance, so that sums
    over the current rows, scaled once, are the statistic. Which of the leavers, and of the other
    rows that alone move a sum by a quarter of its deviation, are current is drawn; the sum over the
    rest, who are many and whose scores are small, is drawn from the normal distribution with its
    mean and covariance.
    """
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
    light_root = np.linalg.qr(light - light_mean, mode="r")
    rng = np.random.default_rng(seed)

    def draw(times: int) -> Matrix:
        current_heavy = rng.hypergeometric(len(heavy), len(light), current_rows, times)
        order = rng.random((times, len(heavy))).argsort(axis=1)
        of_heavy = (order < current_heavy[:, None]) @ heavy
        current_light = (current_rows - current_heavy)[:, None]
        left_out = 1 - current_light / max(len(light), 1)
        variance = current_light * left_out / max(len(light) - 1, 1)
        noise = rng.standard_normal((times, len(light_root))) @ light_root
        of_light = current_light * light_mean + np.sqrt(variance) * noise
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
