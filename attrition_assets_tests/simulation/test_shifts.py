"""Planted drifts: what they change, when, and that they change nothing before."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import (
    SHIFTS,
    ConceptShift,
    Conditions,
    PayInflation,
    Shift,
)

from .conftest import FIRST_MONTH, MONTHS

START = FIRST_MONTH + 12


def simulate_shifted(shift: Shift) -> Company:
    return simulate_company(first_month=FIRST_MONTH, months=MONTHS, seed=0, shifts=[shift])


@pytest.fixture(scope="module")
def inflated() -> Company:
    return simulate_shifted(PayInflation(START, 0.12))


@pytest.fixture(scope="module")
def flipped() -> Company:
    return simulate_shifted(ConceptShift(START))


def leaving_ratio(company: Company) -> float:
    """How much more often people on overtime leave within a month, from `START` on."""
    rows = pd.concat(
        [snapshot for month, snapshot in company.snapshots.items() if month >= START - 1],
        ignore_index=True,
    )
    leaves_on = rows["EmployeeNumber"].map(
        company.departures.set_index("EmployeeNumber")["DepartureDate"]
    )
    left = (leaves_on - rows["SnapshotDate"]).dt.days.le(31)
    rates = left.groupby(rows["OverTime"]).mean()
    return float(rates["Yes"] / rates["No"])


@pytest.mark.parametrize("shifted", ["inflated", "flipped"])
def test_months_before_a_shift_are_as_without_it(
    shifted: str, company: Company, request: pytest.FixtureRequest
) -> None:
    other: Company = request.getfixturevalue(shifted)
    for month, snapshot in company.snapshots.items():
        if month < START:
            assert_frame_equal(other.snapshots[month], snapshot)
    dates = company.departures["DepartureDate"]
    before = company.departures[dates < START.start_time]
    assert_frame_equal(other.departures.head(len(before)), before)


def test_inflation_raises_everyones_pay_by_its_size_in_its_first_month(
    company: Company, inflated: Company
) -> None:
    plain, dear = company.snapshots[START], inflated.snapshots[START]
    assert_frame_equal(dear.drop(columns="MonthlyIncome"), plain.drop(columns="MonthlyIncome"))
    ratio = dear["MonthlyIncome"] / plain["MonthlyIncome"]
    assert np.allclose(ratio, 1.12, atol=0.001)


def test_hires_are_paid_at_the_inflated_level_too(company: Company, inflated: Company) -> None:
    last = FIRST_MONTH + MONTHS - 1
    pay = [
        snapshot.loc[
            (snapshot["YearsAtCompany"] == 0) & (snapshot["JobLevel"] == 1), "MonthlyIncome"
        ].median()
        for snapshot in (company.snapshots[last], inflated.snapshots[last])
    ]
    assert pay[1] / pay[0] == pytest.approx(1.12, abs=0.07)


def test_pay_stays_within_the_contract_however_large_the_inflation() -> None:
    company = simulate_company(
        first_month=FIRST_MONTH,
        months=2,
        seed=0,
        headcount=300,
        burn_in_months=0,
        shifts=[PayInflation(FIRST_MONTH, 1.0), PayInflation(FIRST_MONTH + 1, -0.9)],
    )
    assert company.snapshots[FIRST_MONTH]["MonthlyIncome"].max() == 30_000
    assert company.snapshots[FIRST_MONTH + 1]["MonthlyIncome"].min() == 1_000


def test_people_on_overtime_leave_more_often_until_the_effect_flips(
    company: Company, flipped: Company
) -> None:
    assert leaving_ratio(company) > 2
    assert leaving_ratio(flipped) < 0.6


def test_a_concept_shift_of_one_half_removes_the_effect() -> None:
    assert leaving_ratio(simulate_shifted(ConceptShift(START, 0.5))) == pytest.approx(1, abs=0.25)


def test_a_concept_shift_leaves_the_rate_of_leaving_where_it_was(
    company: Company, flipped: Company
) -> None:
    after = [
        (each.departures["DepartureDate"] >= START.start_time).sum() for each in (company, flipped)
    ]
    assert after[1] / after[0] == pytest.approx(1, abs=0.15)


def test_shifts_add_up() -> None:
    conditions = PayInflation(START, 0.1).apply(PayInflation(START, 0.1).apply(Conditions()))
    assert conditions.pay_level == pytest.approx(1.21)
    assert ConceptShift(START, 1.0).apply(conditions).overtime_factor == -1


def test_every_named_shift_needs_no_more_than_a_start() -> None:
    assert {name: shift(START).start for name, shift in SHIFTS.items()} == {
        "pay-inflation": START,
        "concept-shift": START,
    }
