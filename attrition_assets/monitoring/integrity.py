"""Whether a column is broken rather than moved: what the contract excludes, and what cannot be.

Broken data are reported as such and by themselves never retrain. Whether values that are sound
moved is for `row_test`.
"""

from collections.abc import Sequence

import numpy as np

from attrition_assets.contract import Kind
from attrition_assets.monitoring.pairing import SIDES, ColumnPair, Values
from attrition_assets.monitoring.report import ColumnFault, DataQuality, FaultKind, Finding

CERTAIN = 1e-4
# A year's, a week's, an hour's or a thousandth of it, where a month's is meant.
UNIT_FACTORS = (12.0, 52 / 12, 2080 / 12, 100.0, 1000.0)
EXPLAINED = 0.95
FEWEST_ROWS = 5
SHOWN_LEVELS = 3
FIRST_ROWS = 1_000


def find_certain_faults(pair: ColumnPair) -> ColumnFault | None:
    """What is wrong with the current table's column whatever chance may do; None if nothing is.

    All missing; one value where the reference has several; levels or numbers that the contract does
    not accept; for columns that nobody declared, a level that the reference does not know. What
    chance brings less than once in 10,000 tables is certain.
    """
    before, now = pair.known
    if not len(now) and len(before):
        return _fault(pair, FaultKind.NO_VALUES, 1.0, "no current row has a value")
    if not len(now) or not len(before):
        return None
    return _find_excluded(pair, now) or _find_constant(pair, before, now)


def explain_untestable(pair: ColumnPair) -> str | None:
    """Why the column's values cannot be compared, though nothing is wrong; None if they can."""
    before, now = pair.known
    if not len(before):
        return f"all missing in {SIDES[0]}" if len(now) else "all missing in both tables"
    same = _is_constant(now, before[0]) and _is_constant(before, before[0])
    return "constant, and the same in both tables" if same else None


def _is_constant(values: Values, value: float) -> bool:
    """Whether all values are one; most columns show that they are not in their first rows."""
    return bool((values[:FIRST_ROWS] == value).all() and (values == value).all())


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


def _find_excluded(pair: ColumnPair, values: Values) -> ColumnFault | None:
    """Levels or numbers that should not be there."""
    if pair.kind == Kind.NOMINAL:
        return _find_unknown_levels(pair, values)
    if pair.declared is None:
        return None
    if pair.kind == Kind.CONTINUOUS:
        return _find_out_of_range(pair, values)
    if pair.declared.is_text:  # other texts cannot be ordered, and were refused as they were read
        return None
    levels = pair.declared.levels or ()
    wrong = ~np.isin(values, np.array(levels))
    if not wrong.any():
        return None
    return _fault(
        pair,
        FaultKind.UNKNOWN_LEVEL,
        float(wrong.mean()),
        f"{int(wrong.sum())} rows lie outside the levels {list(levels)}",
    )


def _find_unknown_levels(pair: ColumnPair, values: Values) -> ColumnFault | None:
    counts = np.bincount(values.astype(np.int64), minlength=len(pair.levels))
    if pair.declared is not None:
        unknown = np.array([level not in (pair.declared.levels or ()) for level in pair.levels])
    else:
        held = np.bincount(pair.known[0].astype(np.int64), minlength=len(counts))
        share = len(pair.current) / (len(pair.current) + len(pair.reference))
        unknown = (held == 0) & (share ** counts.astype(float) < CERTAIN)
    found = np.flatnonzero(unknown & (counts > 0))
    if not found.size:
        return None
    shown = ", ".join(repr(pair.levels[place]) for place in found[:SHOWN_LEVELS])
    source = "contract" if pair.declared is not None else SIDES[0]
    return _fault(
        pair,
        FaultKind.UNKNOWN_LEVEL,
        float(counts[found].sum() / len(values)),
        f"{int(counts[found].sum())} rows have levels that the {source} does not know ({shown}"
        f"{', ...' if len(found) > SHOWN_LEVELS else ''})",
    )


def _find_out_of_range(pair: ColumnPair, values: Values) -> ColumnFault | None:
    if pair.declared is None or pair.declared.range is None:
        return None
    low, high = pair.declared.range
    if values.min() >= low and values.max() <= high:
        return None
    outside = values[(values < low) | (values > high)]
    factor = _find_factor(pair, outside)
    if factor is not None:
        return _fault(
            pair,
            FaultKind.UNIT_CHANGE,
            len(outside) / len(values),
            f"{len(outside)} rows lie outside {low:g} to {high:g} and would fit divided by "
            f"{factor:.4g}: another unit",
        )
    return _fault(
        pair,
        FaultKind.OUT_OF_RANGE,
        len(outside) / len(values),
        f"{len(outside)} rows lie outside {low:g} to {high:g}, which the contract accepts",
    )


def _find_factor(pair: ColumnPair, outside: Values) -> float | None:
    """By what rows out of range must be divided to look like the reference; None if by nothing.

    Of a year's, a week's, an hour's and so on, the one that brings their median nearest to the
    reference's, if it then lies among its inner nine tenths and nearly all rows in its range. A few
    rows do not tell.
    """
    middle = float(np.median(outside))
    held = pair.known[0]
    low, centre, high = np.quantile(held, (0.05, 0.5, 0.95))
    if len(outside) < FEWEST_ROWS or middle <= 0 or centre <= 0:
        return None
    factors = np.array([each for unit in UNIT_FACTORS for each in (unit, 1 / unit)])
    factor = float(factors[np.argmin(np.abs(np.log(middle / factors / centre)))])
    lowest, highest = float(held.min()), float(held.max())
    back = outside / factor
    fits = np.mean((back >= lowest) & (back <= highest)) >= EXPLAINED
    return factor if fits and low <= middle / factor <= high else None


def _find_constant(pair: ColumnPair, before: Values, now: Values) -> ColumnFault | None:
    if not _is_constant(now, now[0]):
        return None
    share = float(np.mean(before == now[0]))
    if share == 1 or share ** len(now) >= CERTAIN:
        return None
    return _fault(
        pair,
        FaultKind.CONSTANT,
        1.0,
        f"all {len(now)} rows have one value, which {share:.0%} of {SIDES[0]} have",
    )


def _fault(pair: ColumnPair, kind: FaultKind, share: float, explanation: str) -> ColumnFault:
    return ColumnFault(column=pair.column, fault=kind, share=share, explanation=explanation)
