import re

import numpy as np
import pandas as pd
import pytest

from attrition_assets.monitoring.integrity import (
    CERTAIN,
    UNIT_FACTORS,
    explain_untestable,
    find_certain_faults,
    judge_quality,
)
from attrition_assets.monitoring.pairing import ColumnPair, pair_columns
from attrition_assets.monitoring.report import ColumnFault, FaultKind, Finding
from attrition_assets.monitoring.table_summary import count_sides
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(
    Pay={"kind": "continuous", "role": "feature", "range": [1000, 20_000]},
    Grade={"kind": "ordinal", "role": "feature", "levels": [1, 2, 3]},
    Team={"kind": "nominal", "role": "feature", "levels": ["red", "blue", "green"]},
)
ROWS = 200
RNG = np.random.default_rng(0)
PAY = RNG.integers(2000, 15_000, ROWS).astype(float)
GRADE = RNG.integers(1, 4, ROWS)
TEAM = RNG.choice(["red", "blue", "green"], ROWS)


def pair(name: str, before: object, now: object) -> ColumnPair:
    reference, current = pd.DataFrame({name: before}), pd.DataFrame({name: now})
    return pair_columns(reference, current, CONTRACT, {})[0]


def find(name: str, before: object, now: object) -> ColumnFault | None:
    both = pair(name, before, now)
    return find_certain_faults(both, *count_sides(both))


def spoil(values: np.ndarray, value: object, rows: int) -> np.ndarray:
    """The values, the first rows of which hold `value`."""
    spoiled = values.astype(object)
    spoiled[:rows] = value
    return spoiled


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("Pay", PAY, PAY[:80]),
        ("Pay", PAY, PAY * 1.2),
        ("Grade", GRADE, GRADE[:80]),
        ("Grade", GRADE, np.where(GRADE == 3, 2, GRADE)),
        ("Team", TEAM, TEAM[:80]),
        ("Team", np.where(TEAM == "green", "red", TEAM), TEAM),
        ("undeclared", PAY, PAY * 12),
        ("undeclared", TEAM, np.where(TEAM == "green", "red", TEAM)),
    ],
)
def test_what_moved_within_what_is_accepted_is_no_fault(
    name: str, before: np.ndarray, now: np.ndarray
) -> None:
    assert find(name, before, now) is None
    assert explain_untestable(*count_sides(pair(name, before, now))) is None


@pytest.mark.parametrize(("name", "values"), [("Pay", PAY), ("Grade", GRADE), ("Team", TEAM)])
def test_a_column_without_any_value_is_broken(name: str, values: np.ndarray) -> None:
    fault = find(name, values, [None] * 60)
    assert fault is not None
    assert (fault.column, fault.fault, fault.share) == (name, FaultKind.NO_VALUES, 1.0)
    assert fault.p_value is None


@pytest.mark.parametrize(
    ("name", "before", "now", "explanation"),
    [
        (
            "Team",
            TEAM,
            spoil(TEAM, "mauve", 3),
            r"3 rows .* the contract does not know \('mauve'\)",
        ),
        ("Grade", GRADE, spoil(GRADE, 7, 3), r"3 rows lie outside the levels \[1, 2, 3\]"),
        ("Grade", GRADE, spoil(GRADE, 1.5, 3), r"3 rows lie outside the levels \[1, 2, 3\]"),
    ],
)
def test_levels_that_the_contract_does_not_have_are_faults_from_the_first_row(
    name: str, before: np.ndarray, now: np.ndarray, explanation: str
) -> None:
    fault = find(name, before, now)
    assert fault is not None
    assert fault.fault == FaultKind.UNKNOWN_LEVEL
    assert fault.share == 3 / ROWS
    assert re.fullmatch(explanation, fault.explanation)


def test_of_many_unknown_levels_three_are_shown() -> None:
    now = [f"team {place % 5}" for place in range(60)]
    fault = find("Team", TEAM, now)
    assert fault is not None
    assert fault.share == 1.0
    assert fault.explanation.endswith("('team 0', 'team 1', 'team 2', ...)")


@pytest.mark.parametrize("more", [0, 1])
def test_a_new_level_that_nobody_declared_is_a_fault_where_chance_cannot_bring_it(
    more: int,
) -> None:
    """All n rows of a level fall into the half that is current once in 2^n tables."""
    rows = int(np.floor(np.log2(1 / CERTAIN))) + more
    fault = find("undeclared", TEAM, spoil(TEAM, "new", rows))
    assert (fault is not None) == bool(more)
    if fault:
        assert fault.fault == FaultKind.UNKNOWN_LEVEL
        assert "the reference_data does not know ('new')" in fault.explanation


def test_numbers_outside_the_declared_range_are_faults_and_its_ends_are_not() -> None:
    assert find("Pay", PAY, spoil(PAY, 1000, 1)) is None
    assert find("Pay", PAY, spoil(PAY, 20_000, 1)) is None
    fault = find("Pay", PAY, spoil(PAY, 200, 2))
    assert fault is not None
    assert (fault.fault, fault.share) == (FaultKind.OUT_OF_RANGE, 2 / ROWS)
    assert fault.explanation == "2 rows lie outside 1000 to 20000, which the contract accepts"


@pytest.mark.parametrize("unit", [*UNIT_FACTORS, *(1 / unit for unit in UNIT_FACTORS)])
def test_values_in_another_unit_are_told_from_others_out_of_range(unit: float) -> None:
    now = np.where(np.arange(ROWS) % 4 == 0, PAY * unit, PAY)
    fault = find("Pay", PAY, now)
    assert fault is not None
    assert fault.fault == FaultKind.UNIT_CHANGE
    assert fault.share == ((now < 1000) | (now > 20_000)).mean()


def test_a_years_pay_is_said_to_be_twelve_months() -> None:
    fault = find("Pay", PAY, spoil(PAY, 12 * 10_000, 20))
    assert fault is not None
    assert fault.explanation == (
        "20 rows lie outside 1000 to 20000 and would fit divided by 12: another unit"
    )


def test_numbers_that_no_unit_explains_are_out_of_range() -> None:
    """Divided by 12 they would be accepted, and lie where hardly anybody's pay lies."""
    fault = find("Pay", PAY, spoil(PAY, 12 * 19_900, 20))
    assert fault is not None
    assert fault.fault == FaultKind.OUT_OF_RANGE


@pytest.mark.parametrize(
    ("name", "before", "now"),
    [
        ("Pay", PAY, [5000.0] * 60),
        ("Grade", GRADE, [2] * 60),
        ("Team", TEAM, ["red"] * 60),
        ("undeclared", TEAM, ["red"] * 60),
        ("Grade", [1] * ROWS, [2] * 60),
    ],
)
def test_one_value_for_all_is_a_fault_where_there_were_others(
    name: str, before: object, now: object
) -> None:
    fault = find(name, before, now)
    assert fault is not None
    assert (fault.fault, fault.share) == (FaultKind.CONSTANT, 1.0)
    assert "all 60 rows have one value, which " in fault.explanation


def test_one_value_for_all_is_no_fault_where_nearly_all_had_it() -> None:
    before = ["red"] * (ROWS - 10) + ["blue"] * 10
    assert find("Team", before, ["red"] * 60) is None  # so it is in 5 % of tables: .95^60


@pytest.mark.parametrize(
    ("name", "before", "now", "reason"),
    [
        ("Grade", [2] * 60, [2] * 60, "constant, and the same in both tables"),
        ("Team", ["red"] * 60, ["red"] * 60, "constant, and the same in both tables"),
        ("Pay", [None] * 60, [None] * 60, "all missing in both tables"),
        ("Pay", [None] * ROWS, PAY, "all missing in reference_data"),
    ],
)
def test_what_cannot_be_compared_is_no_fault_and_is_explained(
    name: str, before: object, now: object, reason: str
) -> None:
    assert find(name, before, now) is None
    assert explain_untestable(*count_sides(pair(name, before, now))) == reason


def test_the_verdict_names_every_fault_and_is_none_without_any() -> None:
    pay = find("Pay", PAY, spoil(PAY, 200, 2))
    team = find("Team", TEAM, [None] * 60)
    assert pay
    assert team
    verdict = judge_quality((pay, team), 9)
    assert verdict.finding == Finding.FAULT
    assert verdict.faults == (pay, team)
    assert verdict.reason == (
        "2 of 9 columns are broken: Pay: 2 rows lie outside 1000 to 20000, which the contract "
        "accepts; Team: no current row has a value"
    )
    assert judge_quality((), 9).finding == Finding.NO_FAULT
