"""Two-sample tests of one column: arrays in, a p-value and an effect out.

No tables, no thresholds, no verdicts: what is tested, and what follows, is for the detectors.
Neither sample is taken as known: a one-sample test against the reference alarms far too often.
"""

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

TABLES = 10_000
BATCH = 1_000
SMALLEST_EXPECTED = 5.0
SEED = 0
MISSING_RATE = "missing rate"

Numbers = npt.NDArray[np.float64]
Values = npt.NDArray[np.object_]


@dataclass(frozen=True)
class TwoSampleResult:
    """A p-value, and how far apart the samples are: `effect` in 0..1, as `effect_measure` says."""

    method: str
    p_value: float
    effect: float
    effect_measure: str


def compare_continuous(reference: Numbers, current: Numbers) -> TwoSampleResult:
    """Compare two samples of numbers by the Kolmogorov-Smirnov test, exact to 10,000 rows a side.

    Neither may hold NaN. With ties the test is conservative.
    """
    with warnings.catch_warnings():
        # Where exact arithmetic overflows, SciPy says so and falls back to the asymptotic p.
        warnings.filterwarnings("ignore", r"\s*ks_2samp: Exact calculation", RuntimeWarning)
        result = stats.ks_2samp(reference, current)
    return TwoSampleResult(
        "Kolmogorov-Smirnov", float(result.pvalue), float(result.statistic), "KS distance"
    )


def compare_ordinal(reference: Numbers, current: Numbers) -> TwoSampleResult:
    """Compare two samples of ordered levels by the Mann-Whitney test with correction for ties.

    Sees a shift up or down the levels, not a spread that leaves the location where it was. The
    effect is the KS distance over the levels. The samples must not all be one level.
    """
    shift = stats.mannwhitneyu(reference, current, method="asymptotic")
    distance = stats.ks_2samp(reference, current, method="asymp").statistic
    return TwoSampleResult("Mann-Whitney", float(shift.pvalue), float(distance), "KS distance")


def compare_nominal(reference: Values, current: Values) -> TwoSampleResult:
    """Compare two samples of unordered levels by the two-sample chi-square test.

    Where an expected count is below 5, the p-value is the share of 10,000 random tables with the
    same margins whose chi-square is at least as large (seeded: same samples, same p). Levels that
    only one side has count as any other. The effect is the total variation distance.
    """
    levels = sorted({*reference, *current}, key=str)
    counts = [Counter(side) for side in (reference, current)]
    table = np.array([[count[level] for level in levels] for count in counts])
    shares = table / table.sum(axis=1, keepdims=True)
    variation = float(np.abs(shares[0] - shares[1]).sum() / 2)
    if len(levels) == 1:
        return TwoSampleResult("chi-square", 1.0, 0.0, "total variation")
    test = stats.chi2_contingency(table, correction=False)
    if test.expected_freq.min() >= SMALLEST_EXPECTED:
        return TwoSampleResult("chi-square", float(test.pvalue), variation, "total variation")
    p_value = _permute_table(table, test.expected_freq, float(test.statistic))
    return TwoSampleResult("chi-square by permutation", p_value, variation, "total variation")


def _permute_table(table: npt.NDArray[np.int_], expected: Numbers, chi_square: float) -> float:
    rng = np.random.default_rng(SEED)
    margins = stats.random_table(table.sum(axis=1), table.sum(axis=0))
    at_least = 0
    for _ in range(TABLES // BATCH):
        drawn = margins.rvs(BATCH, random_state=rng)
        chi_squares = ((drawn - expected) ** 2 / expected).sum(axis=(1, 2))
        at_least += int(np.sum(chi_squares >= chi_square * (1 - 1e-9)))
    return (1 + at_least) / (1 + TABLES)


def compare_missing(
    reference: npt.NDArray[np.bool_], current: npt.NDArray[np.bool_]
) -> TwoSampleResult:
    """Compare rates of missing values by Fisher's exact test; the effect is their difference."""
    table = np.array([[side.sum(), (~side).sum()] for side in (reference, current)])
    p_value = float(stats.fisher_exact(table).pvalue)
    difference = float(abs(reference.mean() - current.mean()))
    return TwoSampleResult("Fisher exact, missing values", p_value, difference, MISSING_RATE)
