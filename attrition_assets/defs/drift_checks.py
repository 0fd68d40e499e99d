"""The checks of `drift_report`: what was found, and what follows."""

from collections.abc import Callable, Mapping
from typing import Any

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    ResourceParam,
    asset_check,
)

from attrition_assets.defs.drift import drift_report
from attrition_assets.defs.metadata import show_table, show_values
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Finding, Verdict

DECISION_CHECK = "retraining_not_needed"
SHOWN_SHIFTS = 6

Measure = Callable[[DriftReport, MonitoringPolicy], tuple[Verdict, Mapping[str, Any]]]


def _measure_quality(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    faults = report.data_quality.faults
    return report.data_quality, {
        "value": len(faults),
        "limit": "no broken column",
        "offenders": show_values(faults) if faults else None,
    }


def _measure_features(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.feature_drift
    offenders = [test for test in verdict.tests if test.drifted]
    return verdict, {
        "value": verdict.p_value,
        "limit": f"p > {policy.feature_level:.2g} ({policy.yearly_budget:g} a year, shared with "
        "the predictions)",
        "drift_share": verdict.share,
        "n_drifted_features": len(verdict.drifted_features),
        "standing_since": verdict.standing_since,
        "evidence": show_values(verdict.evidence) if verdict.evidence else None,
        "would_have_seen": ", ".join(map(str, verdict.detectable[:SHOWN_SHIFTS])) or None,
        "offenders": show_values(offenders) if offenders else None,
    }


def _measure_predictions(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.prediction_drift
    return verdict, {
        "value": verdict.score,
        "limit": f"KS distance < {policy.prediction_effect_floor:g} or p > "
        f"{policy.prediction_level / 2:.2g}; the flagged share likewise",
        "p_value": verdict.p_value,
        "flagged_p_value": verdict.flagged_p_value,
        "flagged_share_baseline": verdict.flagged_share_baseline,
        "flagged_share_current": verdict.flagged_share_current,
    }


def _measure_concept(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.concept_drift
    return verdict, {
        "value": verdict.p_value,
        "limit": f"p > its window's part of {policy.outcome_level:g} a quarter",
        "rows": verdict.rows,
        "leavers": verdict.leavers,
        "windows": show_values(verdict.windows) if verdict.windows else None,
        "offenders": ", ".join(verdict.columns) or None,
    }


def _measure_performance(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.performance
    estimates = {
        "AUC": verdict.auc,
        "precision": verdict.precision,
        "recall": verdict.recall,
        "log-loss": verdict.log_loss,
    }
    rows = [{"measure": name, **each.model_dump()} for name, each in estimates.items() if each]
    return verdict, {
        "value": verdict.auc.value if verdict.auc else None,
        "limit": f"AUC within {policy.performance_margin:g} of the promise, or p > "
        f"{policy.outcome_level:g}",
        "p_value": verdict.p_value,
        "measures": show_table(rows) if rows else None,
        "rows": verdict.rows,
        "leavers": verdict.leavers,
    }


def _measure_age(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    return report.champion_age, {
        "value": report.champion_age.months,
        "limit": f"{policy.champion_max_age_months} months",
    }


PREFIXES = {
    Finding.DRIFT: "",
    Finding.NO_DRIFT: "",
    Finding.FAULT: "",
    Finding.NO_FAULT: "",
    Finding.NOT_DUE: "Not known yet: ",
    Finding.CANNOT_TELL: "Cannot tell: ",
}


HOLDS = {Finding.NO_DRIFT, Finding.NO_FAULT, Finding.NOT_DUE}


def _make_informing_check(name: str, description: str, measure: Measure) -> AssetChecksDefinition:
    """A check that informs: it holds unless something was found or could not be judged."""

    @asset_check(asset=drift_report, name=name, description=description, partitions_def=MONTHS)
    def check(
        drift_report: DriftReport, policy: ResourceParam[MonitoringPolicy]
    ) -> AssetCheckResult:
        verdict, numbers = measure(drift_report, policy)
        return AssetCheckResult(
            passed=verdict.finding in HOLDS,
            severity=AssetCheckSeverity.WARN,
            description=PREFIXES[verdict.finding] + verdict.reason,
            metadata={
                "finding": str(verdict.finding),
                **{name: value for name, value in numbers.items() if value is not None},
            },
        )

    return check


INFORMING_CHECKS = [
    _make_informing_check("no_broken_column", "No monitored column is broken.", _measure_quality),
    _make_informing_check(
        "no_feature_drift", "No monitored column moved beyond its limits.", _measure_features
    ),
    _make_informing_check(
        "no_prediction_drift", "The distribution of scores did not move.", _measure_predictions
    ),
    _make_informing_check(
        "no_concept_drift",
        "People with the same features leave at the rates that were learned.",
        _measure_concept,
    ),
    _make_informing_check(
        "no_performance_loss", "The champion ranks leavers as it promised.", _measure_performance
    ),
    _make_informing_check(
        "champion_is_recent", "The champion learned from recent months.", _measure_age
    ),
]


@asset_check(asset=drift_report, name=DECISION_CHECK, partitions_def=MONTHS)
def retraining_not_needed(
    drift_report: DriftReport, policy: ResourceParam[MonitoringPolicy]
) -> AssetCheckResult:
    """The decision: whether the month calls for retraining. The sensor follows this check alone."""
    decision = decide_retraining(drift_report, policy)
    return AssetCheckResult(
        passed=decision.decision == Decision.KEEP,
        severity=AssetCheckSeverity.WARN,
        description="; ".join(decision.reasons),
        metadata={
            "decision": str(decision.decision),
            "champion_version": drift_report.champion_version,
            "snapshot_version": drift_report.snapshot_version,
        },
    )
