"""Drifts and faults planted into one table of the IBM schema, for whoever measures a detector.

A scenario changes a table and nothing else: nobody lives it. How a company drifts is in
`shifts.py`, what breaks its months in `faults.py`, scenarios that nobody tunes on in `held_out.py`.
"""

from typing import Final

import numpy as np
import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.simulation.held_out import HELD_OUT_SCENARIOS
from attrition_assets.simulation.ibm_population import SURVEY
from attrition_assets.simulation.planting import (
    Plant,
    Scenario,
    list_values,
    permute,
    pick_rows,
    pick_share,
    replace_people,
    set_pay,
)


def plant_scenario(
    table: pd.DataFrame, name: str, size: float | None = None, *, seed: int
) -> pd.DataFrame:
    """A copy of `table`, which is in the contract's types, with the scenario `name` planted.

    The same table, name, size (by default the scenario's) and seed give the same copy. Raises
    AttritionError if the name is unknown, the size is not accepted, or the table lacks a column or
    rows that the scenario needs.
    """
    if name not in SCENARIOS:
        raise AttritionError(f"no scenario is called {name!r}: choose {', '.join(SCENARIOS)}")
    scenario = SCENARIOS[name]
    size = scenario.size if size is None else size
    if not 0 < size <= 1:
        raise AttritionError(
            f"{name} ({scenario.title}) of size {size}: give a size above 0, up to 1"
        )
    if lacking := [column for column in scenario.columns if column not in table]:
        raise AttritionError(
            f"{name}: the table lacks {', '.join(lacking)}; give a table of the IBM schema"
        )
    try:
        return scenario.plant(table, size, np.random.default_rng([seed, *name.encode()]))
    except AttritionError as error:
        raise AttritionError(f"{name} ({scenario.title}) of size {size}: {error}") from None


def _raise_pay(table: pd.DataFrame, size: float, _: np.random.Generator) -> pd.DataFrame:
    return set_pay(table, table["MonthlyIncome"] * (1 + size))


def _hire_wave(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    return replace_people(table, pick_share(table, size, rng), table["YearsAtCompany"] <= 1, rng)


def _grow_sales(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    sales = table["Department"] == "Sales"
    return replace_people(table, pick_rows(~sales, round(size * len(table)), rng), sales, rng)


def _extend_overtime(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    overtime = table["OverTime"]
    more = round(size * len(table)) - int((overtime == "Yes").sum())
    if more <= 0:
        raise AttritionError("as many work overtime already: give a larger size")
    return table.assign(OverTime=overtime.mask(pick_rows(overtime == "No", more, rng), "Yes"))


def _lower_morale(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    rows = pick_share(table, size, rng)
    lower = (table[list(SURVEY)] - 1).clip(lower=1)
    return table.assign(**{item: table[item].mask(rows, lower[item]) for item in SURVEY})


def _pay_yearly(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    pay = table["MonthlyIncome"]
    return table.assign(MonthlyIncome=pay.mask(pick_share(table, size, rng), 12 * pay))


def _rename_department(old: str, new: str) -> Plant:
    def plant(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
        department = table["Department"]
        rows = pick_share(department == old, size, rng)
        return table.assign(Department=department.mask(rows, new))

    return plant


def _lose_pay(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    return table.assign(MonthlyIncome=table["MonthlyIncome"].mask(pick_share(table, size, rng)))


def _decouple(column: str) -> Plant:
    def plant(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
        return permute(table, [column], pick_share(table, size, rng), rng)

    return plant


def _decouple_all(table: pd.DataFrame, size: float, rng: np.random.Generator) -> pd.DataFrame:
    return permute(table, list_values(table), pick_share(table, size, rng), rng)


_PAY, _DEPARTMENT = ("MonthlyIncome",), ("Department",)

# By the name that the command line uses.
SCENARIOS: Final[dict[str, Scenario]] = {
    "pay-rise": Scenario(
        "every income higher by this share, below the same cap", "drift", 0.1, _raise_pay, _PAY
    ),
    "hiring-wave": Scenario(
        "this share of the people replaced by people of at most one year at the company",
        "drift",
        0.2,
        _hire_wave,
        ("YearsAtCompany",),
    ),
    "department-mix": Scenario(
        "Sales larger by this share of all people, the other departments smaller",
        "drift",
        0.15,
        _grow_sales,
        _DEPARTMENT,
    ),
    "overtime": Scenario(
        "this share of the people on overtime", "drift", 0.4, _extend_overtime, ("OverTime",)
    ),
    "morale": Scenario(
        "every survey answer one lower, not below 1, for this share of the people",
        "drift",
        0.25,
        _lower_morale,
        tuple(SURVEY),
    ),
    "yearly-pay": Scenario(
        "an income of twelve months in this share of the rows", "fault", 0.1, _pay_yearly, _PAY
    ),
    "renamed-rare": Scenario(
        "Human Resources called HR in this share of its rows",
        "fault",
        1.0,
        _rename_department("Human Resources", "HR"),
        _DEPARTMENT,
    ),
    "renamed-big": Scenario(
        "Research & Development called R&D in this share of its rows",
        "fault",
        1.0,
        _rename_department("Research & Development", "R&D"),
        _DEPARTMENT,
    ),
    "missing": Scenario("no income in this share of the rows", "fault", 0.2, _lose_pay, _PAY),
    "age-decoupled": Scenario(
        "ages dealt anew among this share of the rows",
        "dependence",
        1.0,
        _decouple("Age"),
        ("Age",),
    ),
    "income-permuted": Scenario(
        "incomes dealt anew among this share of the rows",
        "dependence",
        0.3,
        _decouple("MonthlyIncome"),
        _PAY,
    ),
    "all-permuted": Scenario(
        "every column dealt anew among this share of the rows, each by itself",
        "dependence",
        1.0,
        _decouple_all,
        (),
    ),
    **HELD_OUT_SCENARIOS,
}

# What the drift benchmarks plant: a title, the scenario and its size.
BENCHMARK: Final[tuple[tuple[str, str, float], ...]] = (
    ("income-5", "pay-rise", 0.05),
    ("income-10", "pay-rise", 0.1),
    ("income-20", "pay-rise", 0.2),
    ("hiring-10", "hiring-wave", 0.1),
    ("hiring-20", "hiring-wave", 0.2),
    ("sales-8", "department-mix", 0.08),
    ("sales-15", "department-mix", 0.15),
    ("overtime-40", "overtime", 0.4),
    ("overtime-50", "overtime", 0.5),
    ("morale-10", "morale", 0.1),
    ("morale-25", "morale", 0.25),
    ("yearly-pay-2", "yearly-pay", 0.02),
    ("yearly-pay-10", "yearly-pay", 0.1),
    ("renamed-rare", "renamed-rare", 1.0),
    ("renamed-big", "renamed-big", 1.0),
    ("missing-5", "missing", 0.05),
    ("missing-20", "missing", 0.2),
    ("age-decoupled", "age-decoupled", 1.0),
    ("income-permuted-30", "income-permuted", 0.3),
    ("income-permuted-100", "income-permuted", 1.0),
    ("all-permuted", "all-permuted", 1.0),
)
