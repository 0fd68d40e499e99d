import numpy as np
import pandas as pd
import pytest

from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.validation.checks import check_snapshot
from attrition_assets.validation.table import find_violations
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict, Violation
from attrition_assets_tests.conftest import (
    MakeSnapshot,
    as_csv,
    as_parquet,
    declare_contract,
    spoil,
)

JANUARY = pd.Period("2026-01", freq="M")


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-01", 40, 0)


def check(
    table: pd.DataFrame, contract: Contract, *, departures: pd.DataFrame | None = None
) -> dict[str, SnapshotVerdict]:
    """The verdicts on January's table; no month was accepted before."""
    verdicts = check_snapshot(
        table, contract, JANUARY, "new", (), previous=None, departures=departures
    )
    return dict(verdicts)


def test_a_table_that_fits_has_no_violations(table: pd.DataFrame, contract: Contract) -> None:
    assert find_violations(table, contract) == ()
    assert find_violations(as_csv(table), contract) == ()
    assert find_violations(as_parquet(table.convert_dtypes()), contract) == ()


def test_the_label_alone_may_be_absent_and_columns_may_come_in_any_order(
    table: pd.DataFrame, contract: Contract
) -> None:
    assert find_violations(table.drop(columns="Attrition"), contract) == ()
    assert find_violations(table[list(table)[::-1]], contract) == ()


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("column", "value", "rules"),
    [
        ("Age", "999983", {"is outside 18 to 75": Fault.OUT_OF_RANGE}),
        ("Age", "-777", {"is outside 18 to 75": Fault.OUT_OF_RANGE}),
        ("Age", "33.625", {"is not a whole number": Fault.NOT_WHOLE}),
        ("Age", "pensioner", {"is not a finite number": Fault.NOT_A_NUMBER}),
        (
            "Age",
            "-inf",
            {
                "is not a finite number": Fault.NOT_A_NUMBER,
                "is outside 18 to 75": Fault.OUT_OF_RANGE,
            },
        ),
        ("Gender", "Martian", {"is none of ['Female', 'Male']": Fault.UNKNOWN_LEVEL}),
        ("Gender", "female", {"is none of ['Female', 'Male']": Fault.UNKNOWN_LEVEL}),
        ("Attrition", "Perhaps", {"is none of ['No', 'Yes']": Fault.UNKNOWN_LEVEL}),
        ("Education", "987", {"is none of [1, 2, 3, 4, 5]": Fault.UNKNOWN_LEVEL}),
        ("SnapshotDate", "Friday", {"is not a date such as 2026-01-31": Fault.NOT_A_DATE}),
        ("SnapshotDate", "29/12/2025", {"is not a date such as 2026-01-31": Fault.NOT_A_DATE}),
        (
            "SnapshotDate",
            "2025-12-29T00:00:00Z",
            {"is not a date such as 2026-01-31": Fault.NOT_A_DATE},
        ),
        (
            "SnapshotDate",
            "2025-12-29 00+02",
            {"is not a date such as 2026-01-31": Fault.NOT_A_DATE},
        ),
        ("EmployeeNumber", "E-4711", {"is not a finite number": Fault.NOT_A_NUMBER}),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_column_rule_and_row_never_by_itself(
    form: str,
    column: str,
    value: str,
    rules: dict[str, Fault],
    table: pd.DataFrame,
    contract: Contract,
) -> None:
    spoiled = spoil(table, column, value, [3, 17])
    sent = as_csv(spoiled) if form == "csv" else as_parquet(spoiled.astype({column: str}))
    violations = find_violations(sent, contract)
    assert violations == tuple(
        Violation(column=column, rule=rule, fault=fault, rows=2, first_rows=(3, 17))
        for rule, fault in rules.items()
    )
    assert str(violations[0]) == f"{column}: {next(iter(rules))}: 2 rows (rows 3, 17)"
    verdict = check(sent, contract)["contract_holds"]
    assert not verdict.holds
    assert verdict.violations == violations
    assert set(verdict.faults) == set(rules.values())
    assert value not in verdict.model_dump_json()


@pytest.mark.parametrize("column", ["Age", "Gender", "Education", "SnapshotDate", "Attrition"])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_value_is_a_violation_of_its_own(
    column: str, missing: object, table: pd.DataFrame, contract: Contract
) -> None:
    assert find_violations(spoil(table, column, missing, [5]), contract) == (
        Violation(
            column=column,
            rule="is missing",
            fault=Fault.MISSING_VALUES,
            rows=1,
            first_rows=(5,),
        ),
    )


def test_values_may_be_missing_where_the_contract_says_so(make_snapshot: MakeSnapshot) -> None:
    allowed = declare_contract(
        Pay={"kind": "continuous", "role": "feature", "range": [0, 9], "missing": True},
        Shoe={"kind": "ordinal", "role": "feature", "levels": [40, 41], "missing": True},
        Team={"kind": "nominal", "role": "feature", "levels": ["a"], "missing": True},
    )
    table = make_snapshot("2026-01", 4, 0, allowed)
    for column in ("Pay", "Shoe", "Team"):
        table = spoil(table, column, None, [1, 2])
    assert find_violations(table, allowed) == ()
    cast = cast_to_contract(as_csv(table), allowed)
    assert cast[["Pay", "Shoe", "Team"]].isna().sum().tolist() == [2, 2, 2]
    assert cast.dtypes[["Pay", "Shoe", "Team"]].astype(str).tolist() == [
        "float64",
        "float64",
        "object",
    ]


def test_an_infinite_number_is_a_violation_also_where_it_is_stored_as_a_number(
    table: pd.DataFrame, contract: Contract
) -> None:
    rules = [each.rule for each in find_violations(table.assign(Age=np.inf), contract)]
    assert rules[0] == "is not a finite number"


def test_a_switch_is_not_taken_for_yes_and_no(table: pd.DataFrame, contract: Contract) -> None:
    (violation,) = find_violations(table.assign(OverTime=table["OverTime"] == "Yes"), contract)
    assert violation.rule == "is none of ['No', 'Yes']"


def test_every_row_is_counted_and_the_first_ten_are_named_wherever_the_index_starts(
    table: pd.DataFrame, contract: Contract
) -> None:
    table.index = table.index + 1000
    (violation,) = find_violations(table.assign(Age=17), contract)
    assert violation.rows == 40
    assert violation.first_rows == tuple(range(10))


def test_missing_and_foreign_columns_are_named(table: pd.DataFrame, contract: Contract) -> None:
    sent = table.drop(columns=["Age", "OverTime"]).assign(shoe=40)
    assert [str(each) for each in find_violations(sent, contract)] == [
        "Age: column is missing: 40 rows",
        "OverTime: column is missing: 40 rows",
        "shoe: is not in the contract: 40 rows",
    ]
    assert check(sent, contract)["contract_holds"].faults == (
        Fault.MISSING_COLUMN,
        Fault.EXTRA_COLUMN,
    )


def test_a_column_that_appears_twice_is_named(table: pd.DataFrame, contract: Contract) -> None:
    twice = pd.concat([table, table[["Age"]]], axis=1)
    assert [str(each) for each in find_violations(twice, contract)] == [
        "Age: column name appears twice: 40 rows"
    ]


def test_a_table_without_rows_is_a_violation(table: pd.DataFrame, contract: Contract) -> None:
    (violation,) = find_violations(table.iloc[:0], contract)
    assert (violation.rule, violation.fault) == ("table has no rows", Fault.EMPTY_FILE)


def test_all_violations_are_told_at_once(table: pd.DataFrame, contract: Contract) -> None:
    spoiled = spoil(spoil(table, "Gender", "Martian", [1]), "Age", 12, [2]).drop(
        columns="Education"
    )
    found = {(each.column, each.rows) for each in find_violations(spoiled, contract)}
    assert found == {("Gender", 1), ("Age", 1), ("Education", 40)}
    verdict = check(spoiled, contract)["contract_holds"]
    assert (verdict.value, verdict.limit) == (3, 0)
    assert all(name in verdict.explanation for name in ("Gender", "Age", "Education"))


def test_a_table_that_fits_is_said_to(table: pd.DataFrame, contract: Contract) -> None:
    assert check(table, contract)["contract_holds"].explanation == (
        "40 rows and 36 columns are as ibm_hr_attrition declares"
    )


@pytest.mark.parametrize("ids", [("7", "7"), ("7", "7.0"), ("7", "07"), (7, 7)])
def test_an_employee_who_appears_twice_is_found_however_the_id_is_written(
    ids: tuple[object, object], table: pd.DataFrame, contract: Contract
) -> None:
    table = table.drop(index=6).reset_index(drop=True)
    spoiled = spoil(spoil(table, "EmployeeNumber", ids[0], [2]), "EmployeeNumber", ids[1], [9])
    verdict = check(spoiled, contract)["one_row_per_employee"]
    assert not verdict.holds
    assert verdict.explanation == "1 rows repeat an employee (by EmployeeNumber)"
    assert [str(each) for each in verdict.violations] == [
        "EmployeeNumber: employee appears twice: 1 rows (rows 9)"
    ]
    assert verdict.faults == (Fault.EMPLOYEE_TWICE,)


def test_rows_of_another_date_are_counted_and_named(
    table: pd.DataFrame, contract: Contract
) -> None:
    dates = ["2026-01-30"] + ["2026-01-31"] * 37 + ["2026-02-28", "2026-01-31T08:00"]
    verdict = check(table.assign(SnapshotDate=dates), contract)["dates_match_month"]
    assert not verdict.holds
    assert verdict.explanation == (
        "3 rows are not dated 2026-01-31, the month's last day; 1 of them are later"
    )
    assert [each.first_rows for each in verdict.violations] == [(0, 39), (38,)]
    assert verdict.faults == (Fault.WRONG_DATE, Fault.FUTURE_DATE)


@pytest.mark.parametrize(
    ("date", "faults"),
    [
        ("2026-02-01", (Fault.FUTURE_DATE,)),
        ("2026-01-30", (Fault.WRONG_DATE,)),
        ("2026-01-31T23:59", (Fault.WRONG_DATE,)),
        ("Friday", (Fault.NOT_A_DATE,)),
        (None, (Fault.MISSING_VALUES,)),
    ],
)
def test_a_date_is_wrong_or_of_the_future_or_none_at_all(
    date: str | None, faults: tuple[Fault, ...], table: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(spoil(table, "SnapshotDate", date, [2]), contract)
    assert verdicts["dates_match_month"].faults == faults
    future = verdicts["nothing_from_the_future"]
    assert future.faults == (() if faults == (Fault.WRONG_DATE,) else faults)


def test_dates_in_a_time_zone_are_refused_and_break_nothing(
    table: pd.DataFrame, contract: Contract
) -> None:
    zoned = table.assign(SnapshotDate=table["SnapshotDate"].dt.tz_localize("UTC"))
    verdicts = check(zoned, contract)
    assert verdicts["contract_holds"].violations[0].rule == "is not a date such as 2026-01-31"
    assert verdicts["dates_match_month"].value == 40


def test_where_departures_are_dated_no_label_may_be_filled(
    table: pd.DataFrame, contract: Contract
) -> None:
    nobody = pd.DataFrame({"EmployeeNumber": [], "DepartureDate": pd.to_datetime([])})
    verdict = check(table, contract, departures=nobody)["nothing_from_the_future"]
    assert verdict.faults == (Fault.FUTURE_LABEL,)
    assert [str(each) for each in verdict.violations] == [
        "Attrition: is filled before it can be known: 40 rows (rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    ]
    unlabelled = check(table.drop(columns="Attrition"), contract, departures=nobody)
    assert unlabelled["nothing_from_the_future"].holds


def test_labels_that_come_inside_the_snapshots_are_hidden_until_they_have_matured(
    table: pd.DataFrame, contract: Contract
) -> None:
    verdict = check(table, contract)["nothing_from_the_future"]
    assert verdict.holds
    assert verdict.explanation == (
        "0 rows are dated after 2026-01-31; labels come inside the snapshots and are hidden until "
        "they have matured"
    )


def test_the_real_table_fits_the_contract(ibm_table: pd.DataFrame, contract: Contract) -> None:
    dated = ibm_table.assign(SnapshotDate="2026-01-31")
    assert all(verdict.holds for verdict in check(dated, contract).values())
    assert len(cast_to_contract(dated, contract)) == 1470


def test_an_unexpected_label_in_the_real_table_is_named_with_its_row(
    ibm_table: pd.DataFrame, contract: Contract
) -> None:
    dated = ibm_table.assign(SnapshotDate="2026-01-31")
    assert [
        str(v) for v in find_violations(spoil(dated, "Attrition", "Maybe", [1469]), contract)
    ] == ["Attrition: is none of ['No', 'Yes']: 1 rows (rows 1469)"]
