"""Fairlearn's differences between groups, the names that papers and auditors use.

Fairlearn is imported to measure them.
"""

from enum import StrEnum

import numpy as np
import numpy.typing as npt


class Difference(StrEnum):
    """What is measured, by the name of its function in `fairlearn.metrics`."""

    PARITY = "demographic_parity_difference"
    ODDS = "equalized_odds_difference"


def measure_difference(
    difference: Difference,
    left: npt.NDArray[np.int64],
    flagged: npt.NDArray[np.bool_],
    groups: npt.NDArray[np.intp],
) -> float:
    """The largest difference between any two of `groups`, 0 to 1; a value a person.

    Parity: of the share flagged. Odds: of the share flagged among those who left or among those who
    stayed, whichever differs more.
    """
    from fairlearn import metrics

    measure = getattr(metrics, difference)
    return float(measure(left, flagged.astype("int64"), sensitive_features=groups))
