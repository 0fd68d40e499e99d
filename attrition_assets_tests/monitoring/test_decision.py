import pytest

from attrition_assets.contract import Kind
from attrition_assets.monitoring.decision import Decision, decide_retraining
from attrition_assets.monitoring.policy import Cause, MonitoringPolicy
from attrition_assets.monitoring.report import (
    ChampionAge,
    ConceptDrift,
    DriftReport,
    FeatureDrift,
    FeatureTest,
    Finding,
    Performance,
    PredictionDrift,
)

POLICY = MonitoringPolicy()


def moved(column: str, *, used: bool) -> FeatureTest:
    return FeatureTest(column=column, kind=Kind.CONTINUOUS, drifted=True, used_by_model=used)


def report(
    *,
    features: Finding = Finding.NO_DRIFT,
    tests: tuple[FeatureTest, ...] = (),
    predictions: Finding = Finding.NO_DRIFT,
    concept: Finding = Finding.NOT_DUE,
    performance: Finding = Finding.NOT_DUE,
    age: Finding = Finding.NO_DRIFT,
) -> DriftReport:
    return DriftReport(
        month="2026-01",
        snapshot_version=1,
        champion_version=1,
        reference_digest="abc",
        baseline_month="2025-10",
        baseline_rows=900,
        current_rows=500,
        feature_drift=FeatureDrift(finding=features, reason="of features", tests=tests),
        prediction_drift=PredictionDrift(finding=predictions, reason="of predictions"),
        concept_drift=ConceptDrift(finding=concept, reason="of concept"),
        performance=Performance(finding=performance, reason="of performance"),
        champion_age=ChampionAge(finding=age, reason="of age", months=3, limit=12),
    )


def test_a_calm_month_keeps_the_champion() -> None:
    decision = decide_retraining(report(), POLICY)
    assert decision.decision == Decision.KEEP
    assert decision.reasons == ("not advised: nothing went beyond its limit",)


CALLS = {
    Cause.FEATURE_DRIFT: report(features=Finding.DRIFT, tests=(moved("OverTime", used=True),)),
    Cause.PREDICTION_DRIFT: report(predictions=Finding.DRIFT),
    Cause.CONCEPT_DRIFT: report(concept=Finding.DRIFT),
    Cause.PERFORMANCE_LOSS: report(performance=Finding.DRIFT),
    Cause.OLD_CHAMPION: report(age=Finding.DRIFT),
}


@pytest.mark.parametrize("cause", Cause)
def test_each_cause_alone_calls_for_retraining_and_is_the_reason(cause: Cause) -> None:
    decision = decide_retraining(CALLS[cause], POLICY)
    assert decision.decision == Decision.RETRAIN
    (reason,) = decision.reasons
    assert reason.startswith(f"{cause}: of ")


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_that_the_policy_leaves_out_is_only_reported(cause: Cause) -> None:
    others = tuple(other for other in Cause if other != cause)
    decision = decide_retraining(CALLS[cause], MonitoringPolicy(retrain_on=others))
    assert decision.decision == Decision.KEEP
    assert f"not advised: the policy does not retrain on {cause}" in decision.reasons[0]


def test_drift_that_cannot_reach_the_model_does_not_retrain_and_says_so() -> None:
    only_age = report(features=Finding.DRIFT, tests=(moved("Age", used=False),))
    decision = decide_retraining(only_age, POLICY)
    assert decision.decision == Decision.KEEP
    assert decision.reasons == (
        "not advised: only Age moved, which the model does not use (of features)",
    )


def test_an_unused_and_a_used_column_together_retrain() -> None:
    tests = (moved("Age", used=False), moved("OverTime", used=True))
    decision = decide_retraining(report(features=Finding.DRIFT, tests=tests), POLICY)
    assert decision.decision == Decision.RETRAIN


@pytest.mark.parametrize("verdict", ["features", "predictions"])
def test_inputs_that_could_not_be_judged_leave_the_decision_open(verdict: str) -> None:
    open_report = report(**{verdict: Finding.CANNOT_TELL})  # type: ignore[arg-type]
    decision = decide_retraining(open_report, POLICY)
    assert decision.decision == Decision.CANNOT_TELL
    assert "could not be judged" in decision.reasons[0]


def test_what_calls_for_retraining_goes_before_what_could_not_be_judged() -> None:
    both = report(features=Finding.CANNOT_TELL, age=Finding.DRIFT)
    decision = decide_retraining(both, POLICY)
    assert decision.decision == Decision.RETRAIN
    assert decision.reasons == (
        "old champion: of age",
        "feature drift could not be judged: of features",
    )


@pytest.mark.parametrize("verdict", ["concept", "performance"])
def test_outcomes_too_few_to_tell_do_not_block_but_are_listed(verdict: str) -> None:
    decision = decide_retraining(report(**{verdict: Finding.CANNOT_TELL}), POLICY)  # type: ignore[arg-type]
    assert decision.decision == Decision.KEEP
    assert f"could not be judged: of {verdict}" in decision.reasons[0]
