"""Seeds are fixed: a chance of failure is told for those who change the numbers."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.monitoring.pairing import pair_columns
from attrition_assets.monitoring.permutation import (
    FIRST_SHUFFLES,
    SHARES,
    Permuted,
    permute_scores,
)
from attrition_assets.monitoring.scores import Family, Scores, build_scores

from .conftest import draw_staff

# A right test leaves such an interval once in 100,000 choices of seeds.
SURE = 1e-5


def score(reference: pd.DataFrame, current: pd.DataFrame, contract: Contract) -> Scores:
    return build_scores(pair_columns(reference, current, contract, {}))


@pytest.fixture(scope="module")
def scores(contract: Contract) -> Scores:
    """Of unchanged tables, a tenth of two columns missing."""
    return score(draw_staff(200, 0, missing=0.1), draw_staff(90, 1, missing=0.1), contract)


@pytest.fixture(scope="module")
def permuted(scores: Scores) -> Permuted:
    return permute_scores(scores, 0.05, seed=0)


def adjusted_p(permuted: Permuted) -> list[float]:
    """The adjusted p of every single test, and of their sum."""
    return [
        *permuted.adjusted,
        *permuted.pair_adjusted,
        *permuted.tail_adjusted,
        permuted.together,
    ]


def test_the_families_share_the_whole_level() -> None:
    assert set(SHARES) == set(Family)
    assert sum(SHARES.values()) == pytest.approx(1)


def test_the_joint_p_is_the_smallest_adjusted_one(permuted: Permuted) -> None:
    assert min(adjusted_p(permuted)) == permuted.p_value


def test_adjusting_never_makes_a_p_smaller(permuted: Permuted) -> None:
    assert (permuted.adjusted >= permuted.own).all()
    assert (permuted.tail_adjusted >= permuted.tail_own).all()


def test_p_values_are_shares_of_the_shuffles_and_never_0(permuted: Permuted) -> None:
    for p_value in (*adjusted_p(permuted), *permuted.own, *permuted.tail_own):
        assert 1 <= round(p_value * permuted.shuffles) <= permuted.shuffles
        assert (p_value * permuted.shuffles) % 1 == pytest.approx(0, abs=1e-6)


def test_every_test_of_the_scores_is_answered(scores: Scores, permuted: Permuted) -> None:
    assert len(permuted.own) == len(permuted.adjusted) == len(scores.tests)
    assert len(permuted.pair_own) == len(permuted.pair_adjusted) == len(scores.pair_tests)
    assert len(permuted.tail_own) == len(permuted.tail_rows) == len(scores.tails)


def test_the_seed_alone_settles_the_result(scores: Scores, permuted: Permuted) -> None:
    again = permute_scores(scores, 0.05, seed=0)
    assert again.p_value == permuted.p_value
    np.testing.assert_array_equal(again.adjusted, permuted.adjusted)
    other = permute_scores(scores, 0.05, seed=1)
    assert (other.own != permuted.own).any()
    # Two shares of 500 shuffles differ by 6 standard errors once in 10^9; there are 25 of them.
    assert np.abs(other.own - permuted.own).max() < 6 * np.sqrt(0.5 / FIRST_SHUFFLES)


@pytest.mark.parametrize("flips", [3, 5, 6])
def test_p_is_that_of_all_orders_of_the_rows(flips: int, contract: Contract) -> None:
    """Of 8 and 6 rows there are 3,003 choices of who is current; here each is looked at."""
    before = ["Yes"] * (6 - flips) + ["No"] * (2 + flips)
    now = ["Yes"] * flips + ["No"] * (6 - flips)
    overtime = np.array([*before, *now]) == "Yes"
    differences = [
        abs(overtime[list(chosen)].sum() - 6 * overtime.mean())
        for chosen in itertools.combinations(range(14), 6)
    ]
    exact = float(np.mean(np.array(differences) >= differences[-1] - 1e-9))
    reference, current = pd.DataFrame({"OverTime": before}), pd.DataFrame({"OverTime": now})
    found = permute_scores(score(reference, current, contract), 0.0005, seed=0)
    hits = round(found.p_value * found.shuffles) - 1
    low, high = stats.binom.interval(1 - SURE, found.shuffles - 1, exact)
    assert low <= hits <= high
    assert found.own[0] == found.p_value


def test_a_column_beyond_the_reference_has_the_p_of_that_run(contract: Contract) -> None:
    """All 3 of 12 rows that are current lie at one end: once in 220 choices."""
    table = pd.DataFrame({"x": np.arange(12.0)})
    found = permute_scores(score(table[:9], table[9:], contract), 0.001, seed=0)
    assert found.tail_rows.tolist() == [3, 0]
    hits = round(found.tail_own[0] * found.shuffles) - 1
    low, high = stats.binom.interval(1 - SURE, found.shuffles - 1, 1 / 220)
    assert low <= hits <= high


def test_more_is_shuffled_only_where_the_level_asks_for_it_and_the_p_may_reach_it(
    scores: Scores, permuted: Permuted, contract: Contract
) -> None:
    assert permuted.p_value > 0.1
    assert permuted.shuffles == FIRST_SHUFFLES
    assert permute_scores(scores, 0.001, seed=0).shuffles == FIRST_SHUFFLES
    overtime = [draw_staff(90, seed)[["OverTime"]] for seed in (0, 1)]
    drifted = score(overtime[0], overtime[1].assign(OverTime="Yes"), contract)
    assert permute_scores(drifted, 0.05, seed=0).shuffles == FIRST_SHUFFLES
    found = permute_scores(drifted, 0.001, seed=0)
    assert (found.shuffles, found.p_value) == (3_000, 1 / 3_000)


def test_a_column_that_moved_wholly_makes_no_other_sure(contract: Contract) -> None:
    """Without a change, one of the others is sure in at most 5 % of choices of seeds."""
    tables = [draw_staff(rows, seed) for rows, seed in ((200, 0), (90, 1))]
    scores = score(tables[0], tables[1].assign(OverTime="Yes"), contract)
    found = permute_scores(scores, 0.05, seed=0)
    sure = {
        test.column
        for test, p_value in zip(scores.tests, found.adjusted, strict=True)
        if test.column and p_value <= 0.05
    }
    assert sure == {"OverTime"}


def test_many_small_shifts_are_surer_together_than_any_alone(contract: Contract) -> None:
    """By a twelfth of a deviation in each of 30 columns: in 20 of 20 other draws it was so.

    Were it so in 95 % of draws, it would be in fewer than 3 of 6 once in 10,000 choices of seeds.
    """
    surer = 0
    for seed in range(6):
        rng = np.random.default_rng([5, seed])
        reference = pd.DataFrame(rng.normal(size=(400, 30))).add_prefix("x")
        current = pd.DataFrame(rng.normal(1 / 12, 1, size=(400, 30))).add_prefix("x")
        scores = score(reference, current, contract)
        found = permute_scores(scores, 0.05, seed)
        surer += found.together <= min(0.05, *found.adjusted[scores.select(Family.VALUES)])
    assert surer >= 3


def test_protected_columns_are_left_out_of_the_sum(contract: Contract) -> None:
    """Age and gender alone moved, and the two columns that the model uses are as before."""
    reference = draw_staff(300, 0)[["Age", "Gender", "OverTime", "JobSatisfaction"]]
    current = reference.assign(Age=reference["Age"] + 5, Gender="Male")
    found = permute_scores(score(reference, current, contract), 0.05, seed=0)
    assert found.p_value == 1 / FIRST_SHUFFLES
    assert found.together > 0.05
