import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.monitoring.summaries import (
    DENSE,
    ValueCounts,
    align,
    compute_chi_square_p,
    compute_ks_p,
    count_values,
    measure_ks_distance,
    measure_total_variation,
)

RNG = np.random.default_rng(0)
SAMPLES = {
    "floats": (RNG.normal(0, 1, 700), RNG.normal(0.1, 1.1, 400)),
    "floats that partly are missing": (
        np.where(RNG.random(700) < 0.2, np.nan, RNG.normal(size=700)),
        np.where(RNG.random(400) < 0.6, np.nan, RNG.normal(size=400)),
    ),
    "floats with ties": (RNG.normal(size=700).round(1), RNG.normal(0.2, 1, 400).round(1)),
    "small integers": (RNG.integers(1, 6, 700), RNG.integers(2, 6, 400)),
    "negative integers": (RNG.integers(-40, -10, 700), RNG.integers(-45, 5, 400)),
    "integers far apart": (RNG.integers(0, 9, 700) * DENSE, RNG.integers(0, 8, 400) * DENSE),
    "no value in common": (RNG.integers(0, 5, 60), RNG.integers(5, 9, 80)),
}
EVERY_SAMPLE = pytest.mark.parametrize("sample", SAMPLES)


def drop_missing(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[~np.isnan(values)])


def count_both(sample: str) -> tuple[ValueCounts, ValueCounts]:
    before, now = SAMPLES[sample]
    return count_values(before), count_values(now)


@EVERY_SAMPLE
def test_values_are_counted_as_numpy_counts_them(sample: str) -> None:
    values = SAMPLES[sample][0]
    counts = count_values(values)
    expected, frequencies = np.unique(drop_missing(values), return_counts=True)
    np.testing.assert_array_equal(counts.values, expected)
    np.testing.assert_array_equal(counts.counts, frequencies)
    assert counts.missing == np.isnan(values).sum()
    assert counts.total == len(values) - counts.missing
    assert counts.mean == pytest.approx(np.nanmean(values), rel=1e-12)
    assert counts.deviation == pytest.approx(np.nanstd(values), rel=1e-12)


@EVERY_SAMPLE
def test_the_counts_of_two_parts_merged_are_those_of_the_whole(sample: str) -> None:
    whole = SAMPLES[sample][0]
    merged = count_values(whole[:230]).merge(count_values(whole[230:]))
    expected = count_values(whole)
    np.testing.assert_array_equal(merged.values, expected.values)
    np.testing.assert_array_equal(merged.counts, expected.counts)
    assert merged.missing == expected.missing


def test_a_part_without_any_value_changes_nothing_but_what_is_missing() -> None:
    counts = count_values(np.array([1.5, 1.5, 2.0]))
    for nothing in (np.full(4, np.nan), np.empty(0)):
        for merged in (
            counts.merge(count_values(nothing)),
            count_values(nothing).merge(counts),
        ):
            assert merged.values.tolist() == [1.5, 2.0]
            assert merged.counts.tolist() == [2, 1]
            assert merged.missing == len(nothing)


def test_aligned_counts_have_every_value_of_both_sides_once() -> None:
    before, now = count_values(np.array([1, 1, 3])), count_values(np.array([2, 3, 3, 3, 7]))
    values, mine, theirs = align(before, now)
    assert values.tolist() == [1, 2, 3, 7]
    assert mine.tolist() == [2, 0, 1, 0]
    assert theirs.tolist() == [0, 1, 3, 1]


@EVERY_SAMPLE
def test_the_ks_distance_and_its_p_are_scipys(sample: str) -> None:
    before, now = count_both(sample)
    known = [drop_missing(side) for side in SAMPLES[sample]]
    expected = stats.ks_2samp(known[0], known[1], method="asymp")
    distance = measure_ks_distance(before, now)
    assert distance == pytest.approx(expected.statistic, abs=1e-12)
    assert compute_ks_p(distance, before.total, now.total) == pytest.approx(
        expected.pvalue, rel=1e-9, abs=1e-12
    )


@EVERY_SAMPLE
def test_the_chi_square_p_and_the_total_variation_are_those_of_the_table_of_counts(
    sample: str,
) -> None:
    before, now = count_both(sample)
    sides = [pd.Series(drop_missing(values)) for values in SAMPLES[sample]]
    table = pd.crosstab(np.repeat([0, 1], [len(side) for side in sides]), pd.concat(sides).values)
    expected = stats.chi2_contingency(table, correction=False)
    assert compute_chi_square_p(before, now) == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-12)
    shares = table.div(table.sum(axis=1), axis=0)
    variation = (shares.loc[0] - shares.loc[1]).abs().sum() / 2
    assert measure_total_variation(before, now) == pytest.approx(variation, abs=1e-12)


def test_one_value_that_both_sides_share_is_no_difference() -> None:
    same = count_values(np.full(30, 7))
    assert compute_chi_square_p(same, same) == 1.0
    assert measure_ks_distance(same, same) == 0.0
