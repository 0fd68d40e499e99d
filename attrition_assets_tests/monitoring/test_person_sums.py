from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.person_sums import (
    FLIPPED_PEOPLE,
    Inputs,
    PersonSums,
    choose_inputs,
    compare_sums,
    find_smallest_shifts,
)
from attrition_assets.monitoring.report import Aspect, FeatureTest

from .conftest import PANEL_CONTRACT, PANEL_START, draw_panel

INPUTS = Inputs(
    PANEL_CONTRACT, ("Pay", "Mood", "Team", "Team", "Age"), (None, None, "red", "blue", None)
)
TABLE = draw_panel(1, people=200)[PANEL_START]


def draw_sums(
    people: int, seed: int, shifts: Sequence[float] = (0, 0, 0, 0, 0), heavy: bool = False
) -> PersonSums:
    """Values of five related columns with means of `shifts` standard deviations."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(people, 1))
    own = rng.standard_t(3, (people, 5)) / np.sqrt(3) if heavy else rng.normal(size=(people, 5))
    values = (common + own) / np.sqrt(2) + np.asarray(shifts)
    return PersonSums(Aspect.CHANGE, values / people, np.ones(5), INPUTS)


def by_column(tests: list[FeatureTest]) -> dict[str, FeatureTest]:
    return {test.column: test for test in tests}


def get_adjusted(test: FeatureTest) -> float:
    assert test.adjusted_p_value is not None
    return test.adjusted_p_value


def test_inputs_are_the_numbers_and_the_common_levels_of_the_month() -> None:
    inputs = choose_inputs(TABLE, PANEL_CONTRACT)
    assert list(zip(inputs.columns, inputs.levels, strict=True)) == [
        ("Pay", None),
        ("Mood", None),
        ("Team", "red"),
        ("Team", "blue"),
        ("Team", "green"),
        ("Age", None),
    ]


@pytest.mark.parametrize(
    ("teams", "levels"),
    [
        (["red"] * 100 + ["blue"] * 100, ["blue"]),
        (["red"] * 100 + ["blue"] * 94 + ["green"] * 6, ["blue"]),
        (["red"] * 100 + ["blue"] * 93 + ["green"] * 7, ["red", "blue", "green"]),
        (["red"] * 200, ["red"]),
        ([None] * 200, []),
    ],
)
def test_of_two_common_levels_one_is_an_input_and_rare_ones_are_none(
    teams: list[Any], levels: list[str]
) -> None:
    inputs = choose_inputs(TABLE.assign(Team=teams), PANEL_CONTRACT)
    chosen = zip(inputs.columns, inputs.levels, strict=True)
    assert [level for name, level in chosen if name == "Team"] == levels


def test_a_snapshot_becomes_numbers_by_person_and_missing_stays_missing() -> None:
    table = TABLE.head(3).assign(
        Pay=[1000.0, np.nan, 3000.0],
        Mood=[5, 1, 3],
        Team=np.array(["red", "blue", None], dtype=object),
        Age=[20, 30, 40],
    )
    encoded = INPUTS.encode(table, "snapshot of 2024-01")
    assert encoded.index.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(
        encoded, [[1000, 5, 1, 0, 20], [np.nan, 1, 0, 1, 30], [3000, 3, np.nan, np.nan, 40]]
    )


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("Pay", ["1000", "2", "3"], "snapshot of 2024-01, column Pay: 3 rows do not hold a finite"),
        ("Age", [20, np.inf, 30], "snapshot of 2024-01, column Age: 1 rows do not hold a finite"),
        ("Id", [1, 1, 2], "snapshot of 2024-01: 1 rows repeat a Id: give one row a person"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_month(
    column: str, values: list[Any], message: str
) -> None:
    with pytest.raises(DriftInputError, match=message):
        INPUTS.encode(TABLE.head(3).assign(**{column: values}), "snapshot of 2024-01")


@pytest.mark.parametrize("heavy", [False, True])
def test_alarms_are_as_frequent_as_the_level_says_for_related_columns(heavy: bool) -> None:
    tries, level = 1000, 0.05
    alarms = sum(
        min(map(get_adjusted, compare_sums(draw_sums(80, seed, heavy=heavy), level, 0, seed)))
        <= level
        for seed in range(tries)
    )
    # A right test leaves this interval once in 10,000 choices of seeds, either way.
    low, high = stats.binom.ppf(1e-4, tries, level), stats.binom.isf(1e-4, tries, level)
    assert low <= alarms <= high


def test_only_the_column_that_moved_is_found_and_comes_first() -> None:
    tests = compare_sums(draw_sums(400, 0, (0, 0.5, 0, 0, 0)), 0.01, 0.02, 0)
    assert [test.column for test in tests if test.drifted] == ["Mood"]
    assert tests[0].column == "Mood"
    assert tests[0].effect == pytest.approx(0.5, abs=0.15)  # 3 standard errors
    assert sorted(test.column for test in tests) == ["Age", "Mood", "Pay", "Team"]
    for test in tests:
        assert test.p_value is not None
        assert test.used_by_model == (test.column != "Age")
        assert test.aspect == Aspect.CHANGE
    adjusted = [get_adjusted(test) for test in tests]
    assert adjusted == sorted(adjusted)


def test_of_the_levels_of_a_column_the_one_that_moved_most_surely_is_told() -> None:
    team = by_column(compare_sums(draw_sums(400, 0, (0, 0, 0.1, 0.5, 0)), 0.01, 0, 0))["Team"]
    assert team.drifted
    assert team.effect == pytest.approx(0.5, abs=0.15)  # 3 standard errors


@pytest.mark.parametrize(("floor", "drifted"), [(0.2, True), (0.5, False)])
def test_an_effect_counts_from_its_floor_on(floor: float, drifted: bool) -> None:
    sums = draw_sums(2000, 0, (0.35, 0, 0, 0, 0))
    pay = by_column(compare_sums(sums, 0.01, floor, 0))["Pay"]
    assert get_adjusted(pay) <= 0.01
    assert pay.drifted == drifted


@pytest.mark.parametrize("level", [0.05, 0.0005])
def test_the_p_value_of_what_is_sure_reaches_any_level(level: float) -> None:
    pay = by_column(compare_sums(draw_sums(100, 0, (3, 0, 0, 0, 0)), level, 0, 0))["Pay"]
    assert get_adjusted(pay) <= level / 2


def test_a_column_in_which_nobody_differs_is_not_tested() -> None:
    sums = draw_sums(100, 0)
    contributions = sums.contributions.copy()
    contributions[:, 0] = 0
    still = PersonSums(Aspect.MEAN, contributions, np.array([1.0, np.nan, 1, 1, 1]), INPUTS)
    assert set(by_column(compare_sums(still, 0.05, 0, 0))) == {"Team", "Age"}
    nobody = PersonSums(Aspect.MEAN, 0 * contributions, np.ones(5), INPUTS)
    assert compare_sums(nobody, 0.05, 0, 0) == []
    assert find_smallest_shifts(nobody, 0.05, 0, pd.DataFrame()) == {}


def test_the_seed_settles_the_flips() -> None:
    sums = draw_sums(100, 0, (0.2, 0, 0, 0, 0))
    assert compare_sums(sums, 0.05, 0, 7) == compare_sums(sums, 0.05, 0, 7)
    assert compare_sums(sums, 0.05, 0, 7) != compare_sums(sums, 0.05, 0, 8)


def test_more_people_than_can_be_flipped_get_nearly_the_p_that_flips_give() -> None:
    z = 2.0
    people = FLIPPED_PEOPLE + 1
    values = draw_sums(people, 0).contributions
    values = values - values.mean(axis=0) + z / people * values.std(axis=0) * np.sqrt(people)
    one = Inputs(PANEL_CONTRACT, ("Pay",), (None,))
    by_normal, by_flips = (
        by_column(
            compare_sums(
                PersonSums(Aspect.MEAN, values[:count, :1], np.ones(1), one), 0.05, 0, seed=0
            )
        )["Pay"]
        for count in (people, people - 1)
    )
    assert get_adjusted(by_normal) == pytest.approx(2 * stats.norm.sf(z), abs=0.001)
    # 500 flips have a standard error of .009: 4 of them, once in 16,000 seeds.
    assert get_adjusted(by_flips) == pytest.approx(get_adjusted(by_normal), abs=0.037)


def test_many_people_are_corrected_for_every_input() -> None:
    sums = draw_sums(FLIPPED_PEOPLE + 1, 0, (0.1, 0, 0, 0, 0))
    tests = by_column(compare_sums(sums, 0.001, 0.02, 0))
    assert [name for name, test in tests.items() if test.drifted] == ["Pay"]
    for test in tests.values():
        assert test.p_value is not None
        assert get_adjusted(test) == min(1.0, 5 * test.p_value)


@pytest.mark.parametrize("floor", [0, 0.4])
def test_a_shift_of_the_told_size_is_found_four_times_in_five(floor: float) -> None:
    level, tries = 0.05, 200
    one = Inputs(PANEL_CONTRACT, ("Mood",), (None,))
    found = 0
    for seed in range(tries):
        still = draw_sums(200, seed)
        sums = PersonSums(Aspect.MEAN, still.contributions[:, :1], np.ones(1), one)
        now = pd.DataFrame({0: np.arange(5.0)})
        told = find_smallest_shifts(sums, level, floor, now)["Mood"].shift
        moved = PersonSums(Aspect.MEAN, sums.contributions + told / 200, np.ones(1), one)
        found += compare_sums(moved, level, floor, seed)[0].drifted
    # Four standard errors either way: once in 16,000 choices of seeds.
    assert found / tries == pytest.approx(0.8, abs=4 * np.sqrt(0.8 * 0.2 / tries))


def test_shifts_are_told_in_percent_of_amounts_points_of_shares_and_units_of_the_rest() -> None:
    sums = draw_sums(200, 0)
    now = INPUTS.encode(TABLE, "snapshot of 2024-01")
    told = find_smallest_shifts(sums, 0.05, 0, now)
    assert {name: shift.unit for name, shift in told.items()} == {
        "Pay": "%",
        "Mood": "on average",
        "Team": "points",
        "Age": "%",
    }
    mood = told["Mood"].shift
    assert told["Age"].shift == pytest.approx(100 * mood / TABLE["Age"].mean(), rel=0.3)
    commonest = 2 if now[2].mean() > now[3].mean() else 3
    assert told["Team"].shift == pytest.approx(
        100 * mood * sums.errors[commonest] / sums.errors[1], rel=1e-9
    )


def test_no_shift_is_told_of_what_nobody_has_a_value_of() -> None:
    now = INPUTS.encode(TABLE.assign(Pay=np.nan), "snapshot of 2024-01")
    told = find_smallest_shifts(draw_sums(200, 0), 0.05, 0, now)
    assert set(told) == {"Mood", "Team", "Age"}
