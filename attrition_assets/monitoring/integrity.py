"""Whether a column is broken rather than moved: what the contract excludes, and what cannot be.

Broken data are reported as such and by themselves never retrain. Whether values that are sound
moved is for `row_test`.
"""

from collections.abc import Sequence

import numpy as np

from attrition_assets.contract import Kind
from attrition_assets.monitoring.pairing import SIDES, ComparedColumn
from attrition_assets.monitoring.report import ColumnFault, DataQuality, FaultKind, Finding
from attrition_assets.monitoring.summaries import ValueCounts

CERTAIN = 1e-4
# A year's, a week's, an hour's or a thousandth of it, where a month's is meant.
UNIT_FACTORS = (12.0, 52 / 12, 2080 / 12, 100.0, 1000.0)
EXPLAINED = 0.95
FEWEST_ROWS = 5
SHOWN_LEVELS = 3


def find_certain_faults(
    tested: ComparedColumn, before: ValueCounts, now: ValueCounts
) -> ColumnFault | None:
    """What is wrong with the current table's column whatever chance may do; None if nothing is.

    All missing; one value where the reference has several; levels or numbers that the contract does
    not accept; for columns that nobody declared, a level that the reference does not know. What
    chance brings less than once in 10,000 tables is certain.
    """
    if not now.total and before.total:
        return _fault(tested, FaultKind.NO_VALUES, 1.0, "no current row has a value")
    if not now.total or not before.total:
        return None
    return _find_excluded(tested, before, now) or _find_constant(tested, before, now)


def explain_untestable(before: ValueCounts, now: ValueCounts) -> str | None:
    """Why the column's values cannot be compared, though nothing is wrong; None if they can."""
    if not before.total:
        return f"all missing in {SIDES[0]}" if now.total else "all missing in both tables"
    same = len(before.distinct) == 1 and np.array_equal(before.distinct, now.distinct)
    return "constant, and the same in both tables" if same else None


def judge_quality(faults: Sequence[ColumnFault], columns: int) -> DataQuality:
    """The verdict on the faults that were found among `columns` columns."""
    if not faults:
        return DataQuality(
            finding=Finding.NO_FAULT, reason=f"nothing is wrong with the {columns} columns"
        )
    named = "; ".join(f"{fault.column}: {fault.explanation}" for fault in faults)
    return DataQuality(
        finding=Finding.FAULT,
        reason=f"{len(faults)} of {columns} columns are broken: {named}",
        faults=tuple(faults),
    )


def _find_excluded(
    tested: ComparedColumn, before: ValueCounts, now: ValueCounts
) -> ColumnFault | None:
    """Levels or numbers that should not be there."""
    if tested.kind == Kind.NOMINAL:
        return _find_unknown_levels(tested, before, now)
    if tested.declared is None:
        return None
    if tested.kind == Kind.CONTINUOUS:
        return _find_out_of_range(tested, before, now)
    if tested.declared.is_text:  # other texts cannot be ordered, and were refused as they were read
        return None
    levels = tested.declared.levels or ()
    wrong = int(now.counts[~np.isin(now.values, np.array(levels))].sum())
    if not wrong:
        return None
    return _fault(
        tested,
        FaultKind.UNKNOWN_LEVEL,
        wrong / now.total,
        f"{wrong} rows lie outside the levels {list(levels)}",
    )


def _find_unknown_levels(
    tested: ComparedColumn, before: ValueCounts, now: ValueCounts
) -> ColumnFault | None:
    counts, declared = now.counts, tested.declared
    if declared is not None:
        unknown = np.array([level not in (declared.levels or ()) for level in tested.levels])
    else:
        sizes = before.total + before.missing, now.total + now.missing
        share = sizes[1] / sum(sizes)
        unknown = (before.counts == 0) & (share ** counts.astype(float) < CERTAIN)
    found = np.flatnonzero(unknown & (counts > 0))
    if not found.size:
        return None
    shown = ", ".join(repr(tested.levels[place]) for place in found[:SHOWN_LEVELS])
    source = "contract" if declared is not None else SIDES[0]
    return _fault(
        tested,
        FaultKind.UNKNOWN_LEVEL,
        float(counts[found].sum() / now.total),
        f"{int(counts[found].sum())} rows have levels that the {source} does not know ({shown}"
        f"{', ...' if len(found) > SHOWN_LEVELS else ''})",
    )


def _find_out_of_range(
    tested: ComparedColumn, before: ValueCounts, now: ValueCounts
) -> ColumnFault | None:
    if tested.declared is None or tested.declared.range is None:
        return None
    low, high = tested.declared.range
    outside = now.select((now.counts > 0) & ((now.values < low) | (now.values > high)))
    if not outside.total:
        return None
    share, factor = outside.total / now.total, _find_factor(before, outside)
    if factor is not None:
        return _fault(
            tested,
            FaultKind.UNIT_CHANGE,
            share,
            f"{outside.total} rows lie outside {low:g} to {high:g} and would fit divided by "
            f"{factor:.4g}: another unit",
        )
    return _fault(
        tested,
        FaultKind.OUT_OF_RANGE,
        share,
        f"{outside.total} rows lie outside {low:g} to {high:g}, which the contract accepts",
    )


def _find_factor(before: ValueCounts, outside: ValueCounts) -> float | None:
    """By what rows out of range must be divided to look like the reference; None if by nothing.

    Of a year's, a week's, an hour's and so on, the one that brings their median nearest to the
    reference's, if it then lies among its inner nine tenths and nearly all rows in its range. A few
    rows do not tell.
    """
    (middle,) = outside.quantiles([0.5])
    low, centre, high = before.quantiles((0.05, 0.5, 0.95))
    if outside.total < FEWEST_ROWS or middle <= 0 or centre <= 0:
        return None
    factors = np.array([each for unit in UNIT_FACTORS for each in (unit, 1 / unit)])
    factor = float(factors[np.argmin(np.abs(np.log(middle / factors / centre)))])
    lowest, highest = before.distinct[0], before.distinct[-1]
    back = outside.values / factor
    fits = outside.select((back >= lowest) & (back <= highest)).total >= EXPLAINED * outside.total
    return factor if fits and low <= middle / factor <= high else None


def _find_constant(
    tested: ComparedColumn, before: ValueCounts, now: ValueCounts
) -> ColumnFault | None:
    if len(now.distinct) > 1:
        return None
    share = before.share(now.distinct[0])
    if share == 1 or share**now.total >= CERTAIN:
        return None
    return _fault(
        tested,
        FaultKind.CONSTANT,
        1.0,
        f"all {now.total} rows have one value, which {share:.0%} of {SIDES[0]} have",
    )


def _fault(tested: ComparedColumn, kind: FaultKind, share: float, explanation: str) -> ColumnFault:
    return ColumnFault(column=tested.column, fault=kind, share=share, explanation=explanation)
