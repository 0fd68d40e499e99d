"""Pay bands, and careers as the years of work go by."""

import numpy as np
import pytest

from attrition_assets.simulation.hiring import draw_founders, draw_hires, find_due_level
from attrition_assets.simulation.ibm_population import NAMES, PAY_BANDS
from attrition_assets.simulation.staff import compute_pay

NOW = 640
SALES = NAMES["Department"].index("Sales")


def test_pay_is_the_bands_median_in_its_middle_and_its_ends_far_out() -> None:
    pay = compute_pay(np.array([2, 2, 2]), np.array([0, 0, 0]), np.array([0.0, -9.0, 9.0]))
    band = PAY_BANDS[1][1]
    assert pay == pytest.approx([band[6], band[0], band[-1]])


def test_nobody_is_due_at_a_lower_level_after_more_years() -> None:
    rank = np.linspace(0, 1, 101)
    department = np.full(101, SALES)
    levels = [find_due_level(department, np.full(101, NOW), rank, NOW + m) for m in range(684)]
    assert (np.diff(levels, axis=0) >= 0).all()
    assert (levels[0].min(), levels[0].max()) == (1, 2)
    assert levels[-1].max() == 5


def test_hires_start_with_no_time_at_the_company() -> None:
    hires = draw_hires(np.random.default_rng(0), 500, NOW, first_number=41)
    columns = hires.show_columns(NOW, 1.0)
    for years in ("YearsAtCompany", "YearsInCurrentRole", "YearsWithCurrManager"):
        assert (columns[years] == 0).all()
    assert columns["EmployeeNumber"].tolist() == list(range(41, 541))
    assert (columns["Age"] < 55).all()


def test_drawing_no_hires_gives_nobody() -> None:
    assert len(draw_hires(np.random.default_rng(0), 0, NOW, first_number=1)) == 0


def test_founders_have_not_reached_retirement() -> None:
    columns = draw_founders(np.random.default_rng(0), 2000, NOW).show_columns(NOW, 1.0)
    assert columns["Age"].max() <= 60
    assert (columns["YearsAtCompany"] > 10).any()
