from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from attrition_assets.contract import Contract
from attrition_assets.validation.checks import SNAPSHOT_CHECKS, check_snapshot, refuse_snapshot
from attrition_assets.validation.continuity import EarlierMonth, Previous
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict, list_faults
from attrition_assets_tests.conftest import MakeSnapshot, spoil

JANUARY = pd.Period("2026-01", freq="M")


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-01", 40, 0).drop(columns="Attrition")


@pytest.fixture
def december(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(SnapshotDate=pd.Timestamp("2025-12-31"))


def check(
    table: pd.DataFrame, contract: Contract, december: pd.DataFrame, content: str = "new"
) -> dict[str, SnapshotVerdict]:
    """The verdicts on January's table: December has the same people, and nobody has departed."""
    verdicts = check_snapshot(
        table,
        contract,
        JANUARY,
        content,
        (EarlierMonth(month="2025-12", rows=40, content="december"),),
        previous=Previous(JANUARY - 1, december),
        departures=pd.DataFrame({"EmployeeNumber": [], "DepartureDate": pd.to_datetime([])}),
    )
    return dict(verdicts)


def failing(verdicts: dict[str, SnapshotVerdict]) -> list[str]:
    return [name for name, verdict in verdicts.items() if not verdict.holds]


def test_every_check_gives_a_verdict_and_a_good_month_passes_all(
    table: pd.DataFrame, december: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(table, contract, december)
    assert tuple(verdicts) == tuple(SNAPSHOT_CHECKS)
    assert failing(verdicts) == []
    assert list_faults(verdicts.values()) == ()


def test_of_an_unreadable_file_nothing_holds_and_each_verdict_says_why() -> None:
    verdicts = refuse_snapshot("it is truncated", Fault.UNREADABLE_FILE)
    assert tuple(verdicts) == tuple(SNAPSHOT_CHECKS)
    assert {(each.holds, each.explanation) for each in verdicts.values()} == {
        (False, "could not be checked: it is truncated")
    }
    assert list_faults(verdicts.values()) == (Fault.UNREADABLE_FILE,)


BREAK: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], set[Fault]]] = {
    "no rows": (lambda table: table.iloc[:0], {Fault.EMPTY_FILE}),
    "a column twice": (
        lambda table: pd.concat([table, table[["EmployeeNumber"]]], axis=1),
        {Fault.DUPLICATE_COLUMN},
    ),
    "no id": (lambda table: table.drop(columns="EmployeeNumber"), {Fault.MISSING_COLUMN}),
    "no date": (lambda table: table.drop(columns="SnapshotDate"), {Fault.MISSING_COLUMN}),
    "no date, a shoe": (
        lambda table: table.drop(columns="SnapshotDate").assign(shoe=40),
        {Fault.MISSING_COLUMN, Fault.EXTRA_COLUMN},
    ),
    "text as id": (
        lambda table: spoil(table, "EmployeeNumber", "E-4711", list(range(20))),
        {Fault.NOT_A_NUMBER},
    ),
    "missing ids": (
        lambda table: spoil(table, "EmployeeNumber", None, list(range(20))),
        {Fault.MISSING_VALUES},
    ),
    "missing dates": (
        lambda table: spoil(table, "SnapshotDate", None, list(range(40))),
        {Fault.MISSING_VALUES},
    ),
    "text as date": (lambda table: table.assign(SnapshotDate="Friday"), {Fault.NOT_A_DATE}),
    "everybody twice": (
        lambda table: pd.concat([table, table]),
        {Fault.EMPLOYEE_TWICE, Fault.IMPLAUSIBLE_VOLUME},
    ),
    "other ids": (
        lambda table: table.assign(EmployeeNumber=table["EmployeeNumber"] + 1000),
        {Fault.LEAVERS_UNRECORDED},
    ),
    "an eighth lost": (lambda table: table.iloc[5:], {Fault.LEAVERS_UNRECORDED}),
}


@pytest.mark.parametrize("what", BREAK)
def test_what_is_wrong_is_named_and_nothing_else(
    what: str, table: pd.DataFrame, december: pd.DataFrame, contract: Contract
) -> None:
    spoil_table, faults = BREAK[what]
    assert set(list_faults(check(spoil_table(table), contract, december).values())) == faults


@pytest.mark.parametrize("column", ["EmployeeNumber", "SnapshotDate"])
def test_what_cannot_be_checked_without_its_column_does_not_hold(
    column: str, table: pd.DataFrame, december: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(table.drop(columns=column), contract, december)
    needs = {
        "EmployeeNumber": ["one_row_per_employee", "units_unchanged", "leavers_recorded"],
        "SnapshotDate": ["dates_match_month", "nothing_from_the_future"],
    }[column]
    assert failing(verdicts) == ["contract_holds", *needs]
    for name in needs:
        assert verdicts[name].explanation == f"could not be checked: no column {column}"


def test_an_old_file_sent_again_is_not_taken_for_leavers_without_departures(
    table: pd.DataFrame, december: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(table.iloc[5:], contract, december, content="december")
    assert list_faults(verdicts.values()) == (Fault.SENT_BEFORE,)
    assert failing(verdicts) == ["not_sent_before", "leavers_recorded"]


def test_no_verdict_shows_an_id_or_a_value(
    table: pd.DataFrame, december: pd.DataFrame, contract: Contract
) -> None:
    december = december.assign(EmployeeNumber=december["EmployeeNumber"] + 54321)
    odd = table.assign(MonthlyIncome=987654, EmployeeNumber=table["EmployeeNumber"] + 54321)
    odd = pd.concat([odd.iloc[10:], odd.iloc[10:20]])
    text = "".join(each.model_dump_json() for each in check(odd, contract, december).values())
    assert "987654" not in text
    assert not any(str(number) in text for number in np.arange(54322, 54362))


def test_a_verdict_has_faults_if_and_only_if_it_does_not_hold() -> None:
    with pytest.raises(ValidationError, match="if, and only if"):
        SnapshotVerdict(holds=False, explanation="")
    with pytest.raises(ValidationError, match="if, and only if"):
        SnapshotVerdict(holds=True, explanation="", faults=(Fault.EMPTY_FILE,))


def test_faults_are_named_once_the_explaining_ones_first() -> None:
    verdicts = [
        SnapshotVerdict(holds=False, explanation="", faults=faults)
        for faults in [(Fault.WRONG_DATE,), (Fault.SENT_BEFORE, Fault.WRONG_DATE)]
    ]
    assert list_faults(verdicts) == (Fault.SENT_BEFORE, Fault.WRONG_DATE)
