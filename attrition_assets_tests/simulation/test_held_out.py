"""The held-out scenarios: each does what its title says, by the size it says.

That they change nothing else is in `test_scenarios.py`. Whoever tunes a detector reads neither.
"""

import numpy as np
import pandas as pd
import pytest

from attrition_assets.simulation.company import Company
from attrition_assets.simulation.scenarios import plant_scenario

from .conftest import FIRST_MONTH
from .test_scenarios import as_people, changed_rows


@pytest.fixture(scope="module")
def table(small: Company) -> pd.DataFrame:
    return small.snapshots[FIRST_MONTH]


def test_longer_commutes_are_ten_longer(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "long-commute", 0.15, seed=1)
    longer = planted["DistanceFromHome"] - table["DistanceFromHome"]
    assert longer.value_counts().to_dict() == {0: 102, 10: 18}


def test_compressed_pay_keeps_its_median_and_loses_spread(table: pd.DataFrame) -> None:
    before = table["MonthlyIncome"]
    after = plant_scenario(table, "pay-compressed", 0.2, seed=1)["MonthlyIncome"]
    assert after.median() == pytest.approx(before.median(), abs=1)
    assert after.std() / before.std() == pytest.approx(0.8, abs=0.01)


def test_a_pay_gap_lowers_the_pay_of_women_alone(table: pd.DataFrame) -> None:
    before = table["MonthlyIncome"]
    after = plant_scenario(table, "gender-pay-gap", 0.1, seed=1)["MonthlyIncome"]
    women = table["Gender"] == "Female"
    assert (after[~women] == before[~women]).all()
    assert np.allclose(after[women], (before[women] * 0.9).clip(before.min()), atol=0.5)


def test_a_travel_freeze_halves_frequent_travel(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "travel-freeze", 0.5, seed=1)
    frequent = [(each["BusinessTravel"] == "Travel_Frequently").sum() for each in (table, planted)]
    assert frequent[1] == frequent[0] - round(frequent[0] / 2)
    moved = changed_rows(table, planted, "BusinessTravel")
    assert set(planted.loc[moved, "BusinessTravel"]) == {"Travel_Rarely"}


def test_a_hiring_freeze_halves_the_newcomers(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "hiring-freeze", 0.5, seed=1)
    newcomers = [(each["YearsAtCompany"] <= 1).sum() for each in (table, planted)]
    assert newcomers[1] == newcomers[0] - round(newcomers[0] / 2)


def test_a_new_role_takes_its_share_of_an_old_one(table: pd.DataFrame) -> None:
    role = plant_scenario(table, "new-role", 0.2, seed=1)["JobRole"]
    scientists = table["JobRole"] == "Research Scientist"
    assert (role == "Data Scientist").sum() == round(0.2 * scientists.sum())
    assert scientists[role == "Data Scientist"].all()


def test_rounded_tenure_is_the_nearest_five_for_its_share(table: pd.DataFrame) -> None:
    before = table["YearsAtCompany"]
    after = plant_scenario(table, "rounded-tenure", 1.0, seed=1)["YearsAtCompany"]
    assert (after % 5 == 0).all() and (after - before).abs().max() == 2
    half = plant_scenario(table, "rounded-tenure", 0.5, seed=1)["YearsAtCompany"]
    assert 0 < half.ne(before).sum() <= 60
    assert (half.eq(before) | half.eq(after)).all()


def test_swapped_years_stand_in_each_others_place(table: pd.DataFrame) -> None:
    columns = ["YearsAtCompany", "TotalWorkingYears"]
    planted = plant_scenario(table, "swapped-years", 0.1, seed=1)
    swapped = changed_rows(table, planted, columns[0])
    assert 0 < swapped.sum() <= 12
    assert (planted.loc[swapped, columns].values == table.loc[swapped, columns[::-1]].values).all()


def test_one_person_is_repeated_in_a_share_of_the_rows(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "repeated-person", 0.08, seed=1)
    assert as_people(planted).value_counts().head(2).tolist() == [10, 1]


def test_copied_answers_are_those_on_the_environment(table: pd.DataFrame) -> None:
    planted = plant_scenario(table, "copied-answers", 0.3, seed=1)
    copied = changed_rows(table, planted, "JobSatisfaction")
    assert 0 < copied.sum() <= 36
    equal = planted["JobSatisfaction"] == table["EnvironmentSatisfaction"]
    assert equal[copied].all()
