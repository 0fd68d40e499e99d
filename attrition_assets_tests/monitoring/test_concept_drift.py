import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from attrition_assets.contract import Contract
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring import residual_sums
from attrition_assets.monitoring.concept_columns import BASE_RATE, CALIBRATION
from attrition_assets.monitoring.concept_drift import detect_concept_drift
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import ConceptDrift, Finding
from attrition_assets.monitoring.residual_sums import add_up, draw_p_values

from .conftest import MakeOutcomes

POLICY = MonitoringPolicy()


def join(*samples: OutcomeSample) -> OutcomeSample:
    return OutcomeSample(
        pd.concat([sample.features for sample in samples], ignore_index=True),
        np.concatenate([sample.left for sample in samples]),
        np.concatenate([sample.probability for sample in samples]),
    )


def test_alarms_on_an_unchanged_relation_are_no_more_frequent_than_declared(
    contract: Contract, make_outcomes: MakeOutcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fewer permutations for speed: p-values down to .002 are enough for a level of .05 a quarter.
    monkeypatch.setattr(residual_sums, "PERMUTATIONS", 500)
    policy, evaluations = MonitoringPolicy(yearly_budget=0.2), 60
    alarms = 0
    for seed in range(evaluations):
        reference, older, newer = (make_outcomes(rows, seed + rows) for rows in (400, 200, 201))
        windows = {3: newer, 6: join(older, newer)}
        verdict = detect_concept_drift(reference, windows, contract, policy, seed)
        alarms += verdict.finding == Finding.DRIFT
    # A right test has more alarms once in 10,000 choices of seeds.
    assert alarms <= stats.binom.isf(1e-4, evaluations, policy.outcome_level)


def test_the_windows_share_the_level_and_one_alone_has_all_of_it(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, older, newer = (make_outcomes(rows, rows) for rows in (500, 250, 251))
    both = detect_concept_drift(
        reference, {3: newer, 6: join(older, newer)}, contract, POLICY, 0
    ).windows
    assert [window.months for window in both] == [3, 6]
    assert both[0].level == pytest.approx(POLICY.outcome_level / 3)
    assert sum(window.level for window in both) == pytest.approx(POLICY.outcome_level)
    assert [window.rows for window in both] == [251, 501]
    for months in (3, 6):
        found = detect_concept_drift(reference, {months: newer}, contract, POLICY, 0)
        (window,) = found.windows
        assert (window.months, window.level) == (months, POLICY.outcome_level)


@pytest.mark.parametrize("seed", range(3))
def test_a_flipped_effect_is_found_in_the_last_three_months_and_named(
    seed: int, contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, older = make_outcomes(1000, seed), make_outcomes(400, 50 + seed)
    newer = make_outcomes(400, 100 + seed, overtime=-1.5)
    windows = {3: newer, 6: join(older, newer)}
    verdict = detect_concept_drift(reference, windows, contract, POLICY, seed)
    assert verdict.finding == Finding.DRIFT
    assert "OverTime" in verdict.windows[0].columns
    assert "OverTime" in verdict.columns
    assert (verdict.rows, verdict.leavers) == (800, windows[6].leavers)
    assert verdict.reason.startswith("the champion now errs by ")
    assert f"{newer.leavers} leavers among 400 rows; last 6 months: " in verdict.reason


def test_an_effect_that_weakened_is_found_by_six_months_where_three_do_not_tell(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, found = make_outcomes(1000, 0), {3: 0, 6: 0}
    for seed in range(5, 53, 2):
        older, newer = (make_outcomes(300, seed + each, overtime=0.5) for each in (0, 1))
        windows = {3: newer, 6: join(older, newer)}
        for window in detect_concept_drift(reference, windows, contract, POLICY, 0).windows:
            found[window.months] += "OverTime" in window.columns
    # Of 56 pairs six months found it in 25, three in 7: that six do not find it more often in 24
    # pairs comes once in 200 choices of seeds.
    assert found[6] > found[3]


def test_a_level_that_one_person_has_is_no_drift_because_that_person_is_current() -> None:
    """One stayer in 100 current rows has a level that none of 1,000 had: it comes once in 11."""
    rng = np.random.default_rng(0)
    left, is_current = rng.random(1_100) < 0.1, np.arange(1_100) >= 1_000
    left[-1], level = False, (np.arange(1_100) == 1_099).astype(float)
    scores = (left - 0.1)[:, None] * np.column_stack([level, rng.normal(size=1_100)])
    found = draw_p_values(add_up(scores, left, is_current), 0.05, 0)
    assert 0.09 <= found[0] <= 0.25


@pytest.mark.parametrize(("rows", "current_rows"), [(300, 100), (300, 300), (100, 500)])
def test_p_values_are_those_of_rows_that_are_wholly_shuffled(
    rows: int, current_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of three correlated columns, of which one in ten left; the first moved by 2.2 errors."""
    monkeypatch.setattr(residual_sums, "FIRST_PERMUTATIONS", 4_000)
    rng = np.random.default_rng(rows)
    columns = rng.normal(size=(rows + current_rows, 3)) @ [[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]]
    left = rng.random(len(columns)) < 0.1
    is_current = np.arange(len(columns)) >= rows
    scores = (left - 0.1)[:, None] * columns
    first, error = scores[:, 0], scores[:, 0].std() * np.sqrt(1 / rows + 1 / current_rows)
    first[is_current] += 2.2 * error - (first[is_current].mean() - first[~is_current].mean())
    found = draw_p_values(add_up(scores, left, is_current), 0.05, 0)
    scaled = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    shuffled = [np.abs(rng.permutation(is_current) @ scaled).max() for _ in range(20_000)]
    expected = np.mean(np.array(shuffled)[:, None] >= np.abs(is_current @ scaled), axis=0)
    assert 0.05 < expected[0] < 0.2
    # Four times the error of the draws, at most .008 of 4,000, and nothing for the approximation.
    np.testing.assert_allclose(found, expected, atol=4 * np.sqrt(0.25 / 4_000 + 0.25 / 20_000))


def test_a_changed_base_rate_alone_is_not_told_of_every_column(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(4000, 0), make_outcomes(2000, 1, base=-1.5)
    verdict = detect_concept_drift(reference, {3: current}, contract, POLICY, 0)
    assert BASE_RATE in verdict.columns
    assert "OverTime" not in verdict.columns


def test_a_doubled_base_rate_is_found_and_named(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(1000, 0), make_outcomes(400, 1, base=-1.3)
    verdict = detect_concept_drift(reference, {3: current}, contract, POLICY, 0)
    assert verdict.finding == Finding.DRIFT
    assert BASE_RATE in verdict.columns


def test_probabilities_that_have_become_too_bold_are_found_as_calibration(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(1500, 0), make_outcomes(600, 1)
    log_odds = special.logit(current.probability)
    actual = special.expit(0.2 * log_odds - 1.0)
    assert actual.mean() == pytest.approx(current.probability.mean(), abs=0.03)
    flat = OutcomeSample(
        current.features, np.random.default_rng(2).random(600) < actual, current.probability
    )
    verdict = detect_concept_drift(reference, {3: flat}, contract, POLICY, 0)
    assert verdict.finding == Finding.DRIFT
    assert CALIBRATION in verdict.columns
    assert BASE_RATE not in verdict.columns


def test_features_that_moved_while_the_relation_held_are_no_concept_drift(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, everyone = make_outcomes(1500, 0), make_outcomes(1500, 1)
    over = (everyone.features["OverTime"] == "Yes").to_numpy()
    current = OutcomeSample(
        everyone.features[over], everyone.left[over], everyone.probability[over]
    )
    verdict = detect_concept_drift(reference, {3: current}, contract, POLICY, 0)
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.columns == ()
    assert verdict.reason.startswith("the champion errs no differently than on its baseline (last")


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_permutations(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(400, 0), make_outcomes(300, 1)
    first, again, other = (
        detect_concept_drift(reference, {3: current}, contract, POLICY, seed).model_dump_json()
        for seed in (7, 7, 9)
    )
    assert first == again != other
    assert ConceptDrift.model_validate_json(first).model_dump_json() == first


def test_values_that_are_missing_or_constant_do_no_harm(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(700, 0), make_outcomes(400, 1)
    for sample in (reference, current):
        sample.features["Education"] = 3
        sample.features["MonthlyIncome"] = np.nan
        sample.features["Gender"] = None
    verdict = detect_concept_drift(reference, {3: current}, contract, POLICY, 0)
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.p_value is not None


def test_too_few_leavers_leave_it_open_with_their_number(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    current = make_outcomes(40, 1)
    verdict = detect_concept_drift(make_outcomes(700, 0), {3: current}, contract, POLICY, 0)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.reason == (
        f"current outcomes: {current.leavers} leavers among 40 rows; 30 are needed"
    )
    assert (verdict.rows, verdict.leavers) == (40, current.leavers)
    assert (verdict.windows, verdict.p_value) == ((), None)


def test_too_few_leavers_of_the_reference_leave_it_open(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    few = make_outcomes(40, 1)
    verdict = detect_concept_drift(few, {3: make_outcomes(700, 0)}, contract, POLICY, 0)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.reason.startswith(f"reference outcomes: {few.leavers} leavers among 40 rows")


def test_three_months_with_too_few_leavers_are_judged_within_the_six(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    few, older = make_outcomes(40, 1), make_outcomes(500, 2)
    verdict = detect_concept_drift(
        make_outcomes(700, 0), {3: few, 6: join(older, few)}, contract, POLICY, 0
    )
    (window,) = verdict.windows
    assert (window.months, window.rows) == (6, 540)
    assert window.level == pytest.approx(POLICY.outcome_level * 2 / 3)
    assert verdict.finding == Finding.NO_DRIFT


def test_outcomes_without_a_monitored_column_are_refused(
    contract: Contract, make_outcomes: MakeOutcomes
) -> None:
    reference, current = make_outcomes(700, 0), make_outcomes(400, 1)
    del current.features["OverTime"]
    with pytest.raises(DriftInputError, match="current outcomes lack OverTime"):
        detect_concept_drift(reference, {3: current}, contract, POLICY, 0)
