"""Which way a column moved, for people to read."""

import pandas as pd
import pytest

from attrition_assets.contract import Kind
from attrition_assets.monitoring.moves import measure_move, measure_moves
from attrition_assets.monitoring.report import FeatureTest, Move


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([1.0, 2.0, 6.0], "mean 2 to 3, up"),
        ([1.0, 1.0, None], "mean 2 to 1, down"),
        ([2.0, 2.0, 2.0], "mean 2 to 2, unchanged"),
    ],
)
def test_a_number_moves_by_its_mean_without_missing_values(
    now: list[float | None], said: str
) -> None:
    move = measure_move("Pay", Kind.CONTINUOUS, pd.Series([1, 2, 3]), pd.Series(now))
    assert str(move) == said


def test_levels_move_by_the_share_of_the_one_that_changed_most() -> None:
    before = pd.Series(["a"] * 60 + ["b"] * 30 + ["c"] * 10)
    now = pd.Series(["a"] * 50 + ["b"] * 34 + ["c"] * 16)
    move = measure_move("Team", Kind.NOMINAL, before, now)
    assert str(move) == "share of a 60.0% to 50.0%, down"
    ranked = measure_move("Mood", Kind.ORDINAL, before, now)
    assert ranked == Move(column="Mood", measure="share of a", before=0.6, now=0.5)


def test_no_level_is_told_that_fewer_than_five_people_have() -> None:
    before = pd.Series(["a"] * 50 + ["b"] * 10)
    now = pd.Series(["a"] * 56 + ["b"] * 4)
    move = measure_move("Team", Kind.NOMINAL, before, now)
    assert move is not None
    assert move.measure == "share of a"
    few = pd.Series(["a"] * 3 + ["b"] * 4)
    assert measure_move("Team", Kind.NOMINAL, few, few) is None
    gone = measure_move("Team", Kind.NOMINAL, pd.Series(["b"] * 10), pd.Series(["a"] * 10))
    assert str(gone) == "share of a 0.0% to 100.0%, up"


def test_a_side_without_values_does_not_move() -> None:
    numbers = pd.Series([1.0, 2.0])
    assert measure_move("Pay", Kind.CONTINUOUS, numbers, pd.Series([None, None])) is None


def test_only_what_drifted_is_told_once() -> None:
    table = pd.DataFrame({"Pay": [1, 2], "Age": [3, 4]})
    test = FeatureTest(column="Pay", kind=Kind.CONTINUOUS, p_value=0.01, drifted=True)
    calm = FeatureTest(column="Age", kind=Kind.CONTINUOUS, p_value=0.5)
    moves = measure_moves((test, test, calm), table, table + 1)
    assert [str(move) for move in moves] == ["mean 1.5 to 2.5, up"]
