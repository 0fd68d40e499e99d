"""Value counts of a column, and what two tables' counts of it tell of their difference.

Counts can be merged: those of two parts of a table, merged, are those of the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

Matrix = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

# Up to so many whole numbers between the lowest and the highest are counted in one array.
DENSE = 1 << 20
# A column of more distinct values than this, all above 0, holds amounts.
AMOUNTS = 20


@dataclass(frozen=True)
class ValueCounts:
    """How often each value of a column occurs: `values` ascending, and how many are missing."""

    values: npt.NDArray[np.int64] | Matrix
    counts: Counts
    missing: int = 0

    @cached_property
    def total(self) -> int:
        """How many rows have a value."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """How many rows there are, with a value and without."""
        return self.total + self.missing

    @cached_property
    def mean(self) -> float:
        """The mean of the values, which are numbers."""
        return float(self.values.astype(np.float64) @ self.counts) / self.total

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of the values, which are numbers."""
        return float(np.sqrt((self.values - self.mean) ** 2 @ self.counts / self.total))

    @cached_property
    def distinct(self) -> npt.NDArray[np.int64] | Matrix:
        """The values that occur, ascending."""
        return self.values[self.counts > 0]

    def share(self, value: float) -> float:
        """The share of the known values that are this one, 0..1."""
        return int(self.counts[self.values == value].sum()) / self.total

    def quantiles(self, shares: Sequence[float]) -> Matrix:
        """The values below which these shares lie, between two values in proportion, as NumPy."""
        upto = np.cumsum(self.counts)
        places = np.asarray(shares) * (self.total - 1)
        low, high = (
            self.values[np.searchsorted(upto, each, side="right")].astype(np.float64)
            for each in (np.floor(places), np.ceil(places))
        )
        return np.asarray(low + (high - low) * (places - np.floor(places)))

    def select(self, kept: npt.NDArray[np.bool_]) -> "ValueCounts":
        """The counts of some of the values."""
        return ValueCounts(self.values[kept], self.counts[kept])

    @property
    def holds_amounts(self) -> bool:
        """Whether percent of the mean make sense: many different values, all above 0."""
        return len(self.values) > AMOUNTS and bool(self.values[0] > 0)

    def equals(self, other: "ValueCounts") -> bool:
        """Whether both count the same values the same number of times."""
        mine, theirs = (each.select(each.counts > 0) for each in (self, other))
        return self.missing == other.missing and bool(
            np.array_equal(mine.values, theirs.values)
            and np.array_equal(mine.counts, theirs.counts)
        )

    def merge(self, other: "ValueCounts") -> "ValueCounts":
        """The counts of both parts of a column."""
        values, mine, theirs = align(self, other)
        return ValueCounts(values, mine + theirs, self.missing + other.missing)


def count_values(values: npt.NDArray[np.int64] | Matrix) -> ValueCounts:
    """Count a column's values; NaN is missing. Sorting costs n log n, small integers n."""
    if values.dtype == np.float64:
        known: Matrix = np.sort(values)  # NaN last
        missing = int(np.isnan(known).sum())
        known = known[: len(known) - missing]
        firsts = np.flatnonzero(np.concatenate([[True], known[1:] != known[:-1]])[: len(known)])
        return ValueCounts(known[firsts], np.diff(np.append(firsts, len(known))), missing)
    if not len(values):
        return ValueCounts(values, np.empty(0, dtype=np.int64))
    low, high = int(values.min()), int(values.max())
    if high - low > DENSE:
        distinct, found = np.unique(values.astype(np.int64), return_counts=True)
        return ValueCounts(distinct, found.astype(np.int64))
    dense = np.bincount(values - low if low else values)
    present = np.flatnonzero(dense)
    return ValueCounts(present + low, dense[present].astype(np.int64))


def align(
    before: ValueCounts, now: ValueCounts
) -> tuple[npt.NDArray[np.int64] | Matrix, Counts, Counts]:
    """The values of both, ascending, and the counts of each side, 0 where it has none."""
    if np.array_equal(before.values, now.values):
        return before.values, before.counts, now.counts
    values = np.concatenate([before.values, now.values])
    order = np.argsort(values, kind="stable")
    values = values[order]
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    sides = np.zeros((2, len(values)), dtype=np.int64)
    from_before = order < len(before.values)
    sides[0, from_before] = before.counts[order[from_before]]
    sides[1, ~from_before] = now.counts[order[~from_before] - len(before.values)]
    totals = np.add.reduceat(sides, starts, axis=1)
    return values[starts], totals[0], totals[1]


def measure_ks_distance(before: ValueCounts, now: ValueCounts) -> float:
    """The largest difference between the two distribution functions (0..1)."""
    mine, theirs = (
        np.concatenate([[0.0], np.cumsum(side.counts) / side.total]) for side in (before, now)
    )
    at_mine = theirs[np.searchsorted(now.values, before.values, side="right")]
    at_theirs = mine[np.searchsorted(before.values, now.values, side="right")]
    return float(max(np.abs(mine[1:] - at_mine).max(), np.abs(theirs[1:] - at_theirs).max()))


def measure_total_variation(before: ValueCounts, now: ValueCounts) -> float:
    """Half of the summed differences in shares (0..1)."""
    _, mine, theirs = align(before, now)
    return float(np.abs(mine / before.total - theirs / now.total).sum() / 2)


def compute_ks_p(distance: float, before: int, now: int) -> float:
    """The asymptotic p-value of a KS distance between so many rows, as SciPy gives it."""
    return float(stats.kstwo.sf(distance, np.round(before * now / (before + now))))


def compute_chi_square_p(before: ValueCounts, now: ValueCounts) -> float:
    """The p-value of the two-sample chi-square test, as SciPy gives it without correction."""
    _, mine, theirs = align(before, now)
    table = np.array([mine, theirs])[:, mine + theirs > 0]
    if table.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(table, correction=False).pvalue)
