"""Two-sample tests of one array, as SciPy has them: a p-value and an effect out.

No tables, no thresholds, no verdicts: what is tested, and what follows, is for the detectors.
Neither sample is taken as known: a one-sample test against the reference alarms far too often.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Numbers = npt.NDArray[np.float64]


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


def compare_flags(
    reference: npt.NDArray[np.bool_], current: npt.NDArray[np.bool_]
) -> TwoSampleResult:
    """Compare the shares of two samples that are true, by Fisher's exact test.

    The effect is the difference of the shares.
    """
    table = np.array([[side.sum(), (~side).sum()] for side in (reference, current)])
    p_value = float(stats.fisher_exact(table).pvalue)
    difference = float(abs(reference.mean() - current.mean()))
    return TwoSampleResult("Fisher exact", p_value, difference, "difference of shares")
