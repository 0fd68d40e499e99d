import numpy as np
import pytest
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring import concept_drift
from attrition_assets.monitoring.concept_drift import BASE_RATE, detect_concept_drift
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Finding

from .conftest import MakeOutcomes

POLICY = MonitoringPolicy()


def test_alarms_on_an_unchanged_relation_are_as_frequent_as_declared(
    contract: Contract, make_outcomes: MakeOutcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer permutations for speed: p-values down to .002 are enough for a level of .05.
    monkeypatch.setattr(concept_drift, "PERMUTATIONS", 500)
    policy, evaluations = MonitoringPolicy(concept_level=0.05), 150
    alarms = 0
    for seed in range(evaluations):
        reference, current = make_outcomes(700, 2 * seed), make_outcomes(400, 2 * seed + 1)
        verdict = detect_concept_drift(reference, current, contract, policy, seed)
        alarms += verdict.finding == Finding.DRIFT
    # A right test leaves this interval once in 10,000 choices of seeds.
    assert 1 <= alarms <= stats.binom.isf(1e-4, evaluations, 0.05)


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_effect_is_found_and_named(
    seed: int, contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(1000, seed), make_outcomes(400, 100 + seed, overtime=-1.5)
    verdict = detect_concept_drift(reference, current, contract, POLICY, seed)
    assert verdict.finding == Finding.DRIFT
    assert "OverTime" in verdict.columns
    assert verdict.leavers == current.leavers
    assert f"{current.leavers} leavers among 400 rows" in verdict.reason


def test_a_doubled_base_rate_is_found_and_named(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(1000, 0), make_outcomes(400, 1, base=-1.3)
    verdict = detect_concept_drift(reference, current, contract, POLICY, 0)
    assert verdict.finding == Finding.DRIFT
    assert BASE_RATE in verdict.columns


def test_features_that_moved_while_the_relation_held_are_no_concept_drift(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, everyone = make_outcomes(1500, 0), make_outcomes(1500, 1)
    over = (everyone.features["OverTime"] == "Yes").to_numpy()
    current = OutcomeSample(
        everyone.features[over], everyone.left[over], everyone.probability[over]
    )
    verdict = detect_concept_drift(reference, current, contract, POLICY, 0)
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.columns == ()


def test_the_same_seed_gives_the_same_verdict(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    samples = make_outcomes(400, 0), make_outcomes(300, 1)
    first, second = (detect_concept_drift(*samples, contract, POLICY, 7) for _ in range(2))
    assert first == second


def test_values_that_are_missing_or_constant_do_no_harm(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(700, 0), make_outcomes(400, 1)
    for sample in (reference, current):
        sample.features["Education"] = 3
        sample.features["MonthlyIncome"] = np.nan
        sample.features["Gender"] = None
    verdict = detect_concept_drift(reference, current, contract, POLICY, 0)
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.p_value is not None


def test_too_few_leavers_leave_it_open_with_their_number(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    current = make_outcomes(40, 1)
    verdict = detect_concept_drift(make_outcomes(700, 0), current, contract, POLICY, 0)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.reason == (
        f"current outcomes: {current.leavers} leavers among 40 rows; 30 are needed"
    )


def test_outcomes_without_a_monitored_column_are_refused(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(700, 0), make_outcomes(400, 1)
    del current.features["OverTime"]
    with pytest.raises(DriftInputError, match="current outcomes lack OverTime"):
        detect_concept_drift(reference, current, contract, POLICY, 0)
