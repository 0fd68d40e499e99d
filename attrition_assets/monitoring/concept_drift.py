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
FIRST_PERMUTATIONS, PERMUTATIONS = 500, 4_000
BATCH = 250
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
    each standardised column are compared between the samples; the largest standardised difference
    in means is held against its distribution over permutations of the rows (single-step max-T of
    Westfall and Young, 1993), which adjusts each column's p for all of them: 500 times, and 4,000
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
    residuals = np.concatenate(
        [sample.left - sample.probability for sample in (reference, current)]
    )
    is_current = np.arange(len(residuals)) >= reference.rows
    p_values = _permute_max(residuals[:, None] * columns, is_current, level, seed)
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

    Before them the base rate, and the champion's own log-odds for its calibration. Centred and
    scaled by the reference; a missing value is the reference's mean.
    """
    log_odds = special.logit(
        np.clip(np.concatenate([reference.probability, current.probability]), 1e-9, 1 - 1e-9)
    )
    names = [BASE_RATE, CALIBRATION]
    columns = [np.ones(len(log_odds)), _standardise(log_odds, reference.rows)]
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
        columns += [_standardise(column, reference.rows) for column in found]
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


def _standardise(column: Matrix, reference_rows: int) -> Matrix:
    known = column[:reference_rows][~np.isnan(column[:reference_rows])]
    if not known.size:
        return np.zeros_like(column)
    standardised: Matrix = (column - known.mean()) / (known.std() or 1.0)
    return np.nan_to_num(standardised)


def _permute_max(
    scores: Matrix, is_current: npt.NDArray[np.bool_], level: float, seed: int
) -> Matrix:
    """Each column's p for a difference in means between the samples, adjusted for all columns.

    `scores` is rows x columns. A permutation keeps each column's mean and variance, so that sums
    over the current rows, scaled once, are the statistic.
    """
    rows, current_rows = len(scores), int(is_current.sum())
    centred = scores - scores.mean(axis=0)
    spread = centred.std(axis=0, ddof=1) * np.sqrt(current_rows * (rows - current_rows) / rows)
    centred = centred / np.where(spread > 1e-12, spread, np.inf)
    observed = np.abs(is_current @ centred)
    rng = np.random.default_rng(seed)
    labels = np.tile(is_current, (BATCH, 1))

    def permute(times: int) -> list[Matrix]:
        return [
            np.abs(rng.permuted(labels, axis=1).astype(float) @ centred).max(axis=1)
            for _ in range(times // BATCH)
        ]

    def adjust(maxima: list[Matrix]) -> Matrix:
        largest = np.concatenate(maxima)
        at_least = (largest[:, None] >= observed - 1e-9).sum(axis=0)
        return np.asarray((1 + at_least) / (1 + len(largest)))

    maxima = permute(FIRST_PERMUTATIONS)
    if not is_clear(float(adjust(maxima).min()), level):
        maxima += permute(PERMUTATIONS - FIRST_PERMUTATIONS)
    return adjust(maxima)
