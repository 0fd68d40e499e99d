"""Two large tables compared by their summaries alone: no row is shuffled, none is left out.

Asymptotic p-values, adjusted by Bonferroni for all tests. Where the floors lie below which a sure
difference does not count is for `row_test`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attrition_assets.contract import Kind
from attrition_assets.monitoring.integrity import explain_untestable, find_certain_faults
from attrition_assets.monitoring.pairing import ComparedColumn
from attrition_assets.monitoring.power import Spread, find_smallest_shift
from attrition_assets.monitoring.report import (
    SMALLEST_GROUP,
    ColumnFault,
    Detectable,
    FeatureTest,
)
from attrition_assets.monitoring.summaries import (
    ValueCounts,
    compute_chi_square_p,
    compute_ks_p,
    measure_ks_distance,
    measure_total_variation,
)
from attrition_assets.monitoring.table_summary import Input, InputSums, list_inputs
from attrition_assets.monitoring.together import compare_together


@dataclass(frozen=True)
class MissingRate:
    """The shares of missing values of a column, and whether they differ: p adjusted."""

    column: str
    before: float
    now: float
    p_value: float


@dataclass(frozen=True)
class LargeComparison:
    """What came out: `p_value` of all tests together, each test, and changed missing rates."""

    p_value: float
    tests: tuple[FeatureTest, ...]
    missing: tuple[MissingRate, ...]
    detectable: tuple[Detectable, ...]


@dataclass(frozen=True)
class ExaminedColumn:
    """What both tables' counts tell of a column, after which the counts are not needed.

    It has a `fault`, or is `untestable` for a reason, or has a test, with p-values not adjusted.
    """

    tested: ComparedColumn
    fault: ColumnFault | None
    untestable: str | None
    test: FeatureTest | None = None
    missing: MissingRate | None = None
    spread: Spread | None = None
    inputs: tuple[Input, ...] = ()


def examine_column(tested: ComparedColumn, before: ValueCounts, now: ValueCounts) -> ExaminedColumn:
    """Continuous columns by Kolmogorov-Smirnov, the others by chi-square."""
    fault, why = find_certain_faults(tested, before, now), explain_untestable(before, now)
    if fault or why:
        return ExaminedColumn(tested, fault, why)
    return ExaminedColumn(
        tested,
        None,
        None,
        _test_values(tested, before, now),
        _test_missing(tested.column, before, now) if before.missing or now.missing else None,
        Spread.of_counts(tested.kind, before, now),
        tuple(list_inputs(tested.column, tested.kind, before)),
    )


def compare_large_tables(
    columns: Sequence[ExaminedColumn],
    before: InputSums,
    now: InputSums,
    shift_level: float,
    effect_floor: float,
) -> LargeComparison:
    """Compare two tables of 5,000 rows or more a side, in those of their columns that have a test.

    To these tests come each column's mean given the others, and all correlations, from sums over
    pairs. `shift_level` and `effect_floor` are those of the smallest shifts that would have been
    seen.
    """
    tests = [each.test for each in columns if each.test]
    missing = [each.missing for each in columns if each.missing]
    detectable = [
        find_smallest_shift(each.tested, each.spread, shift_level, effect_floor)
        for each in columns
        if each.spread
    ]
    together = compare_together(
        [each.tested for each in columns], [each.inputs for each in columns], before, now
    )
    number = len(tests) + len(missing) + together.number
    adjusted = [
        test.model_copy(update={"adjusted_p_value": min(1.0, (test.p_value or 0.0) * number)})
        for test in (*tests, *together.tests)
    ]
    rates = [replace(rate, p_value=min(1.0, rate.p_value * number)) for rate in missing]
    p_values = [*(test.adjusted_p_value or 0.0 for test in adjusted), *(r.p_value for r in rates)]
    return LargeComparison(min(p_values), tuple(adjusted), tuple(rates), tuple(detectable))


def measure_distance(kind: Kind, before: ValueCounts, now: ValueCounts) -> tuple[float, str]:
    """How far apart the two sides' values are, 0..1, and by which measure."""
    if kind == Kind.NOMINAL:
        return measure_total_variation(before, now), "total variation"
    return measure_ks_distance(before, now), "KS distance"


def describe_change(tested: ComparedColumn, before: ValueCounts, now: ValueCounts) -> str:
    """What changed in the values: the mean, or the level whose share changed most.

    Of levels that 1 to 4 people have, on either side, nothing is told: empty if there is no other.
    """
    if tested.kind != Kind.NOMINAL:
        means = before.mean, now.mean
        digits = 0 if max(map(abs, means)) >= 100 else 2
        return f"mean {means[0]:,.{digits}f} to {means[1]:,.{digits}f}"
    shares = before.counts / before.total, now.counts / now.total
    told = [~((side.counts > 0) & (side.counts < SMALLEST_GROUP)) for side in (before, now)]
    changes = np.where(told[0] & told[1], np.abs(shares[1] - shares[0]), -1.0)
    most = int(np.argmax(changes))
    if changes[most] < 0:
        return ""
    return f"{tested.levels[most]} {shares[0][most]:.1%} to {shares[1][most]:.1%}"


def _test_values(tested: ComparedColumn, before: ValueCounts, now: ValueCounts) -> FeatureTest:
    effect, measure = measure_distance(tested.kind, before, now)
    continuous = tested.kind == Kind.CONTINUOUS
    return FeatureTest(
        column=tested.column,
        kind=tested.kind,
        method="Kolmogorov-Smirnov" if continuous else "chi-square",
        p_value=compute_ks_p(effect, before.total, now.total)
        if continuous
        else compute_chi_square_p(before, now),
        effect=effect,
        effect_measure=measure,
        used_by_model=tested.used,
        note=describe_change(tested, before, now),
    )


def _test_missing(column: str, before: ValueCounts, now: ValueCounts) -> MissingRate:
    sides = [
        ValueCounts(np.arange(2), np.array([side.total, side.missing])) for side in (before, now)
    ]
    shares = [side.missing / (side.total + side.missing) for side in (before, now)]
    return MissingRate(column, shares[0], shares[1], compute_chi_square_p(*sides))
