"""Tests of several columns at once, from the moments of two large tables.

Each column's mean given the others, and all correlations. The columns one by one are for
`large_tables`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from attrition_assets.contract import Kind
from attrition_assets.monitoring.pairing import COMMON_LEVEL, ColumnPair
from attrition_assets.monitoring.report import Aspect, FeatureTest
from attrition_assets.monitoring.summaries import Matrix, Moments, ValueCounts

CHUNK = 65_536
SAMPLE = 10_000
RIDGE = 0.01

Single = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Together:
    """The tests of several columns at once, the best of each column, and how many there were."""

    tests: tuple[FeatureTest, ...]
    number: int


@dataclass(frozen=True)
class Input:
    """A column of numbers made of a pair, `owner`: the pair itself, or one of its levels.

    `centre` and `spread` standardise it.
    """

    owner: int
    level: int | None
    centre: float
    spread: float


def list_inputs(owner: int, pair: ColumnPair, before: ValueCounts) -> list[Input]:
    """The inputs of a column: of a nominal one its common levels, one of them if two."""
    if pair.kind != Kind.NOMINAL:
        return [Input(owner, None, before.mean, before.deviation or 1.0)]
    shares = before.counts / before.total
    common = np.flatnonzero((shares > COMMON_LEVEL) & (shares < 1))
    spreads = np.sqrt(shares * (1 - shares))
    return [
        Input(owner, int(level), float(shares[level]), float(spreads[level]))
        for level in (common[1:] if len(common) == len(shares) == 2 else common)
    ]


def compare_together(pairs: Sequence[ColumnPair], inputs: Sequence[Input]) -> Together:
    """Test every input given those of other columns, and every correlation of two columns."""
    if len(inputs) < 2:
        return Together((), 0)
    sides = [_add_up(pairs, inputs, side) for side in ("reference", "current")]
    conditional = _test_conditional(pairs, inputs, *sides)
    relations, number = _test_relations(pairs, inputs, *sides)
    return Together((*conditional, *relations), len(conditional) + number)


def _fill(pairs: Sequence[ColumnPair], inputs: Sequence[Input], side: str, rows: slice) -> Single:
    """Some rows of a side as standardised numbers, rows x columns; NaN where one is missing.

    In single precision: its error, some 1e-6, is far below what rows of this number can show.
    """
    values = [getattr(pair, side)[rows] for pair in pairs]
    table = np.empty((len(inputs), len(values[0])), dtype=np.float32)
    for place, column in enumerate(inputs):
        raw = values[column.owner]
        if column.level is None:
            table[place] = raw - column.centre
        else:
            table[place] = (raw == column.level) - np.float32(column.centre)
            if (absent := raw < 0).any():
                table[place, absent] = np.nan
        table[place] /= np.float32(column.spread)
    return table.T


def _add_up(
    pairs: Sequence[ColumnPair], inputs: Sequence[Input], side: str
) -> tuple[Moments, Matrix]:
    """A side's moments over all of its rows, and some rows themselves, evenly spread."""
    rows = len(getattr(pairs[0], side))
    moments: Moments | None = None
    for start in range(0, rows, CHUNK):
        part = Moments.add_up(_fill(pairs, inputs, side, slice(start, start + CHUNK)))
        moments = part if moments is None else moments.merge(part)
    assert moments is not None
    sample = _fill(pairs, inputs, side, slice(None, None, max(1, rows // SAMPLE)))
    return moments, sample.astype(np.float64)


def _test_conditional(
    pairs: Sequence[ColumnPair],
    inputs: Sequence[Input],
    before: tuple[Moments, Matrix],
    now: tuple[Moments, Matrix],
) -> list[FeatureTest]:
    """Whether a column's mean moved beyond what the others explain, by ridge regression.

    Each mean is over the rows that have it, so that the means of two columns vary together only as
    far as they share rows.
    """
    pooled = (before[0].covariance + now[0].covariance) / 2
    shift = now[0].means - before[0].means
    noise = pooled * (_share_of_variance(before[0]) + _share_of_variance(now[0]))
    owners = np.array([column.owner for column in inputs])
    found = []
    for place, column in enumerate(inputs):
        if (owners == column.owner).sum() != 1 or len(inputs) < 3:
            continue
        others = np.flatnonzero(owners != column.owner)
        inner = pooled[np.ix_(others, others)] + RIDGE * np.eye(len(others))
        slopes = np.linalg.solve(inner, pooled[others, place])
        weights = np.zeros(len(inputs))
        weights[place], weights[others] = 1.0, -slopes
        variance, error = weights @ pooled @ weights, weights @ noise @ weights
        if variance < 1e-6 or error <= 0:
            continue
        moved = abs(float(weights @ shift))
        found.append(
            _describe(
                pairs[column.owner],
                Aspect.CONDITIONAL,
                "mean given others",
                float(special.erfc(moved / np.sqrt(2 * error))),
                moved / float(np.sqrt(variance)),
                "shift in standard deviations",
            )
        )
    return found


def _share_of_variance(moments: Moments) -> Matrix:
    """What the covariance of two columns is multiplied by to be that of their means."""
    rows = np.diag(moments.rows)
    return np.asarray(moments.rows / np.outer(rows, rows))


def _test_relations(
    pairs: Sequence[ColumnPair],
    inputs: Sequence[Input],
    before: tuple[Moments, Matrix],
    now: tuple[Moments, Matrix],
) -> tuple[list[FeatureTest], int]:
    """For each column the correlation that changed most surely, and how many were tested.

    The variance of a correlation is that of its influence function, from the sampled rows: the
    normal theory's is too small for columns with heavy tails.
    """
    first, second = np.triu_indices(len(inputs), 1)
    owners = np.array([column.owner for column in inputs])
    apart = owners[first] != owners[second]
    first, second = first[apart], second[apart]
    change = np.abs(now[0].correlation - before[0].correlation)[first, second]
    variance = sum(
        _measure_influence(sample, moments.correlation, first, second)
        / np.maximum(moments.rows[first, second], 1)
        for moments, sample in (before, now)
    )
    p_values = special.erfc(change / np.sqrt(np.maximum(variance, 1e-12)) / np.sqrt(2))
    found = []
    for place, pair in enumerate(pairs):
        own = np.flatnonzero((owners[first] == place) | (owners[second] == place))
        if not own.size:
            continue
        best = own[np.lexsort((-change[own], p_values[own]))[0]]
        other = owners[second[best]] if owners[first[best]] == place else owners[first[best]]
        test = _describe(
            pair,
            Aspect.RELATION,
            "correlation",
            float(p_values[best]),
            float(change[best]),
            "change of correlation",
        )
        note, used = f"with {pairs[other].column}", pair.used and pairs[other].used
        found.append(test.model_copy(update={"note": note, "used_by_model": used}))
    return found, len(first)


def _measure_influence(
    sample: Matrix, correlation: Matrix, first: np.ndarray, second: np.ndarray
) -> Matrix:
    known = np.nan_to_num(sample - np.nanmean(sample, axis=0))
    spread = known.std(axis=0)
    standard = known / np.where(spread > 0, spread, 1.0)
    squares = standard**2
    fourth = squares.T @ squares / len(standard)
    third = (squares * standard).T @ standard / len(standard)
    r = correlation[first, second]
    mixed = fourth[first, second]
    odd = third[first, second] + third[second, first]
    kurtosis = (fourth[first, first] + fourth[second, second] + 2 * mixed) / 4
    return np.asarray(mixed - r * odd + r**2 * kurtosis)


def _describe(
    pair: ColumnPair, aspect: Aspect, method: str, p_value: float, effect: float, measure: str
) -> FeatureTest:
    return FeatureTest(
        column=pair.column,
        kind=pair.kind,
        aspect=aspect,
        method=method,
        p_value=p_value,
        effect=effect,
        effect_measure=measure,
        used_by_model=pair.used,
    )
