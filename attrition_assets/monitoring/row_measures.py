"""What a permutation found, as tests of columns: p-values beside effects that people can judge.

Whether a test counts as drift is for `row_test`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from attrition_assets.monitoring.large_tables import describe_change, measure_distance
from attrition_assets.monitoring.pairing import ColumnPair
from attrition_assets.monitoring.permutation import Permuted
from attrition_assets.monitoring.report import Aspect, ColumnFault, FaultKind, FeatureTest
from attrition_assets.monitoring.scores import Family, Scores, TailScan
from attrition_assets.monitoring.table_summary import Sides

ASPECTS = {
    Family.VALUES: Aspect.VALUES,
    Family.CONDITIONAL: Aspect.CONDITIONAL,
    Family.RELATION: Aspect.RELATION,
}


def get_adjusted(test: FeatureTest) -> float:
    """The adjusted p-value of a test; more than 1 if it has none."""
    return 2.0 if test.adjusted_p_value is None else test.adjusted_p_value


def measure_tests(
    pairs: Sequence[ColumnPair], counts: Sequence[Sides], scores: Scores, permuted: Permuted
) -> list[FeatureTest]:
    """One test for each aspect of a column: the one with the smallest adjusted p.

    `counts` are the value counts of each pair.
    """
    held = {pair.column: pair for pair in pairs}
    counted = {pair.column: sides for pair, sides in zip(pairs, counts, strict=True)}
    found: dict[tuple[str, Aspect], FeatureTest] = {}

    def offer(test: FeatureTest) -> None:
        best = found.setdefault((test.column, test.aspect), test)
        if get_adjusted(test) < get_adjusted(best):
            found[test.column, test.aspect] = test

    for place, score in enumerate(scores.tests):
        if score.family not in ASPECTS or score.column is None:
            continue
        pair, sides = held[score.column], counted[score.column]
        by_values = score.family == Family.VALUES
        effect, measure = (
            measure_distance(pair.kind, *sides) if by_values else _measure_shift(scores, place)
        )
        offer(
            FeatureTest(
                column=pair.column,
                kind=pair.kind,
                aspect=ASPECTS[score.family],
                method=score.method,
                p_value=float(permuted.own[place]),
                adjusted_p_value=float(permuted.adjusted[place]),
                effect=effect,
                effect_measure=measure,
                used_by_model=pair.used,
                note=describe_change(pair, *sides) if by_values else "",
            )
        )
    for place, tail in enumerate(scores.tails):
        if permuted.tail_rows[place]:
            pair, sides = held[tail.column], counted[tail.column]
            offer(_describe_tail(pair, sides, tail, place, permuted))
    for test in _describe_relations(held, scores, permuted):
        offer(test)
    return list(found.values())


def _measure_shift(scores: Scores, place: int) -> tuple[float, str]:
    """How far the mean of a test's score moved, and what that means.

    The score has mean 0 and variance 1 over all rows, so that is in standard deviations.
    """
    column = scores.blocks[:, scores.starts[place]]
    before, now = column[: scores.reference_rows], column[scores.reference_rows :]
    of_means = scores.tests[place].method.startswith("mean")
    measure = "shift in standard deviations" if of_means else "change of spread"
    return abs(float(now.mean() - before.mean())), measure


def _describe_tail(
    pair: ColumnPair, sides: Sides, tail: TailScan, place: int, permuted: Permuted
) -> FeatureTest:
    return FeatureTest(
        column=pair.column,
        kind=pair.kind,
        method="rows beyond the reference's range, permuted",
        p_value=float(permuted.tail_own[place]),
        adjusted_p_value=float(permuted.tail_adjusted[place]),
        effect=measure_distance(pair.kind, *sides)[0],
        effect_measure="KS distance",
        used_by_model=pair.used,
        note=f"{_count_outside(pair, tail)} current rows lie beyond all of the reference",
    )


def _count_outside(pair: ColumnPair, tail: TailScan) -> int:
    """How many current rows lie beyond the reference at that end; the scan itself stops early."""
    outermost = np.concatenate([pair.reference, pair.current])[tail.rows[0]]
    if outermost > np.nanmax(pair.reference):
        return int((pair.current > np.nanmax(pair.reference)).sum())
    return int((pair.current < np.nanmin(pair.reference)).sum())


def _describe_relations(
    held: Mapping[str, ColumnPair], scores: Scores, permuted: Permuted
) -> list[FeatureTest]:
    """For each column its relation that changed most surely."""
    best: dict[str, int] = {}
    adjusted, own = permuted.pair_adjusted, permuted.pair_own
    for place, test in enumerate(scores.pair_tests):
        for name in (test.column, test.other):
            if name and (name not in best or own[place] < own[best[name]]):
                best[name] = place
    found = []
    for name, place in best.items():
        test = scores.pair_tests[place]
        column = scores.pairs[:, place]
        before, now = column[: scores.reference_rows], column[scores.reference_rows :]
        found.append(
            FeatureTest(
                column=name,
                kind=held[name].kind,
                aspect=Aspect.RELATION,
                method=test.method,
                p_value=float(own[place]),
                adjusted_p_value=float(adjusted[place]),
                effect=float(abs(now.mean() - before.mean()) * scores.pair_scale[place]),
                effect_measure="change of correlation",
                used_by_model=test.used,
                note=f"with {test.other if name == test.column else test.column}",
            )
        )
    return found


def find_likely_faults(
    pairs: Sequence[ColumnPair], scores: Scores, permuted: Permuted
) -> list[ColumnFault]:
    """Values that went missing, and, where no contract says it, what lies far out of range."""
    held = {pair.column: pair for pair in pairs}
    found = []
    for place in scores.select(Family.MISSING):
        pair = held[scores.tests[place].column or ""]
        before, now = (float(side.mean()) for side in pair.missing)
        if now > before:
            p_value = float(permuted.adjusted[place])
            found.append(describe_missing(pair.column, before, now, p_value))
    for place, tail in enumerate(scores.tails):
        if held[tail.column].declared is None and _lies_far_out(held[tail.column]):
            rows = _count_outside(held[tail.column], tail)
            found.append(
                ColumnFault(
                    column=tail.column,
                    fault=FaultKind.OUT_OF_RANGE,
                    share=rows / (len(scores.blocks) - scores.reference_rows),
                    explanation=f"{rows} rows lie beyond all of the reference",
                    p_value=float(permuted.tail_adjusted[place]),
                )
            )
    return found


def _lies_far_out(pair: ColumnPair) -> bool:
    """Whether what lies outside the reference's range lies, mostly, by more than its width."""
    before, now = pair.known
    low, high = float(before.min()), float(before.max())
    outside = now[(now < low) | (now > high)]
    beyond = np.maximum(outside - high, low - outside)
    return bool(outside.size) and bool(np.median(beyond) > high - low)


def describe_missing(column: str, before: float, now: float, p_value: float) -> ColumnFault:
    """The fault of a column whose missing share went from `before` to `now` (0..1)."""
    return ColumnFault(
        column=column,
        fault=FaultKind.MISSING_VALUES,
        share=abs(now - before),
        explanation=f"{now:.1%} of the values are missing, {before:.1%} in the reference",
        p_value=p_value,
    )
