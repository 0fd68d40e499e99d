"""Broken data: each fault breaks its month in its way and leaves the rest alone."""

import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.faults import (
    FAULTS,
    DuplicatedFile,
    Fault,
    UnitError,
    apply_faults,
)
from attrition_assets.validation.table import find_violations

from .conftest import FIRST_MONTH

MONTH = FIRST_MONTH + 4


def test_a_unit_error_multiplies_the_income_of_its_share_of_rows(small: Company) -> None:
    broken = apply_faults(small, [UnitError(MONTH)], seed=1).snapshots[MONTH]
    whole = small.snapshots[MONTH]
    assert_frame_equal(broken.drop(columns="MonthlyIncome"), whole.drop(columns="MonthlyIncome"))
    ratio = broken["MonthlyIncome"] / whole["MonthlyIncome"]
    assert ratio.value_counts().to_dict() == {1.0: 108, 12.0: 12}
    assert broken["MonthlyIncome"].dtype == whole["MonthlyIncome"].dtype


def test_a_unit_error_breaks_the_contract(small: Company) -> None:
    broken = apply_faults(small, [UnitError(MONTH)], seed=1).snapshots[MONTH]
    violations = find_violations(broken, read_contract())
    assert {violation.column for violation in violations} == {"MonthlyIncome"}


def test_a_duplicated_file_is_last_months_with_its_date(small: Company) -> None:
    broken = apply_faults(small, [DuplicatedFile(MONTH)], seed=1).snapshots[MONTH]
    assert_frame_equal(broken, small.snapshots[MONTH - 1])


def test_a_duplicate_repeats_the_fault_of_the_month_before(small: Company) -> None:
    faults: list[Fault] = [DuplicatedFile(MONTH + 1), UnitError(MONTH)]
    broken = apply_faults(small, faults, seed=1).snapshots
    assert_frame_equal(broken[MONTH + 1], broken[MONTH])


def test_other_months_departures_and_the_original_stay_as_they_were(small: Company) -> None:
    before = {month: snapshot.copy() for month, snapshot in small.snapshots.items()}
    broken = apply_faults(small, [UnitError(MONTH), DuplicatedFile(MONTH + 2)], seed=1)
    assert_frame_equal(broken.departures, small.departures)
    for month, snapshot in before.items():
        assert_frame_equal(small.snapshots[month], snapshot)
        if month not in (MONTH, MONTH + 2):
            assert_frame_equal(broken.snapshots[month], snapshot)


def test_the_seed_decides_which_rows_are_hit(small: Company) -> None:
    first, again, other = (
        apply_faults(small, [UnitError(MONTH)], seed=seed).snapshots[MONTH] for seed in (1, 1, 2)
    )
    assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_fault_outside_the_months_is_refused(small: Company) -> None:
    with pytest.raises(AttritionError, match="choose a month from 2023-11 to 2024-10"):
        apply_faults(small, [UnitError(FIRST_MONTH + 12)], seed=1)


def test_the_first_file_cannot_be_a_duplicate(small: Company) -> None:
    with pytest.raises(AttritionError, match="choose a later one"):
        apply_faults(small, [DuplicatedFile(FIRST_MONTH)], seed=1)


def test_every_named_fault_needs_no_more_than_a_month() -> None:
    assert {name: fault(MONTH).month for name, fault in FAULTS.items()} == {
        "unit-error": MONTH,
        "duplicated-file": MONTH,
    }
