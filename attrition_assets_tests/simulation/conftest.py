"""Companies that several tests look at, each simulated once."""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.ibm_population import EDUCATION_FIELD, JOB_ROLE, NAMES
from attrition_assets.simulation.shifts import Shift

FIRST_MONTH = pd.Period("2023-11", freq="M")
MONTHS = 36
LONG = 60

# Shifts are planted from here on.
START = FIRST_MONTH + 12
LAST = FIRST_MONTH + MONTHS - 1


@pytest.fixture(scope="session")
def long_companies() -> list[Company]:
    """Five stationary companies of the default size, five years each."""
    return [simulate_company(first_month=FIRST_MONTH, months=LONG, seed=seed) for seed in range(5)]


@pytest.fixture(scope="session")
def companies(long_companies: list[Company]) -> list[Company]:
    """Their first three years: `test_a_longer_simulation_starts_with_the_shorter_one`."""
    return [cut(company, LAST) for company in long_companies]


@pytest.fixture(scope="session")
def staff(long_companies: list[Company]) -> pd.DataFrame:
    """A snapshot a year of each company."""
    return pd.concat(
        [
            snapshot
            for company in long_companies
            for month, snapshot in company.snapshots.items()
            if month.month == FIRST_MONTH.month
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="session")
def company(companies: list[Company]) -> Company:
    return companies[0]


@pytest.fixture(scope="session")
def small() -> Company:
    """A small young company, for tests of what does not depend on being stationary."""
    return simulate_small()


def cut(company: Company, last: pd.Period) -> Company:
    """The company as it is known at the end of `last`."""
    left = company.departures["DepartureDate"] <= last.end_time
    snapshots = {month: rows for month, rows in company.snapshots.items() if month <= last}
    return Company(snapshots, company.departures[left].reset_index(drop=True))


def stack(company: Company) -> pd.DataFrame:
    """The rows of all months."""
    return pd.concat(company.snapshots.values(), ignore_index=True)


def check_hard_rules(company: Company) -> None:
    """Assert what holds of every person in every month."""
    check_rows(stack(company))


def check_rows(rows: pd.DataFrame) -> None:
    """Assert what holds of every person."""
    assert (rows["YearsAtCompany"] <= rows["TotalWorkingYears"]).all()
    assert (rows["TotalWorkingYears"] <= rows["Age"] - 18).all()
    for years in ("YearsInCurrentRole", "YearsSinceLastPromotion", "YearsWithCurrManager"):
        assert (rows[years] <= rows["YearsAtCompany"]).all()
        assert (rows[years] >= 0).all()
    top = rows["PerformanceRating"] == 4
    assert (top == (rows["PercentSalaryHike"] >= 20)).all()
    assert (rows.loc[rows["MaritalStatus"] == "Single", "StockOptionLevel"] == 0).all()
    posts = rows[["Department", "JobLevel", "JobRole"]].drop_duplicates()
    for department, level, role in posts.itertuples(index=False):
        assert JOB_ROLE[department][level - 1].get(role), (department, level, role)
    for department, field in (
        rows[["Department", "EducationField"]].drop_duplicates().itertuples(index=False)
    ):
        shares = EDUCATION_FIELD[NAMES["Department"].index(department)]
        assert shares[NAMES["EducationField"].index(field)], (department, field)


def simulate_small(seed: int = 3, months: int = 12) -> Company:
    return simulate_company(
        first_month=FIRST_MONTH, months=months, seed=seed, headcount=120, burn_in_months=12
    )


@cache
def simulate_shifted(*shifts: Shift) -> Company:
    """The first of `companies`, with `shifts`."""
    return simulate_company(first_month=FIRST_MONTH, months=MONTHS, seed=0, shifts=shifts)


def simulate_young(*shifts: Shift, seed: int = 0) -> Company:
    """A company after two years, for tests of what does not depend on tenures."""
    return simulate_company(
        first_month=FIRST_MONTH, months=25, seed=seed, shifts=shifts, burn_in_months=24
    )


def leaving_ratio(company: Company, since: pd.Period = START, last: pd.Period = LAST) -> float:
    """How much more often people on overtime leave within a month, from `since` to `last`."""
    seen = pd.period_range(since - 1, last - 1, freq="M")
    rows = pd.concat([company.snapshots[month] for month in seen], ignore_index=True)
    leaves_on = rows["EmployeeNumber"].map(
        company.departures.set_index("EmployeeNumber")["DepartureDate"]
    )
    left = (leaves_on - rows["SnapshotDate"]).dt.days.le(31)
    rates = left.groupby(rows["OverTime"]).mean()
    return float(rates["Yes"] / rates["No"])


def count_leavers(company: Company) -> int:
    """How many leave from `START` on."""
    return int((company.departures["DepartureDate"] >= START.start_time).sum())


def read_bytes(folder: Path) -> dict[str, bytes]:
    """The content of every file below `folder`, by its path there."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}
