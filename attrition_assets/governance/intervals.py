"""95 % intervals of what a few people show: shares, ratios of shares, areas under the curve.

Only the arithmetic; what the numbers are held against is for `fairness`.
"""

from typing import Self

import numpy as np
import numpy.typing as npt

from attrition_assets.monitoring.performance import measure_auc
from attrition_assets.values import Value

Z = 1.959964


class Estimate(Value):
    """A number and the 95 % interval around it."""

    value: float
    low: float
    high: float

    def invert(self) -> Self:
        """One over it."""
        return type(self)(value=1 / self.value, low=1 / self.high, high=1 / self.low)

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def estimate_share(count: int, of: int) -> Estimate:
    """The share count / of, 0 to 1, with the score interval (Wilson, 1927)."""
    share, shrink = count / of, 1 + Z**2 / of
    middle = (share + Z**2 / (2 * of)) / shrink
    margin = Z * np.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2)) / shrink
    # Rounding must not put the interval's end on the wrong side of none or all.
    low, high = min(share, middle - margin), max(share, middle + margin)
    return Estimate(value=share, low=max(0.0, low), high=min(1.0, high))


def estimate_ratio(count: int, of: int, other_count: int, other_of: int) -> Estimate:
    """The ratio (count / of) / (other_count / other_of) of two shares of different people.

    The interval is that of the log-ratio (Katz et al., 1978). Where a count is zero, half a person
    is added to all four numbers (Walter, 1975), so that the ratio is finite.
    """
    half = 0.0 if count and other_count else 0.5
    a, n, b, m = count + half, of + half, other_count + half, other_of + half
    log_ratio = np.log(a / n) - np.log(b / m)
    margin = Z * np.sqrt(max(0.0, 1 / a - 1 / n + 1 / b - 1 / m))
    value, low, high = np.exp([log_ratio, log_ratio - margin, log_ratio + margin])
    return Estimate(value=float(value), low=float(low), high=float(high))


def estimate_auc(left: npt.NDArray[np.int64], score: npt.NDArray[np.float64]) -> Estimate:
    """Area under the ROC curve with the interval of DeLong et al. (1988), cut at 0 and 1.

    Needs two people or more of each outcome.
    """
    auc, error = measure_auc(left == 1, score)
    margin = Z * error
    return Estimate(value=auc, low=max(0.0, auc - margin), high=min(1.0, auc + margin))
