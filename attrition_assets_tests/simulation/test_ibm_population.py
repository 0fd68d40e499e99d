"""The staff has the published marginals of IBM's table; the table itself: `test_realism.py`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import read_contract
from attrition_assets.simulation import ibm_population


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
