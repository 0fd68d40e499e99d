import numpy as np
import pandas as pd
import pytest

from attrition_assets.casting import cast_to_contract
from attrition_assets.contract import Contract
from attrition_assets.validation import (
    SNAPSHOT_CHECKS,
    EarlierMonth,
    Verdict,
    Violation,
    check_snapshot,
    find_violations,
    refuse_unreadable,
)

from .conftest import MakeSnapshot, as_csv, as_parquet, declare_contract, spoil

JANUARY = pd.Period("2026-01", freq="M")


@pytest.fixture
def table(make_snapshot: MakeSnapshot) -> pd.DataFrame:
    return make_snapshot("2026-01", 40, 0)


def check(
    table: pd.DataFrame,
    contract: Contract,
    *,
    content: str = "new",
    earlier: tuple[EarlierMonth, ...] = (),
) -> dict[str, Verdict]:
    return dict(check_snapshot(table, contract, JANUARY, content, earlier))


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
        ("Age", "999983", ["is outside 18 to 75"]),
        ("Age", "-777", ["is outside 18 to 75"]),
        ("Age", "33.625", ["is not a whole number"]),
        ("Age", "pensioner", ["is not a finite number"]),
        ("Age", "-inf", ["is not a finite number", "is outside 18 to 75"]),
        ("Gender", "Martian", ["is none of ['Female', 'Male']"]),
        ("Gender", "female", ["is none of ['Female', 'Male']"]),
        ("Attrition", "Perhaps", ["is none of ['No', 'Yes']"]),
        ("Education", "987", ["is none of [1, 2, 3, 4, 5]"]),
        ("SnapshotDate", "Friday", ["is not a date such as 2026-01-31"]),
        ("SnapshotDate", "29/12/2025", ["is not a date such as 2026-01-31"]),
        ("SnapshotDate", "2025-12-29T00:00:00Z", ["is not a date such as 2026-01-31"]),
        ("SnapshotDate", "2025-12-29 00+02", ["is not a date such as 2026-01-31"]),
        ("EmployeeNumber", "E-4711", ["is not a finite number"]),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_column_rule_and_row_never_by_itself(
    form: str,
    column: str,
    value: str,
    rules: list[str],
    table: pd.DataFrame,
    contract: Contract,
) -> None:
    spoiled = spoil(table, column, value, [3, 17])
    sent = as_csv(spoiled) if form == "csv" else as_parquet(spoiled.astype({column: str}))
    violations = find_violations(sent, contract)
    assert violations == tuple(
        Violation(column=column, rule=rule, rows=2, first_rows=(3, 17)) for rule in rules
    )
    assert str(violations[0]) == f"{column}: {rules[0]}: 2 rows (rows 3, 17)"
    verdict = check(sent, contract)["contract_holds"]
    assert not verdict.holds
    assert verdict.violations == violations
    assert value not in verdict.model_dump_json()


@pytest.mark.parametrize("column", ["Age", "Gender", "Education", "SnapshotDate", "Attrition"])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_missing_value_is_a_violation_of_its_own(
    column: str, missing: object, table: pd.DataFrame, contract: Contract
) -> None:
    assert find_violations(spoil(table, column, missing, [5]), contract) == (
        Violation(column=column, rule="is missing", rows=1, first_rows=(5,)),
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


def test_a_column_that_appears_twice_is_named(table: pd.DataFrame, contract: Contract) -> None:
    twice = pd.concat([table, table[["Age"]]], axis=1)
    assert [str(each) for each in find_violations(twice, contract)] == [
        "Age: column name appears twice: 40 rows"
    ]


def test_a_table_without_rows_is_a_violation(table: pd.DataFrame, contract: Contract) -> None:
    (violation,) = find_violations(table.iloc[:0], contract)
    assert violation.rule == "table has no rows"
    assert not check(table.iloc[:0], contract)["volume_plausible"].holds


def test_all_violations_are_told_at_once(table: pd.DataFrame, contract: Contract) -> None:
    spoiled = spoil(spoil(table, "Gender", "Martian", [1]), "Age", 12, [2]).drop(
        columns="Education"
    )
    found = {(each.column, each.rows) for each in find_violations(spoiled, contract)}
    assert found == {("Gender", 1), ("Age", 1), ("Education", 40)}
    verdict = check(spoiled, contract)["contract_holds"]
    assert (verdict.value, verdict.limit) == (3, 0)
    assert all(name in verdict.explanation for name in ("Gender", "Age", "Education"))


def test_every_check_gives_a_verdict_and_a_good_month_passes_all(
    table: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(table, contract)
    assert tuple(verdicts) == tuple(SNAPSHOT_CHECKS)
    assert all(verdict.holds for verdict in verdicts.values())
    assert verdicts["contract_holds"].explanation == (
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


def test_rows_of_another_date_are_counted_and_named(
    table: pd.DataFrame, contract: Contract
) -> None:
    dates = ["2026-01-30"] + ["2026-01-31"] * 37 + ["2026-02-28", "2026-01-31T08:00"]
    verdict = check(table.assign(SnapshotDate=dates), contract)["dates_match_month"]
    assert not verdict.holds
    assert verdict.explanation == (
        "3 rows are not dated 2026-01-31, the month's last day; 2 of them are later"
    )
    assert verdict.violations[0].first_rows == (0, 38, 39)


def test_dates_in_a_time_zone_are_refused_and_break_nothing(
    table: pd.DataFrame, contract: Contract
) -> None:
    zoned = table.assign(SnapshotDate=table["SnapshotDate"].dt.tz_localize("UTC"))
    verdicts = check(zoned, contract)
    assert verdicts["contract_holds"].violations[0].rule == "is not a date such as 2026-01-31"
    assert verdicts["dates_match_month"].value == 40


def test_what_cannot_be_checked_without_its_column_does_not_hold(
    table: pd.DataFrame, contract: Contract
) -> None:
    verdicts = check(table.drop(columns=["EmployeeNumber", "SnapshotDate"]), contract)
    for name, column in (
        ("one_row_per_employee", "EmployeeNumber"),
        ("dates_match_month", "SnapshotDate"),
    ):
        assert not verdicts[name].holds
        assert verdicts[name].explanation == f"could not be checked: no column {column}"


@pytest.mark.parametrize(
    ("before", "holds"), [(27, True), (26, False), (40, True), (60, True), (61, False)]
)
def test_the_number_of_rows_is_near_that_of_the_month_before(
    before: int, holds: bool, table: pd.DataFrame, contract: Contract
) -> None:
    earlier = (
        EarlierMonth(month="2025-11", rows=4000, content="a"),
        EarlierMonth(month="2025-12", rows=before, content="b"),
        EarlierMonth(month="2026-02", rows=4000, content="c"),
    )
    verdict = check(table, contract, earlier=earlier)["volume_plausible"]
    assert verdict.holds == holds
    assert verdict.value == 40 / before
    assert verdict.explanation.startswith(f"40 rows, {40 / before:.2f} times the {before} of 2025-")
    assert verdict.explanation.endswith("accepted is 0.67 to 1.50 times")


@pytest.mark.parametrize(("month", "compared"), [("2025-10", True), ("2025-09", False)])
def test_months_older_than_three_are_no_measure_of_size(
    month: str, compared: bool, table: pd.DataFrame, contract: Contract
) -> None:
    earlier = (EarlierMonth(month=month, rows=4000, content="a"),)
    assert check(table, contract, earlier=earlier)["volume_plausible"].holds != compared


def test_the_rows_of_another_month_are_refused_but_not_the_months_own(
    table: pd.DataFrame, contract: Contract
) -> None:
    own = EarlierMonth(month="2026-01", rows=40, content="same")
    later = EarlierMonth(month="2026-03", rows=40, content="same")
    assert check(table, contract, content="same", earlier=(own,))["not_sent_before"].holds
    verdict = check(table, contract, content="same", earlier=(own, later))["not_sent_before"]
    assert not verdict.holds
    assert verdict.explanation == (
        "its rows are those sent for 2026-03: send this month's own file"
    )


def test_of_an_unreadable_file_nothing_holds_and_each_verdict_says_why() -> None:
    verdicts = refuse_unreadable("it is truncated")
    assert tuple(verdicts) == tuple(SNAPSHOT_CHECKS)
    assert {(each.holds, each.explanation) for each in verdicts.values()} == {
        (False, "could not be checked: it is truncated")
    }


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
