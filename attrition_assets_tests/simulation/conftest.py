"""Companies that several tests look at, each simulated once."""

import pandas as pd
import pytest

from attrition_assets.simulation.company import Company, simulate_company

FIRST_MONTH = pd.Period("2023-11", freq="M")
MONTHS = 36


@pytest.fixture(scope="session")
def companies() -> list[Company]:
    """Five stationary companies of the default size, three years each."""
    return [
        simulate_company(first_month=FIRST_MONTH, months=MONTHS, seed=seed) for seed in range(5)
    ]


@pytest.fixture(scope="session")
def company(companies: list[Company]) -> Company:
    return companies[0]


@pytest.fixture(scope="session")
def small() -> Company:
    """A small young company, for tests of what does not depend on being stationary."""
    return simulate_small()


def stack(company: Company) -> pd.DataFrame:
    """The rows of all months."""
    return pd.concat(company.snapshots.values(), ignore_index=True)


def check_hard_rules(company: Company) -> None:
    """Assert what holds of every person in every month."""
    rows = stack(company)
    assert (rows["YearsAtCompany"] <= rows["TotalWorkingYears"]).all()
    assert (rows["TotalWorkingYears"] <= rows["Age"] - 18).all()
    for years in ("YearsInCurrentRole", "YearsSinceLastPromotion", "YearsWithCurrManager"):
        assert (rows[years] <= rows["YearsAtCompany"]).all()
        assert (rows[years] >= 0).all()
    top = rows["PerformanceRating"] == 4
    assert (top == (rows["PercentSalaryHike"] >= 20)).all()
    assert (rows.loc[rows["MaritalStatus"] == "Single", "StockOptionLevel"] == 0).all()


def simulate_small(seed: int = 3, months: int = 12) -> Company:
    return simulate_company(
        first_month=FIRST_MONTH, months=months, seed=seed, headcount=120, burn_in_months=12
    )
