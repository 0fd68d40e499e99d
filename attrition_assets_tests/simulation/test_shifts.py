"""Planted drifts: what they change, when, and that they change nothing before."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.months import last_day
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.ibm_population import SURVEY
from attrition_assets.simulation.shifts import (
    SHIFTS,
    ConceptShift,
    Conditions,
    HiringWave,
    MoraleDrop,
    OvertimeCrunch,
    PayInflation,
    Shift,
)
from attrition_assets.validation.table import find_violations

from .conftest import (
    FIRST_MONTH,
    LAST,
    START,
    check_hard_rules,
    count_leavers,
    leaving_ratio,
    simulate_shifted,
    simulate_young,
    stack,
)

ITEMS = list(SURVEY)
EVERY_SHIFT = pytest.mark.parametrize(
    "shift", [shift(START) for shift in SHIFTS.values()], ids=SHIFTS
)


@cache
def average_young(*shifts: Shift) -> pd.DataFrame:
    """Means over the people of ten young companies by snapshot date: answers, share on overtime."""
    companies = [simulate_young(*shifts, seed=seed) for seed in range(10)]
    rows = pd.concat([stack(each)[["SnapshotDate", "OverTime", *ITEMS]] for each in companies])
    return rows.assign(OverTime=rows["OverTime"] == "Yes").groupby("SnapshotDate").mean()


@pytest.fixture(scope="module")
def inflated() -> Company:
    return simulate_shifted(PayInflation(START, 0.12))


@pytest.fixture(scope="module")
def flipped() -> Company:
    return simulate_shifted(ConceptShift(START))


@pytest.mark.slow
@EVERY_SHIFT
def test_months_before_a_shift_are_as_without_it(shift: Shift, company: Company) -> None:
    other = simulate_shifted(shift)
    for month, snapshot in company.snapshots.items():
        if month < START:
            assert_frame_equal(other.snapshots[month], snapshot)
    dates = company.departures["DepartureDate"]
    before = company.departures[dates < START.start_time]
    assert_frame_equal(other.departures.head(len(before)), before)
    assert not other.snapshots[LAST].equals(company.snapshots[LAST])


@pytest.mark.slow
@EVERY_SHIFT
def test_hard_rules_and_the_contract_hold_under_every_shift(shift: Shift) -> None:
    company = simulate_shifted(shift)
    check_hard_rules(company)
    assert find_violations(company.snapshots[LAST], read_contract()) == ()
    assert company.departures["EmployeeNumber"].is_unique


def test_inflation_raises_everyones_pay_by_its_size_in_its_first_month(
    company: Company, inflated: Company
) -> None:
    plain, dear = company.snapshots[START], inflated.snapshots[START]
    assert_frame_equal(dear.drop(columns="MonthlyIncome"), plain.drop(columns="MonthlyIncome"))
    ratio = dear["MonthlyIncome"] / plain["MonthlyIncome"]
    assert np.allclose(ratio, 1.12, atol=0.001)


def test_hires_are_paid_at_the_inflated_level_too(company: Company, inflated: Company) -> None:
    pay = [
        snapshot.loc[
            (snapshot["YearsAtCompany"] == 0) & (snapshot["JobLevel"] == 1), "MonthlyIncome"
        ].median()
        for snapshot in (company.snapshots[LAST], inflated.snapshots[LAST])
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
    ratio = count_leavers(flipped) / count_leavers(company)
    assert ratio == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(
    ("shift", "columns"), [(OvertimeCrunch(START), ["OverTime"]), (MoraleDrop(START), ITEMS)]
)
def test_a_shift_of_features_changes_nothing_else_in_its_first_month(
    shift: Shift, columns: list[str]
) -> None:
    plain, shifted = (simulate_young(*shifts).snapshots[START] for shifts in ((), (shift,)))
    assert_frame_equal(shifted.drop(columns=columns), plain.drop(columns=columns))
    assert (shifted[columns] != plain[columns]).any().all()


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.4, 0.88])
@pytest.mark.parametrize("month", [START, START + 12])
def test_a_crunch_puts_its_share_on_overtime_at_once_and_for_good(
    share: float, month: pd.Period
) -> None:
    # The standard deviation of the mean of ten shares is at most .004, and the selection by
    # leaving moves it by less than .01: chance of a false failure below 1 in 1,000.
    on_overtime = average_young(OvertimeCrunch(START, share))["OverTime"][last_day(month)]
    assert on_overtime == pytest.approx(share, abs=0.025)


def test_more_people_leave_in_a_crunch(company: Company) -> None:
    # About 17 % more of some 460, with a standard deviation below 7 %: chance of a false failure
    # below 1 in 100.
    crunch = simulate_shifted(OvertimeCrunch(START))
    assert count_leavers(crunch) > count_leavers(company)


def test_a_drop_of_morale_lowers_answers_by_one_and_none_below_one() -> None:
    plain, low = (simulate_young(*x).snapshots[START][ITEMS] for x in ((), (MoraleDrop(START),)))
    assert set(np.unique(plain - low)) == {0, 1}
    assert low.min().min() == 1


@pytest.mark.slow
@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize(("month", "margin"), [(START, 0.015), (START + 12, 0.04)])
def test_a_drop_of_morale_lowers_its_share_of_the_answers_above_one_for_good(
    item: str, month: pd.Period, margin: float
) -> None:
    # A mean of ten has a standard deviation of .003, a year later of .006, when selection by
    # leaving has moved it by up to .02: chance of a false failure below 1 in 1,000.
    drop = (average_young() - average_young(MoraleDrop(START, 0.1)))[item][last_day(month)]
    above_one = 1 - SURVEY[item][0]
    assert drop / above_one == pytest.approx(0.1, abs=margin)


def test_a_drop_of_morale_reaches_later_answers_and_hires() -> None:
    company = simulate_young(MoraleDrop(START, 1.0))
    for month, snapshot in company.snapshots.items():
        assert snapshot[ITEMS].max().max() == (4 if month < START else 3)


def test_a_hiring_wave_adds_a_tenth_to_everyone_who_would_be_there(company: Company) -> None:
    plain = company.snapshots[START]
    grown = simulate_shifted(HiringWave(START)).snapshots[START]
    assert_frame_equal(grown.head(len(plain)), plain)
    added = grown.tail(-len(plain))
    assert len(added) == 147
    assert added["EmployeeNumber"].min() > plain["EmployeeNumber"].max()
    assert (added["YearsAtCompany"] == 0).all()


def test_the_headcount_stays_where_a_hiring_wave_brought_it() -> None:
    snapshots = simulate_shifted(HiringWave(START)).snapshots
    assert {len(rows) for month, rows in snapshots.items() if month < START} == {1470}
    assert {len(rows) for month, rows in snapshots.items() if month >= START} == {1617}


def test_shifts_of_one_month_and_repeated_ones_all_take_effect() -> None:
    company = simulate_young(
        HiringWave(START + 1, 0.5),
        OvertimeCrunch(START + 1, 0.8),
        OvertimeCrunch(START, 0.5),
        MoraleDrop(START, 1.0),
        MoraleDrop(START + 1, 1.0),
        HiringWave(START, 0.5),
    )
    check_hard_rules(company)
    for month, headcount, overtime, highest in ((START, 2205, 0.5, 3), (START + 1, 3308, 0.8, 2)):
        rows = company.snapshots[month]
        assert len(rows) == headcount
        assert (rows["OverTime"] == "Yes").mean() == pytest.approx(overtime, abs=0.05)
        assert rows[ITEMS].max().max() == highest


@pytest.mark.parametrize(
    ("shifts", "message"),
    [
        ([OvertimeCrunch(START, 0.2)], r"share of 0\.2 .* above 0\.283 and at most 0\.88"),
        ([OvertimeCrunch(START, 0.95)], r"share of 0\.95 .* above 0\.283 and at most 0\.88"),
        ([OvertimeCrunch(START + 1), OvertimeCrunch(START, 0.5)], r"share of 0\.4 .* above 0\.5"),
        ([MoraleDrop(START, -0.1)], r"share of -0\.1: choose a share from 0 to 1"),
        ([MoraleDrop(START, 1.5)], r"share of 1\.5: choose a share from 0 to 1"),
        ([HiringWave(START, 0.0)], r"hire 0\.0 times the headcount: choose a size above 0"),
        ([HiringWave(START, float("nan"))], r"hire nan times the headcount: choose a size above 0"),
        ([HiringWave(START, 11.0)], r"hire 11\.0 times .* above 0 and at most 10"),
        ([PayInflation(START, -1.0)], r"pay 0 times as much: choose a size above -1"),
        ([ConceptShift(START, -5.0)], r"overtime 11 times .* stays from -10 to 10 times"),
    ],
)
def test_a_shift_that_asks_for_what_cannot_be_is_refused(
    shifts: Sequence[Shift], message: str
) -> None:
    with pytest.raises(AttritionError, match=message):
        simulate_young(*shifts)


def test_shifts_add_up() -> None:
    conditions = PayInflation(START, 0.1).apply(PayInflation(START, 0.1).apply(Conditions()))
    assert conditions.pay_level == pytest.approx(1.21)
    assert ConceptShift(START, 1.0).apply(conditions).overtime_factor == -1


def test_every_named_shift_needs_no_more_than_a_start() -> None:
    assert {name: shift(START).start for name, shift in SHIFTS.items()} == {
        "pay-inflation": START,
        "concept-shift": START,
        "gradual-concept-shift": START,
        "overtime-crunch": START,
        "morale-drop": START,
        "hiring-wave": START,
        "reorganisation": START,
    }
