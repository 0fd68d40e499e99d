"""What the permutation test adds up: a score of every row for every property that may move.

Each test is a few columns of scores, made from both tables together, so that shuffling which rows
are current leaves them as they are. Its statistic is the squared length of their sum over the
current rows. Nothing is compared here; that is for `permutation`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy import stats

from attrition_assets.contract import Kind
from attrition_assets.monitoring.pairing import ColumnPair, choose_common

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

POLYNOMIALS = 8
COMPONENTS = 6
RELATED = 64
RIDGE = 0.01
SPREAD_CAP = 16.0
TAIL_ROWS = 64


class Family(StrEnum):
    """Kinds of tests; each family gets a share of the level, and its tests divide that."""

    VALUES = "values"
    SUM = "all values together"
    COMPONENTS = "principal components"
    CONDITIONAL = "values given the other columns"
    RELATION = "relations of two columns"
    MISSING = "missing values"
    RANGE = "range"


@dataclass(frozen=True)
class ScoreTest:
    """What a block of scores tests: one column, a relation of two, or (None) all of them."""

    family: Family
    method: str
    column: str | None = None
    other: str | None = None
    used: bool = True


Blocks = list[tuple[ScoreTest, Matrix]]


@dataclass(frozen=True)
class TailScan:
    """The rows at one end of a column, the outermost first, and how many lie beyond each."""

    column: str
    rows: npt.NDArray[np.intp]
    beyond: npt.NDArray[np.intp]


@dataclass(frozen=True)
class Scores:
    """The scores of both tables' rows, the reference's first: rows x all blocks, side by side.

    Block i, of test i, begins at column `starts[i]`. `pairs` is rows x relations, one test each.
    Every column has mean 0; those of `pairs` have variance 1, and are in `pair_scale` correlation.
    """

    blocks: Matrix
    starts: npt.NDArray[np.intp]
    tests: tuple[ScoreTest, ...]
    pairs: Matrix
    pair_scale: Matrix
    pair_tests: tuple[ScoreTest, ...]
    tails: tuple[TailScan, ...]
    reference_rows: int

    def select(self, family: Family) -> npt.NDArray[np.intp]:
        """The positions of a family's tests among `tests`."""
        return np.flatnonzero([test.family == family for test in self.tests])


@dataclass(frozen=True)
class _Column:
    """One column of both tables: ranks or levels as numbers, for the tests of several columns.

    `standard` has a column for numbers and yes/no, one for each common level of other nominal
    columns; `design` is what other columns are explained by.
    """

    name: str
    used: bool
    standard: Matrix
    design: Matrix


def build_scores(pairs: Sequence[ColumnPair]) -> Scores:
    """Scores of every test that the columns' kinds call for.

    Continuous columns: the Legendre components of their ranks, weighted as in the Anderson-Darling
    statistic (Pettitt, 1976), and the rows at either end. Ordinal: levels and trend. Nominal:
    levels. All: missing values, what the other columns do not explain (its mean and its spread, by
    ridge regression), and the change of every correlation, by its influence function. The first 64
    columns of ranks and levels enter the correlations. Leading principal components of the columns
    that the model uses: their means together.
    """
    blocks: Blocks = []
    tails: list[TailScan] = []
    columns: list[_Column] = []
    for pair in pairs:
        missing = np.concatenate(pair.missing)
        if missing.any() and not missing.all():
            share = _whiten(missing[:, None].astype(float))
            test = ScoreTest(Family.MISSING, "missing rate, permuted", pair.column, used=pair.used)
            blocks.append((test, share))
        values = np.concatenate([pair.reference, pair.current])
        if values[~missing].min() == values[~missing].max():
            continue
        if pair.kind == Kind.NOMINAL:
            column = _score_nominal(pair, values, missing, blocks)
        else:
            column = _score_numbers(pair, values.astype(float), missing, blocks, tails)
        columns.append(column)
    if columns:
        _score_together(columns, blocks)
    blocks = [(test, matrix) for test, matrix in blocks if matrix.shape[1]]  # scores that vary
    rows = len(pairs[0].reference) + len(pairs[0].current)
    pair_matrix, pair_scale, pair_tests = _score_pairs(columns, rows)
    width = [matrix.shape[1] for _, matrix in blocks]
    return Scores(
        blocks=np.column_stack([matrix for _, matrix in blocks]) if blocks else np.empty((rows, 0)),
        starts=np.concatenate([[0], np.cumsum(width)[:-1]]).astype(np.intp)
        if width
        else np.empty(0, dtype=np.intp),
        tests=tuple(test for test, _ in blocks),
        pairs=pair_matrix,
        pair_scale=pair_scale,
        pair_tests=pair_tests,
        tails=tuple(tails),
        reference_rows=len(pairs[0].reference),
    )


def _score_nominal(pair: ColumnPair, values: Matrix, missing: Mask, blocks: Blocks) -> _Column:
    levels = _indicate(values, missing)
    test = ScoreTest(Family.VALUES, "chi-square, permuted", pair.column, used=pair.used)
    blocks.append((test, _whiten(levels)))
    standard = _standardise(levels[:, choose_common(levels.mean(axis=0))])
    return _Column(pair.column, pair.used, standard, standard[:, : max(1, standard.shape[1] - 1)])


def _score_numbers(
    pair: ColumnPair, values: Matrix, missing: Mask, blocks: Blocks, tails: list[TailScan]
) -> _Column:
    ranks = np.full(len(values), 0.5)
    known = values[~missing]
    ranks[~missing] = (stats.rankdata(known) - 0.5) / len(known)
    standard = _standardise(ranks[:, None])
    if pair.kind == Kind.ORDINAL:
        levels = _indicate(values, missing)
        for method, scores in (("chi-square, permuted", levels), ("trend, permuted", standard)):
            test = ScoreTest(Family.VALUES, method, pair.column, used=pair.used)
            blocks.append((test, _whiten(scores)))
        return _Column(pair.column, pair.used, standard, _standardise(levels[:, 1:]))
    test = ScoreTest(Family.VALUES, "Anderson-Darling, permuted", pair.column, used=pair.used)
    blocks.append((test, _anderson_darling(ranks, missing)))
    tails += [_scan_tail(pair, sign * values, missing) for sign in (1.0, -1.0)]
    curved = _standardise(np.column_stack([standard, standard**2]))
    return _Column(pair.column, pair.used, standard, curved)


def _anderson_darling(ranks: Matrix, missing: Mask) -> Matrix:
    degree = np.arange(1, POLYNOMIALS + 1)
    scores = np.polynomial.legendre.legvander(2 * ranks - 1, POLYNOMIALS)[:, 1:]
    scores = scores * np.sqrt((2 * degree + 1) / (degree * (degree + 1)))
    scores[missing] = scores[~missing].mean(axis=0)
    centred: Matrix = scores - scores.mean(axis=0)
    return centred


def _scan_tail(pair: ColumnPair, values: Matrix, missing: Mask) -> TailScan:
    """The largest values, and how many values are strictly larger than each."""
    order = np.argsort(-values, kind="stable")[: int((~missing).sum())][:TAIL_ROWS]
    beyond = np.searchsorted(-values[order], -values[order], side="left")
    return TailScan(pair.column, order, beyond)


def _score_together(columns: list[_Column], blocks: Blocks) -> None:
    """What each column has beyond the others, and the leading components of those used."""
    design = np.column_stack([column.design for column in columns])
    owner = np.repeat(np.arange(len(columns)), [column.design.shape[1] for column in columns])
    gram = design.T @ design / len(design)
    for place, column in enumerate(columns):
        if column.standard.shape[1] != 1 or len(columns) == 1:
            continue
        others = np.flatnonzero(owner != place)
        ridge = gram[np.ix_(others, others)] + RIDGE * np.eye(len(others))
        towards = design[:, others].T @ column.standard[:, 0] / len(design)
        beyond = column.standard[:, 0] - design[:, others] @ np.linalg.solve(ridge, towards)
        if beyond.std() < 1e-6:  # the others tell it wholly
            continue
        beyond = beyond / beyond.std()
        spread = np.minimum(beyond**2, SPREAD_CAP)
        for method, scores in (("mean given others", beyond), ("spread given others", spread)):
            test = ScoreTest(Family.CONDITIONAL, method, column.name, used=column.used)
            blocks.append((test, _whiten(scores[:, None])))
    used = [column.design for column in columns if column.used]
    if used:
        together = np.column_stack(used)
        vectors = np.linalg.eigh(together.T @ together)[1][:, ::-1][:, :COMPONENTS]
        test = ScoreTest(Family.COMPONENTS, "principal components")
        blocks.append((test, _whiten(together @ vectors)))


def _score_pairs(columns: list[_Column], rows: int) -> tuple[Matrix, Matrix, tuple[ScoreTest, ...]]:
    """The influence of each row on each correlation of two columns, standardised.

    The influence of a row on the correlation r of two standardised variables x and y is
    xy - r (x^2 + y^2) / 2 (Devlin, Gnanadesikan and Kettenring, 1975).
    """
    if not columns:
        return np.empty((rows, 0)), np.empty(0), ()
    standard = np.column_stack([column.standard for column in columns])[:, :RELATED]
    owner = np.repeat(np.arange(len(columns)), [c.standard.shape[1] for c in columns])[:RELATED]
    first, second = np.triu_indices(standard.shape[1], 1)
    apart = owner[first] != owner[second]
    first, second = first[apart], second[apart]
    products = standard[:, first] * standard[:, second]
    r = products.mean(axis=0)
    squares = standard**2
    influence = products - r * (squares[:, first] + squares[:, second]) / 2
    influence -= influence.mean(axis=0)
    spread = influence.std(axis=0)
    varies = spread > 1e-6
    tests = tuple(
        ScoreTest(
            Family.RELATION,
            "correlation, permuted",
            columns[owner[i]].name,
            columns[owner[j]].name,
            used=columns[owner[i]].used and columns[owner[j]].used,
        )
        for i, j in zip(first[varies], second[varies], strict=True)
    )
    return influence[:, varies] / spread[varies], spread[varies], tests


def _indicate(values: Matrix, missing: Mask) -> Matrix:
    """Rows x levels: 1 where a row has the level, the level's share where it has none."""
    levels = np.unique(values[~missing])
    indicators: Matrix = (values[:, None] == levels).astype(float)
    indicators[missing] = indicators[~missing].mean(axis=0)
    return indicators


def _standardise(matrix: Matrix) -> Matrix:
    centred = matrix - matrix.mean(axis=0)
    spread = centred.std(axis=0)
    return np.asarray(centred / np.where(spread > 1e-9, spread, 1.0))


def _whiten(matrix: Matrix) -> Matrix:
    """The same space with uncorrelated columns of variance 1, so that squares add up to chi^2."""
    centred = matrix - matrix.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred / (len(centred) - 1))
    kept = values > max(1e-9 * values.max(initial=0.0), 1e-12)
    return np.asarray(centred @ (vectors[:, kept] / np.sqrt(values[kept])))
