"""The one verdict on a month: every judge asked once, and their verdicts in one report.

The asset, its checks, the API and the backtest all get their report here. Nothing is loaded,
labelled or decided: what the report leads to is for `decision`.
"""

import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.concept_drift import detect_concept_drift
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.performance import judge_performance
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    ChampionAge,
    ConceptDrift,
    DriftReport,
    FeatureDrift,
    Finding,
    Performance,
    PredictionDrift,
    drifted_columns,
    tested_columns,
)
from attrition_assets.months import months_between

PROBABILITY = "probability"


def judge_month(
    *,
    month: pd.Period,
    contract: Contract,
    policy: MonitoringPolicy,
    champion_version: int,
    champion_as_of: pd.Period,
    reference_digest: str,
    threshold: float,
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    concept: tuple[OutcomeSample, OutcomeSample] | str,
    performance: tuple[OutcomeSample, OutcomeSample] | str,
    snapshot_version: int = 1,
    seed: int = 0,
) -> DriftReport:
    """Judge one month against the baseline of its champion.

    `baseline` (the champion's reference data, ending in `champion_as_of`) and `current` (the month)
    hold the monitored columns and `probability`; the baseline's are scored so that they compare
    with the month's. `concept` and `performance` are (baseline, current) outcomes, or the reason
    why they are not due. `threshold` is the champion's. The same input gives the same report, to
    the byte. Tables that cannot be compared give `cannot_tell`, never "no drift".
    """
    detector = DriftDetector(
        policy.level,
        effect_floor=policy.effect_floor,
        prediction_effect_floor=policy.prediction_effect_floor,
        min_rows=policy.min_rows,
        contract=contract,
    )
    return DriftReport(
        month=str(month),
        snapshot_version=snapshot_version,
        champion_version=champion_version,
        reference_digest=reference_digest,
        baseline_month=str(champion_as_of),
        baseline_rows=len(baseline),
        current_rows=len(current),
        feature_drift=_judge_features(detector, baseline, current),
        prediction_drift=_judge_predictions(detector, baseline, current, threshold),
        concept_drift=_judge_concept(concept, contract, policy, seed),
        performance=Performance(finding=Finding.NOT_DUE, reason=performance)
        if isinstance(performance, str)
        else judge_performance(*performance, threshold, policy),
        champion_age=_judge_age(champion_as_of, month, policy),
    )


def _judge_features(
    detector: DriftDetector, baseline: pd.DataFrame, current: pd.DataFrame
) -> FeatureDrift:
    try:
        tests = detector.test_features(
            reference_data=_select_monitored(baseline, detector.contract, "baseline"),
            current_data=_select_monitored(current, detector.contract, "current month"),
        )
    except DriftInputError as error:
        return FeatureDrift(finding=Finding.CANNOT_TELL, reason=str(error))
    tested, drifted = tested_columns(tests), drifted_columns(tests)
    counts = (
        f"{len(drifted)} of {len(tested)} tested columns drifted in {len(current)} rows against "
        f"{len(baseline)} (adjusted p up to {detector.drift_threshold:g} and an effect of at "
        f"least {detector.effect_floor:g})"
    )
    moved = ", ".join(
        f"{test.column} ({test.effect_measure} {test.effect:.3f}, adjusted p "
        f"{test.adjusted_p_value:.2g})"
        for test in tests
        if test.drifted
    )
    return FeatureDrift(
        finding=Finding.DRIFT if drifted else Finding.NO_DRIFT,
        reason=f"{counts}: {moved}" if drifted else counts,
        tests=tests,
    )


def _judge_predictions(
    detector: DriftDetector, baseline: pd.DataFrame, current: pd.DataFrame, threshold: float
) -> PredictionDrift:
    try:
        return detector.compare_predictions(
            reference_data=baseline,
            current_data=current,
            prediction_column=PROBABILITY,
            flag_threshold=threshold,
        )
    except DriftInputError as error:
        return PredictionDrift(finding=Finding.CANNOT_TELL, reason=str(error))


def _judge_concept(
    outcomes: tuple[OutcomeSample, OutcomeSample] | str,
    contract: Contract,
    policy: MonitoringPolicy,
    seed: int,
) -> ConceptDrift:
    if isinstance(outcomes, str):
        return ConceptDrift(finding=Finding.NOT_DUE, reason=outcomes)
    try:
        return detect_concept_drift(*outcomes, contract, policy, seed)
    except DriftInputError as error:
        return ConceptDrift(finding=Finding.CANNOT_TELL, reason=str(error))


def _judge_age(as_of: pd.Period, month: pd.Period, policy: MonitoringPolicy) -> ChampionAge:
    months, limit = months_between(as_of, month), policy.champion_max_age_months
    return ChampionAge(
        finding=Finding.DRIFT if months > limit else Finding.NO_DRIFT,
        reason=f"the champion's baseline ends in {as_of}, {months} months before {month}; at most "
        f"{limit} are accepted",
        months=months,
        limit=limit,
    )


def _select_monitored(table: pd.DataFrame, contract: Contract, name: str) -> pd.DataFrame:
    if lacking := [column for column in contract.monitored if column not in table]:
        raise DriftInputError(
            f"the {name} lacks {', '.join(lacking)}: give every monitored column of the contract "
            f"{contract.name}"
        )
    return table[list(contract.monitored)]
