import numpy as np
import pytest
from scipy import stats

from attrition_assets.monitoring.two_sample import compare_continuous, compare_flags


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_numbers_are_compared_by_scipys_exact_ks_test(rng: np.random.Generator) -> None:
    reference, current = rng.normal(0, 1, 735), rng.normal(0.2, 1, 122)
    expected = stats.ks_2samp(reference, current, method="exact")
    result = compare_continuous(reference, current)
    assert (result.p_value, result.effect) == (expected.pvalue, expected.statistic)
    assert (result.method, result.effect_measure) == ("Kolmogorov-Smirnov", "KS distance")


def test_above_ten_thousand_rows_the_p_is_asymptotic(rng: np.random.Generator) -> None:
    reference, current = rng.normal(0, 1, 10_001), rng.normal(0.05, 1, 500)
    expected = stats.ks_2samp(reference, current, method="asymp")
    assert compare_continuous(reference, current).p_value == expected.pvalue


def test_equal_samples_have_p_1_and_no_effect() -> None:
    same = np.array([0.1, 0.1, 0.4])
    assert (compare_continuous(same, same).p_value, compare_continuous(same, same).effect) == (1, 0)


def test_flagged_shares_are_compared_by_fishers_exact_test() -> None:
    reference, current = np.arange(200) < 2, np.arange(100) < 20
    result = compare_flags(reference, current)
    assert result.p_value == stats.fisher_exact(np.array([[2, 198], [20, 80]])).pvalue
    assert result.effect == pytest.approx(0.19)
    assert (result.method, result.effect_measure) == ("Fisher exact", "difference of shares")


def test_flags_differ_as_much_whichever_side_is_the_reference() -> None:
    few, many = np.arange(80) < 4, np.arange(50) < 15
    there, back = compare_flags(few, many), compare_flags(many, few)
    assert there.p_value == pytest.approx(back.p_value, rel=1e-9)
    assert there.effect == back.effect


@pytest.mark.parametrize("share", [0, 60])
def test_flags_that_are_all_alike_have_p_1(share: int) -> None:
    result = compare_flags(np.arange(60) < share, np.arange(60) < share)
    assert (result.p_value, result.effect) == (1.0, 0.0)


def test_flag_alarms_without_a_change_are_at_most_as_frequent_as_declared(
    rng: np.random.Generator,
) -> None:
    """300 draws alarm more than 33 times at most once in 10^5 choices of seeds."""
    alarms = sum(
        compare_flags(rng.random(300) < 0.2, rng.random(60) < 0.2).p_value <= 0.05
        for _ in range(300)
    )
    assert alarms <= stats.binom.isf(1e-5, 300, 0.05)
