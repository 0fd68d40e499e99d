import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import log_loss, precision_score, recall_score, roc_auc_score

from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.performance import judge_performance, measure_auc
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import Estimate, Finding, Performance

from .conftest import MakeOutcomes

POLICY = MonitoringPolicy()


def outcomes(left: list[int], probability: list[float]) -> OutcomeSample:
    return OutcomeSample(
        pd.DataFrame(index=range(len(left))), np.array(left, dtype=bool), np.array(probability)
    )


def estimates_of(verdict: Performance) -> dict[str, Estimate]:
    """Those that are known, by name."""
    named = {
        "auc": verdict.auc,
        "precision": verdict.precision,
        "recall": verdict.recall,
        "log_loss": verdict.log_loss,
    }
    return {name: estimate for name, estimate in named.items() if estimate}


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
    promised, current = make_outcomes(1500, 0), make_outcomes(600, 1)
    verdict = judge_performance(promised, current, 0.3, POLICY)
    assert verdict.finding == Finding.NO_DRIFT
    assert (verdict.rows, verdict.leavers) == (600, current.leavers)
    measures = {"auc": roc_auc_score, "log_loss": log_loss}
    flags = {"precision": precision_score, "recall": recall_score}
    found = estimates_of(verdict)
    assert set(found) == {*measures, *flags}
    for name, measure in {**measures, **flags}.items():
        now, before = (
            measure(each.left, each.probability >= 0.3 if name in flags else each.probability)
            for each in (current, promised)
        )
        assert found[name].value == pytest.approx(now)
        assert found[name].promised == pytest.approx(before)
        assert found[name].low < now < found[name].high
    auc, error = measure_auc(current.left, current.probability)
    assert found["auc"].high - auc == pytest.approx(stats.norm.ppf(0.975) * error)
    assert auc - found["auc"].low == pytest.approx(stats.norm.ppf(0.975) * error)


def test_the_reason_tells_every_measure_with_its_interval_and_promise(
    make_outcomes: MakeOutcomes,
) -> None:
    verdict = judge_performance(make_outcomes(1500, 0), make_outcomes(600, 1), 0.3, POLICY)
    assert verdict.reason == (
        f"AUC {verdict.auc} (one-sided p = {verdict.p_value:.2g}; lost is more than 0.02 with p up "
        f"to 0.0125; {verdict.leavers} leavers among 600 rows); precision {verdict.precision}; "
        f"recall {verdict.recall}; log-loss {verdict.log_loss}"
    )


def test_the_intervals_hold_what_is_true_as_often_as_they_say() -> None:
    tries, people, share = 400, 300, 0.3
    rng = np.random.default_rng(0)
    held = dict.fromkeys(("auc", "precision", "recall", "log_loss"), 0)
    # Leavers score as N(1, 1), stayers as N(0, 1); flagged is who scores above 1.
    flagged = {True: stats.norm.sf(0), False: stats.norm.sf(1)}
    true = {
        "auc": stats.norm.cdf(1 / np.sqrt(2)),
        "precision": share * flagged[True] / (share * flagged[True] + (1 - share) * flagged[False]),
        "recall": flagged[True],
    }
    big = rng.random(1_000_000) < share
    chance = stats.norm.cdf(rng.normal(big, 1))
    true["log_loss"] = log_loss(big, chance)
    for _ in range(tries):
        left = rng.random(people) < share
        sample = outcomes(left.tolist(), stats.norm.cdf(rng.normal(left, 1)).tolist())
        verdict = judge_performance(sample, sample, float(stats.norm.cdf(1)), POLICY)
        for name, estimate in estimates_of(verdict).items():
            held[name] += estimate.low <= true[name] <= estimate.high
    # Nominally 95 %; a true coverage of 93 to 97 % leaves 89 to 99.5 % once in 1,000 choices of
    # seeds.
    assert all(0.89 * tries <= count <= 0.995 * tries for count in held.values())


def test_unchanged_champions_are_blamed_as_rarely_as_declared(make_outcomes: MakeOutcomes) -> None:
    policy, evaluations = MonitoringPolicy(yearly_budget=0.2, performance_margin=0), 200
    assert policy.outcome_level == 0.05
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
    assert verdict.auc is not None
    before = roc_auc_score(promised.left, promised.probability)
    assert verdict.auc.promised == pytest.approx(before)
    assert verdict.auc.high < before


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
    found = estimates_of(verdict)
    assert found["auc"].value == pytest.approx(4 / 6)
    for name in ("precision", "recall"):  # 1 of 2, with Wilson's interval
        numbers = found[name].low, found[name].value, found[name].high
        assert numbers == pytest.approx((0.0945, 0.5, 0.9055), abs=1e-4)
    assert all(0 <= each.low <= each.value <= each.high for each in found.values())
    assert found["auc"].high <= 1
    assert all(each.promised is not None for each in found.values())


def test_too_few_promised_leavers_leave_it_open_without_a_promise(
    make_outcomes: MakeOutcomes,
) -> None:
    verdict = judge_performance(outcomes([0], [0.1]), make_outcomes(700, 0), 0.3, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert verdict.reason == "promised outcomes: 0 leavers among 1 rows; 30 are needed"
    assert set(estimates_of(verdict)) == {"auc", "precision", "recall", "log_loss"}
    assert all(each.promised is None for each in estimates_of(verdict).values())


def test_where_nobody_was_flagged_there_is_no_precision_and_the_reason_says_so(
    make_outcomes: MakeOutcomes,
) -> None:
    verdict = judge_performance(make_outcomes(1500, 0), make_outcomes(600, 1), 1.0, POLICY)
    assert verdict.finding == Finding.NO_DRIFT
    assert verdict.precision is None
    assert verdict.recall is not None
    assert (verdict.recall.value, verdict.recall.low) == (0, 0)
    assert 0 < verdict.recall.high < 0.1
    assert "; precision unknown, nobody was flagged; recall 0.000 [" in verdict.reason


@pytest.mark.parametrize("label", [0, 1])
def test_one_outcome_alone_leaves_it_open(label: int, make_outcomes: MakeOutcomes) -> None:
    current = outcomes([label] * 40, [0.1] * 40)
    verdict = judge_performance(make_outcomes(700, 0), current, 0.5, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert set(estimates_of(verdict)) == ({"recall", "log_loss"} if label else {"log_loss"})


def test_no_outcomes_at_all_leave_it_open(make_outcomes: MakeOutcomes) -> None:
    verdict = judge_performance(make_outcomes(700, 0), outcomes([], []), 0.5, POLICY)
    assert verdict.finding == Finding.CANNOT_TELL
    assert estimates_of(verdict) == {}
    assert (verdict.rows, verdict.leavers) == (0, 0)


@pytest.mark.parametrize(("reverse", "finding"), [(False, Finding.NO_DRIFT), (True, Finding.DRIFT)])
def test_perfect_ranking_is_judged_without_a_standard_error(
    reverse: bool, finding: Finding
) -> None:
    perfect = outcomes([1] * 40 + [0] * 40, [0.9] * 40 + [0.1] * 40)
    now = outcomes([0] * 40 + [1] * 40, [0.9] * 40 + [0.1] * 40) if reverse else perfect
    verdict = judge_performance(perfect, now, 0.5, POLICY)
    assert verdict.finding == finding
    assert verdict.auc is not None
    assert verdict.auc.low == verdict.auc.value == verdict.auc.high == (0 if reverse else 1)
    if not reverse:
        assert verdict.precision is not None
        assert (verdict.precision.value, verdict.precision.high) == (1, 1)


def test_probabilities_of_nought_for_leavers_are_a_large_loss_and_no_infinite_one(
    make_outcomes: MakeOutcomes,
) -> None:
    sure = outcomes([1] * 40 + [0] * 40, [0.0] * 40 + [0.1] * 40)
    verdict = judge_performance(make_outcomes(700, 0), sure, 0.5, POLICY)
    assert verdict.log_loss is not None
    assert 10 < verdict.log_loss.value < verdict.log_loss.high < 100
