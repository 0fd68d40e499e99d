"""Whether the champion still ranks leavers as well as it promised, now that outcomes are known.

Outcomes in, a verdict out. Why performance fell is for `concept_drift` and `drift_detection`.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.metrics import log_loss

from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Finding, Performance

CONFIDENCE = 0.95


def judge_performance(
    promised: OutcomeSample, current: OutcomeSample, threshold: float, policy: MonitoringPolicy
) -> Performance:
    """Compare the current AUC with the promised one, samples being independent.

    Performance is lost if the AUC is lower by more than the policy's margin and the one-sided
    z-test says so at its level, with standard errors of DeLong, DeLong and Clarke-Pearson (1988).
    Promised probabilities must be out of fold. `threshold` flags leavers, for precision and recall.
    """
    known = _measure(current, threshold)
    for sample, name in ((promised, "promised"), (current, "current")):
        if lack := sample.explain_lack(policy.min_leavers):
            return known.model_copy(
                update={"finding": Finding.CANNOT_TELL, "reason": f"{name} outcomes: {lack}"}
            )
    before, error_before = measure_auc(promised.left, promised.probability)
    now, error_now = measure_auc(current.left, current.probability)
    loss, error = before - now, float(np.hypot(error_before, error_now))
    p_value = float(stats.norm.sf(loss / error)) if error else float(loss <= 0)
    lost = p_value <= policy.performance_level and loss > policy.performance_margin
    return known.model_copy(
        update={
            "finding": Finding.DRIFT if lost else Finding.NO_DRIFT,
            "reason": f"AUC is {now:.3f} [{known.auc_low:.3f}, {known.auc_high:.3f}], promised "
            f"were {before:.3f} (one-sided p = {p_value:.2g}; lost is more than "
            f"{policy.performance_margin:g} with p up to {policy.performance_level:g}; "
            f"{current.leavers} leavers among {current.rows} rows)",
            "promised_auc": before,
            "p_value": p_value,
        }
    )


def measure_auc(
    left: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """The AUC and its DeLong standard error, by midranks (Sun and Xu, 2014).

    Needs two rows of each outcome at least.
    """
    leavers, stayers = probability[left], probability[~left]
    ranks = stats.rankdata(np.concatenate([leavers, stayers]))
    beaten = (ranks[: len(leavers)] - stats.rankdata(leavers)) / len(stayers)
    unbeaten = 1 - (ranks[len(leavers) :] - stats.rankdata(stayers)) / len(leavers)
    variance = beaten.var(ddof=1) / len(leavers) + unbeaten.var(ddof=1) / len(stayers)
    return float(beaten.mean()), float(np.sqrt(variance))


def _measure(sample: OutcomeSample, threshold: float) -> Performance:
    """What can be measured on the sample at all; the finding is still open."""
    flagged = sample.probability >= threshold
    hits = int((flagged & sample.left).sum())
    auc = low = high = None
    if min(sample.leavers, sample.rows - sample.leavers) >= 2:
        auc, error = measure_auc(sample.left, sample.probability)
        width = float(stats.norm.isf((1 - CONFIDENCE) / 2)) * error
        low, high = max(0.0, auc - width), min(1.0, auc + width)
    return Performance(
        finding=Finding.CANNOT_TELL,
        reason="not judged",
        auc=auc,
        auc_low=low,
        auc_high=high,
        precision=hits / int(flagged.sum()) if flagged.any() else None,
        recall=hits / sample.leavers if sample.leavers else None,
        log_loss=float(log_loss(sample.left, sample.probability, labels=[False, True]))
        if sample.rows
        else None,
        rows=sample.rows,
        leavers=sample.leavers,
    )
