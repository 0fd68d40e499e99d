"""Tests of several columns at once, from the summaries of two large tables.

Each column's mean given the others, and all correlations. The columns one by one are for
`large_tables`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from attrition_assets.monitoring.pair_sums import Matrix, PairSums
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.report import Aspect, FeatureTest
from attrition_assets.monitoring.table_summary import Input, InputSums

RIDGE = 0.01


@dataclass(frozen=True)
class Together:
    """The tests of several columns at once, the best of each column, and how many there were."""

    tests: tuple[FeatureTest, ...]
    number: int


def compare_together(
    columns: Sequence[ComparedColumn],
    inputs: Sequence[Sequence[Input]],
    before: InputSums,
    now: InputSums,
) -> Together:
    """Test every input given those of other columns, and every correlation of two columns.

    `inputs` are those of each column.
    """
    owners = np.repeat(np.arange(len(columns)), [len(own) for own in inputs])
    if len(owners) < 2:
        return Together((), 0)
    chosen = [each for own in inputs for each in own]
    sides = [side.select(chosen) for side in (before, now)]
    conditional = _test_conditional(columns, owners, *sides)
    relations, number = _test_relations(columns, owners, *sides)
    return Together((*conditional, *relations), len(conditional) + number)


def _test_conditional(
    columns: Sequence[ComparedColumn],
    owners: npt.NDArray[np.intp],
    before: InputSums,
    now: InputSums,
) -> list[FeatureTest]:
    """Whether a column's mean moved beyond what the others explain, by ridge regression.

    Each mean is over the rows that have it, so that the means of two columns vary together only as
    far as they share rows.
    """
    # In the reference's standard deviations, in which the ridge is told.
    covariances = before.sums.covariance, now.sums.covariance
    variances = np.diag(covariances[0])
    spread = np.sqrt(np.where(variances > 0, variances, 1.0))
    pooled = (covariances[0] + covariances[1]) / 2 / np.outer(spread, spread)
    shift = (now.sums.means - before.sums.means) / spread
    noise = pooled * (_share_of_variance(before.sums) + _share_of_variance(now.sums))
    found = []
    for place, owner in enumerate(owners):
        if (owners == owner).sum() != 1 or len(owners) < 3:
            continue
        others = np.flatnonzero(owners != owner)
        inner = pooled[np.ix_(others, others)] + RIDGE * np.eye(len(others))
        slopes = np.linalg.solve(inner, pooled[others, place])
        weights = np.zeros(len(owners))
        weights[place], weights[others] = 1.0, -slopes
        variance, error = weights @ pooled @ weights, weights @ noise @ weights
        if variance < 1e-6 or error <= 0:
            continue
        moved = abs(float(weights @ shift))
        found.append(
            _describe(
                columns[owner],
                Aspect.CONDITIONAL,
                "mean given others",
                float(special.erfc(moved / np.sqrt(2 * error))),
                moved / float(np.sqrt(variance)),
                "shift in standard deviations",
            )
        )
    return found


def _share_of_variance(sums: PairSums) -> Matrix:
    """What the covariance of two inputs is multiplied by to be that of their means."""
    rows = sums.rows.astype(np.float64)
    return np.asarray(rows / np.outer(np.diag(rows), np.diag(rows)))


def _test_relations(
    columns: Sequence[ComparedColumn],
    owners: npt.NDArray[np.intp],
    before: InputSums,
    now: InputSums,
) -> tuple[list[FeatureTest], int]:
    """For each column the correlation that changed most surely, and how many were tested.

    The variance of a correlation is that of its influence function, from the sampled rows: the
    normal theory's is too small for columns with heavy tails.
    """
    first, second = np.triu_indices(len(owners), 1)
    apart = owners[first] != owners[second]
    first, second = first[apart], second[apart]
    correlations = before.sums.correlation, now.sums.correlation
    change = np.abs(correlations[1] - correlations[0])[first, second]
    variance = sum(
        side.sample.measure_influence(correlation[first, second], first, second)
        / np.maximum(side.sums.rows[first, second].astype(np.float64), 1)
        for side, correlation in zip((before, now), correlations, strict=True)
    )
    sure = special.erfc(change / np.sqrt(np.maximum(variance, 1e-12)) / np.sqrt(2))
    # A correlation of which the sample does not say how surely it is known is no evidence.
    p_values = np.where(np.isnan(variance), 1.0, sure)
    found = []
    for place, tested in enumerate(columns):
        own = np.flatnonzero((owners[first] == place) | (owners[second] == place))
        if not own.size:
            continue
        best = own[np.lexsort((-change[own], p_values[own]))[0]]
        other = owners[second[best]] if owners[first[best]] == place else owners[first[best]]
        test = _describe(
            tested,
            Aspect.RELATION,
            "correlation",
            float(p_values[best]),
            float(change[best]),
            "change of correlation",
        )
        note, used = f"with {columns[other].column}", tested.used and columns[other].used
        found.append(test.model_copy(update={"note": note, "used_by_model": used}))
    return found, len(first)


def _describe(
    tested: ComparedColumn, aspect: Aspect, method: str, p_value: float, effect: float, measure: str
) -> FeatureTest:
    return FeatureTest(
        column=tested.column,
        kind=tested.kind,
        aspect=aspect,
        method=method,
        p_value=p_value,
        effect=effect,
        effect_measure=measure,
        used_by_model=tested.used,
    )
