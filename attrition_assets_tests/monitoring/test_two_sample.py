import numpy as np
import pytest
from scipy import stats

from attrition_assets.monitoring.two_sample import (
    compare_continuous,
    compare_missing,
    compare_nominal,
    compare_ordinal,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_continuous_p_and_distance_are_those_of_scipys_exact_test(rng: np.random.Generator) -> None:
    reference, current = rng.normal(0, 1, 735), rng.normal(0.2, 1, 122)
    expected = stats.ks_2samp(reference, current, method="exact")
    result = compare_continuous(reference, current)
    assert (result.p_value, result.effect) == (expected.pvalue, expected.statistic)


def test_ordinal_p_is_scipys_mann_whitney_corrected_for_ties(rng: np.random.Generator) -> None:
    reference, current = (
        rng.integers(1, top, rows).astype(np.float64) for top, rows in ((5, 735), (4, 122))
    )
    expected = stats.mannwhitneyu(reference, current, method="asymptotic")
    result = compare_ordinal(reference, current)
    assert result.p_value == expected.pvalue
    assert result.effect == stats.ks_2samp(reference, current, method="asymp").statistic


def test_nominal_p_is_that_of_scipys_two_sample_chi_square() -> None:
    reference = np.array(["a"] * 60 + ["b"] * 40, dtype=object)
    current = np.array(["a"] * 20 + ["b"] * 30, dtype=object)
    result = compare_nominal(reference, current)
    expected = stats.chi2_contingency([[60, 40], [20, 30]], correction=False)
    assert result.method == "chi-square"
    assert result.p_value == expected.pvalue
    assert result.effect == pytest.approx(0.2)


def test_rare_levels_get_the_share_of_random_tables_that_fishers_test_gives_exactly() -> None:
    reference = np.array(["rare"] * 9 + ["b"] * 191, dtype=object)
    current = np.array(["rare"] * 8 + ["b"] * 42, dtype=object)
    result = compare_nominal(reference, current)
    exact = stats.fisher_exact(np.array([[9, 191], [8, 42]])).pvalue
    assert result.method == "chi-square by permutation"
    # The Monte Carlo error is at most .0011 (one standard error of 10,000 tables near .01).
    assert result.p_value == pytest.approx(exact, abs=0.005)
    assert result == compare_nominal(reference, current)


def test_a_renamed_rare_level_is_certain() -> None:
    reference = np.array(["hr"] * 50 + ["b"] * 950, dtype=object)
    current = np.array(["people"] * 20 + ["b"] * 380, dtype=object)
    result = compare_nominal(reference, current)
    assert result.p_value < 0.001
    assert result.effect == pytest.approx(0.05)


def test_a_single_shared_level_is_no_difference() -> None:
    same = np.array(["a"] * 40, dtype=object)
    assert compare_nominal(same, same).p_value == 1.0


def test_missing_rates_are_compared_by_fishers_exact_test() -> None:
    reference, current = np.arange(200) < 2, np.arange(100) < 20
    result = compare_missing(reference, current)
    assert result.p_value == stats.fisher_exact(np.array([[2, 198], [20, 80]])).pvalue
    assert result.effect == pytest.approx(0.19)
