"""People who are moved to another department: who, where to, and what stays theirs."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.ibm_population import NAMES, PAY_TIER
from attrition_assets.simulation.shifts import Reorganisation

from .conftest import FIRST_MONTH, LAST, START, check_hard_rules, simulate_shifted, simulate_young

MOVED_COLUMNS = ["Department", "JobRole", "YearsInCurrentRole", "YearsWithCurrManager"]


@pytest.fixture(scope="module")
def reorganised() -> Company:
    return simulate_shifted(Reorganisation(START, 0.3))


@pytest.fixture(scope="module")
def moved(company: Company, reorganised: Company) -> pd.DataFrame:
    """Who was moved, as they were and (with `_after`) as they are at the end of the month.

    Without the few who happened to be promoted in the month as well.
    """
    both = company.snapshots[START - 1].merge(
        reorganised.snapshots[START], on="EmployeeNumber", suffixes=("", "_after")
    )
    moved = both[both["Department"] != both["Department_after"]]
    return moved[moved["JobLevel"] == moved["JobLevel_after"]]


def share_of_research(company: Company, month: pd.Period) -> float:
    return float((company.snapshots[month]["Department"] == "Research & Development").mean())


def test_its_share_of_research_is_in_sales_at_the_end_of_the_month(
    company: Company, reorganised: Company
) -> None:
    # 289 of 960 people, with a standard deviation of 14: within 3.5 of them.
    left = share_of_research(reorganised, START) / share_of_research(company, START)
    assert left == pytest.approx(0.7, abs=0.05)


def test_people_move_from_research_to_sales_at_their_level_and_pay(moved: pd.DataFrame) -> None:
    assert len(moved) > 200
    assert set(moved["Department"]) == {"Research & Development"}
    assert set(moved["Department_after"]) == {"Sales"}
    assert (moved["MonthlyIncome"] == moved["MonthlyIncome_after"]).all()
    tiers = dict(zip(NAMES["JobRole"], PAY_TIER, strict=True))
    assert (moved["JobRole"].map(tiers) == moved["JobRole_after"].map(tiers)).all()


def test_position_and_manager_are_new_and_everything_else_is_kept(
    company: Company, reorganised: Company, moved: pd.DataFrame
) -> None:
    assert (moved["YearsInCurrentRole_after"] == 0).all()
    assert (moved["YearsWithCurrManager_after"] == 0).all()
    numbers = moved["EmployeeNumber"]
    plain, after = (
        each.snapshots[START].set_index("EmployeeNumber").drop(columns=MOVED_COLUMNS).loc[numbers]
        for each in (company, reorganised)
    )
    assert_frame_equal(after, plain)


def test_hires_fill_the_posts_that_moved(company: Company, reorganised: Company) -> None:
    left = share_of_research(reorganised, LAST) / share_of_research(company, LAST)
    assert left == pytest.approx(0.7, abs=0.07)


def test_hard_rules_hold_when_all_of_research_moves() -> None:
    company = simulate_young(Reorganisation(START, 1.0))
    check_hard_rules(company)
    assert share_of_research(company, START - 1) > 0.5
    assert share_of_research(company, START) < 0.02


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(AttritionError, match=f"move a share of {share}: choose a share from 0 to"):
        simulate_young(Reorganisation(FIRST_MONTH, share))
