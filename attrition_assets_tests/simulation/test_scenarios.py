"""Scenarios: each changes what its title says in as many rows as it says, and nothing else.

What the held-out ones change is in `test_held_out.py`.
"""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.held_out import HELD_OUT
from attrition_assets.simulation.ibm_population import SURVEY
from attrition_assets.simulation.scenarios import BENCHMARK, SCENARIOS, plant_scenario

from .conftest import FIRST_MONTH

KEYS = ["EmployeeNumber", "SnapshotDate"]
PEOPLE_REPLACED = ("hiring-wave", "department-mix", "hiring-freeze", "repeated-person")
CHANGED = {
    "pay-rise": {"MonthlyIncome"},
    "overtime": {"OverTime"},
    "morale": set(SURVEY),
    "yearly-pay": {"MonthlyIncome"},
    "renamed-rare": {"Department"},
    "renamed-big": {"Department"},
    "missing": {"MonthlyIncome"},
    "age-decoupled": {"Age"},
    "income-permuted": {"MonthlyIncome"},
    "long-commute": {"DistanceFromHome"},
    "pay-compressed": {"MonthlyIncome"},
    "gender-pay-gap": {"MonthlyIncome"},
    "travel-freeze": {"BusinessTravel"},
    "new-role": {"JobRole"},
    "rounded-tenure": {"YearsAtCompany"},
    "swapped-years": {"YearsAtCompany", "TotalWorkingYears"},
    "copied-answers": {"JobSatisfaction"},
    "options-decoupled": {"StockOptionLevel"},
}
NOT_DRAWN = ("pay-rise", "renamed-rare", "renamed-big", "pay-compressed", "gender-pay-gap")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """A month of a young company of 600 people."""
    company = simulate_company(
        first_month=FIRST_MONTH, months=1, seed=5, headcount=600, burn_in_months=24
    )
    return company.snapshots[FIRST_MONTH]


def changed_rows(before: pd.DataFrame, after: pd.DataFrame, column: str) -> pd.Series:
    return before[column].ne(after[column])


def as_people(table: pd.DataFrame) -> pd.Series:
    """Each row's values as one, without the keys."""
    return table.drop(columns=KEYS).apply(tuple, axis=1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_keeps_the_rows_the_columns_and_the_table_it_is_given(
    name: str, table: pd.DataFrame
) -> None:
    given = table.set_index(np.arange(len(table)) + 7)
    before = given.copy()
    planted = plant_scenario(given, name, seed=1)
    assert_frame_equal(given, before)
    assert_frame_equal(planted[KEYS], before[KEYS])
    assert planted.columns.tolist() == before.columns.tolist()
    types = before.dtypes.copy()
    if name == "missing":
        types["MonthlyIncome"] = np.dtype("float64")
    assert planted.dtypes.to_dict() == types.to_dict()


@pytest.mark.parametrize(("name", "columns"), CHANGED.items())
def test_a_scenario_changes_its_columns_alone(
    name: str, columns: set[str], table: pd.DataFrame
) -> None:
    planted = plant_scenario(table, name, seed=1)
    assert {each for each in table if changed_rows(table, planted, str(each)).any()} == columns


@pytest.mark.parametrize("name", PEOPLE_REPLACED)
def test_who_is_put_in_anothers_place_is_a_whole_person_of_the_table(
    name: str, table: pd.DataFrame
) -> None:
    assert set(as_people(plant_scenario(table, name, seed=1))) <= set(as_people(table))


def test_every_scenario_is_in_one_of_these_tests() -> None:
    assert {*CHANGED, *PEOPLE_REPLACED, "all-permuted"} == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_seed_decides_what_is_drawn(name: str, table: pd.DataFrame) -> None:
    first, again, other = (plant_scenario(table, name, seed=seed) for seed in (1, 1, 2))
    assert_frame_equal(first, again)
    assert first.equals(other) == (name in NOT_DRAWN)


@pytest.mark.parametrize(
    "name", [name for name, scenario in SCENARIOS.items() if scenario.kind == "dependence"]
)
def test_a_dependence_keeps_every_columns_values(name: str, table: pd.DataFrame) -> None:
    planted = plant_scenario(table, name, seed=1)
    for column in table:
        assert Counter(planted[column]) == Counter(table[column])


def test_a_pay_rise_stops_at_the_highest_pay(table: pd.DataFrame) -> None:
    pay = table["MonthlyIncome"]
    risen = plant_scenario(table, "pay-rise", 0.2, seed=1)["MonthlyIncome"]
    below = pay * 1.2 < pay.max()
    assert np.allclose(risen[below], pay[below] * 1.2, atol=0.5)
    assert (risen[~below] == pay.max()).all() and (~below).any()


def test_a_hiring_wave_replaces_its_share_by_newcomers(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "hiring-wave", 0.2, seed=1)
    replaced = as_people(table) != as_people(planted)
    assert 0.15 < replaced.mean() <= 0.2
    assert planted.loc[replaced, "YearsAtCompany"].max() <= 1


def test_the_department_mix_moves_by_its_size_towards_sales(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "department-mix", 0.15, seed=1)
    moved = changed_rows(table, planted, "Department")
    assert moved.sum() == 90
    assert set(planted.loc[moved, "Department"]) == {"Sales"}
    assert (as_people(planted)[~moved] == as_people(table)[~moved]).all()


def test_overtime_reaches_its_share_and_nobody_stops(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "overtime", 0.5, seed=1)
    assert planted["OverTime"].value_counts().to_dict() == {"Yes": 300, "No": 300}
    assert (planted.loc[table["OverTime"] == "Yes", "OverTime"] == "Yes").all()


def test_low_morale_lowers_every_answer_of_the_same_people_by_one(table: pd.DataFrame) -> None:
    items = list(SURVEY)
    planted = plant_scenario(table, "morale", 0.25, seed=1)
    fall = table[items] - planted[items]
    hit = fall.any(axis=1)
    assert 140 <= hit.sum() <= 150  # who answered 1 throughout cannot fall
    assert (fall[hit] == (table.loc[hit, items] > 1).astype(int)).all(axis=None)
    assert planted[items].min(axis=None) == 1


def test_yearly_pay_is_twelve_times_the_pay_of_its_share(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "yearly-pay", 0.02, seed=1)
    ratio = planted["MonthlyIncome"] / table["MonthlyIncome"]
    assert ratio.value_counts().to_dict() == {1.0: 588, 12.0: 12}


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("renamed-rare", "Human Resources", "HR"),
        ("renamed-big", "Research & Development", "R&D"),
    ],
)
def test_a_renamed_department_keeps_its_people(
    name: str, old: str, new: str, table: pd.DataFrame
) -> None:
    planted = plant_scenario(table, name, seed=1)
    assert planted["Department"].equals(table["Department"].replace(old, new))
    half = plant_scenario(table, name, 0.5, seed=1)["Department"]
    assert (half == new).sum() == round((table["Department"] == old).sum() / 2)
    assert set(table.loc[half == new, "Department"]) == {old}


def test_missing_pay_is_missing_in_its_share_and_kept_elsewhere(table: pd.DataFrame) -> None:
    pay = plant_scenario(table, "missing", 0.05, seed=1)["MonthlyIncome"]
    assert pay.isna().sum() == 30
    assert (pay.dropna() == table.loc[pay.notna(), "MonthlyIncome"]).all()


def test_incomes_are_dealt_anew_among_no_more_than_the_share(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "income-permuted", 0.3, seed=1)
    assert 150 < changed_rows(table, planted, "MonthlyIncome").sum() <= 180


@pytest.mark.parametrize("name", ["age-decoupled", "income-permuted", "all-permuted"])
def test_what_is_dealt_anew_no_longer_follows_the_career(name: str, table: pd.DataFrame) -> None:
    column = "Age" if name == "age-decoupled" else "MonthlyIncome"
    before, after = (
        each[column].corr(each["TotalWorkingYears"], method="spearman")
        for each in (table, plant_scenario(table, name, 1.0, seed=1))
    )
    assert before > 0.5
    assert abs(after) < 0.2  # nearly five standard errors of 600 rows


def test_the_benchmark_and_the_held_out_use_each_scenario_between_them() -> None:
    assert (len(BENCHMARK), len(HELD_OUT)) == (21, 11)
    assert len({title for title, _, _ in (*BENCHMARK, *HELD_OUT)}) == 32
    used = [{name for _, name, _ in cases} for cases in (BENCHMARK, HELD_OUT)]
    assert used[0] | used[1] == set(SCENARIOS)
    assert not used[0] & used[1]


@pytest.mark.parametrize(
    ("name", "size"), [(name, size) for _, name, size in (*BENCHMARK, *HELD_OUT)]
)
def test_every_listed_size_can_be_planted(name: str, size: float, table: pd.DataFrame) -> None:
    assert not plant_scenario(table, name, size, seed=1).equals(table)


def test_a_table_of_the_monitored_columns_alone_is_enough(table: pd.DataFrame) -> None:
    monitored = table[list(read_contract().monitored)]
    for name in SCENARIOS:
        assert plant_scenario(monitored, name, seed=1).shape == monitored.shape


def test_missing_values_stay_missing(table: pd.DataFrame) -> None:
    gaps = table.assign(MonthlyIncome=table["MonthlyIncome"].mask(table["Age"] < 30))
    risen = plant_scenario(gaps, "pay-rise", seed=1)["MonthlyIncome"]
    assert risen.isna().equals(gaps["MonthlyIncome"].isna())


def test_an_unknown_name_is_refused_with_the_accepted_ones(table: pd.DataFrame) -> None:
    with pytest.raises(AttritionError, match="'pay_rise': choose pay-rise, hiring-wave"):
        plant_scenario(table, "pay_rise", seed=1)


@pytest.mark.parametrize("size", [0.0, -0.1, 1.01, float("nan")])
def test_a_size_outside_what_is_accepted_is_refused(size: float, table: pd.DataFrame) -> None:
    with pytest.raises(AttritionError, match="give a size above 0, up to 1"):
        plant_scenario(table, "pay-rise", size, seed=1)


def test_a_table_without_a_needed_column_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(AttritionError, match="hiring-wave: the table lacks YearsAtCompany"):
        plant_scenario(table.drop(columns="YearsAtCompany"), "hiring-wave", seed=1)


def test_overtime_below_the_share_there_is_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(AttritionError, match=r"overtime .* size 0.1: as many work overtime"):
        plant_scenario(table, "overtime", 0.1, seed=1)


def test_more_rows_than_can_change_are_refused(table: pd.DataFrame) -> None:
    with pytest.raises(AttritionError, match=r"department-mix .*: give a smaller size"):
        plant_scenario(table, "department-mix", 1.0, seed=1)


def test_a_table_without_the_people_to_copy_is_refused(table: pd.DataFrame) -> None:
    veterans = table[table["YearsAtCompany"] > 1]
    with pytest.raises(AttritionError, match=r"hiring-wave .*: give a larger table"):
        plant_scenario(veterans, "hiring-wave", seed=1)
