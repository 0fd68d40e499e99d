"""Whether the relation between features and leaving changed: permuted residuals of the champion.

Outcomes in, a verdict out. Rows must be independent: outcomes of different months that do not
overlap. Changes of the features themselves are for `drift_detection`.
"""

from collections.abc import Mapping

import numpy as np

from attrition_assets.contract import Contract
from attrition_assets.monitoring.concept_columns import build_columns
from attrition_assets.monitoring.large_outcomes import add_up_in_parts
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import ConceptDrift, Finding, OutcomeWindow
from attrition_assets.monitoring.residual_sums import ResidualSums, add_up, draw_p_values

# How an evaluation's level is shared by its windows: most to the longest.
SHARES = {1: (1.0,), 2: (1 / 3, 2 / 3)}
# Up to so many outcomes on both sides are one matrix.
WHOLE_ROWS = 1_000_000


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
    names, sums = _add_up(reference, current, contract)
    p_values = draw_p_values(sums, level, seed)
    found = tuple(dict.fromkeys(np.array(names)[p_values <= level].tolist()))
    return OutcomeWindow(
        months=months,
        rows=current.rows,
        leavers=current.leavers,
        p_value=float(p_values.min()),
        level=level,
        columns=found,
    )


def _add_up(
    reference: OutcomeSample, current: OutcomeSample, contract: Contract
) -> tuple[list[str], ResidualSums]:
    """The names of the columns and the sums of their scores, residuals times columns."""
    if reference.rows + current.rows > WHOLE_ROWS:
        return add_up_in_parts(reference, current, contract)
    names, columns = build_columns(reference, current, contract)
    left = np.concatenate([reference.left, current.left])
    residuals = left - np.concatenate([reference.probability, current.probability])
    is_current = np.arange(len(left)) >= reference.rows
    return names, add_up(residuals[:, None] * columns, left, is_current)
