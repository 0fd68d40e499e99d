"""The one verdict on a month: every judge asked once, and their verdicts in one report.

The asset, its checks, the API and the backtest all get their report here. Nothing is loaded,
labelled or decided: what the report leads to is for `decision`.
"""

from collections.abc import Mapping

import pandas as pd

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.concept_drift import detect_concept_drift
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.evidence import Outcomes, Windows
from attrition_assets.monitoring.feature_drift import (
    StandingAlarm,
    Summaries,
    judge_features,
    require_people,
)
from attrition_assets.monitoring.people import PeopleHistory
from attrition_assets.monitoring.performance import judge_performance
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    ChampionAge,
    ConceptDrift,
    DriftReport,
    Finding,
    Performance,
    PredictionDrift,
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
    history: PeopleHistory,
    concept: Windows,
    performance: Outcomes,
    baseline_month: pd.Period | None = None,
    baseline_note: str = "",
    standing: StandingAlarm | None = None,
    importance: Mapping[str, float] | None = None,
    snapshot_version: int = 1,
    summaries: Summaries | None = None,
    seed: int = 0,
) -> DriftReport:
    """Judge one month against the baseline of its champion, and its people against themselves.

    `baseline` (the people of `baseline_month`, by default `champion_as_of`, in which the champion's
    reference data end) and `current` (the month) hold the monitored columns and `probability`, both
    scored by the champion. `history` reads the months before. `concept` and `performance` are
    outcomes, or the reason why they are not due. `threshold` is the champion's, `importance` each
    column's weight in it, `standing` earlier alarms that nobody answered, `baseline_note` why the
    baseline is another month's. Of tables too large for memory, `baseline` and `current` hold the
    people whose rows are kept, and `summaries` are those of the whole tables. The same input gives
    the same report, to the byte. Tables that cannot be compared give `cannot_tell`, never "no
    drift".
    """
    features, quality = judge_features(
        month=month,
        baseline=baseline,
        current=current,
        history=history,
        standing=standing,
        contract=contract,
        policy=policy,
        importance=importance,
        summaries=summaries,
        seed=seed,
    )
    rows = [each.rows for each in summaries] if summaries else [len(baseline), len(current)]
    return DriftReport(
        month=str(month),
        snapshot_version=snapshot_version,
        champion_version=champion_version,
        reference_digest=reference_digest,
        baseline_month=str(baseline_month or champion_as_of),
        baseline_note=baseline_note,
        baseline_rows=rows[0],
        current_rows=rows[1],
        data_quality=quality,
        feature_drift=features,
        prediction_drift=_judge_predictions(baseline, current, threshold, contract, policy),
        concept_drift=_judge_concept(concept, contract, policy, seed),
        performance=Performance(finding=Finding.NOT_DUE, reason=performance)
        if isinstance(performance, str)
        else judge_performance(*performance, threshold, policy),
        champion_age=_judge_age(champion_as_of, month, policy),
    )


def _judge_predictions(
    baseline: pd.DataFrame,
    current: pd.DataFrame,
    threshold: float,
    contract: Contract,
    policy: MonitoringPolicy,
) -> PredictionDrift:
    detector = DriftDetector(policy.prediction_level, policy=policy, contract=contract)
    try:
        require_people(baseline, current, policy)
        return detector.compare_predictions(
            reference_data=baseline,
            current_data=current,
            prediction_column=PROBABILITY,
            flag_threshold=threshold,
        )
    except DriftInputError as error:
        return PredictionDrift(finding=Finding.CANNOT_TELL, reason=str(error))


def _judge_concept(
    outcomes: Windows, contract: Contract, policy: MonitoringPolicy, seed: int
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
