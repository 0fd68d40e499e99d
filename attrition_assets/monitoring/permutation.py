"""The joint permutation test: whether any of many properties differs between two tables.

Which rows are current is shuffled for all columns at once, so that the level holds whatever the
number of columns, their kinds and how they depend on each other. What the properties are is for
`scores`; what counts as drift for `row_test`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import special

from attrition_assets.monitoring.scores import Family, Matrix, Scores, TailScan

FIRST_SHUFFLES = 500
CLEAR = 20
BATCH = 250
TINY = 1e-300

# How the level is shared by the families: most to those that see what a company does to its staff.
SHARES: Final[Mapping[Family, float]] = MappingProxyType(
    {
        Family.VALUES: 0.25,
        Family.SUM: 0.15,
        Family.COMPONENTS: 0.25,
        Family.CONDITIONAL: 0.25,
        Family.RELATION: 0.05,
        Family.MISSING: 0.025,
        Family.RANGE: 0.025,
    }
)


@dataclass(frozen=True)
class Permuted:
    """What came out: `p_value` of all tests together, and each test's own and adjusted p.

    The arrays follow `Scores.tests`, `Scores.pair_tests` and `Scores.tails`. Adjusted p-values are
    those of the single-step min-p method (Westfall and Young, 1993), tests weighted by their
    family's share. `together` is that of the tests of all columns that the model uses.
    """

    p_value: float
    shuffles: int
    own: Matrix
    adjusted: Matrix
    pair_own: Matrix
    pair_adjusted: Matrix
    tail_own: Matrix
    tail_adjusted: Matrix
    tail_rows: npt.NDArray[np.intp]
    together: float


def permute_scores(scores: Scores, level: float, seed: int) -> Permuted:
    """Hold the observed scores against those of shuffled rows, `seed` settling the shuffles.

    500 shuffles; where their p is not clearly above `level`, as many more as it takes to resolve a
    third of it. Stopping early can only keep an alarm from being raised, so the level is kept.
    """
    rng = np.random.default_rng(seed)
    statistics = _Statistics(scores)
    statistics.add(_observe(scores))
    wanted = max(FIRST_SHUFFLES, int(np.ceil(3 / level)))
    statistics.shuffle(FIRST_SHUFFLES - 1, rng)
    found = statistics.summarise()
    if wanted > FIRST_SHUFFLES and not is_clear(found.p_value, level):
        statistics.shuffle(wanted - FIRST_SHUFFLES, rng)
        found = statistics.summarise()
    return found


def is_clear(p_value: float, level: float) -> bool:
    """Whether a p-value from a few shuffles is so far above the level that no more are needed."""
    return p_value > max(0.1, CLEAR * level)


def _observe(scores: Scores) -> Matrix:
    labels = np.ones((1, len(scores.blocks)))
    labels[0, : scores.reference_rows] = 0
    return labels


class _Statistics:
    """The statistics of the observed labels, row 0, and of all shuffles so far."""

    def __init__(self, scores: Scores) -> None:
        self.scores = scores
        rows, before = len(scores.blocks), scores.reference_rows
        self.current_rows = rows - before
        # The permutation variance of a sum over the current rows, for scores of variance 1.
        self.scale = np.sqrt(self.current_rows * before / rows)
        self.tails = _approximate_tails(scores)
        self.lengths: list[Matrix] = []
        self.pairs: list[Matrix] = []
        self.runs: list[npt.NDArray[np.intp]] = []
        self.observed_pairs: Matrix = np.empty(0)

    def shuffle(self, count: int, rng: np.random.Generator) -> None:
        labels = _observe(self.scores)
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            self.add(rng.permuted(np.repeat(labels, size, axis=0), axis=1))

    def add(self, labels: Matrix) -> None:
        scores = self.scores
        sums = labels @ scores.blocks / self.scale
        self.lengths.append(
            np.add.reduceat(sums**2, scores.starts, axis=1)
            if len(scores.starts)
            else np.empty((len(labels), 0))
        )
        z = np.abs(labels @ scores.pairs) / self.scale
        if not self.pairs:
            self.observed_pairs = z[0]
        self.pairs.append(z.max(axis=1, initial=0.0))
        self.runs.append(
            np.column_stack([_count_beyond(labels, tail) for tail in scores.tails])
            if scores.tails
            else np.empty((len(labels), 0), dtype=np.intp)
        )

    def summarise(self) -> Permuted:
        lengths, runs = np.concatenate(self.lengths), np.concatenate(self.runs)
        mean, deviation, freedom = self.tails
        p = special.chdtrc(
            freedom,
            np.maximum(
                freedom + (lengths - mean) / deviation * np.sqrt(2 * freedom), np.finfo(float).tiny
            ),
        )
        share = self.current_rows / len(self.scores.blocks)
        tail_p = share ** runs.astype(float)
        weights, pair_weight, tail_weight = self._weigh()
        weighted, tail_weighted = p * weights, tail_p * tail_weight
        sums = self._add_up(p)
        smallest = np.minimum.reduce(
            [
                sums,
                special.erfc(np.concatenate(self.pairs) / np.sqrt(2)) * pair_weight,
                *([weighted.min(axis=1)] if weighted.size else []),
                *([tail_weighted.min(axis=1)] if tail_weighted.size else []),
            ]
        )
        pair_p = special.erfc(self.observed_pairs / np.sqrt(2))
        ordered = np.sort(smallest)

        def adjust(values: npt.ArrayLike) -> Matrix:
            at_most = np.searchsorted(ordered, np.asarray(values) * (1 + 1e-9), side="right")
            return np.asarray(np.maximum(at_most, 1) / len(ordered))

        adjusted, components = adjust(weighted[0]), self.scores.select(Family.COMPONENTS)
        return Permuted(
            p_value=float(adjust(smallest[0])),
            shuffles=len(smallest),
            own=np.asarray((lengths >= lengths[0] * (1 - 1e-9)).mean(axis=0)),
            adjusted=adjusted,
            pair_own=pair_p,
            pair_adjusted=adjust(pair_p * pair_weight),
            tail_own=np.asarray((runs >= runs[0]).mean(axis=0)),
            tail_adjusted=adjust(tail_weighted[0]),
            tail_rows=runs[0],
            together=float(min(adjusted[components].min(initial=1.0), adjust(sums[0]))),
        )

    def _weigh(self) -> tuple[Matrix, float, float]:
        """What each test's p is multiplied by: the tests of its family over the family's share."""
        tests = self.scores.tests
        weights = np.zeros(len(tests))
        for family in Family:
            chosen = self.scores.select(family)
            weights[chosen] = len(chosen) / SHARES[family]
        return (
            weights,
            len(self.scores.pair_tests) / SHARES[Family.RELATION] or np.inf,
            len(self.scores.tails) / SHARES[Family.RANGE],
        )

    def _add_up(self, p: Matrix) -> Matrix:
        """Weighted p of the sum of -2 ln p over the values of the columns that the model uses.

        Fisher's sum; its spread, with columns that depend on each other, from the shuffles
        themselves, as a gamma distribution.
        """
        chosen = [i for i in self.scores.select(Family.VALUES) if self.scores.tests[i].used]
        if len(chosen) < 2:
            return np.full(len(p), np.inf)
        sums = -2 * np.log(np.maximum(p[:, chosen], TINY)).sum(axis=1)
        mean, variance = sums.mean(), sums.var()
        tail = special.gammaincc(mean**2 / variance, sums * mean / variance)
        return np.asarray(tail / SHARES[Family.SUM])


def _approximate_tails(scores: Scores) -> tuple[Matrix, Matrix, Matrix]:
    """Mean, standard deviation and degrees of freedom of each test's statistic.

    A sum of squares of correlated normals has the tail of a chi-square with its first three moments
    (Pearson, 1959).
    """
    ends = [*scores.starts[1:], scores.blocks.shape[1]]
    moments = []
    for start, end in zip(scores.starts, ends, strict=True):
        block = scores.blocks[:, start:end]
        covariance = block.T @ block / (len(block) - 1)
        square = covariance @ covariance
        second, third = np.trace(square), np.sum(square * covariance)
        moments.append((np.trace(covariance), np.sqrt(2 * second), second**3 / third**2))
    mean, deviation, freedom = np.array(moments).reshape(-1, 3).T
    return mean, deviation, freedom


def _count_beyond(labels: Matrix, tail: TailScan) -> npt.NDArray[np.intp]:
    """How many current rows lie beyond every reference row, at this end of the column."""
    is_reference = labels[:, tail.rows] == 0
    first = np.where(is_reference.any(axis=1), is_reference.argmax(axis=1), len(tail.rows) - 1)
    return np.asarray(tail.beyond[first])
