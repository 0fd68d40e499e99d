"""The staff looks like IBM's table: against published marginals, and the table where present."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import read_contract
from attrition_assets.simulation import ibm_population
from attrition_assets.simulation.company import Company

REAL_TABLE = Path(__file__).parents[3] / "shared" / "data" / "ibm_hr_attrition.csv"


@pytest.fixture(scope="module")
def staff(companies: list[Company]) -> pd.DataFrame:
    """A snapshot a year of each company."""
    return pd.concat(
        [
            snapshot
            for company in companies
            for month, snapshot in company.snapshots.items()
            if month.month == 11
        ],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def real() -> pd.DataFrame:
    if not REAL_TABLE.is_file():
        pytest.skip("IBM's table is not beside the repository (../shared/data)")
    return pd.read_csv(REAL_TABLE, encoding="utf-8-sig")


def numbers(value: Any) -> Iterator[tuple[float, ...]]:
    """The innermost tuples of a table."""
    if isinstance(value[0], tuple):
        for row in value:
            yield from numbers(row)
    else:
        yield value


@pytest.mark.parametrize(
    "name",
    [
        "GENDER",
        "MARITAL_STATUS",
        "BUSINESS_TRAVEL",
        "DEPARTMENT",
        "EDUCATION",
        "STOCK_OPTIONS",
        "EDUCATION_FIELD",
        "DISTANCE",
        "COMPANIES",
        "TRAININGS",
        "HIKES",
    ],
)
def test_shares_add_up_to_one(name: str) -> None:
    for shares in numbers(getattr(ibm_population, name)):
        assert sum(shares) == pytest.approx(1, abs=0.005)


def test_names_are_the_levels_of_the_contract() -> None:
    columns = read_contract().columns
    for name, levels in ibm_population.NAMES.items():
        assert set(columns[name].levels or ()) == set(levels)


def test_pay_bands_rise_within_a_level_and_from_level_to_level() -> None:
    bands = np.array(ibm_population.PAY_BANDS)
    assert (np.diff(bands, axis=2) > 0).all()
    assert (np.diff(bands, axis=0) >= 0).all()


@pytest.mark.parametrize(
    ("column", "level", "share", "tolerance"),
    [
        ("OverTime", "Yes", 0.283, 0.03),
        ("Department", "Sales", 0.303, 0.04),
        ("MaritalStatus", "Single", 0.320, 0.04),
        ("JobLevel", 1, 0.369, 0.05),
        ("JobLevel", 5, 0.047, 0.02),
        ("PerformanceRating", 4, 0.154, 0.02),
        ("StockOptionLevel", 0, 0.429, 0.04),
    ],
)
def test_shares_are_those_of_the_published_marginals(
    staff: pd.DataFrame, column: str, level: str | int, share: float, tolerance: float
) -> None:
    assert (staff[column] == level).mean() == pytest.approx(share, abs=tolerance)


@pytest.mark.parametrize(
    ("column", "mean", "tolerance"),
    [
        ("Age", 36.9, 0.05),
        ("MonthlyIncome", 6503, 0.10),
        ("TotalWorkingYears", 11.3, 0.15),
        ("NumCompaniesWorked", 2.69, 0.08),
        ("DistanceFromHome", 9.2, 0.08),
        ("YearsSinceLastPromotion", 2.2, 0.20),
        ("YearsWithCurrManager", 4.1, 0.20),
    ],
)
def test_means_are_those_of_the_published_marginals(
    staff: pd.DataFrame, column: str, mean: float, tolerance: float
) -> None:
    assert staff[column].mean() == pytest.approx(mean, rel=tolerance)


def test_mean_tenure_is_what_a_stationary_staff_allows(staff: pd.DataFrame) -> None:
    """IBM's 7.0 years cannot last: few there are in their first year, at 16 % a year leaving."""
    assert 7.0 < staff["YearsAtCompany"].mean() < 9.5


def test_nominal_and_ordinal_shares_are_near_the_real_table(
    staff: pd.DataFrame, real: pd.DataFrame
) -> None:
    for name, column in read_contract().columns.items():
        if column.levels and name != "Attrition":
            simulated = staff[name].value_counts(normalize=True)
            shares = real[name].value_counts(normalize=True)
            assert simulated.sub(shares, fill_value=0).abs().max() < 0.045, name


def test_continuous_columns_are_near_the_real_table(
    staff: pd.DataFrame, real: pd.DataFrame
) -> None:
    for name in ("Age", "MonthlyIncome", "TotalWorkingYears", "DailyRate", "PercentSalaryHike"):
        quantiles = staff[name].quantile([0.1, 0.25, 0.5, 0.75, 0.9])
        spread = real[name].std()
        apart = (quantiles - real[name].quantile([0.1, 0.25, 0.5, 0.75, 0.9])).abs()
        assert (apart < 0.6 * spread).all(), name


@pytest.mark.parametrize(
    ("first", "second", "tolerance"),
    [
        ("JobLevel", "TotalWorkingYears", 0.1),
        ("JobLevel", "MonthlyIncome", 0.1),
        ("Age", "TotalWorkingYears", 0.2),
        ("Age", "JobLevel", 0.2),
        ("YearsAtCompany", "YearsInCurrentRole", 0.3),
        ("YearsAtCompany", "YearsWithCurrManager", 0.3),
        ("NumCompaniesWorked", "YearsAtCompany", 0.1),
    ],
)
def test_rank_correlations_are_near_those_of_the_real_table(
    staff: pd.DataFrame, real: pd.DataFrame, first: str, second: str, tolerance: float
) -> None:
    simulated, expected = (
        table[[first, second]].corr("spearman").iloc[0, 1] for table in (staff, real)
    )
    assert simulated == pytest.approx(expected, abs=tolerance)


def test_no_real_row_is_in_the_simulation(staff: pd.DataFrame, real: pd.DataFrame) -> None:
    key = ["Age", "DailyRate", "HourlyRate", "MonthlyRate", "MonthlyIncome"]
    assert staff[key].merge(real[key], on=key).empty
