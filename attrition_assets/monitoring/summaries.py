"""What a large table is reduced to: value counts of a column, moments of all columns together.

Both can be merged: those of two parts of a table, merged, are those of the table. What follows from
two tables' summaries is for `large_tables`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

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

    @cached_property
    def mean(self) -> float:
        """The mean of the values, which are numbers."""
        return float(self.values @ self.counts) / self.total

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of the values, which are numbers."""
        return float(np.sqrt((self.values - self.mean) ** 2 @ self.counts / self.total))

    @property
    def holds_amounts(self) -> bool:
        """Whether percent of the mean make sense: many different values, all above 0."""
        return len(self.values) > AMOUNTS and bool(self.values[0] > 0)

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
    if len(mine) < 2:
        return 1.0
    return float(stats.chi2_contingency(np.array([mine, theirs]), correction=False).pvalue)


@dataclass(frozen=True)
class Moments:
    """Sums over the rows of some columns, for pairs of columns that both have a value.

    `rows[i, j]` counts such rows; `sums[i, j]` adds column i over them, `squares[i, j]` its square,
    `products[i, j]` the product of columns i and j.
    """

    rows: Matrix
    sums: Matrix
    squares: Matrix
    products: Matrix

    @classmethod
    def add_up(cls, table: Matrix | npt.NDArray[np.float32]) -> Self:
        """The moments of a table (rows x columns), NaN where a value is missing."""
        if not np.isnan(table.sum()):
            columns = table.shape[1]
            total = table.sum(axis=0, dtype=np.float64)
            products = _multiply(table, table)
            return cls(
                np.full((columns, columns), float(len(table))),
                np.repeat(total[:, None], columns, axis=1),
                np.repeat(np.diag(products)[:, None], columns, axis=1),
                products,
            )
        known = (~np.isnan(table)).astype(table.dtype)
        filled = np.nan_to_num(table)
        return cls(
            _multiply(known, known),
            _multiply(filled, known),
            _multiply(filled**2, known),
            _multiply(filled, filled),
        )

    def merge(self, other: Self) -> Self:
        """The moments of both parts of a table."""
        return type(self)(
            self.rows + other.rows,
            self.sums + other.sums,
            self.squares + other.squares,
            self.products + other.products,
        )

    @property
    def means(self) -> Matrix:
        """The mean of each column over the rows where it has a value."""
        return np.asarray(np.diag(self.sums) / np.diag(self.rows))

    @property
    def covariance(self) -> Matrix:
        """The covariance of each pair of columns, over the rows that have both; 0 without any."""
        rows, means = np.maximum(self.rows, 1), self._shared_means
        return np.asarray(self.products / rows - means * means.T)

    @property
    def correlation(self) -> Matrix:
        """Pearson's correlation of each pair of columns, over the rows that have both."""
        # A column's own variance over the rows that it shares with another, not over all of its.
        variances = self.squares / np.maximum(self.rows, 1) - self._shared_means**2
        scale = np.sqrt(np.maximum(variances * variances.T, 0))
        return np.asarray(self.covariance / np.where(scale > 0, scale, np.inf))

    @property
    def _shared_means(self) -> Matrix:
        return np.asarray(self.sums / np.maximum(self.rows, 1))


def _multiply(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> Matrix:
    return np.asarray(left.T @ right, dtype=np.float64)
