"""The living company: hard rules, identity of people, determinism; realism: `test_realism.py`."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Role, read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.validation.table import find_violations

from .conftest import FIRST_MONTH, MONTHS, check_hard_rules, simulate_small, stack


def test_every_row_of_every_month_keeps_the_hard_rules(companies: list[Company]) -> None:
    for company in companies:
        check_hard_rules(company)


def test_years_before_the_company_follow_the_number_of_companies(company: Company) -> None:
    rows = stack(company)
    before = rows["TotalWorkingYears"] - rows["YearsAtCompany"]
    assert (before[rows["NumCompaniesWorked"] == 0] == 1).all()
    first_job = before[rows["NumCompaniesWorked"] == 1]
    assert set(first_job) == {0, 1}
    assert 0.85 < (first_job == 0).mean() < 0.97


def test_every_snapshot_satisfies_the_contract_in_its_own_types(company: Company) -> None:
    contract = read_contract()
    expected = [name for name in contract.columns if name != contract.label]
    for snapshot in company.snapshots.values():
        assert list(snapshot.columns) == expected
        assert find_violations(snapshot, contract) == ()
        assert_frame_equal(cast_to_contract(snapshot, contract), snapshot)


def test_ranges_of_the_contract_leave_room_above_what_is_simulated(company: Company) -> None:
    rows = stack(company)
    contract = read_contract()
    for name in contract.with_role(Role.FEATURE, Role.PROTECTED):
        limits = contract.columns[name].range
        if limits is not None:
            assert rows[name].between(*limits).all()
    assert rows["Age"].max() == 60


def test_snapshots_are_dated_the_last_day_and_sorted_by_number(company: Company) -> None:
    assert list(company.snapshots) == list(pd.period_range(FIRST_MONTH, periods=MONTHS, freq="M"))
    for month, snapshot in company.snapshots.items():
        assert (snapshot["SnapshotDate"] == month.end_time.normalize()).all()
        assert snapshot["EmployeeNumber"].is_monotonic_increasing
        assert snapshot["EmployeeNumber"].is_unique


def test_headcount_is_exactly_the_declared_one(companies: list[Company], small: Company) -> None:
    for company in companies:
        assert {len(snapshot) for snapshot in company.snapshots.values()} == {1470}
    assert {len(snapshot) for snapshot in small.snapshots.values()} == {120}


def test_employees_who_leave_never_come_back(company: Company) -> None:
    months = list(company.snapshots)
    gone: set[int] = set()
    present = set(company.snapshots[months[0]]["EmployeeNumber"])
    highest = max(present)
    for month in months[1:]:
        now = set(company.snapshots[month]["EmployeeNumber"])
        gone |= present - now
        assert not gone & now
        assert min(now - present, default=highest + 1) > highest
        highest = max(highest, *now)
        present = now
    assert company.departures["EmployeeNumber"].is_unique


def test_departures_are_exactly_who_is_missing_from_the_next_snapshot(company: Company) -> None:
    left_in = company.departures["DepartureDate"].dt.to_period("M")
    months = list(company.snapshots)
    for before, month in pairwise(months):
        missing = set(company.snapshots[before]["EmployeeNumber"]) - set(
            company.snapshots[month]["EmployeeNumber"]
        )
        assert missing == set(company.departures.loc[left_in == month, "EmployeeNumber"])
    assert left_in.min() == months[0]
    last = company.snapshots[months[-1]]["EmployeeNumber"]
    assert not company.departures["EmployeeNumber"].isin(last).any()


def test_nobody_departs_on_a_day_on_which_a_snapshot_shows_them(company: Company) -> None:
    dates = company.departures["DepartureDate"]
    assert not dates.dt.is_month_end.any()
    assert dates.is_monotonic_increasing


def test_turnover_balances_raises_within_a_level(companies: list[Company]) -> None:
    for level in (1, 2, 3):
        first, last = (
            np.mean(
                [
                    snapshot.loc[snapshot["JobLevel"] == level, "MonthlyIncome"].mean()
                    for company in companies
                    for snapshot in [company.snapshots[month]]
                ]
            )
            for month in (FIRST_MONTH, FIRST_MONTH + MONTHS - 1)
        )
        assert abs(last / first - 1) < 0.04


def test_pay_of_the_others_changes_in_april_only(company: Company) -> None:
    for month in list(company.snapshots)[1:]:
        both = company.snapshots[month - 1].merge(
            company.snapshots[month], on="EmployeeNumber", suffixes=("_before", "")
        )
        same = both["JobLevel"] == both["JobLevel_before"]
        raises = both.loc[same, "MonthlyIncome"] - both.loc[same, "MonthlyIncome_before"]
        assert (raises >= 0).all()
        assert (raises > 0).any() == (month.month == 4)


def test_tenure_grows_by_a_year_in_twelve_months(company: Company) -> None:
    both = company.snapshots[FIRST_MONTH].merge(
        company.snapshots[FIRST_MONTH + 12], on="EmployeeNumber", suffixes=("_before", "")
    )
    for years in ("Age", "TotalWorkingYears", "YearsAtCompany"):
        assert (both[years] == both[f"{years}_before"] + 1).all()


def test_the_same_seed_gives_equal_companies(small: Company) -> None:
    again = simulate_small()
    assert_frame_equal(again.departures, small.departures)
    for month, snapshot in small.snapshots.items():
        assert_frame_equal(again.snapshots[month], snapshot)


def test_another_seed_gives_another_company(small: Company) -> None:
    other = simulate_small(seed=4)
    assert not other.snapshots[FIRST_MONTH].equals(small.snapshots[FIRST_MONTH])


def test_a_longer_simulation_starts_with_the_shorter_one(small: Company) -> None:
    longer = simulate_small(months=15)
    for month, snapshot in small.snapshots.items():
        assert_frame_equal(longer.snapshots[month], snapshot)


@pytest.mark.parametrize(
    ("headcount", "months", "burn_in_months"), [(0, 12, 12), (10, 0, 12), (10, 12, -1)]
)
def test_impossible_sizes_are_refused(headcount: int, months: int, burn_in_months: int) -> None:
    with pytest.raises(AttritionError, match="cannot simulate"):
        simulate_company(
            first_month=FIRST_MONTH,
            months=months,
            seed=0,
            headcount=headcount,
            burn_in_months=burn_in_months,
        )


def test_a_shift_outside_the_months_is_refused() -> None:
    with pytest.raises(AttritionError, match="choose a month from 2023-11 to 2024-10"):
        simulate_company(
            first_month=FIRST_MONTH, months=12, seed=0, shifts=[PayInflation(FIRST_MONTH + 12)]
        )
