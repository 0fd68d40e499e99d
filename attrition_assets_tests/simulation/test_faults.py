"""Broken data: each fault breaks its month in its way and leaves the rest alone."""

from itertools import permutations

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import read_contract
from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.faults import (
    FAULTS,
    CorrectedFile,
    DuplicatedFile,
    Fault,
    LateFile,
    MissingValues,
    RenamedLevel,
    UnitError,
    apply_faults,
)
from attrition_assets.validation.table import find_violations

from .conftest import FIRST_MONTH

MONTH = FIRST_MONTH + 4
EVERY_FAULT = pytest.mark.parametrize(
    "fault", [fault(MONTH) for fault in FAULTS.values()], ids=FAULTS
)


def describe_violations(snapshot: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Of each rule of the contract that is broken, the column, the rule and the rows."""
    violations = find_violations(snapshot, read_contract())
    return [(each.column, each.fault.value, each.rows) for each in violations]


def assert_companies_equal(one: Company, other: Company) -> None:
    assert_frame_equal(one.departures, other.departures)
    for mine, theirs in ((one.snapshots, other.snapshots), (one.later, other.later)):
        assert mine.keys() == theirs.keys()
        for month, snapshot in mine.items():
            assert_frame_equal(snapshot, theirs[month])


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


def test_missing_values_are_its_share_of_the_incomes_and_nothing_else(small: Company) -> None:
    broken = apply_faults(small, [MissingValues(MONTH, 0.25)], seed=1).snapshots[MONTH]
    whole = small.snapshots[MONTH]
    assert_frame_equal(broken.drop(columns="MonthlyIncome"), whole.drop(columns="MonthlyIncome"))
    held = broken["MonthlyIncome"].dropna()
    assert (len(whole) - len(held), len(whole)) == (30, 120)
    assert (held == whole.loc[held.index, "MonthlyIncome"]).all()
    assert describe_violations(broken) == [("MonthlyIncome", "missing_values", 30)]


def test_missing_values_are_read_where_a_contract_allows_them(small: Company) -> None:
    broken = apply_faults(small, [MissingValues(MONTH)], seed=1).snapshots[MONTH]
    contract = read_contract()
    income = contract.columns["MonthlyIncome"].model_copy(update={"missing": True})
    columns = {**contract.columns, "MonthlyIncome": income}
    contract = contract.model_copy(update={"columns": columns})
    assert find_violations(broken, contract) == ()
    assert cast_to_contract(broken, contract)["MonthlyIncome"].isna().sum() == 24


def test_a_renamed_level_has_its_new_name_in_every_month_from_its_first(small: Company) -> None:
    broken = apply_faults(small, [RenamedLevel(MONTH)], seed=1)
    for month, whole in small.snapshots.items():
        department = whole["Department"]
        if month >= MONTH:
            department = department.replace("Research & Development", "R&D")
        assert_frame_equal(broken.snapshots[month], whole.assign(Department=department))
    count = (small.snapshots[MONTH]["Department"] == "Research & Development").sum()
    assert describe_violations(broken.snapshots[MONTH]) == [("Department", "unknown_level", count)]


def test_a_share_of_a_renamed_level_is_the_same_people_each_month(small: Company) -> None:
    snapshots = apply_faults(small, [RenamedLevel(MONTH, 0.5)], seed=1).snapshots
    first, last = (
        rows[rows["Department"].isin(["R&D", "Research & Development"])].set_index("EmployeeNumber")
        for rows in (snapshots[MONTH], snapshots[max(snapshots)])
    )
    both = first.index.intersection(last.index)
    assert len(both) > 50
    assert (first.loc[both, "Department"] == last.loc[both, "Department"]).all()
    # Of about 80 people half, with a standard deviation of .056: within 4 of them.
    assert (first["Department"] == "R&D").mean() == pytest.approx(0.5, abs=0.22)


def test_a_late_file_comes_as_it_would_have_been(small: Company) -> None:
    broken = apply_faults(small, [LateFile(MONTH)], seed=1)
    assert broken.snapshots.keys() == small.snapshots.keys() - {MONTH}
    assert broken.later.keys() == {MONTH}
    assert_frame_equal(broken.later[MONTH], small.snapshots[MONTH])


def test_a_stale_file_passes_the_contract_and_is_corrected_later(small: Company) -> None:
    broken = apply_faults(small, [CorrectedFile(MONTH, 1.0)], seed=1)
    whole, sent = small.snapshots[MONTH], broken.snapshots[MONTH]
    assert_frame_equal(broken.later[MONTH], whole)
    assert describe_violations(sent) == []
    assert (sent.dtypes == whole.dtypes).all()
    assert_frame_equal(sent[["EmployeeNumber", "SnapshotDate"]], whole[list(sent)[:2]])
    before = small.snapshots[MONTH - 1].set_index("EmployeeNumber").drop(columns="SnapshotDate")
    stale = sent.set_index("EmployeeNumber").drop(columns="SnapshotDate")
    known = stale.index.intersection(before.index)
    assert 0 < len(stale) - len(known) < 10
    assert_frame_equal(stale.loc[known], before.loc[known])


def test_a_share_of_a_stale_file_is_as_it_was_and_the_rest_is_right(small: Company) -> None:
    whole, stale, half = (
        apply_faults(small, faults, seed=1).snapshots[MONTH]
        for faults in ((), [CorrectedFile(MONTH, 1.0)], [CorrectedFile(MONTH, 0.5)])
    )
    changed = (stale != whole).any(axis=1)
    as_before, right = (half == stale).all(axis=1), (half == whole).all(axis=1)
    assert (as_before | right).all()
    assert 0.3 < (as_before & changed).sum() / changed.sum() < 0.7


def test_a_correction_clears_the_other_faults_of_its_month_but_not_what_lasts(
    small: Company,
) -> None:
    lasting = RenamedLevel(MONTH)
    faults: list[Fault] = [UnitError(MONTH), MissingValues(MONTH), CorrectedFile(MONTH), lasting]
    broken = apply_faults(small, faults, seed=1)
    renamed = apply_faults(small, [lasting], seed=1)
    assert_frame_equal(broken.later[MONTH], renamed.snapshots[MONTH])
    assert {each[1] for each in describe_violations(broken.snapshots[MONTH])} == {
        "missing_values",
        "out_of_range",
        "unknown_level",
    }


def test_a_late_file_is_as_broken_as_it_was_when_it_was_due(small: Company) -> None:
    unit = UnitError(MONTH)
    late = apply_faults(small, [LateFile(MONTH), unit], seed=1).later[MONTH]
    assert_frame_equal(late, apply_faults(small, [unit], seed=1).snapshots[MONTH])


def test_two_kinds_of_fault_in_a_month_hit_rows_of_their_own(small: Company) -> None:
    both = apply_faults(small, [UnitError(MONTH, 0.5), MissingValues(MONTH, 0.5)], seed=1)
    ratio = both.snapshots[MONTH]["MonthlyIncome"] / small.snapshots[MONTH]["MonthlyIncome"]
    assert set(ratio.dropna()) == {1.0, 12.0}


def test_the_order_of_faults_means_nothing(small: Company) -> None:
    faults: list[Fault] = [
        UnitError(MONTH),
        MissingValues(MONTH),
        CorrectedFile(MONTH),
        DuplicatedFile(MONTH + 1),
        RenamedLevel(MONTH - 1, 0.5),
        LateFile(MONTH + 1),
    ]
    first = apply_faults(small, faults, seed=1)
    for other in list(permutations(faults))[::97]:
        assert_companies_equal(apply_faults(small, other, seed=1), first)


@EVERY_FAULT
def test_other_months_departures_and_the_original_stay_as_they_were(
    fault: Fault, small: Company
) -> None:
    before = {month: snapshot.copy() for month, snapshot in small.snapshots.items()}
    broken = apply_faults(small, [fault], seed=1)
    assert_frame_equal(broken.departures, small.departures)
    lasts = isinstance(fault, RenamedLevel)
    for month, snapshot in before.items():
        assert_frame_equal(small.snapshots[month], snapshot)
        if month < MONTH or (month > MONTH and not lasts):
            assert_frame_equal(broken.snapshots[month], snapshot)
    assert MONTH not in broken.snapshots or not broken.snapshots[MONTH].equals(before[MONTH])


def test_the_seed_decides_which_rows_are_hit(small: Company) -> None:
    first, again, other = (
        apply_faults(small, [UnitError(MONTH)], seed=seed).snapshots[MONTH] for seed in (1, 1, 2)
    )
    assert_frame_equal(first, again)
    assert not first.equals(other)


def test_a_fault_outside_the_months_is_refused(small: Company) -> None:
    with pytest.raises(AttritionError, match="choose a month from 2023-11 to 2024-10"):
        apply_faults(small, [UnitError(FIRST_MONTH + 12)], seed=1)


@pytest.mark.parametrize("fault", [DuplicatedFile, CorrectedFile])
def test_a_file_that_repeats_the_month_before_needs_one(
    fault: type[DuplicatedFile | CorrectedFile], small: Company
) -> None:
    with pytest.raises(AttritionError, match=r"is the first month, .*; choose a later one"):
        apply_faults(small, [fault(FIRST_MONTH)], seed=1)
    with pytest.raises(AttritionError, match=f"the file of {MONTH} is late, .* choose a later one"):
        apply_faults(small, [fault(MONTH + 1), LateFile(MONTH)], seed=1)


@pytest.mark.parametrize("other", [LateFile(MONTH), CorrectedFile(MONTH)])
def test_one_file_of_a_month_comes_later_at_most(other: Fault, small: Company) -> None:
    for faults in ([other, LateFile(MONTH)], [other, CorrectedFile(MONTH)]):
        with pytest.raises(AttritionError, match=r"comes a month later already, .* another month"):
            apply_faults(small, faults, seed=1)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("fault", [UnitError, MissingValues, RenamedLevel, CorrectedFile])
def test_what_is_no_share_is_refused(
    fault: type[UnitError | MissingValues | RenamedLevel | CorrectedFile],
    share: float,
    small: Company,
) -> None:
    with pytest.raises(AttritionError, match=f"hit a share of {share}: choose a share from 0 to 1"):
        apply_faults(small, [fault(MONTH, share)], seed=1)


def test_every_named_fault_needs_no_more_than_a_month() -> None:
    assert {name: fault(MONTH).month for name, fault in FAULTS.items()} == {
        "unit-error": MONTH,
        "duplicated-file": MONTH,
        "missing-values": MONTH,
        "renamed-level": MONTH,
        "late-file": MONTH,
        "corrected-file": MONTH,
    }
