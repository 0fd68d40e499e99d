"""Which columns of a verdict matter most, and which way the drifted ones went.

For people to read beside a verdict: nothing is tested here. No level is told that 1 to 4 people of
either side have.
"""

import pandas as pd

from attrition_assets.contract import Kind
from attrition_assets.monitoring.report import FeatureTest, Move, drifted_columns, tested_columns

SMALLEST_GROUP = 5
SHOWN_WITHOUT_DRIFT = 5


def measure_moves(
    tests: tuple[FeatureTest, ...], baseline: pd.DataFrame, current: pd.DataFrame
) -> tuple[Move, ...]:
    """How each drifted column moved from `baseline` to `current`, in the order of the tests.

    By its mean, or by the share of the level that changed most. One that has no values on a side,
    or no level of enough people, is left out.
    """
    kinds = {test.column: test.kind for test in tests}
    measured = (
        measure_move(name, kinds[name], baseline[name], current[name])
        for name in drifted_columns(tests)
    )
    return tuple(move for move in measured if move)


def measure_move(name: str, kind: Kind, baseline: pd.Series, current: pd.Series) -> Move | None:
    """How one column moved; None if that cannot be told."""
    before, now = baseline.dropna(), current.dropna()
    if before.empty or now.empty:
        return None
    if kind != Kind.NOMINAL and all(pd.api.types.is_numeric_dtype(side) for side in (before, now)):
        return Move(column=name, measure="mean", before=float(before.mean()), now=float(now.mean()))
    counts = pd.DataFrame({"before": before.value_counts(), "now": now.value_counts()}).fillna(0)
    counts.index = counts.index.map(str)
    told = counts[~counts.lt(SMALLEST_GROUP).mul(counts.gt(0)).any(axis=1)].sort_index()
    if told.empty:
        return None
    shares = told / [len(before), len(now)]
    at = int((shares["now"] - shares["before"]).abs().to_numpy().argmax())
    level, (old, new) = shares.index[at], shares.to_numpy()[at].tolist()
    return Move(column=name, measure=f"share of {level}", before=old, now=new)


def choose_columns(tests: tuple[FeatureTest, ...]) -> tuple[str, ...]:
    """The columns that drifted or, if none did, five; those foremost in the model come first.

    Equally important ones go by their smallest adjusted p.
    """
    drifted = drifted_columns(tests)
    ranks = {
        name: min(_rank(test) for test in tests if test.column == name)
        for name in drifted or tested_columns(tests)
    }
    ranked = tuple(sorted(ranks, key=lambda name: ranks[name]))
    return ranked if drifted else ranked[:SHOWN_WITHOUT_DRIFT]


def choose_tests(tests: tuple[FeatureTest, ...], column: str) -> tuple[FeatureTest, ...]:
    """The tests that found the column drifted or, if none did, the one that came closest."""
    own = [test for test in tests if test.column == column]
    drifted = tuple(test for test in own if test.drifted)
    return drifted or (min(own, key=_get_p),)


def _rank(test: FeatureTest) -> tuple[bool, float, float]:
    return not test.used_by_model, -(test.importance or 0.0), _get_p(test)


def _get_p(test: FeatureTest) -> float:
    return 1.0 if test.told_p_value is None else test.told_p_value
