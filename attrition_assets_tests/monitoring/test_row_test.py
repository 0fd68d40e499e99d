"""The row test as a whole: how often it alarms without a reason, what it finds and calls broken.

Seeds are fixed: a chance of failure is told for those who change the numbers.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.monitoring.report import Aspect, FaultKind, FeatureTest
from attrition_assets.monitoring.row_test import (
    FAULT_FLOOR,
    RowComparison,
    name_causes,
    order_tests,
)
from attrition_assets.simulation.scenarios import plant_scenario

from .conftest import MakeTable, compare_tables, draw_staff

# A right test goes beyond each such bound once in 10,000 choices of seeds.
SURE = 1e-4
LEVEL = 0.05

Draw = Callable[[int, int], pd.DataFrame]


def drifted(found: RowComparison) -> set[str]:
    return {test.column for test in found.tests if test.drifted}


def count_alarms(draw: Draw, draws: int, columns: list[str] | None = None) -> int:
    """Alarms among draws of 300 strangers and 60 others of the same company.

    Anything that would be said counts, and no more may drift than is alarmed for.
    """
    alarms = 0
    for seed in range(draws):
        reference, current = draw(300, 2 * seed), draw(60, 2 * seed + 1)
        if columns:
            reference, current = reference[columns], current[columns]
        found = compare_tables(reference, current, level=LEVEL, seed=seed)
        assert found.p_value is not None
        alarm = found.p_value <= LEVEL or bool(found.faults)
        assert alarm or not (found.drifted or drifted(found))
        alarms += alarm
    return alarms


def assert_near_level(alarms: int, draws: int) -> None:
    assert stats.binom.ppf(SURE, draws, LEVEL) <= alarms <= stats.binom.isf(SURE, draws, LEVEL)


def draw_partly_missing(rows: int, seed: int) -> pd.DataFrame:
    """Columns of all kinds, declared or not, a tenth of two missing."""
    return draw_staff(rows, seed, missing=0.1).assign(
        score=np.random.default_rng([3, seed]).lognormal(size=rows)
    )


def test_alarms_without_a_change_are_as_frequent_as_declared_for_columns_of_all_kinds() -> None:
    assert_near_level(count_alarms(draw_partly_missing, 120), 120)


@pytest.mark.parametrize("column", ["MonthlyIncome", "JobLevel", "Department"])
def test_alarms_without_a_change_are_as_frequent_as_declared_for_a_single_column(
    column: str,
) -> None:
    """A level of few rows ties many shuffles: a single column may alarm less often, not more."""
    alarms = count_alarms(draw_staff, 100, [column])
    assert alarms <= stats.binom.isf(SURE, 100, LEVEL)


def test_alarms_without_a_change_are_as_rare_for_thirty_columns(make_table: MakeTable) -> None:
    assert count_alarms(make_table, 25) <= stats.binom.isf(SURE, 25, LEVEL)


def test_alarms_on_splits_of_the_real_table_are_as_frequent_as_declared(
    real_table: pd.DataFrame,
) -> None:
    alarms = 0
    for seed in range(50):
        rows = real_table.sample(360, random_state=seed)
        found = compare_tables(rows[:300], rows[300:], level=LEVEL, seed=seed)
        assert found.p_value is not None
        alarms += found.p_value <= LEVEL
    assert_near_level(alarms, 50)


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return draw_staff(735, 100)


@pytest.fixture(scope="module")
def current() -> pd.DataFrame:
    """In which nothing changed, by a p of .7."""
    return draw_staff(300, 101)


def test_without_a_change_nothing_drifts_and_what_would_have_been_seen_is_told(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    found = compare_tables(reference, current)
    assert not found.drifted
    assert drifted(found) == set()
    assert found.faults == ()
    assert found.method == "rows permuted over all columns, 500 times"
    assert [each.column for each in found.detectable] == reference.columns.tolist()


# Each of these was found in 20 of 20 other draws of such tables.
@pytest.mark.parametrize(
    ("scenario", "size", "column", "aspect"),
    [
        ("overtime", 0.45, "OverTime", Aspect.VALUES),
        ("pay-rise", 0.25, "MonthlyIncome", Aspect.VALUES),
        ("pay-rise", 0.08, "MonthlyIncome", Aspect.CONDITIONAL),
        ("age-decoupled", 1.0, "Age", Aspect.RELATION),
        ("income-permuted", 0.6, "MonthlyIncome", Aspect.RELATION),
    ],
)
def test_a_planted_shift_is_found_by_the_aspect_that_it_changes(
    scenario: str,
    size: float,
    column: str,
    aspect: Aspect,
    reference: pd.DataFrame,
    current: pd.DataFrame,
) -> None:
    found = compare_tables(reference, plant_scenario(current, scenario, size, seed=0))
    assert found.drifted
    assert found.faults == ()
    assert (column, aspect) in {(test.column, test.aspect) for test in found.tests if test.drifted}
    if aspect == Aspect.RELATION:  # every column has the values that it had
        values = {test.column for test in found.tests if test.aspect == Aspect.VALUES}
        assert values == set(reference)
        assert not any(test.drifted for test in found.tests if test.aspect == Aspect.VALUES)


@pytest.mark.parametrize(
    ("scenario", "column", "fault"),
    [
        ("yearly-pay", "MonthlyIncome", FaultKind.UNIT_CHANGE),
        ("missing", "MonthlyIncome", FaultKind.MISSING_VALUES),
        ("renamed-rare", "Department", FaultKind.UNKNOWN_LEVEL),
        ("renamed-big", "Department", FaultKind.UNKNOWN_LEVEL),
    ],
)
def test_a_planted_fault_is_named_and_is_no_drift_nor_hides_one(
    scenario: str,
    column: str,
    fault: FaultKind,
    reference: pd.DataFrame,
    current: pd.DataFrame,
) -> None:
    broken = plant_scenario(current, scenario, seed=0)
    found = compare_tables(reference, broken)
    assert [(each.column, each.fault) for each in found.faults] == [(column, fault)]
    assert not found.drifted
    both = compare_tables(reference, plant_scenario(broken, "overtime", 0.5, seed=0))
    assert [(each.column, each.fault) for each in both.faults] == [(column, fault)]
    assert both.drifted
    assert drifted(both) == {"OverTime"}
    for each in (*found.tests, *both.tests):
        if each.column == column:
            assert (each.drifted, each.p_value) == (False, None)
            assert each.note == "not judged: its data are broken"


def test_a_rate_of_missing_values_that_always_was_is_no_fault() -> None:
    reference, current = draw_staff(735, 0, missing=0.2), draw_staff(300, 1, missing=0.2)
    found = compare_tables(reference, current)
    assert found.faults == ()
    assert not found.drifted


def test_fewer_missing_values_than_the_floor_are_no_fault_however_sure() -> None:
    reference, current = draw_staff(10_000, 0), draw_staff(10_000, 1)
    few = current.index < 0.9 * FAULT_FLOOR * len(current)
    lost = current.assign(MonthlyIncome=current["MonthlyIncome"].mask(few))
    found = compare_tables(reference[["MonthlyIncome"]], lost[["MonthlyIncome"]])
    assert found.p_value is not None
    assert found.p_value <= 0.01
    assert (found.faults, found.drifted) == ((), False)


def test_the_same_tables_and_seed_give_the_same_result(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "pay-rise", 0.08, seed=0)
    assert compare_tables(reference, moved, seed=4) == compare_tables(reference, moved, seed=4)


def values_by_column(found: RowComparison) -> dict[str, FeatureTest]:
    return {test.column: test for test in found.tests if test.aspect == Aspect.VALUES}


def test_the_order_of_columns_changes_nothing(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "overtime", 0.45, seed=0)
    found = compare_tables(reference, moved)
    reordered = compare_tables(reference[reference.columns[::-1]], moved)
    assert reordered.p_value == found.p_value
    assert drifted(reordered) == drifted(found) == {"OverTime"}
    assert values_by_column(reordered) == values_by_column(found)


def test_the_order_of_rows_changes_p_values_by_the_error_of_the_shuffles_alone(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    """One of 8 differs by 6 standard errors of two shares once in 10^7 choices of seeds."""
    moved = plant_scenario(current, "overtime", 0.45, seed=0)
    found = compare_tables(reference, moved)
    reordered = compare_tables(reference.sample(frac=1, random_state=0), moved[::-1])
    assert drifted(reordered) == drifted(found) == {"OverTime"}
    before = values_by_column(found)
    for column, test in values_by_column(reordered).items():
        assert test.effect == pytest.approx(before[column].effect, abs=1e-12)
        if test.method == before[column].method:
            assert test.p_value == pytest.approx(before[column].p_value, abs=6 * 0.5 / 250**0.5)


def make(column: str, aspect: Aspect, contract: Contract, **fields: object) -> FeatureTest:
    return FeatureTest.model_validate(
        {"column": column, "kind": contract.columns[column].kind, "aspect": aspect, **fields}
    )


def test_relations_that_moved_with_a_columns_own_values_are_put_down_to_it(
    contract: Contract,
) -> None:
    pay = make("MonthlyIncome", Aspect.VALUES, contract, drifted=True)
    own = make("MonthlyIncome", Aspect.RELATION, contract, drifted=True, note="with JobLevel")
    level = make("JobLevel", Aspect.RELATION, contract, drifted=True, note="with MonthlyIncome")
    assert name_causes([own, level]) == [own, level]
    named = name_causes([pay, own, level])
    assert named[:2] == [pay, own]
    assert not named[2].drifted
    assert named[2].note == "with MonthlyIncome (goes with MonthlyIncome)"


def test_what_drifted_comes_first_and_of_that_what_the_model_needs_most(
    contract: Contract,
) -> None:
    tests = [
        make("Age", Aspect.VALUES, contract, adjusted_p_value=0.2),
        make("OverTime", Aspect.VALUES, contract, adjusted_p_value=0.001, drifted=True),
        make("JobLevel", Aspect.VALUES, contract, adjusted_p_value=0.04, drifted=True),
        make("Department", Aspect.VALUES, contract),
    ]
    unweighed = order_tests(tests[::-1], None)
    assert [test.column for test in unweighed] == ["OverTime", "JobLevel", "Age", "Department"]
    assert {test.importance for test in unweighed} == {None}
    weighed = order_tests(tests, {"JobLevel": 0.7, "OverTime": 0.2})
    assert [test.column for test in weighed] == ["JobLevel", "OverTime", "Age", "Department"]
    assert [test.importance for test in weighed] == [0.7, 0.2, 0.0, 0.0]
