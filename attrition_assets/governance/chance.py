"""Whether a group's count may be chance: one permutation test over all groups at once.

Who is flagged is dealt out anew among all people, each keeping all their groups; what the groups
are, and which counts are looked at, is for `fairness`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.special import gammaln

Counts = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
# Two-sided p-values that differ by rounding are the same.
SAME = 1 + 1e-9
BATCH = 250
# What drawing one hypergeometric number costs, in people shuffled.
DRAW_COST = 30


@dataclass(frozen=True)
class Cells:
    """Groups to be tested together, of the same people.

    `members` (people x groups, bool) tells who is in which; `family` numbers each group's family,
    which shares the level evenly with the other families, whatever their numbers of groups.
    """

    members: npt.NDArray[np.bool_]
    family: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Chance:
    """What came out, a value a group.

    `p_values` are adjusted; `limits` are the largest two-sided p that a group's count can have by
    itself (`tell_counts`) to stand out at the level: how little a small group can show.
    """

    p_values: Numbers
    limits: Numbers


def adjust_for_chance(
    flagged: npt.NDArray[np.bool_],
    cells: Cells,
    *,
    strata: npt.NDArray[np.int64] | None = None,
    level: float,
    permutations: int,
    seed: int,
) -> Chance:
    """The p-value of each group's count of flagged people, adjusted for all groups looked at.

    Each count's own two-sided p against everybody else is exact (the permuted count is
    hypergeometric); the smallest p over all groups, weighted by family, is held against its
    distribution when flags are dealt anew: the single-step min-p method (Westfall and Young, 1993).
    Under no difference at all, any adjusted p falls to `level` or below with that probability.

    With `strata`, flags are dealt within each stratum only and every group is tested in each: with
    those who left and those who stayed as strata, this tests equal odds.

    The order of people changes nothing: what is drawn are the flags of each combination of groups.
    """
    strata = np.zeros(len(flagged), dtype=np.int64) if strata is None else strata
    rng = np.random.default_rng(seed)
    weight = np.bincount(cells.family)[cells.family] * float(len(np.unique(cells.family)))
    blocks = []
    for stratum in np.unique(strata):
        inside = strata == stratum
        combinations, which = np.unique(cells.members[inside], axis=0, return_inverse=True)
        which = which.reshape(-1)
        observed = np.bincount(which[flagged[inside]], minlength=len(combinations))
        dealt = _deal(np.bincount(which), int(observed.sum()), permutations, rng, combinations)
        counts = np.vstack([observed @ combinations.astype(np.int64), dealt])
        blocks.append(weight * _weigh_counts(counts, cells.members[inside], flagged[inside]))
    smallest = np.min(blocks, axis=0)
    ordered = np.sort(smallest.min(axis=1))
    adjusted = _rank(smallest[0], ordered)
    called = ordered[_rank(ordered, ordered) <= level]
    return Chance(p_values=adjusted, limits=called.max(initial=0.0) / weight)


def _deal(
    sizes: Counts,
    flagged: int,
    permutations: int,
    rng: np.random.Generator,
    combinations: npt.NDArray[np.bool_],
) -> Counts:
    """Counts of flagged in each group, a row a deal; `sizes` are the people of each combination."""
    groups = sparse.csr_array(combinations.astype(np.int64))
    # The first method draws a number a combination, the second shuffles the people.
    few = len(sizes) * DRAW_COST < sizes.sum()
    method: Literal["marginals", "count"] = "marginals" if few else "count"
    batches = [min(BATCH, permutations - done) for done in range(0, permutations, BATCH)]
    return np.vstack(
        [
            np.asarray(rng.multivariate_hypergeometric(sizes, flagged, batch, method) @ groups)
            for batch in batches
        ]
    )


def tell_counts(people: int, flagged: int, group: int) -> Numbers:
    """Two-sided p of each count 0..`group` of flagged in a group, of `flagged` among `people`.

    Twice the smaller tail of the hypergeometric distribution, at most 1.
    """
    count = np.arange(group + 1)
    possible = (count <= flagged) & (group - count <= people - flagged)
    share = np.zeros(group + 1)
    fits = count[possible]
    share[possible] = np.exp(
        _log_choose(flagged, fits)
        + _log_choose(people - flagged, group - fits)
        - _log_choose(people, np.array(group))
    )
    lower, upper = np.cumsum(share), np.cumsum(share[::-1])[::-1]
    return np.asarray(np.minimum(1, 2 * np.minimum(lower, upper)))


def _rank(values: Numbers, ordered: Numbers) -> Numbers:
    """The share of `ordered` that is as small as each of `values`."""
    return np.asarray(np.searchsorted(ordered, values * SAME, side="right") / len(ordered))


def _weigh_counts(
    counts: Counts, members: npt.NDArray[np.bool_], flagged: npt.NDArray[np.bool_]
) -> Numbers:
    """The two-sided p of every count; `counts` has a row a deal and a column a group."""
    sizes = members.sum(axis=0)
    columns = [
        tell_counts(len(flagged), int(flagged.sum()), int(size))[count]
        for size, count in zip(sizes, counts.T, strict=True)
    ]
    return np.column_stack(columns)


def _log_choose(of: int, chosen: npt.NDArray[np.int64]) -> Numbers:
    return np.asarray(gammaln(of + 1) - gammaln(chosen + 1) - gammaln(of - chosen + 1))
