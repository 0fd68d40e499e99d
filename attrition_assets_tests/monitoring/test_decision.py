from typing import Any

import pytest

from attrition_assets.contract import Kind
from attrition_assets.monitoring.decision import Decision, RetrainingDecision, decide_retraining
from attrition_assets.monitoring.policy import Cause, MonitoringPolicy
from attrition_assets.monitoring.report import (
    ChampionAge,
    ColumnFault,
    ConceptDrift,
    DataQuality,
    Detectable,
    FaultKind,
    FeatureDrift,
    FeatureTest,
    Finding,
    Performance,
    PredictionDrift,
)

from .conftest import make_report

POLICY = MonitoringPolicy()
SEEN = (Detectable.of_mean("MonthlyIncome", 6500, 130, amounts=True),)


def features(
    finding: Finding, *moved: str, reaches_model: bool = True, **given: object
) -> FeatureDrift:
    tests = [FeatureTest(column=name, kind=Kind.CONTINUOUS, drifted=True) for name in moved]
    reached = finding == Finding.DRIFT and reaches_model
    return FeatureDrift.model_validate(
        {
            "finding": finding,
            "reason": "of features",
            "alarmed": bool(moved),
            "reaches_model": reached,
            "tests": tests,
            **given,
        }
    )


def predictions(finding: Finding) -> PredictionDrift:
    return PredictionDrift(finding=finding, reason="of predictions")


def concept(finding: Finding) -> ConceptDrift:
    return ConceptDrift(finding=finding, reason="of concept")


def performance(finding: Finding) -> Performance:
    return Performance(finding=finding, reason="of performance")


def age(finding: Finding) -> ChampionAge:
    return ChampionAge(finding=finding, reason="of age", months=13, limit=12)


BROKEN = DataQuality(
    finding=Finding.FAULT,
    reason="1 of 30 columns is broken: Pay",
    faults=(
        ColumnFault(column="Pay", fault=FaultKind.UNIT_CHANGE, share=1.0, explanation="a year's"),
    ),
)
CALLS = {
    Cause.FEATURE_DRIFT: make_report(feature_drift=features(Finding.DRIFT, "OverTime")),
    Cause.PREDICTION_DRIFT: make_report(prediction_drift=predictions(Finding.DRIFT)),
    Cause.CONCEPT_DRIFT: make_report(concept_drift=concept(Finding.DRIFT)),
    Cause.PERFORMANCE_LOSS: make_report(performance=performance(Finding.DRIFT)),
    Cause.OLD_CHAMPION: make_report(champion_age=age(Finding.DRIFT)),
}


def decide(policy: MonitoringPolicy = POLICY, **verdicts: Any) -> RetrainingDecision:
    return decide_retraining(make_report(**verdicts), policy)


def test_a_calm_month_keeps_the_champion() -> None:
    decision = decide()
    assert decision.decision == Decision.KEEP
    assert decision.reasons == ("not advised: nothing went beyond its limit",)


def test_what_is_kept_says_what_would_have_been_seen() -> None:
    decision = decide(feature_drift=features(Finding.NO_DRIFT, detectable=SEEN))
    assert decision.decision == Decision.KEEP
    assert decision.reasons == (
        "not advised: nothing went beyond its limit",
        "a shift of MonthlyIncome by 2 %, or more, would have been seen with 80 % probability",
    )


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_alone_calls_for_retraining_and_is_the_only_reason(cause: Cause) -> None:
    seen = CALLS[cause].feature_drift.model_copy(update={"detectable": SEEN})
    report = CALLS[cause].model_copy(update={"feature_drift": seen})
    decision = decide_retraining(report, POLICY)
    assert decision.decision == Decision.RETRAIN
    (reason,) = decision.reasons
    assert reason.startswith(f"{cause}: of ")


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_that_the_policy_leaves_out_is_only_reported(cause: Cause) -> None:
    others = tuple(other for other in Cause if other != cause)
    decision = decide_retraining(CALLS[cause], MonitoringPolicy(retrain_on=others))
    assert decision.decision == Decision.KEEP
    assert f"not advised: the policy does not retrain on {cause} (of " in decision.reasons[0]


def test_a_policy_that_retrains_on_nothing_keeps_the_champion_through_everything() -> None:
    report: dict[str, Any] = {
        "feature_drift": features(Finding.DRIFT, "OverTime"),
        "prediction_drift": predictions(Finding.DRIFT),
        "concept_drift": concept(Finding.DRIFT),
        "performance": performance(Finding.DRIFT),
        "champion_age": age(Finding.DRIFT),
    }
    decision = decide(MonitoringPolicy(retrain_on=()), **report)
    assert decision.decision == Decision.KEEP
    assert len(decision.reasons) == 5
    assert decide(**report).reasons[0] == "feature drift: of features"


@pytest.mark.parametrize(
    ("columns", "named"), [(("Age",), "Age"), (("Age", "Gender"), "Age, Gender")]
)
def test_drift_that_cannot_reach_the_model_does_not_retrain_and_says_so(
    columns: tuple[str, ...], named: str
) -> None:
    decision = decide(feature_drift=features(Finding.DRIFT, *columns, reaches_model=False))
    assert decision.decision == Decision.KEEP
    assert decision.reasons == (
        f"not advised: only {named} moved, which the model does not use (of features)",
    )


def test_drift_that_nobody_can_name_retrains() -> None:
    decision = decide(feature_drift=features(Finding.DRIFT, alarmed=True))
    assert decision.decision == Decision.RETRAIN


@pytest.mark.parametrize(
    ("reaches_model", "expected"), [(True, Decision.RETRAIN), (False, Decision.KEEP)]
)
def test_an_alarm_that_stands_keeps_calling_if_it_reached_the_model(
    reaches_model: bool, expected: Decision
) -> None:
    standing = features(Finding.DRIFT, reaches_model=reaches_model, standing_since="2025-11")
    decision = decide(feature_drift=standing)
    assert decision.decision == expected
    if not reaches_model:
        assert decision.reasons == (
            "not advised: what moved in 2025-11 is not used by the model (of features)",
        )


def test_broken_data_alone_never_retrain_and_are_listed() -> None:
    decision = decide(data_quality=BROKEN)
    assert decision.decision == Decision.KEEP
    assert decision.reasons == ("not advised: 1 of 30 columns is broken: Pay",)


def test_broken_data_do_not_keep_others_from_calling() -> None:
    decision = decide(data_quality=BROKEN, champion_age=age(Finding.DRIFT))
    assert decision.decision == Decision.RETRAIN
    assert decision.reasons == (
        "old champion: of age",
        "not advised: 1 of 30 columns is broken: Pay",
    )


INPUTS: dict[str, dict[str, Any]] = {
    "feature drift": {"feature_drift": features(Finding.CANNOT_TELL, detectable=SEEN)},
    "prediction drift": {"prediction_drift": predictions(Finding.CANNOT_TELL)},
}


@pytest.mark.parametrize("cause", INPUTS)
def test_inputs_that_could_not_be_judged_leave_the_decision_open(cause: str) -> None:
    decision = decide(data_quality=BROKEN, **INPUTS[cause])
    assert decision.decision == Decision.CANNOT_TELL
    assert len(decision.reasons) == 2
    assert decision.reasons[1].startswith(f"{cause} could not be judged: of ")


def test_what_calls_for_retraining_goes_before_what_could_not_be_judged() -> None:
    decision = decide(feature_drift=features(Finding.CANNOT_TELL), champion_age=age(Finding.DRIFT))
    assert decision.decision == Decision.RETRAIN
    assert decision.reasons == (
        "old champion: of age",
        "feature drift could not be judged: of features",
    )


@pytest.mark.parametrize(
    "verdict",
    [
        {"concept_drift": concept(Finding.CANNOT_TELL)},
        {"performance": performance(Finding.CANNOT_TELL)},
    ],
)
def test_outcomes_too_few_to_tell_do_not_block_but_are_listed(verdict: dict[str, Any]) -> None:
    decision = decide(**verdict)
    assert decision.decision == Decision.KEEP
    assert "could not be judged: of " in decision.reasons[0]


def test_a_decision_survives_json() -> None:
    decision = decide()
    assert RetrainingDecision.model_validate_json(decision.model_dump_json()) == decision
