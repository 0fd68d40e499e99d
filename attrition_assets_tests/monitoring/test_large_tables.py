"""Large tables, and that they are judged as smaller ones are.

Seeds are fixed: a chance of failure is told for those who change the numbers.
"""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import read_contract
from attrition_assets.monitoring.large_tables import describe_change
from attrition_assets.monitoring.pairing import pair_columns
from attrition_assets.monitoring.report import Aspect, FaultKind, FeatureTest
from attrition_assets.monitoring.row_test import PERMUTED_ROWS, RowComparison
from attrition_assets.monitoring.table_summary import count_sides
from attrition_assets.simulation.scenarios import plant_scenario

from .conftest import compare_tables, draw_staff

LARGE = "rows of large tables, asymptotic"
HALF = PERMUTED_ROWS // 2


def drifted(found: RowComparison) -> set[str]:
    return {test.column for test in found.tests if test.drifted}


def pick(found: RowComparison, column: str, aspect: Aspect) -> FeatureTest:
    return next(each for each in found.tests if (each.column, each.aspect) == (column, aspect))


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return draw_staff(20_000, 0)


@pytest.fixture(scope="module")
def current() -> pd.DataFrame:
    return draw_staff(20_000, 1)


def test_alarms_without_a_change_are_at_most_as_frequent_as_declared() -> None:
    """More of 60 draws than this alarm once in 10,000 choices of seeds.

    Two fifths of the pays are missing; the levels that go with them are not.
    """
    alarms = given_others = 0
    for seed in range(60):
        sides = [draw_staff(HALF + 1, 2 * seed + side, missing=0.4) for side in (0, 1)]
        found = compare_tables(*sides)
        assert found.method == LARGE
        assert found.p_value is not None
        assert not found.drifted
        assert found.faults == ()
        alarms += found.p_value <= 0.05
        pay = pick(found, "MonthlyIncome", Aspect.CONDITIONAL)
        given_others += pay.p_value is not None and pay.p_value <= 0.05
    assert alarms <= stats.binom.isf(1e-4, 60, 0.05)
    assert given_others <= stats.binom.isf(1e-4, 60, 0.05)


def test_values_are_compared_by_scipys_asymptotic_tests(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    found = compare_tables(reference, current)
    pay = pick(found, "MonthlyIncome", Aspect.VALUES)
    expected = stats.ks_2samp(reference["MonthlyIncome"], current["MonthlyIncome"], method="asymp")
    assert pay.method == "Kolmogorov-Smirnov"
    assert pay.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert pay.effect == pytest.approx(expected.statistic, abs=1e-12)
    for column in ("JobLevel", "Department"):
        counts = [side[column].value_counts().sort_index() for side in (reference, current)]
        test = pick(found, column, Aspect.VALUES)
        chi_square = stats.chi2_contingency(np.array(counts), correction=False)
        assert test.method == "chi-square"
        assert test.p_value == pytest.approx(chi_square.pvalue, rel=1e-9)


def test_p_values_are_adjusted_for_all_tests_and_the_smallest_is_that_of_the_tables(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    found = compare_tables(reference, plant_scenario(current, "pay-rise", 0.01, seed=0))
    values = len(reference.columns)
    conditional = sum(test.aspect == Aspect.CONDITIONAL for test in found.tests)
    # Seven columns of one number and a nominal one of three levels, each with each of the others.
    number = values + conditional + 7 * 6 // 2 + 7 * 3
    assert conditional == 7
    adjusted = [test.adjusted_p_value for test in found.tests]
    assert adjusted == [min(1.0, number * (test.p_value or 0.0)) for test in found.tests]
    assert 0 < min(value or 0.0 for value in adjusted) < 0.05
    assert found.p_value == min(value or 0.0 for value in adjusted)


def test_one_percent_more_pay_is_no_alarm_however_sure_and_ten_percent_is(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    little = compare_tables(reference, plant_scenario(current, "pay-rise", 0.01, seed=0))
    assert little.p_value is not None
    assert little.p_value <= 0.001
    assert not little.drifted
    assert drifted(little) == set()
    much = compare_tables(reference, plant_scenario(current, "pay-rise", 0.10, seed=0))
    assert much.drifted
    assert "MonthlyIncome" in drifted(much)


def test_a_shift_given_the_other_columns_is_measured_in_deviations_of_what_they_leave() -> None:
    rng = np.random.default_rng(6)
    sides = []
    for shift in (0.0, 0.3):
        told = rng.normal(size=HALF + 1)
        own = told + rng.normal(0.2 * shift, 0.2, HALF + 1)
        sides.append(pd.DataFrame({"told": told, "own": own, "other": rng.normal(size=HALF + 1)}))
    test = pick(compare_tables(*sides), "own", Aspect.CONDITIONAL)
    # The standard error is .014; the ridge takes a tenth of it.
    assert test.effect == pytest.approx(0.3, abs=0.1)
    assert test.drifted


def test_a_change_of_correlation_in_a_handful_of_rows_is_no_evidence() -> None:
    """Eight rows a side have both columns: alike in one table, opposed in the other."""
    rng = np.random.default_rng(3)
    sides = []
    for sign in (1, -1):
        table = pd.DataFrame(rng.normal(size=(HALF + 1, 3)), columns=["one", "other", "third"])
        table.loc[table.index < 8, "other"] = sign * table["one"]
        table.loc[table.index >= HALF // 2, "one"] = np.nan
        table.loc[(table.index >= 8) & (table.index < HALF // 2), "other"] = np.nan
        sides.append(table)
    found = compare_tables(*sides)
    assert not found.drifted
    assert found.p_value is not None
    assert found.p_value > 0.001


def test_a_change_of_correlation_is_measured_as_one(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    dealt = plant_scenario(current, "age-decoupled", seed=0)
    test = pick(compare_tables(reference, dealt), "Age", Aspect.RELATION)
    before, now = (side["Age"].corr(side["TotalWorkingYears"]) for side in (reference, dealt))
    assert test.note == "with TotalWorkingYears"
    assert test.effect == pytest.approx(before - now, abs=1e-4)
    assert test.drifted
    assert not test.used_by_model


@pytest.mark.parametrize(
    ("scenario", "size", "columns", "faults"),
    [
        (None, None, set(), []),
        ("pay-rise", 0.01, set(), []),
        ("pay-rise", 0.15, {"MonthlyIncome"}, []),
        ("overtime", 0.36, {"OverTime"}, []),
        ("age-decoupled", 1.0, {"Age", "JobLevel", "MonthlyIncome", "TotalWorkingYears"}, []),
        ("missing", 0.05, set(), [FaultKind.MISSING_VALUES]),
        ("yearly-pay", 0.1, set(), [FaultKind.UNIT_CHANGE]),
        ("renamed-rare", 1.0, set(), [FaultKind.UNKNOWN_LEVEL]),
    ],
)
def test_both_sides_of_the_size_where_methods_change_come_to_the_same_verdict(
    scenario: str | None,
    size: float | None,
    columns: set[str],
    faults: list[FaultKind],
    reference: pd.DataFrame,
    current: pd.DataFrame,
) -> None:
    now = current[:HALF]
    if scenario:
        now = plant_scenario(now, scenario, size, seed=0)
    permuted = compare_tables(reference[:HALF], now)
    large = compare_tables(reference[: HALF + 1], now)
    assert permuted.method == "rows permuted over all columns, 500 times"
    assert large.method == LARGE
    for found in (permuted, large):
        assert found.drifted == bool(columns)
        assert drifted(found) == columns
        assert [fault.fault for fault in found.faults] == faults


def test_a_small_table_against_a_large_one_is_permuted_with_a_sample_and_says_so(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    few = current[:400]
    found = compare_tables(reference, few)
    assert found.method == (
        "rows permuted over all columns, 500 times (19600 of 20000 reference rows, sampled)"
    )
    assert not found.drifted
    assert compare_tables(reference, few) == found
    back = compare_tables(few, reference)
    assert back.method.endswith("(19600 of 20000 current rows, sampled)")
    moved = compare_tables(reference, plant_scenario(few, "overtime", 0.5, seed=0))
    assert drifted(moved) == {"OverTime"}


def test_the_order_of_rows_and_columns_and_the_seed_change_nothing(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    found = compare_tables(reference, current)
    reordered = compare_tables(
        reference.sample(frac=1, random_state=0)[reference.columns[::-1]], current[::-1], seed=9
    )
    assert compare_tables(reference, current) == found
    assert reordered.p_value == pytest.approx(found.p_value, rel=1e-3)
    for test in found.tests:
        if test.aspect == Aspect.VALUES:
            same = pick(reordered, test.column, Aspect.VALUES)
            assert same.p_value == pytest.approx(test.p_value, rel=1e-9)


def test_columns_that_share_no_row_have_no_relation_and_the_others_are_judged() -> None:
    rng = np.random.default_rng(0)
    sides = []
    for shift in (0.0, 0.5):
        table = pd.DataFrame(rng.normal(size=(HALF + 1, 3)), columns=["x", "y", "z"])
        first = rng.random(HALF + 1) < 0.5
        sides.append(
            table.assign(x=table["x"].where(first), y=table["y"].mask(first), z=table["z"] + shift)
        )
    found = compare_tables(*sides)
    assert drifted(found) == {"z"}
    assert found.faults == ()


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": 80, "b": 14, "c": 6}, "b 40.0% to 14.0%"),
        ({"a": 60, "b": 36, "c": 4}, "b 40.0% to 36.0%"),  # c changed as much: 4 people have it
        ({"a": 52, "b": 48}, "a 60.0% to 52.0%"),
        ({"a": 3, "b": 4, "c": 1}, ""),
    ],
)
def test_a_change_is_told_by_the_level_that_moved_most_among_those_of_five_people_or_more(
    now: dict[str, int], said: str
) -> None:
    before = pd.DataFrame({"Team": ["a"] * 60 + ["b"] * 40})
    current = pd.DataFrame(
        {"Team": [level for level, people in now.items() for _ in range(people)]}
    )
    (pair,) = pair_columns(before, current, read_contract(), {})
    assert describe_change(pair, *count_sides(pair)) == said
