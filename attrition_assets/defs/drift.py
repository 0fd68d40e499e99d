"""`drift_report`: one value with every verdict on a month. Its checks are in `drift_checks`."""

from functools import cache, lru_cache
from typing import Any

import pandas as pd
from dagster import (
    AssetExecutionContext,
    MetadataValue,
    Output,
    ResourceParam,
    asset,
)

from attrition_assets.adapters.acknowledgements import look_back
from attrition_assets.adapters.files import write_atomically
from attrition_assets.adapters.reference_store import ReferenceStore
from attrition_assets.adapters.registry import Registry
from attrition_assets.adapters.snapshot_store import SnapshotStore
from attrition_assets.adapters.snapshots import SnapshotSource
from attrition_assets.contract import Contract
from attrition_assets.defs.metadata import mlflow_run_url, show_values
from attrition_assets.defs.partition_keys import read_key_month
from attrition_assets.defs.partitions import MONTHS
from attrition_assets.errors import SnapshotError
from attrition_assets.monitoring.decision import decide_retraining
from attrition_assets.monitoring.evidence import ChampionEvidence, History, gather_outcomes
from attrition_assets.monitoring.html_report import render_drift_page
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Finding
from attrition_assets.settings import Settings
from attrition_assets.validation.continuity import find_unrecorded

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
    source: ResourceParam[SnapshotSource],
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
    month, contract = read_key_month(context.partition_key), source.contract
    present = _require_present(predictions, month, snapshot_store)
    version = registry.load(int(predictions["model_version"].iloc[0]))
    departures = source.departures(known_by=month)
    if departures is None and contract.label not in employee_snapshot.columns:
        raise SnapshotError(
            f"who left cannot be known: there is no {source.departures_place}, and the snapshot of "
            f"{month} has no column {contract.label}; provide one of them"
        )
    accepted = snapshot_store.months()
    # Several judges look at the same months: a large company's would not all fit in memory.
    read, read_ids = lru_cache(2)(snapshot_store.read), cache(snapshot_store.read_ids)
    past = look_back(settings.home, month, version.as_of, snapshot_store.accepted_version)
    recent = [each for each in accepted if month - LOOK_BACK_MONTHS <= each <= month]
    if unrecorded := find_unrecorded(recent, read_ids, departures, contract):
        raise SnapshotError(unrecorded)
    concept, performance = gather_outcomes(
        month,
        ChampionEvidence(
            reference_store.read_outcomes(version.reference_digest, version.as_of),
            version.held_out["probability"].to_numpy(),
            version.score,
        ),
        History(accepted=accepted, read=read, departures=departures),
        contract,
    )
    baseline = (
        read(past.baseline)
        if past.baseline
        else reference_store.read_newest_month(version.reference_digest)
    )
    summaries = None
    if snapshot_store.count_elsewhere(month) not in (None, len(employee_snapshot)):
        date = pd.Period(baseline[contract.snapshot_date].iloc[0], freq="M")
        sources = {} if past.baseline else reference_store.sources(version.reference_digest)
        if not past.baseline and str(date) not in sources:
            raise SnapshotError(
                f"the baseline of version {version.version} is of {date}, which is not among the "
                "months that it learned from: train another version, `attrition retrain`"
            )
        before = snapshot_store.read_summary(date, sources.get(str(date)))
        summaries = before, snapshot_store.read_summary(month)
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
        history=PeopleHistory(
            frozenset(each for each in accepted if each <= month),
            read,
            past.incidents,
            read_ids,
        ),
        concept=concept,
        performance=performance,
        baseline_month=past.baseline,
        baseline_note=past.baseline_note,
        standing=past.standing,
        importance=version.importance or None,
        snapshot_version=present,
        summaries=summaries,
    )
    decision = decide_retraining(report, policy)
    page = render_drift_page(
        report,
        decision.headline,
        decision.reasons,
        baseline,
        employee_snapshot,
        contract,
    )
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
            "mlflow_run": MetadataValue.url(
                mlflow_run_url(settings, registry, mlflow.active_run().info.run_id)
            ),
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
