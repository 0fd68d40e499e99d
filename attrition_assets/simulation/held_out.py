"""Scenarios that nobody tunes a detector on: a fair test of one.

Whoever works on the detector reads their names and no further.
"""

from typing import Final

import numpy as np
import pandas as pd

from attrition_assets.simulation.planting import (
    Scenario,
    permute,
    pick_rows,
    pick_share,
    replace_people,
    set_pay,
)


def _lengthen_commutes(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    distance = table["DistanceFromHome"]
    rows = pick_share(table, size, rng)
    return table.assign(DistanceFromHome=distance.mask(rows, distance + 10))


def _compress_pay(table: pd.DataFrame, size: float, _: np.random.Generator) -> pd.DataFrame:
    pay = table["MonthlyIncome"]
    return set_pay(table, pay + size * (pay.median() - pay))


def _open_pay_gap(table: pd.DataFrame, size: float, _: np.random.Generator) -> pd.DataFrame:
    factor = np.where(table["Gender"] == "Female", 1 - size, 1.0)
    return set_pay(table, table["MonthlyIncome"] * factor)


def _freeze_travel(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    travel = table["BusinessTravel"]
    rows = pick_share(travel == "Travel_Frequently", size, rng)
    return table.assign(BusinessTravel=travel.mask(rows, "Travel_Rarely"))


def _freeze_hiring(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    newcomers = table["YearsAtCompany"] <= 1
    return replace_people(table, pick_share(newcomers, size, rng), ~newcomers, rng)


def _add_role(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    role = table["JobRole"]
    rows = pick_share(role == "Research Scientist", size, rng)
    return table.assign(JobRole=role.mask(rows, "Data Scientist"))


def _round_tenure(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    years = table["YearsAtCompany"]
    rounded = ((years / 5).round() * 5).astype(years.dtype)
    return table.assign(YearsAtCompany=years.mask(pick_share(table, size, rng), rounded))


def _swap_years(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    here, ever = table["YearsAtCompany"], table["TotalWorkingYears"]
    rows = pick_share(table, size, rng)
    return table.assign(
        YearsAtCompany=here.mask(rows, ever), TotalWorkingYears=ever.mask(rows, here)
    )


def _repeat_person(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    rows = pick_share(table, size, rng)
    return replace_people(table, rows, pick_rows(rows, 1, rng), rng)


def _copy_answers(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    job = table["JobSatisfaction"]
    rows = pick_share(table, size, rng)
    return table.assign(JobSatisfaction=job.mask(rows, table["EnvironmentSatisfaction"]))


def _decouple_options(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    return permute(table, ["StockOptionLevel"], pick_share(table, size, rng), rng)


HELD_OUT_SCENARIOS: Final[dict[str, Scenario]] = {
    "long-commute": Scenario(
        "ten more to commute for this share of the people",
        "drift",
        0.15,
        _lengthen_commutes,
        ("DistanceFromHome",),
    ),
    "pay-compressed": Scenario(
        "every income moved this share of the way to the median",
        "drift",
        0.15,
        _compress_pay,
        ("MonthlyIncome",),
    ),
    "gender-pay-gap": Scenario(
        "incomes of women lower by this share, none below the lowest",
        "drift",
        0.1,
        _open_pay_gap,
        ("MonthlyIncome", "Gender"),
    ),
    "travel-freeze": Scenario(
        "this share of those who travel frequently travel rarely",
        "drift",
        0.5,
        _freeze_travel,
        ("BusinessTravel",),
    ),
    "hiring-freeze": Scenario(
        "this share of people of at most one year at the company replaced by longer-serving ones",
        "drift",
        0.5,
        _freeze_hiring,
        ("YearsAtCompany",),
    ),
    "new-role": Scenario(
        "this share of Research Scientists called Data Scientist",
        "drift",
        0.2,
        _add_role,
        ("JobRole",),
    ),
    "rounded-tenure": Scenario(
        "years at the company rounded to fives in this share of the rows",
        "fault",
        0.5,
        _round_tenure,
        ("YearsAtCompany",),
    ),
    "swapped-years": Scenario(
        "years at the company and of work in each other's place in this share of the rows",
        "fault",
        0.1,
        _swap_years,
        ("YearsAtCompany", "TotalWorkingYears"),
    ),
    "repeated-person": Scenario(
        "the same person's values in this share of the rows", "fault", 0.08, _repeat_person, ()
    ),
    "copied-answers": Scenario(
        "the answer on the environment given for the job too in this share of the rows",
        "fault",
        0.3,
        _copy_answers,
        ("JobSatisfaction", "EnvironmentSatisfaction"),
    ),
    "options-decoupled": Scenario(
        "stock options dealt anew among this share of the rows",
        "dependence",
        1.0,
        _decouple_options,
        ("StockOptionLevel",),
    ),
}

# What the held-out test plants: a title, the scenario and its size.
HELD_OUT: Final[tuple[tuple[str, str, float], ...]] = tuple(
    (name, name, scenario.size) for name, scenario in HELD_OUT_SCENARIOS.items()
)
