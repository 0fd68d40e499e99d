"""What a report leads to: retraining advised, not advised, or not decidable, with the reasons.

The one place that weighs the verdicts. Acting on it, once and not too often, is for automation.
"""

from enum import StrEnum

from attrition_assets.monitoring.feature_drift import describe_power
from attrition_assets.monitoring.policy import Cause, MonitoringPolicy
from attrition_assets.monitoring.report import (
    DriftReport,
    FeatureDrift,
    Finding,
    Verdict,
)
from attrition_assets.values import Value


class Decision(StrEnum):
    """Retrain, keep the champion, or neither because too little could be judged."""

    RETRAIN = "retrain"
    KEEP = "keep"
    CANNOT_TELL = "cannot_tell"


class RetrainingDecision(Value):
    """A decision with its reasons, in plain English."""

    decision: Decision
    reasons: tuple[str, ...]

    @property
    def headline(self) -> str:
        """The decision in a few words."""
        return {
            Decision.RETRAIN: "Retraining is advised",
            Decision.KEEP: "Retraining is not advised",
            Decision.CANNOT_TELL: "Whether to retrain cannot be told",
        }[self.decision]


def decide_retraining(report: DriftReport, policy: MonitoringPolicy) -> RetrainingDecision:
    """Decide whether the month calls for retraining, by what the policy retrains on.

    Drift of columns that the model does not use cannot reach it and does not call for retraining;
    nor do broken data, which are listed. Features or predictions that could not be judged leave the
    decision open, unless something else calls for retraining; outcomes that could not be judged are
    only listed. What is not due is not mentioned. Where nothing calls for retraining, the reasons
    say what would have been seen.
    """
    verdicts: dict[Cause, Verdict] = {
        Cause.FEATURE_DRIFT: report.feature_drift,
        Cause.PREDICTION_DRIFT: report.prediction_drift,
        Cause.CONCEPT_DRIFT: report.concept_drift,
        Cause.PERFORMANCE_LOSS: report.performance,
        Cause.OLD_CHAMPION: report.champion_age,
    }
    calls, harmless, unknown = [], [], []
    for cause, verdict in verdicts.items():
        if verdict.finding == Finding.DRIFT:
            if objection := _object_to(cause, verdict, policy):
                harmless.append(f"not advised: {objection} ({verdict.reason})")
            else:
                calls.append(f"{cause}: {verdict.reason}")
        elif verdict.finding == Finding.CANNOT_TELL:
            unknown.append(f"{cause} could not be judged: {verdict.reason}")
    if report.data_quality.finding == Finding.FAULT:
        harmless.append(f"not advised: {report.data_quality.reason}")
    inputs = (report.feature_drift.finding, report.prediction_drift.finding)
    if calls:
        decision = Decision.RETRAIN
    elif Finding.CANNOT_TELL in inputs:
        decision = Decision.CANNOT_TELL
    else:
        decision = Decision.KEEP
    reasons = (*calls, *harmless, *unknown) or ("not advised: nothing went beyond its limit",)
    if decision == Decision.KEEP and (seen := describe_power(report.feature_drift)):
        reasons = (*reasons, seen)
    return RetrainingDecision(decision=decision, reasons=reasons)


def _object_to(cause: Cause, verdict: Verdict, policy: MonitoringPolicy) -> str | None:
    """Why this drift does not call for retraining; None if it does."""
    if cause not in policy.retrain_on:
        return f"the policy does not retrain on {cause}"
    if isinstance(verdict, FeatureDrift) and not verdict.reaches_model:
        moved = ", ".join(verdict.drifted_features)
        if not moved:
            return f"what moved in {verdict.standing_since} is not used by the model"
        return f"only {moved} moved, which the model does not use"
    return None
