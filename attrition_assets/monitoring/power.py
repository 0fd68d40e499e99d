"""What a test could have seen: the smallest shift that it finds with 80 % probability.

Said with every "no drift", since a test that could see nothing also finds nothing.
"""

from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from scipy import optimize, stats

from attrition_assets.contract import Kind
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.report import Detectable
from attrition_assets.monitoring.summaries import ValueCounts

POWER = 0.80
# A shift of the mean of normal values by one standard deviation moves their distribution function
# by the normal density at 0, nearly.
KS_PER_DEVIATION = 0.4


class Spread(NamedTuple):
    """What of a column's counts decides which shifts can be seen.

    `rows` is the harmonic sum of both sides' values; of a nominal column `deviation` is that of its
    most even level, and `levels` how many there are.
    """

    rows: float
    deviation: float
    mean: float = 0.0
    levels: int = 0
    holds_amounts: bool = False

    @classmethod
    def of_counts(cls, kind: Kind, before: ValueCounts, now: ValueCounts) -> Self:
        """The spread of a column that both sides have values of."""
        rows = 1 / (1 / before.total + 1 / now.total)
        if kind != Kind.NOMINAL:
            return cls(rows, before.deviation, before.mean, holds_amounts=before.holds_amounts)
        largest = before.counts.max() / before.total
        return cls(rows, float(np.sqrt(largest * (1 - largest))), levels=len(before.distinct))


def find_smallest_shift(
    tested: ComparedColumn, spread: Spread, level: float, effect_floor: float
) -> Detectable:
    """The smallest shift of a column that a test of its values finds at `level`, between strangers.

    By the noncentral chi-square distribution: of one and a half degrees of freedom for numbers, as
    Anderson-Darling's statistic has nearly, of one for each further level of the others. A shift is
    at least so large that the measured effect exceeds `effect_floor` with the same probability.
    """
    rows, deviation = spread.rows, spread.deviation
    margin = stats.norm.ppf(POWER) / np.sqrt(rows)  # in standard deviations of a row's value
    if tested.kind == Kind.NOMINAL:
        freedom = max(1, spread.levels - 1)
        shift = deviation * np.sqrt(_find_noncentrality(level, freedom) / rows)
        return Detectable.of_share(
            tested.column, float(max(shift, effect_floor + margin * deviation))
        )
    # At the median, the share of values below has a standard deviation of one half.
    counts = (effect_floor + margin / 2) / KS_PER_DEVIATION
    shift = max(np.sqrt(_find_noncentrality(level, 1.5) / rows), counts)
    shifted = float(shift) * deviation
    return Detectable.of_mean(tested.column, spread.mean, shifted, spread.holds_amounts)


@lru_cache(maxsize=1024)
def _find_noncentrality(level: float, freedom: float) -> float:
    """How far a chi-square must be shifted to exceed its own critical value with 80 %."""
    critical = stats.chi2.isf(level, freedom)
    return float(
        optimize.brentq(
            lambda shift: stats.ncx2.sf(critical, freedom, shift) - POWER, 1e-6, 10 * critical + 100
        )
    )
