"""Whether the champion still ranks leavers as well as it promised, now that outcomes are known.

Outcomes in, a verdict out. Why performance fell is for `concept_drift` and `drift_detection`.
"""

import numpy as np
import numpy.typing as npt
from scipy import stats

from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Estimate, Finding, Performance

CONFIDENCE = 0.95
TINY = 1e-15


def judge_performance(
    promised: OutcomeSample, current: OutcomeSample, threshold: float, policy: MonitoringPolicy
) -> Performance:
    """Compare the current AUC with the promised one, samples being independent.

    Performance is lost if the AUC is lower by more than the policy's margin and the one-sided
    z-test says so at its level, with standard errors of DeLong, DeLong and Clarke-Pearson (1988).
    Precision and recall (intervals of Wilson, 1927), log-loss and Brier score are reported beside
    it. Promised probabilities must be out of fold. `threshold` flags leavers.
    """
    known = _measure(promised, current, threshold)
    for sample, name in ((promised, "promised"), (current, "current")):
        if lack := sample.explain_lack(policy.min_leavers):
            return known.model_copy(
                update={"finding": Finding.CANNOT_TELL, "reason": f"{name} outcomes: {lack}"}
            )
    before, error_before = measure_auc(promised.left, promised.probability)
    now, error_now = measure_auc(current.left, current.probability)
    loss, error = before - now, float(np.hypot(error_before, error_now))
    p_value = float(stats.norm.sf(loss / error)) if error else float(loss <= 0)
    lost = p_value <= policy.outcome_level and loss > policy.performance_margin
    return known.model_copy(
        update={
            "finding": Finding.DRIFT if lost else Finding.NO_DRIFT,
            "reason": f"AUC {known.auc} (one-sided p = {p_value:.2g}; lost is more than "
            f"{policy.performance_margin:g} with p up to {policy.outcome_level:g}; "
            f"{current.leavers} leavers among {current.rows} rows); precision "
            f"{known.precision or 'unknown, nobody was flagged'}; recall {known.recall}; log-loss "
            f"{known.log_loss}",
            "p_value": p_value,
        }
    )


def measure_auc(
    left: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """The AUC and its DeLong standard error.

    Needs two rows of each outcome at least.
    """
    beaten, unbeaten = split_auc(left, probability)
    variance = beaten.var(ddof=1) / len(beaten) + unbeaten.var(ddof=1) / len(unbeaten)
    return float(beaten.mean()), float(np.sqrt(variance))


def split_auc(
    left: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """What each row contributes to the AUC, by midranks (Sun and Xu, 2014).

    Of each leaver the share of stayers with a lower probability, and of each stayer the share of
    leavers with a higher one, in the order of the rows; a tie counts half. Either mean is the AUC.
    """
    leavers, stayers = probability[left], probability[~left]
    ranks = stats.rankdata(np.concatenate([leavers, stayers]))
    beaten = (ranks[: len(leavers)] - stats.rankdata(leavers)) / len(stayers)
    unbeaten = 1 - (ranks[len(leavers) :] - stats.rankdata(stayers)) / len(leavers)
    return beaten, unbeaten


def measure_losses(
    left: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The log-loss of each row, in nats; what was held impossible counts as 1e-15."""
    chance = np.clip(np.where(left, probability, 1 - probability), TINY, 1)
    return np.asarray(-np.log(chance))


def _measure(promised: OutcomeSample, current: OutcomeSample, threshold: float) -> Performance:
    """What can be measured on the samples at all; the finding is still open."""
    before, now = _measure_sample(promised, threshold), _measure_sample(current, threshold)
    estimates = {
        name: estimate.model_copy(update={"promised": before[name].value})
        if name in before
        else estimate
        for name, estimate in now.items()
    }
    return Performance(
        finding=Finding.CANNOT_TELL,
        reason="not judged",
        auc=estimates.get("auc"),
        precision=estimates.get("precision"),
        recall=estimates.get("recall"),
        log_loss=estimates.get("log_loss"),
        brier=estimates.get("brier"),
        rows=current.rows,
        leavers=current.leavers,
        months=dict(current.months),
    )


def _measure_sample(sample: OutcomeSample, threshold: float) -> dict[str, Estimate]:
    flagged = sample.probability >= threshold
    hits = int((flagged & sample.left).sum())
    found = {}
    if min(sample.leavers, sample.rows - sample.leavers) >= 2:
        found["auc"] = make_estimate(*measure_auc(sample.left, sample.probability), highest=1.0)
    for name, tries in (("precision", int(flagged.sum())), ("recall", sample.leavers)):
        if tries:
            interval = stats.binomtest(hits, tries).proportion_ci(CONFIDENCE, method="wilson")
            found[name] = Estimate(
                value=hits / tries, low=float(interval.low), high=float(interval.high)
            )
    losses = {
        "log_loss": measure_losses(sample.left, sample.probability),
        "brier": (sample.probability - sample.left) ** 2,
    }
    for name, each in losses.items() if sample.rows >= 2 else ():
        error = float(each.std(ddof=1) / np.sqrt(sample.rows))
        found[name] = make_estimate(float(each.mean()), error)
    return found


def make_estimate(value: float, error: float, highest: float = np.inf) -> Estimate:
    """The 95 % interval of a measure of 0 or more, by the normal distribution."""
    width = float(stats.norm.isf((1 - CONFIDENCE) / 2)) * error
    return Estimate(value=value, low=max(0.0, value - width), high=min(highest, value + width))
