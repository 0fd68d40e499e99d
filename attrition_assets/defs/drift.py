"""`drift_report`: one value with every verdict on a month, and the checks that read it."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetExecutionContext,
    MetadataValue,
    Output,
    ResourceParam,
    asset,
    asset_check,
)

from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotFolder
from attrition_assets.contract import Contract
from attrition_assets.defs.metadata import show_values
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.evidence import ChampionEvidence, History, gather_outcomes
from attrition_assets.monitoring.html_report import render_evidently_report
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Finding, Verdict
from attrition_assets.months import parse_month
from attrition_assets.settings import Settings
from attrition_assets.validation.continuity import find_unrecorded

DECISION_CHECK = "retraining_not_needed"
LOOK_BACK_MONTHS = 12


@asset(
    partitions_def=MONTHS,
    group_name="attrition",
    kinds={"json", "evidently"},
    io_manager_key="drift_report_io",
)
def drift_report(
    context: AssetExecutionContext,
    employee_snapshot: pd.DataFrame,
    predictions: pd.DataFrame,
    source: ResourceParam[SnapshotFolder],
    snapshot_store: ResourceParam[SnapshotStore],
    reference_store: ResourceParam[ReferenceStore],
    registry: ResourceParam[Registry],
    policy: ResourceParam[MonitoringPolicy],
    settings: ResourceParam[Settings],
    mlflow: ResourceParam[Any],
) -> Output[DriftReport]:
    """The verdicts on features, predictions and, where labels have matured, outcomes.

    Measured against the baseline of the version that scored the month, with that same version.
    """
    month, contract = parse_month(context.partition_key), source.contract
    present = _require_present(predictions, month, snapshot_store)
    version = registry.load(int(predictions["model_version"].iloc[0]))
    reference = reference_store.read(version.reference_digest, version.as_of)
    departures = source.departures(known_by=month)
    if departures is None and contract.label not in employee_snapshot.columns:
        raise SnapshotError(
            f"who left cannot be known: {source.folder} has no departures.parquet or .csv, and the "
            f"snapshot of {month} no column {contract.label}; provide one of them"
        )
    accepted = snapshot_store.months()
    recent = [each for each in accepted if month - LOOK_BACK_MONTHS <= each <= month]
    if unrecorded := find_unrecorded(recent, snapshot_store.read, departures, contract):
        raise SnapshotError(unrecorded)
    concept, performance = gather_outcomes(
        month,
        ChampionEvidence(reference, version.held_out["probability"].to_numpy(), version.score),
        History(
            accepted=accepted,
            read=snapshot_store.read,
            departures=departures,
        ),
        contract,
    )
    baseline = reference.newest
    report = judge_month(
        month=month,
        contract=contract,
        policy=policy,
        champion_version=version.version,
        champion_as_of=version.as_of,
        reference_digest=version.reference_digest,
        threshold=version.threshold,
        baseline=baseline.assign(probability=version.score(baseline)),
        current=_join_scores(employee_snapshot, predictions, contract),
        concept=concept,
        performance=performance,
        snapshot_version=present,
    )
    verdict = f"{month}, features: {report.feature_drift.reason}"
    page = render_evidently_report(baseline, employee_snapshot, contract, verdict)
    write_atomically(settings.home / "reports" / str(month) / "drift.html", page.encode())
    drifted, share = report.feature_drift.drifted_features, report.feature_drift.share
    if share is not None:
        mlflow.log_metrics(
            {
                "drift_detected": float(report.feature_drift.finding == Finding.DRIFT),
                "drift_score": share,
                "n_drifted_features": len(drifted),
            }
        )
    mlflow.set_tags(
        {
            "mlflow.runName": f"monthly {month}",
            "month": str(month),
            "finding": str(report.feature_drift.finding),
            "drifted_features": ", ".join(drifted),
        }
    )
    mlflow.log_dict({"drifted_features": list(drifted)}, "drifted_features.json")
    return Output(
        report,
        metadata={
            "report": MetadataValue.url(f"{settings.reports_url}/{month}/drift.html"),
            "champion_version": version.version,
            "n_drifted_features": len(drifted),
            **({} if share is None else {"drift_score": share}),
            "tests": show_values(report.feature_drift.tests),
        },
    )


def _require_present(
    predictions: pd.DataFrame, month: pd.Period, snapshot_store: SnapshotStore
) -> int:
    """The month's version. Raises SnapshotError if it was corrected since it was scored."""
    scored = int(predictions["snapshot_version"].iloc[0])
    present = snapshot_store.accepted_version(month)
    if scored != present:
        raise SnapshotError(
            f"the predictions are of version {scored} of {month}, and version {present} is "
            "accepted now: materialize predictions again, then drift_report"
        )
    return present


def _join_scores(
    snapshot: pd.DataFrame, predictions: pd.DataFrame, contract: Contract
) -> pd.DataFrame:
    """The snapshot with each employee's own probability, joined by id."""
    scores = predictions.set_index(contract.id)["probability"]
    unscored = int((~snapshot[contract.id].isin(scores.index)).sum())
    if unscored or len(scores) != len(snapshot):
        raise SnapshotError(
            f"the predictions are not of this snapshot: {unscored} of {len(snapshot)} employees "
            f"have none, and there are {len(scores)}: materialize predictions again"
        )
    return snapshot.assign(probability=snapshot[contract.id].map(scores))


Measure = Callable[[DriftReport, MonitoringPolicy], tuple[Verdict, Mapping[str, Any]]]


def _measure_features(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.feature_drift
    offenders = [test for test in verdict.tests if test.drifted]
    return verdict, {
        "value": verdict.share,
        "limit": f"no column with adjusted p <= {policy.level:g} and effect >= "
        f"{policy.effect_floor:g}",
        "n_drifted_features": len(verdict.drifted_features),
        "offenders": show_values(offenders) if offenders else None,
    }


def _measure_predictions(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.prediction_drift
    return verdict, {
        "value": verdict.score,
        "limit": f"KS distance < {policy.prediction_effect_floor:g} or p > {policy.level:g}",
        "p_value": verdict.p_value,
        "flagged_share_baseline": verdict.flagged_share_baseline,
        "flagged_share_current": verdict.flagged_share_current,
    }


def _measure_concept(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.concept_drift
    return verdict, {
        "value": verdict.p_value,
        "limit": f"p > {policy.concept_level:g}",
        "rows": verdict.rows,
        "leavers": verdict.leavers,
        "offenders": ", ".join(verdict.columns) or None,
    }


def _measure_performance(
    report: DriftReport, policy: MonitoringPolicy
) -> tuple[Verdict, Mapping[str, Any]]:
    verdict = report.performance
    return verdict, {
        "value": verdict.auc,
        "limit": f"AUC within {policy.performance_margin:g} of the promise, or p > "
        f"{policy.performance_level:g}",
        "promised_auc": verdict.promised_auc,
        "p_value": verdict.p_value,
        "auc_low": verdict.auc_low,
        "auc_high": verdict.auc_high,
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
    Finding.NOT_DUE: "Not known yet: ",
    Finding.CANNOT_TELL: "Cannot tell: ",
}


def _make_informing_check(name: str, description: str, measure: Measure) -> AssetChecksDefinition:
    """A check that informs: it holds unless something was found or could not be judged."""

    @asset_check(asset=drift_report, name=name, description=description, partitions_def=MONTHS)
    def check(
        drift_report: DriftReport, policy: ResourceParam[MonitoringPolicy]
    ) -> AssetCheckResult:
        verdict, numbers = measure(drift_report, policy)
        return AssetCheckResult(
            passed=verdict.finding in (Finding.NO_DRIFT, Finding.NOT_DUE),
            severity=AssetCheckSeverity.WARN,
            description=PREFIXES[verdict.finding] + verdict.reason,
            metadata={
                "finding": str(verdict.finding),
                **{name: value for name, value in numbers.items() if value is not None},
            },
        )

    return check


INFORMING_CHECKS = [
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
