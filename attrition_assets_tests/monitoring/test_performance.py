import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score

from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.performance import judge_performance, measure_auc
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Finding

from .conftest import MakeOutcomes

POLICY = MonitoringPolicy()


def outcomes(left: list[int], probability: list[float]) -> OutcomeSample:
    return OutcomeSample(
        pd.DataFrame(index=range(len(left))), np.array(left, dtype=bool), np.array(probability)
    )


def test_the_auc_is_that_of_sklearn_also_with_ties() -> None:
    rng = np.random.default_rng(0)
    left, probability = rng.random(300) < 0.3, rng.integers(0, 11, 300) / 10
    assert measure_auc(left, probability)[0] == pytest.approx(roc_auc_score(left, probability))


def test_the_standard_error_is_that_of_repeated_samples() -> None:
    rng = np.random.default_rng(0)
    left = np.arange(300) < 60
    aucs, errors = np.transpose(
        [measure_auc(left, stats.norm.cdf(rng.normal(left, 1))) for _ in range(400)]
    )
    # Both spreads have a standard error of about 4 %.
    assert errors.mean() == pytest.approx(aucs.std(), rel=0.15)


def test_the_standard_error_is_delongs_on_an_example_by_hand() -> None:
    # Leavers .9 and .4 beat 2 and 1 of two stayers; stayers .3 and .5 are beaten by 2 and 1.
    left, probability = np.array([True, True, False, False]), np.array([0.9, 0.4, 0.3, 0.5])
    assert measure_auc(left, probability) == pytest.approx((0.75, np.sqrt(0.125 / 2 + 0.125 / 2)))


def test_an_unchanged_champion_has_lost_nothing(make_outcomes: MakeOutcomes) -> None:
    current = make_outcomes(600, 1)
    verdict = judge_performance(make_outcomes(1500, 0), current, 0.3, POLICY)
    flagged = current.probability >= 0.3
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.auc == pytest.approx(roc_auc_score(current.left, current.probability))
    assert verdict.precision == pytest.approx(precision_score(current.left, flagged))
    assert verdict.recall == pytest.approx(recall_score(current.left, flagged))
    assert verdict.log_loss == pytest.approx(log_loss(current.left, current.probability))
    assert verdict.auc is not None
    assert verdict.auc_low is not None
    assert verdict.auc_high is not None
    assert verdict.auc_low < verdict.auc < verdict.auc_high
    assert (verdict.rows, verdict.leavers) == (600, current.leavers)


def test_unchanged_champions_are_blamed_as_rarely_as_declared(make_outcomes: MakeOutcomes) -> None:
    policy, evaluations = MonitoringPolicy(performance_level=0.05, performance_margin=0), 200
    lost = sum(
        judge_performance(
            make_outcomes(700, 2 * seed), make_outcomes(400, 2 * seed + 1), 0.3, policy
        ).finding
        == Finding.DRIFT
        for seed in range(evaluations)
    )
    # A right test leaves this interval once in 10,000 choices of seeds, either way.
    low, high = stats.binom.ppf(1e-4, evaluations, 0.05), stats.binom.isf(1e-4, evaluations, 0.05)
    assert low <= lost <= high


def test_a_champion_that_ranks_worse_has_lost_performance(make_outcomes: MakeOutcomes) -> None:
    promised, current = make_outcomes(1500, 0), make_outcomes(600, 1, overtime=-1.5)
    verdict = judge_performance(promised, current, 0.3, POLICY)
    assert verdict.finding == Finding.DRIFT
    assert verdict.promised_auc == pytest.approx(roc_auc_score(promised.left, promised.probability))
    assert verdict.reason.startswith(f"AUC is {verdict.auc:.3f} [")


def test_a_sure_loss_within_the_margin_is_none(make_outcomes: MakeOutcomes) -> None:
    promised, current = make_outcomes(1500, 0), make_outcomes(600, 1, overtime=-1.5)
    tolerant = MonitoringPolicy(performance_margin=0.5)
    verdict = judge_performance(promised, current, 0.3, tolerant)
    assert verdict.p_value is not None
    assert verdict.p_value < 0.0125
    assert verdict.finding == Finding.NO_DRIFT


def test_too_few_leavers_leave_it_open_with_what_is_known(make_outcomes: MakeOutcomes) -> None:
    current = outcomes([1, 1, 0, 0, 0], [0.9, 0.2, 0.4, 0.1, 0.3])
    verdict = judge_performance(make_outcomes(700, 0), current, 0.35, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.reason == "current outcomes: 2 leavers among 5 rows; 30 are needed"
    assert verdict.auc == pytest.approx(4 / 6)
    assert (verdict.precision, verdict.recall) == (0.5, 0.5)
    assert verdict.promised_auc is None


@pytest.mark.parametrize("label", [0, 1])
def test_one_outcome_alone_leaves_it_open(label: int, make_outcomes: MakeOutcomes) -> None:
    current = outcomes([label] * 40, [0.1] * 40)
    verdict = judge_performance(make_outcomes(700, 0), current, 0.5, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.auc is None
    assert verdict.precision is None
    assert verdict.recall == (0.0 if label else None)


def test_no_outcomes_at_all_leave_it_open(make_outcomes: MakeOutcomes) -> None:
    verdict = judge_performance(make_outcomes(700, 0), outcomes([], []), 0.5, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.log_loss is None


@pytest.mark.parametrize(("reverse", "finding"), [(False, Finding.NO_DRIFT), (True, Finding.DRIFT)])
def test_perfect_ranking_is_judged_without_a_standard_error(
    reverse: bool, finding: Finding
) -> None:
    perfect = outcomes([1] * 40 + [0] * 40, [0.9] * 40 + [0.1] * 40)
    now = outcomes([0] * 40 + [1] * 40, [0.9] * 40 + [0.1] * 40) if reverse else perfect
    assert judge_performance(perfect, now, 0.5, POLICY).finding == finding
