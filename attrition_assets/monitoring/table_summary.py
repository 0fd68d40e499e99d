"""What a table is reduced to before it is compared: whole numbers, and no row.

Value counts of each column, and sums over pairs of inputs: of all rows, and up to the fourth power
of a sample. Those of two parts of a table, merged, are those of the table. Summaries are made of
rows here; of tables that stay where they are, by `engine`. What two of them tell is for
`large_tables`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.contract import Column, Contract, Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.pair_sums import CHUNK, Matrix, PairSums, SampleSums
from attrition_assets.monitoring.pairing import (
    COMMON_LEVEL,
    ColumnPair,
    ComparedColumn,
    Values,
    read_column,
)
from attrition_assets.monitoring.summaries import ValueCounts, count_values

# Numbers are added up as codes below this: their products stay below 2^32, and those of two
# thousand million rows in 64 bits.
CODES = 1 << 16
# The rows of a sample are this many to twice as many.
SAMPLE = 1 << 14
# Steps of a code to a standard deviation, so that rounding to them adds nothing to a variance.
FINE = 50
# A prime, and what ids are multiplied by to spread them evenly over it: Knuth's golden ratio.
MODULUS, MULTIPLIER = 2**31 - 1, 1_327_217_885

Sides = tuple[ValueCounts, ValueCounts]


class Input(NamedTuple):
    """What is added up of a column: its number, or whether a row has one of its levels."""

    column: str
    level: int | None


class Coding(NamedTuple):
    """How a column's numbers become codes: from `low` on, `step` by `step`, up to `largest`."""

    low: float
    step: float
    largest: int

    @classmethod
    def of_range(cls, low: float, high: float, *, whole: bool) -> Self:
        """The finest coding of a range: whole numbers stay as they are where they can."""
        if whole:
            low, high = int(np.ceil(low)), int(np.floor(high))
            step = max(1, -(-(high - low + 1) // CODES))
            return cls(low, step, (high - low) // step)
        return cls(low, (high - low) / (CODES - 1) or 1.0, CODES - 1)

    @classmethod
    def of_column(cls, column: Column) -> Self:
        """The coding of what the contract accepts; of texts in order, their positions'."""
        if column.kind == Kind.CONTINUOUS and column.range:
            return cls.of_range(*column.range, whole=column.integer)
        levels = column.levels or ()
        numbers = [level for level in levels if isinstance(level, int)]
        if numbers:
            return cls.of_range(numbers[0], numbers[-1], whole=True)
        return cls.of_range(0, len(levels) - 1, whole=True)

    def encode(self, values: Values) -> Matrix:
        """The codes of values, NaN where missing; what lies outside gets the first or last."""
        codes = values - self.low if self.step == 1 else np.floor((values - self.low) / self.step)
        return np.asarray(np.clip(codes, 0, self.largest), dtype=np.float64)


@dataclass(frozen=True)
class InputSums:
    """The sums of a table's inputs, in their order: of all rows, and of a sample of them.

    A sampled row counts as often as rows stand for it.
    """

    inputs: tuple[Input, ...]
    sums: PairSums
    sample: SampleSums

    def select(self, inputs: Sequence[Input]) -> Self:
        """The sums of some of the inputs, in their order."""
        place = {each: number for number, each in enumerate(self.inputs)}
        places = np.array([place[each] for each in inputs], dtype=np.intp)
        return type(self)(tuple(inputs), self.sums.select(places), self.sample.select(places))


@dataclass(frozen=True)
class TableSummary:
    """A table's `rows` in number, the `counts` of its columns' values, and its inputs' sums.

    `codings` tell by column what the inputs' numbers are, `declared` what the contract says of each
    column: its levels, in whose order they are counted, its kind and its range.
    """

    rows: int
    counts: dict[str, ValueCounts]
    codings: dict[str, Coding]
    declared: dict[str, dict[str, Any]]
    added: InputSums

    def merge(self, other: Self) -> Self:
        """The summary of both parts of a table, of different people.

        Raises DriftInputError if they were not made by the same contract.
        """
        self.require_same_inputs(other)
        return type(self)(
            self.rows + other.rows,
            {name: counts.merge(other.counts[name]) for name, counts in self.counts.items()},
            self.codings,
            self.declared,
            InputSums(
                self.added.inputs,
                self.added.sums.merge(other.added.sums),
                self.added.sample.merge(other.added.sample),
            ),
        )

    def require_same_inputs(self, other: Self) -> None:
        """Raise DriftInputError unless both summaries were made by the same contract."""
        mine, theirs = ((each.declared, each.codings, each.added.inputs) for each in (self, other))
        if mine != theirs:
            raise DriftInputError(
                "two summaries are of different contracts: summarize both tables again with one"
            )

    def list_differences(self, other: Self) -> list[str]:
        """What of another summary is not the same, as whole numbers: its columns, sums, sample."""
        mine, theirs = (json.loads(each.to_json()) for each in (self, other))
        if mine["columns"].keys() == theirs["columns"].keys():
            mine, theirs = ({**each.pop("columns"), **each} for each in (mine, theirs))
        return [name for name in mine if mine[name] != theirs[name]]

    def to_json(self) -> str:
        """The summary as text; whole numbers stay whole."""
        told = {
            "rows": self.rows,
            "columns": {
                name: {
                    "values": counts.values.tolist(),
                    "counts": counts.counts.tolist(),
                    "missing": counts.missing,
                    "coding": self.codings.get(name),
                }
                for name, counts in self.counts.items()
            },
            "declared": self.declared,
            "inputs": self.added.inputs,
            "sums": self.added.sums.to_lists(),
            "sample": self.added.sample.to_lists(),
        }
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The reverse of `to_json`."""
        told: dict[str, Any] = json.loads(text)
        columns = told["columns"].items()
        return cls(
            told["rows"],
            {
                name: ValueCounts(
                    np.array(each["values"], np.int64),
                    np.array(each["counts"], np.int64),
                    each["missing"],
                )
                for name, each in columns
            },
            {name: Coding(*each["coding"]) for name, each in columns if each["coding"]},
            told["declared"],
            InputSums(
                tuple(Input(*each) for each in told["inputs"]),
                PairSums.from_lists(told["sums"]),
                SampleSums.from_lists(told["sample"]),
            ),
        )


def declare(contract: Contract) -> dict[str, dict[str, Any]]:
    """What a contract says of its monitored columns' values, as JSON has it."""
    told = {"kind", "levels", "range", "integer", "missing"}
    return {
        name: contract.columns[name].model_dump(mode="json", include=told)
        for name in contract.monitored
    }


def choose_sample(rows: int) -> int:
    """One in how many rows is in the sample of a table: a power of two, 1 for small ones."""
    return int(1 << max(0, (rows // SAMPLE).bit_length() - 1))


def is_sample(drawn: int, rows: int, one_in: int) -> bool:
    """Whether about one in so many rows was drawn: else their keys do not tell them apart."""
    enough = rows / one_in / 2 <= drawn <= most_sampled(rows, one_in)
    return one_in == 1 or rows < SAMPLE or enough


def most_sampled(rows: int, one_in: int) -> int:
    """How many rows are one in so many at most, if their keys tell them apart."""
    return rows if one_in == 1 or rows < SAMPLE else 2 * rows // one_in


def draw_sample(keys: npt.NDArray[np.int64], one_in: int) -> npt.NDArray[np.bool_]:
    """Which rows are in the sample, by their keys: the same people in every table and engine."""
    spread = (keys % MODULUS) * MULTIPLIER % MODULUS
    return np.asarray(spread < MODULUS // one_in)


def count_sides(pair: ColumnPair) -> Sides:
    """The value counts of the reference and of the current table."""
    return _count(pair, pair.reference), _count(pair, pair.current)


def _count(column: ComparedColumn, values: Values) -> ValueCounts:
    if column.kind != Kind.NOMINAL:
        return count_values(values)
    counts = np.bincount(values.astype(np.int64) + 1, minlength=len(column.levels) + 1)
    return ValueCounts(np.arange(len(column.levels)), counts[1:].astype(np.int64), int(counts[0]))


def _count_whole(column: ComparedColumn, values: Values) -> ValueCounts:
    counted = _count(column, values)
    return ValueCounts(counted.values.astype(np.int64), counted.counts, counted.missing)


def list_inputs(column: str, kind: Kind, before: ValueCounts) -> list[Input]:
    """The inputs of a column by its counts in the reference: of a nominal one its common levels.

    One of them if there are two.
    """
    if kind != Kind.NOMINAL:
        return [Input(column, None)]
    shares = before.counts / before.total
    held = np.flatnonzero(before.counts)
    common = np.flatnonzero((shares > COMMON_LEVEL) & (shares < 1))
    chosen = common[1:] if len(common) == len(held) == 2 else common
    return [Input(column, int(level)) for level in chosen]


def is_fine(coding: Coding, counts: ValueCounts) -> bool:
    """Whether the codes tell a column's values apart: many steps to a standard deviation."""
    return coding.step == 1 or len(counts.distinct) < 2 or coding.step * FINE <= counts.deviation


def list_every_input(columns: Sequence[ComparedColumn]) -> tuple[Input, ...]:
    """The numbers first, then every level: what is added up where no reference is at hand."""
    numbers = [Input(each.column, None) for each in columns if each.kind != Kind.NOMINAL]
    nominal = [each for each in columns if each.kind == Kind.NOMINAL]
    levels = [Input(each.column, place) for each in nominal for place in range(len(each.levels))]
    return (*numbers, *levels)


def summarize_rows(
    table: pd.DataFrame, contract: Contract, *, one_in: int | None = None
) -> TableSummary:
    """The summary of rows at hand, with all levels, as an engine makes it of a table elsewhere.

    The table holds the contract's monitored columns and its ids, which are whole numbers. One in
    `one_in` rows is in the sample, by default as `choose_sample` says.
    """
    columns = ComparedColumn.of_contract(contract)
    held = {each.column: read_column(table[each.column], each) for each in columns}
    inputs = list_every_input(columns)
    codings = {
        each.column: Coding.of_column(contract.columns[each.column])
        for each in columns
        if each.kind != Kind.NOMINAL
    }
    one_in = one_in or choose_sample(len(table))
    keys = table[contract.id].to_numpy(dtype=np.int64)
    added = add_up_rows(held, keys, inputs, codings, one_in)
    counts = {each.column: _count_whole(each, held[each.column]) for each in columns}
    return TableSummary(len(table), counts, codings, declare(contract), added)


def add_up_pairs(
    pairs: Sequence[ColumnPair],
    inputs: tuple[Input, ...],
    codings: Mapping[str, Coding],
    keys: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
) -> tuple[InputSums, InputSums]:
    """The sums of both tables, of some inputs.

    `keys` are the rows' ids, by which the samples are drawn; without them, or if they do not tell
    rows apart, the rows' numbers. Memory beside the tables: a part of each side's rows.
    """
    found = []
    for place, side in enumerate(("reference", "current")):
        columns = {pair.column: getattr(pair, side) for pair in pairs}
        rows = len(getattr(pairs[0], side))
        one_in = choose_sample(rows)
        numbers = np.arange(rows)
        if keys is not None and is_sample(
            int(draw_sample(keys[place], one_in).sum()), rows, one_in
        ):
            numbers = keys[place]
        found.append(add_up_rows(columns, numbers, inputs, codings, one_in))
    return found[0], found[1]


def add_up_rows(
    columns: dict[str, Values],
    keys: npt.NDArray[np.int64],
    inputs: tuple[Input, ...],
    codings: Mapping[str, Coding],
    one_in: int,
) -> InputSums:
    """The sums of all rows, in parts, and those of one in so many that their keys choose."""
    parts = []
    for start in range(0, len(keys), CHUNK):
        part = {name: values[start : start + CHUNK] for name, values in columns.items()}
        parts.append(PairSums.add_up(encode_rows(part, inputs, codings)))
    chosen = np.flatnonzero(draw_sample(keys, one_in))
    sampled = {name: values[chosen] for name, values in columns.items()}
    sample = SampleSums.add_up(encode_rows(sampled, inputs, codings))
    return InputSums(inputs, reduce(PairSums.merge, parts), sample.multiply(one_in))


def encode_rows(
    columns: Mapping[str, Values], inputs: Sequence[Input], codings: Mapping[str, Coding]
) -> Matrix:
    """Rows as the inputs' codes, rows x inputs: NaN where a value is missing."""
    table = np.empty((len(inputs), len(next(iter(columns.values())))))
    for place, (column, level) in enumerate(inputs):
        values = columns[column]
        if level is None:
            table[place] = codings[column].encode(values)
        else:
            table[place] = values == level
            table[place, values < 0] = np.nan
    return table.T


def choose_coding(pair: ColumnPair, sides: Sides) -> Coding:
    """That of the contract, if it is fine enough; else that of the values there are."""
    if pair.declared is not None:
        coding = Coding.of_column(pair.declared)
        if all(is_fine(coding, side) for side in sides):
            return coding
    held = [side.values for side in sides if len(side.values)]
    low, high = min(each[0] for each in held), max(each[-1] for each in held)
    whole = all(each.dtype == np.int64 for each in held)
    return Coding.of_range(low.item(), high.item(), whole=whole)
