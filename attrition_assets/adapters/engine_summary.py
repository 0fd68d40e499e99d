"""The summary of a table that stays where it is: one set of expressions, run by any engine of Ibis.

Only counts, sums and the rows of a sample come here, all of them whole numbers. Which engine it is,
and whether it can be trusted, is for `engine`; what two summaries tell is for `monitoring`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, permutations
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from attrition_assets.adapters.engine_columns import (
    choose_people,
    count_columns,
    select_columns,
)
from attrition_assets.contract import Contract, Kind
from attrition_assets.errors import SnapshotError, UnfitTableError
from attrition_assets.monitoring.pair_sums import PairSums, SampleSums, to_integers
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.summaries import ValueCounts
from attrition_assets.monitoring.table_summary import (
    Coding,
    Input,
    InputSums,
    TableSummary,
    choose_sample,
    declare,
    encode_rows,
    is_fine,
    is_sample,
    list_every_input,
    most_sampled,
)

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

# Combinations of levels that are counted at once, and sums that one query asks for.
MOST_CELLS, MOST_SUMS = 1 << 16, 600

Counts = npt.NDArray[np.int64]
SUMS = ("rows", "sums", "squares", "products")


def summarize_table(
    backend: Any, table: "ir.Table", contract: Contract, place: str, *, one_in: int | None = None
) -> TableSummary:
    """The summary of a table, by an Ibis backend: of the monitored columns, with all their levels.

    One in `one_in` rows is in the sample, by default as `choose_sample` says. `place` names the
    table in messages. Raises SnapshotError if a column cannot be used, or holds what the contract
    does not accept. Sums are exact up to two thousand million rows.
    """
    selected = select_columns(backend, table, contract, place)
    counts = count_columns(backend, selected, contract, place)
    rows = int(next(iter(counts.values())).rows)
    if not rows:
        raise UnfitTableError(f"{place} is empty: give a table with rows")
    adding = _Adding(contract, backend, selected, counts)
    if coarse := [n for n, coding in adding.codings.items() if not is_fine(coding, counts[n])]:
        raise SnapshotError(
            f"{place}: the values of {', '.join(coarse)} lie in a small part of the range that the "
            f"contract {contract.name} declares, and cannot be added up finely: narrow the range"
        )
    sums = adding.add_up()
    _require_same_rows(counts, adding.inputs, sums, place)
    sample = adding.add_up_sample(one_in or choose_sample(rows), rows, place)
    added = InputSums(adding.inputs, sums, sample)
    return TableSummary(rows, counts, adding.codings, declare(contract), added)


def _require_same_rows(
    counts: Mapping[str, ValueCounts], inputs: Sequence[Input], sums: PairSums, place: str
) -> None:
    """Raise SnapshotError if a table was written to between the queries: nothing would fit."""
    known = np.diag(sums.rows).tolist()
    if known != [counts[column].total for column, _ in inputs]:
        raise SnapshotError(f"{place} changed while it was read: try again when it is at rest")


@dataclass(frozen=True)
class _Adding:
    """The sums of a table's inputs: numbers first, then the levels of each nominal column."""

    contract: Contract
    backend: Any
    table: "ir.Table"
    counts: Mapping[str, ValueCounts]

    @cached_property
    def missing(self) -> list[str]:
        return [name for name, counted in self.counts.items() if counted.missing]

    @cached_property
    def numbers(self) -> list[str]:
        columns = ComparedColumn.of_contract(self.contract)
        return [each.column for each in columns if each.kind != Kind.NOMINAL]

    @cached_property
    def nominal(self) -> dict[str, ComparedColumn]:
        columns = ComparedColumn.of_contract(self.contract)
        return {each.column: each for each in columns if each.kind == Kind.NOMINAL}

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        return list_every_input(ComparedColumn.of_contract(self.contract))

    @cached_property
    def codings(self) -> dict[str, Coding]:
        return {name: Coding.of_column(self.contract.columns[name]) for name in self.numbers}

    @cached_property
    def coded(self) -> "ir.Table":
        """The table with codes for numbers, 0 where one is missing, and what tells that."""
        # Named by places: a column of the table may have any name.
        named = {f"level {at}": self.table[name] for at, name in enumerate(self.nominal)}
        for place, name in enumerate(self.numbers):
            code = self._code(name)
            named[f"code {place}"] = code
            if name in self.missing:
                named[f"code {place}"] = code.fill_null(0)
                named[f"known {place}"] = code.notnull().ifelse(1, 0)
        return self.table.select(**named)

    def add_up(self) -> PairSums:
        """The sums of all rows, in 64 bits: those of codes below 2^16."""
        width = len(self.inputs)
        sums = {name: np.zeros((width, width), np.int64) for name in SUMS}
        for group in _group_levels(self.nominal):
            self._add_levels(group, sums)
        self._add_numbers(sums)
        return PairSums(**{name: to_integers(matrix) for name, matrix in sums.items()})

    def add_up_sample(self, one_in: int, rows: int, place: str) -> SampleSums:
        """The sums of the sampled rows up to the fourth power, as often as rows stand for them."""
        chosen = choose_people(self.table, self.contract, one_in)
        # No more than this: ids that are all one would bring every row here.
        found = self.backend.to_pyarrow(chosen.limit(most_sampled(rows, one_in) + 1))
        if not is_sample(len(found), rows, one_in):
            raise UnfitTableError(
                f"{place}: the values of {self.contract.id} do not tell rows apart: give each "
                "person an id"
            )
        columns = {}
        for name in (*self.numbers, *self.nominal):
            declared = self.contract.columns[name]
            levels = self.nominal[name].levels if name in self.nominal else declared.levels
            if name in self.nominal or declared.is_text:
                places = _find_levels(found[name], levels or ())
                columns[name] = (
                    places if name in self.nominal else np.where(places < 0, np.nan, places)
                )
            else:
                columns[name] = found[name].to_numpy().astype(np.float64)
        return SampleSums.add_up(encode_rows(columns, self.inputs, self.codings)).multiply(one_in)

    def _code(self, name: str) -> Any:
        declared, coding = self.contract.columns[name], self.codings[name]
        if declared.is_text:
            places = [(level, place) for place, level in enumerate(declared.levels or ())]
            return self.table[name].cases(*places).cast("int32")
        # What the contract accepts is not below its lowest: dividing cuts as well as it floors.
        above = self.table[name] - int(coding.low)
        return (above if coding.step == 1 else above // int(coding.step)).cast("int32")

    def _multiply(self, one: int, other: int) -> Any:
        """The product of two numbers' codes, in 32 bits where they are enough."""
        largest = prod(self.codings[self.numbers[place]].largest for place in (one, other))
        first, second = self.coded[f"code {one}"], self.coded[f"code {other}"]
        return first * second if largest < 2**31 else first.cast("int64") * second.cast("int64")

    def _add_levels(self, group: tuple[str, ...], sums: dict[str, Counts]) -> None:
        """Every pair with a level of the group in it, and what each number tells by itself.

        From counts and sums by the levels that rows have, a cell for each combination.
        """
        coded, numbers = self.coded, self.numbers
        # Where every row has all levels, squares are needed in total only: the counts tell them.
        by_cell = any(name in self.missing for name in group)
        asked = {"rows": coded.count()}
        for place, name in enumerate(numbers):
            asked[f"sum {place}"] = coded[f"code {place}"].sum()
            if by_cell:
                asked[f"square {place}"] = self._multiply(place, place).sum()
            if name in self.missing:
                asked[f"known {place}"] = coded[f"known {place}"].sum()
        keys = {name: f"level {list(self.nominal).index(name)}" for name in group}
        grouped = coded.group_by(list(keys.values())) if keys else coded
        cells = self.backend.to_pyarrow(grouped.aggregate(**asked))
        count = _read_whole(cells, "rows")

        def read(prefix: str) -> Counts:
            named = [f"{prefix} {place}" for place in range(len(numbers))]
            columns = [_read_whole(cells, name) if name in asked else count for name in named]
            return np.array(columns, np.int64).reshape(len(numbers), len(count)).T

        known, first = read("known"), read("sum")
        if by_cell:
            square = read("square")
        else:
            # In which cell they lie makes no difference, since each tells all levels.
            square = np.zeros_like(first)
            square[0] = [self._add_squares(name) for name in numbers]
        own = np.arange(len(numbers))
        for name, told in zip(SUMS, (known, first, square, square), strict=True):
            sums[name][own, own] = told.sum(axis=0)
        levels = [each for each in self.inputs if each.column in group]
        if not levels:
            return
        codes = {
            name: _find_levels(cells[key], self.nominal[name].levels) for name, key in keys.items()
        }
        has = np.array([codes[each.column] == each.level for each in levels], np.int64).T
        tells = np.array([codes[each.column] >= 0 for each in levels], np.int64).T
        places = np.array([self.inputs.index(each) for each in levels])
        every = np.concatenate([own, places])
        held, weighed = count[:, None] * tells, count[:, None] * has
        with_numbers = {
            "rows": (np.hstack([known, held]), tells),
            "sums": (np.hstack([first, weighed]), tells),
            "squares": (np.hstack([square, weighed]), tells),
            "products": (np.hstack([first, weighed]), has),
        }
        for name, (told, other) in with_numbers.items():
            sums[name][np.ix_(every, places)] = told.T @ other
        for name, other in (("rows", tells), ("sums", has), ("squares", has)):
            sums[name][np.ix_(places, own)] = other.T @ known
        sums["products"][np.ix_(places, own)] = has.T @ first

    def _add_squares(self, name: str) -> int:
        """The sum of a number's squared codes, from the counts of its values."""
        counted = self.counts[name]
        codes = self.codings[name].encode(counted.values.astype(np.float64)).astype(np.int64)
        return int(codes**2 @ counted.counts)

    def _add_numbers(self, sums: dict[str, Counts]) -> None:
        """Every pair of two numbers, over the rows that have both."""
        coded, numbers = self.coded, self.numbers
        # By default a number's own sums, since the other is never missing.
        for name in ("rows", "sums", "squares"):
            for i in range(len(numbers)):
                sums[name][i, : len(numbers)] = sums[name][i, i]
        asked: dict[tuple[str, int, int], Any] = {}
        for i, j in combinations(range(len(numbers)), 2):
            asked["products", i, j] = self._multiply(i, j)
        for i, j in permutations(range(len(numbers)), 2):
            if numbers[j] not in self.missing:
                continue
            known = coded[f"known {j}"]
            asked["sums", i, j] = coded[f"code {i}"] * known
            asked["squares", i, j] = self._multiply(i, i) * known
            both = coded[f"known {i}"] * known if numbers[i] in self.missing else known
            asked["rows", i, j] = both
        keys = list(asked)
        for part in (keys[at : at + MOST_SUMS] for at in range(0, len(keys), MOST_SUMS)):
            named = {str(place): asked[key].sum() for place, key in enumerate(part)}
            found = self.backend.to_pyarrow(coded.aggregate(**named))
            for place, (name, i, j) in enumerate(part):
                value = _read_whole(found, str(place))[0]
                sums[name][i, j] = value
                if name in ("products", "rows"):
                    sums[name][j, i] = value


def _group_levels(nominal: dict[str, ComparedColumn]) -> list[tuple[str, ...]]:
    """Groups of columns that each pair is in one of, of few enough combinations of levels."""
    sizes = {name: len(column.levels) + 1 for name, column in nominal.items()}
    if prod(sizes.values()) <= MOST_CELLS:
        return [tuple(nominal)]
    packs: list[list[str]] = [[]]
    for name, size in sizes.items():
        if packs[-1] and size * prod(sizes[each] for each in packs[-1]) > MOST_CELLS**0.5:
            packs.append([])
        packs[-1].append(name)
    return [(*one, *other) for one, other in combinations(packs, 2)] or [tuple(packs[0])]


def _find_levels(column: "pa.ChunkedArray", levels: Sequence[Any]) -> Counts:
    """The positions of values in the levels, -1 where one is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(column.cast(pa.array(levels).type), value_set=pa.array(levels))
    return np.asarray(found.fill_null(-1).to_numpy().astype(np.int64))


def _read_whole(table: "pa.Table", name: str) -> Counts:
    """A column of whole numbers; sums of nothing are 0."""
    import pyarrow as pa

    return np.asarray(table[name].cast(pa.int64()).fill_null(0).to_numpy(), np.int64)
