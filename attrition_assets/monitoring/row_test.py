"""Whether the rows of two tables are alike, as if of strangers: tests turned into findings.

Which columns moved, by how much, and what could have been seen. The p-values come from
`permutation` or, for large tables, from `large_tables`; which tables to compare is for the judges.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from attrition_assets.contract import Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.integrity import explain_untestable, find_certain_faults
from attrition_assets.monitoring.large_tables import (
    ExaminedColumn,
    compare_large_tables,
    examine_column,
)
from attrition_assets.monitoring.pairing import ColumnPair, ComparedColumn
from attrition_assets.monitoring.permutation import SHARES, Permuted, permute_scores
from attrition_assets.monitoring.power import Spread, find_smallest_shift
from attrition_assets.monitoring.report import (
    Aspect,
    ColumnFault,
    Detectable,
    FeatureTest,
)
from attrition_assets.monitoring.row_measures import (
    describe_missing,
    find_likely_faults,
    get_adjusted,
    measure_tests,
)
from attrition_assets.monitoring.scores import Family, build_scores
from attrition_assets.monitoring.table_summary import (
    InputSums,
    Sides,
    TableSummary,
    add_up_pairs,
    choose_coding,
    count_sides,
)

PERMUTED_ROWS = 20_000
FAULT_FLOOR = 0.01
LEADING = 0.01
TOGETHER = "together with others, alone it is not sure"
SMALL_SIDE = 5_000

# Of the reference and of the current table.
Keys = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
Tested = TypeVar("Tested", bound=ComparedColumn)

OWN_ASPECTS = {Aspect.VALUES, Aspect.CHANGE, Aspect.MEAN}


@dataclass(frozen=True)
class Limits:
    """When a difference counts: `level` is the probability of any alarm when nothing changed.

    Floors as in `MonitoringPolicy`.
    """

    level: float
    effect_floor: float
    relation_floor: float

    def floor(self, aspect: Aspect) -> float:
        """The smallest effect that counts."""
        return self.effect_floor if aspect == Aspect.VALUES else self.relation_floor


@dataclass(frozen=True)
class RowComparison:
    """What came out. `p_value` is None if no column could be compared.

    `drifted`: beyond the level and beyond a floor. `faults` are broken columns, which are not
    judged for drift.
    """

    p_value: float | None
    method: str
    drifted: bool
    tests: tuple[FeatureTest, ...]
    faults: tuple[ColumnFault, ...]
    detectable: tuple[Detectable, ...] = ()


def compare_rows(
    pairs: Sequence[ColumnPair],
    limits: Limits,
    *,
    importance: Mapping[str, float] | None = None,
    seed: int = 0,
    keys: Keys | None = None,
) -> RowComparison:
    """Compare the two tables that `pairs` hold.

    Up to 20,000 rows in both together, by permutation of the rows over all columns at once; beyond,
    by asymptotic p-values with Bonferroni's correction. Drift is a p of all tests together at or
    below the level, and an effect of at least its floor. A column with a fault is judged for the
    fault alone: if a rate of missing values changed, the others are compared again without it.
    `keys` are the rows' ids, if they are numbers: by them those rows of large tables are chosen
    whose fourth moments are taken.
    """
    before, now = (len(side) for side in (pairs[0].reference, pairs[0].current))
    if before + now > PERMUTED_ROWS and min(before, now) >= SMALL_SIDE:
        return _compare_large(pairs, limits, importance, keys)
    counts = {pair.column: count_sides(pair) for pair in pairs}
    judged = {
        pair.column: (find_certain_faults(pair, *sides), explain_untestable(*sides))
        for pair, sides in zip(pairs, counts.values(), strict=True)
    }

    def compare_sound(kept: Sequence[ColumnPair]) -> RowComparison:
        return _compare_small(kept, counts, limits, seed)

    return _compare_columns(pairs, judged, compare_sound, importance)


def _compare_large(
    pairs: Sequence[ColumnPair],
    limits: Limits,
    importance: Mapping[str, float] | None,
    keys: Keys | None,
) -> RowComparison:
    examined, codings = {}, {}
    for pair in pairs:  # of one column at a time there are counts in memory
        sides = count_sides(pair)
        examined[pair.column] = examine_column(pair, *sides)
        if pair.kind != Kind.NOMINAL:
            codings[pair.column] = choose_coding(pair, sides)
    inputs = tuple(each for column in examined.values() for each in column.inputs)
    added = add_up_pairs(pairs, inputs, codings, keys)
    return _compare_examined(examined, *added, limits, importance)


def compare_summaries(
    columns: Sequence[ComparedColumn],
    before: TableSummary,
    now: TableSummary,
    limits: Limits,
    *,
    importance: Mapping[str, float] | None = None,
) -> RowComparison:
    """Compare two tables by their summaries, as `compare_rows` does those of 5,000 rows a side.

    Raises DriftInputError if one has fewer, or both were not made by one contract.
    """
    if min(before.rows, now.rows) < SMALL_SIDE:
        raise DriftInputError(
            f"one summary is of {min(before.rows, now.rows)} rows: their p-values hold from "
            f"{SMALL_SIDE:,} rows a side on; compare the rows themselves"
        )
    before.require_same_inputs(now)
    examined = {
        each.column: examine_column(each, before.counts[each.column], now.counts[each.column])
        for each in columns
    }
    return _compare_examined(examined, before.added, now.added, limits, importance)


def _compare_examined(
    examined: Mapping[str, ExaminedColumn],
    before: InputSums,
    now: InputSums,
    limits: Limits,
    importance: Mapping[str, float] | None,
) -> RowComparison:
    def compare_sound(kept: Sequence[ComparedColumn]) -> RowComparison:
        columns = [examined[each.column] for each in kept]
        return _compare_by_summaries(columns, before, now, limits)

    judged = {name: (each.fault, each.untestable) for name, each in examined.items()}
    columns = [each.tested for each in examined.values()]
    return _compare_columns(columns, judged, compare_sound, importance)


def _compare_columns(
    columns: Sequence[Tested],
    judged: Mapping[str, tuple[ColumnFault | None, str | None]],
    compare_sound: Callable[[Sequence[Tested]], RowComparison],
    importance: Mapping[str, float] | None,
) -> RowComparison:
    """Set aside what is broken or cannot be tested, as `judged`, and compare the other columns."""
    faults = [fault for fault, _ in judged.values() if fault]
    broken = {fault.column for fault in faults}
    untested = [
        _note(each, why)
        for each in columns
        if each.column not in broken and (why := judged[each.column][1])
    ]
    aside = broken | {test.column for test in untested}
    kept = [each for each in columns if each.column not in aside]
    nothing = RowComparison(None, "no column could be compared", False, (), ())
    compared = compare_sound(kept) if kept else nothing
    if likely := compared.faults:
        broken |= {fault.column for fault in likely}
        sound = [each for each in kept if each.column not in broken]
        again = compare_sound(sound) if sound else nothing
        compared = replace(again, faults=(*likely, *again.faults))
    notes = [
        _note(each, "not judged: its data are broken") for each in columns if each.column in broken
    ]
    tests = order_tests(name_causes([*compared.tests, *untested, *notes]), importance)
    return replace(compared, tests=tests, faults=(*faults, *compared.faults))


def _compare_small(
    pairs: Sequence[ColumnPair], counts: Mapping[str, Sides], limits: Limits, seed: int
) -> RowComparison:
    """Compare two tables of which one at least is small, by shuffling, the larger one sampled."""
    sides = [counts[pair.column] for pair in pairs]
    before, now = len(pairs[0].reference), len(pairs[0].current)
    if before + now <= PERMUTED_ROWS:
        return _compare_by_shuffling(pairs, sides, limits, seed)
    sample = _sample_larger(pairs, seed)
    found = _compare_by_shuffling(sample, list(map(count_sides, sample)), limits, seed)
    larger = "reference" if before > now else "current"
    sampled = f"{PERMUTED_ROWS - min(before, now)} of {max(before, now)} {larger} rows, sampled"
    return replace(found, method=f"{found.method} ({sampled})")


def _compare_by_shuffling(
    pairs: Sequence[ColumnPair], counts: Sequence[Sides], limits: Limits, seed: int
) -> RowComparison:
    scores = build_scores(pairs)
    permuted = permute_scores(scores, limits.level, seed)
    measured = measure_tests(pairs, counts, scores, permuted)
    tests, faults = _decide(measured, find_likely_faults(pairs, scores, permuted), limits)
    drifted = any(test.drifted for test in tests)
    if permuted.p_value <= limits.level and not drifted and not faults:
        tests, drifted = _find_diffuse(tests, permuted, limits)
    method = f"rows permuted over all columns, {permuted.shuffles} times"
    level = _share_level(pairs, limits)
    detectable = tuple(
        find_smallest_shift(pair, Spread.of_counts(pair.kind, *sides), level, limits.effect_floor)
        for pair, sides in zip(pairs, counts, strict=True)
    )
    return RowComparison(permuted.p_value, method, drifted, tests, faults, detectable)


def _compare_by_summaries(
    columns: Sequence[ExaminedColumn], before: InputSums, now: InputSums, limits: Limits
) -> RowComparison:
    level = _share_level(columns, limits)
    found = compare_large_tables(columns, before, now, level, limits.effect_floor)
    rates = [
        describe_missing(rate.column, rate.before, rate.now, rate.p_value)
        for rate in found.missing
        if rate.now > rate.before
    ]
    tests, faults = _decide(found.tests, rates, limits)
    drifted = any(test.drifted for test in tests)
    method = "rows of large tables, asymptotic"
    return RowComparison(found.p_value, method, drifted, tests, faults, found.detectable)


def _sample_larger(pairs: Sequence[ColumnPair], seed: int) -> list[ColumnPair]:
    """The pairs with as many rows of the larger table as can be permuted with the smaller one."""
    sizes = len(pairs[0].reference), len(pairs[0].current)
    side = "reference" if sizes[0] > sizes[1] else "current"
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(max(sizes), PERMUTED_ROWS - min(sizes), replace=False))
    return [replace(pair, **{side: getattr(pair, side)[rows]}) for pair in pairs]


def _share_level(columns: Sequence[object], limits: Limits) -> float:
    """What one column's values have of the level."""
    return limits.level * SHARES[Family.VALUES] / len(columns)


def _decide(
    tests: Iterable[FeatureTest], faults: Iterable[ColumnFault], limits: Limits
) -> tuple[tuple[FeatureTest, ...], tuple[ColumnFault, ...]]:
    """Which tests drifted, by level and floor, and which likely faults are beyond the level."""
    decided = tuple(
        test.model_copy(
            update={
                "drifted": get_adjusted(test) <= limits.level
                and (test.effect or 0.0) >= limits.floor(test.aspect)
            }
        )
        for test in tests
    )
    sure = tuple(
        fault
        for fault in faults
        if fault.p_value is not None
        and fault.p_value <= limits.level
        and fault.share >= FAULT_FLOOR
    )
    return decided, sure


def _find_diffuse(
    tests: tuple[FeatureTest, ...], permuted: Permuted, limits: Limits
) -> tuple[tuple[FeatureTest, ...], bool]:
    """Whether many columns that the model uses moved a little together, and those that lead."""
    if permuted.together > limits.level:
        return tests, False  # sure of one column, and too small to count
    marked = tuple(
        test.model_copy(update={"drifted": True, "note": f"{test.note}; {TOGETHER}"})
        if test.aspect == Aspect.VALUES
        and test.used_by_model
        and test.p_value is not None
        and test.p_value <= LEADING
        and (test.effect or 0.0) >= limits.effect_floor
        else test
        for test in tests
    )
    large = [test for test in tests if (test.effect or 0.0) >= limits.floor(test.aspect)]
    return marked, bool(large)


def _note(tested: ComparedColumn, why: str) -> FeatureTest:
    return FeatureTest(column=tested.column, kind=tested.kind, used_by_model=tested.used, note=why)


def name_causes(tests: Sequence[FeatureTest]) -> list[FeatureTest]:
    """The tests, drift of relations being put down to columns whose own values drifted.

    If pay moves, so does the relation of pay and level: level did not drift for that.
    """
    causes = {test.column for test in tests if test.drifted and test.aspect in OWN_ASPECTS}
    if not causes:
        return list(tests)
    named = ", ".join(sorted(causes))
    return [
        test.model_copy(
            update={"drifted": False, "note": f"{test.note} (goes with {named})".strip()}
        )
        if test.drifted and test.aspect not in OWN_ASPECTS and test.column not in causes
        else test
        for test in tests
    ]


def order_tests(
    tests: Sequence[FeatureTest], importance: Mapping[str, float] | None
) -> tuple[FeatureTest, ...]:
    """The tests, the drifted first; among these, those of columns most important to the model."""
    weighed = [
        test
        if importance is None
        else test.model_copy(update={"importance": importance.get(test.column, 0.0)})
        for test in tests
    ]

    def rank(test: FeatureTest) -> tuple[bool, float, float]:
        return not test.drifted, -(test.importance or 0.0), get_adjusted(test)

    return tuple(sorted(weighed, key=rank))
