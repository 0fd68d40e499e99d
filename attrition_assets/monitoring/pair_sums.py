"""Sums over the rows of a table, for each pair of its inputs: whole numbers, that can be added.

An input is a column of whole numbers, or a level that a row has or not. What two tables' sums say
of their difference is for `together`.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
# Python's own integers, since sums of fourth powers outgrow 64 bits.
Integers = npt.NDArray[Any]

PIECE_BITS = 16
# Of 5,000 rows ten; of a sample of a large table some thirty.
FEWEST_SHARE = 0.002
# So many rows of codes below 2^16 add up to products below 2^53, which floats hold exactly.
CHUNK = 65_536


class Sums:
    """What classes of matrices of sums, inputs x inputs, have in common."""

    def merge(self, other: Self) -> Self:
        """The sums of both parts of a table."""
        return self._map(lambda name: getattr(self, name) + getattr(other, name))

    def select(self, places: npt.NDArray[np.intp]) -> Self:
        """The sums of some inputs."""
        return self._map(lambda name: getattr(self, name)[np.ix_(places, places)])

    def multiply(self, times: int) -> Self:
        """The sums of a table that has each row so often."""
        return self._map(lambda name: getattr(self, name) * times)

    def to_lists(self) -> dict[str, list[list[int]]]:
        """The matrices by name, as JSON has them."""
        return {each.name: getattr(self, each.name).tolist() for each in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_lists(cls, lists: dict[str, list[list[int]]]) -> Self:
        """The reverse of `to_lists`."""
        return cls(**{name: to_integers(rows) for name, rows in lists.items()})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.to_lists() == other.to_lists()

    def _map(self, make: Any) -> Self:
        return type(self)(**{each.name: make(each.name) for each in fields(self)})  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class PairSums(Sums):
    """Over the rows that have both inputs: their number, sums, squares and products.

    `rows[i, j]` counts them; `sums[i, j]` adds input i over them, `squares[i, j]` its square,
    `products[i, j]` the product of inputs i and j.
    """

    rows: Integers
    sums: Integers
    squares: Integers
    products: Integers

    @classmethod
    def add_up(cls, table: Matrix) -> Self:
        """The sums of a table of codes (rows x inputs), NaN where a value is missing."""
        return cls(**_add_up(table, higher=False))

    @property
    def means(self) -> Matrix:
        """The mean of each input over the rows that have it."""
        return _divide(np.diag(self.sums), np.diag(self.rows))

    @property
    def covariance(self) -> Matrix:
        """The covariance of each pair, over the rows that have both; 0 without any."""
        return _divide(self.rows * self.products - self.sums * self.sums.T, self.rows**2)

    @property
    def correlation(self) -> Matrix:
        """Pearson's correlation of each pair, over the rows that have both; 0 if one varies not."""
        # A column's own variance over the rows that it shares with another, not over all of its.
        own = self.rows * self.squares - self.sums**2
        scale = np.sqrt((own * own.T).astype(np.float64))
        moment = (self.rows * self.products - self.sums * self.sums.T).astype(np.float64)
        return np.asarray(moment / np.where(scale > 0, scale, np.inf))


@dataclass(frozen=True, eq=False)
class SampleSums(PairSums):
    """Sums up to the fourth power, over a sample of a table's rows.

    Over the sampled rows that have both inputs i and j: `cubes[i, j]` adds i^3, `fourths` i^4,
    `square_firsts` i^2 j, `cube_firsts` i^3 j and `square_squares` i^2 j^2.
    """

    cubes: Integers
    fourths: Integers
    square_firsts: Integers
    cube_firsts: Integers
    square_squares: Integers

    @classmethod
    def add_up(cls, table: Matrix) -> Self:
        """The sums of a sample's codes (rows x inputs), NaN where a value is missing."""
        return cls(**_add_up(table, higher=True))

    def measure_influence(
        self, r: Matrix, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
    ) -> Matrix:
        """The variance of the influence function of correlations `r`, of the pairs first, second.

        Over the rows that have both; NaN if these are too few, or one of the two does not vary in
        them. Source: Devlin, Gnanadesikan and Kettenring (1975), with the moments of the sample.
        """
        rows = np.where(self.rows > 0, self.rows, 1)
        # First by whole numbers, which loses nothing, then by what is left of the means.
        near = self._centre(self.sums // rows)
        rest = near._map(lambda name: getattr(near, name).astype(np.float64))
        held = rows.astype(np.float64)
        centred = rest._centre(rest.sums / held)
        spread = np.sqrt(np.maximum(centred.squares / held, 0))
        spread = np.where(spread > 0, spread, np.inf)
        mixed = centred.square_squares / held / (spread * spread.T) ** 2
        odd = centred.cube_firsts / held / (spread**3 * spread.T)
        own = centred.fourths / held / spread**4
        influence = mixed[first, second] - r * (odd + odd.T)[first, second]
        influence += r**2 * (own + own.T + 2 * mixed)[first, second] / 4
        told = np.isfinite(spread * spread.T) & (held >= FEWEST_SHARE * held.max())
        return np.where(told[first, second], influence, np.nan)

    def _centre(self, centre: npt.NDArray[Any]) -> Self:
        """The sums of the inputs less `centre`, that of input i beside j in row i and column j."""
        a, b = centre, centre.T
        n, x, xx, xxx = self.rows, self.sums, self.squares, self.cubes
        xy, xxy, y, yy = self.products, self.square_firsts, x.T, xx.T
        return type(self)(
            rows=n,
            sums=x - a * n,
            squares=xx - 2 * a * x + a**2 * n,
            products=xy - b * x - a * y + a * b * n,
            cubes=xxx - 3 * a * xx + 3 * a**2 * x - a**3 * n,
            fourths=self.fourths - 4 * a * xxx + 6 * a**2 * xx - 4 * a**3 * x + a**4 * n,
            square_firsts=xxy - b * xx - 2 * a * (xy - b * x) + a**2 * (y - b * n),
            cube_firsts=self.cube_firsts
            - b * xxx
            - 3 * a * (xxy - b * xx)
            + 3 * a**2 * (xy - b * x)
            - a**3 * (y - b * n),
            square_squares=self.square_squares
            - 2 * (b * xxy + a * xxy.T)
            + b**2 * xx
            + a**2 * yy
            + 4 * a * b * xy
            - 2 * a * b * (b * x + a * y)
            + a**2 * b**2 * n,
        )


def to_integers(rows: npt.ArrayLike) -> Integers:
    """An array of Python's integers, of an array or lists of whole numbers."""
    if isinstance(rows, np.ndarray) and rows.dtype != object:
        return np.asarray(rows.astype(np.int64).astype(object))
    return np.asarray(np.array(rows, dtype=object))


def _add_up(table: Matrix, *, higher: bool) -> dict[str, Integers]:
    """The sums by name."""
    # Higher powers are held in several pieces at once.
    size = CHUNK // 8 if higher else CHUNK
    parts = [
        _add_up_part(table[start : start + size], higher=higher)
        for start in range(0, max(len(table), 1), size)
    ]
    return {name: np.sum([part[name] for part in parts], axis=0) for name in parts[0]}


def _add_up_part(table: Matrix, *, higher: bool) -> dict[str, Integers]:
    known = ~np.isnan(table)
    x = table if known.all() else np.where(known, table, 0.0)
    products = x.T @ x
    if x is table:
        # Every pair has all rows: what is added of one input does not depend on the other.
        own = [np.full(len(products), float(len(x))), x.sum(axis=0), np.diag(products)]
        rows, sums, squares = (np.repeat(each[:, None], len(each), axis=1) for each in own)
    else:
        one = known.astype(np.float64)
        rows, sums, squares = one.T @ one, x.T @ one, (x**2).T @ one
    pairs = {"rows": rows, "sums": sums, "squares": squares, "products": products}
    found = {name: to_integers(matrix) for name, matrix in pairs.items()}
    return found | _add_up_powers(x, known.astype(np.float64)) if higher else found


def _add_up_powers(x: Matrix, known: Matrix) -> dict[str, Integers]:
    one, first, square, cube = [(0, known)], [(0, x)], _split(x**2), _split(x**3)
    return {
        "cubes": _multiply(cube, one),
        "fourths": _multiply(_square(square), one),
        "square_firsts": _multiply(square, first),
        "cube_firsts": _multiply(cube, first),
        "square_squares": _multiply(square, square),
    }


# Whole numbers as pieces of 16 bits, each with the number of bits below it.
Pieces = list[tuple[int, Matrix]]


def _split(numbers: Matrix, below: int = 0) -> Pieces:
    pieces: Pieces = []
    rest = numbers
    while not pieces or rest.any():
        above = np.floor(rest / (1 << PIECE_BITS))
        pieces.append((below + PIECE_BITS * len(pieces), rest - above * (1 << PIECE_BITS)))
        rest = above
    return pieces


def _square(pieces: Pieces) -> Pieces:
    """The squares, which no float holds, in pieces."""
    return [
        piece
        for low, some in pieces
        for high, others in pieces
        for piece in _split(some * others, low + high)
    ]


def _multiply(left: Pieces, right: Pieces) -> Integers:
    """The product of the transposed left matrix with the right one.

    In floats: a product of two pieces, added up over the rows of a part, is below 2^53, up to which
    they hold every whole number.
    """
    products = [
        to_integers(some.T @ others) << (low + high) for low, some in left for high, others in right
    ]
    return np.asarray(np.sum(products, axis=0))


def _divide(over: Integers, under: Integers) -> Matrix:
    """The quotients, rounded once; 0 where there is nothing to divide by."""
    quotients: Matrix = (over / np.where(under == 0, 1, under)).astype(np.float64)
    return np.where(under == 0, 0.0, quotients)
