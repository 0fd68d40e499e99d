"""A first contract for tables that the project has never seen: what each column is taken for."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from attrition_assets.adapters.import_table import read_months
from attrition_assets.adapters.snapshots import read_file
from attrition_assets.contract import Contract, Role
from attrition_assets.drafting import Draft, draft_contract
from attrition_assets.errors import ContractError
from attrition_assets.months import last_day
from attrition_assets.validation.table import find_violations
from attrition_assets_tests.conftest import REAL_TABLE, MakeSnapshot
from attrition_assets_tests.seen import attrition

ROWS = 400
LEFT = np.random.default_rng(1).random(ROWS) < 0.2


def make_table(**more: Any) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "emp_code": [f"E{number:04}" for number in range(ROWS)],
            "Dept": rng.choice(["Ops", "IT", "HR: field"], ROWS),
            "salary (EUR)": rng.normal(50_000, 9_000, ROWS).round(2),
            "rating": np.where(rng.random(ROWS) < 0.1, np.nan, rng.integers(1, 6, ROWS)),
            "remote": rng.random(ROWS) < 0.5,
            "has_left": LEFT,
        }
        | more
    )


def draft_file(table: pd.DataFrame, path: Path, **options: Any) -> tuple[pd.DataFrame, Draft]:
    """The table as it is read back from a file, and its draft."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    raw = read_file(path)
    return raw, draft_contract(raw, "t", **options)


def entry(draft: Draft, column: str) -> dict[str, Any]:
    (found,) = (guess.entry for guess in draft.guesses if guess.column == column)
    return found


def why(draft: Draft, column: str) -> str:
    (found,) = (guess.why for guess in draft.guesses if guess.column == column)
    return found


def draft(**more: Any) -> Draft:
    return draft_contract(make_table(**more), "t")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_fits_the_contract_that_was_drafted_from_it(suffix: str, tmp_path: Path) -> None:
    raw, drafted = draft_file(make_table(), tmp_path / f"t{suffix}")
    contract = Contract.model_validate(yaml.safe_load(drafted.render()))
    assert contract == drafted.contract
    dated = raw.assign(SnapshotDate=last_day(pd.Period("2026-01", "M")))
    assert find_violations(dated, contract) == ()
    assert (contract.id, contract.label, contract.snapshot_date) == (
        "emp_code",
        "has_left",
        "SnapshotDate",
    )
    assert contract.features == ("Dept", "salary (EUR)", "rating", "remote")
    assert contract.columns["has_left"].positive == "True"
    assert contract.columns["rating"].missing
    assert contract.columns["rating"].levels == (1, 2, 3, 4, 5)


def test_every_line_of_the_file_has_its_reason(tmp_path: Path) -> None:
    _, drafted = draft_file(make_table(), tmp_path / "t.csv")
    lines = drafted.render().split("columns:\n")[1].splitlines()
    assert len(lines) == len(drafted.guesses) == 7
    assert all("}  # confirm: " in line for line in lines)


@pytest.mark.parametrize(
    "name", ["exit_date", "TerminationReason", "severance_paid", "Last Day", "resigned_on_exit"]
)
def test_what_is_known_only_after_leaving_is_ignored_by_its_name(name: str) -> None:
    drafted = draft(**{name: np.arange(ROWS) % 17})
    assert entry(drafted, name)["role"] == Role.IGNORED
    assert why(drafted, name).startswith("known only after leaving")


@pytest.mark.parametrize(
    "values",
    [
        np.where(LEFT, np.nan, np.arange(ROWS)),  # emptied when somebody leaves
        np.where(LEFT, 0.0, np.arange(ROWS) + 1.0),
        np.where(LEFT, "closed", "open"),
    ],
)
def test_what_tells_who_left_is_ignored_whatever_its_name(values: Any) -> None:
    drafted = draft(points=values)
    assert entry(drafted, "points")["role"] == Role.IGNORED
    assert "tells who left with an AUC of 1.000, alone" in why(drafted, "points")


@pytest.mark.parametrize("name", ["Gender", "AGE", "dateOfBirth", "isVeteran", "marital status"])
def test_protected_attributes_never_reach_the_model(name: str) -> None:
    drafted = draft(**{name: np.arange(ROWS) % 3})
    assert name not in drafted.contract.features


@pytest.mark.parametrize("name", ["wages", "manager", "percentage", "message_count", "stage"])
def test_a_name_that_only_contains_such_a_word_is_a_feature(name: str) -> None:
    assert name in draft(**{name: np.arange(ROWS) % 30}).contract.features


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("home_zip", np.arange(ROWS) % 50, "a proxy"),
        ("hired", pd.date_range("2020-01-01", periods=ROWS), "give the time since"),
        ("remarks", [f"Person {number}" for number in range(ROWS)], "names or remarks"),
        ("payroll_id", np.arange(ROWS) + 10_000, "another identifier"),
        ("country", "NL", "the same value in every row"),
        ("nothing", None, "no value at all"),
        ("bonus", [1.5 if number % 3 == 0 else None for number in range(ROWS)], "missing in 66%"),
    ],
)
def test_what_cannot_be_a_feature_is_ignored_with_the_reason(
    name: str, values: Any, said: str
) -> None:
    drafted = draft(**{name: values})
    assert entry(drafted, name)["role"] == Role.IGNORED
    assert said in why(drafted, name)


def test_numbers_are_ranks_counts_or_amounts() -> None:
    drafted = draft(
        rating2=1 + np.arange(ROWS) % 4,
        num_trainings=np.arange(ROWS) % 4,
        balance=np.arange(ROWS) - 200,
    )
    assert entry(drafted, "rating2")["levels"] == [1, 2, 3, 4]
    assert entry(drafted, "num_trainings")["range"] == [0, 6]
    lowest, highest = entry(drafted, "balance")["range"]
    assert lowest <= -400 and highest >= 400
    assert entry(drafted, "salary (EUR)")["range"][0] == 0


@pytest.mark.parametrize(
    ("name", "levels", "positive"),
    [
        ("Attrition", ("No", "Yes"), "Yes"),
        ("left", (0, 1), 1),
        ("employment_status", ("Active", "Terminated"), "Terminated"),
        ("is_active", ("false", "true"), "false"),
        ("still_employed", (0, 1), 0),
        ("status", ("Left", "Stayed"), "Left"),
        ("employment_status", ("Current", "Former"), "Former"),
        ("Status", ("Exited", "Present"), "Exited"),
        ("turnover", ("gone", "here"), "gone"),  # nobody knows such words: the rarer one
    ],
)
def test_the_level_that_means_left_is_told_by_its_words(
    name: str, levels: tuple[Any, Any], positive: Any
) -> None:
    stayed = next(level for level in levels if level != positive)
    table = make_table().drop(columns="has_left")
    table[name] = np.where(LEFT, positive, stayed)
    drafted = draft_contract(table, "t")
    assert (drafted.contract.label, entry(drafted, name)["positive"]) == (name, positive)


def test_a_label_is_neither_guessed_from_a_part_of_a_name_nor_among_several() -> None:
    table = make_table(left_handed=make_table()["remote"], on_leave=make_table()["remote"])
    table = table.rename(columns={"has_left": "Attrition"})
    assert draft_contract(table, "t").contract.label == "Attrition"
    with pytest.raises(ContractError, match="Attrition, churned may each tell who left: name"):
        draft_contract(table.assign(churned=table["Attrition"]), "t")


def test_a_dated_table_of_months_has_its_own_snapshot_date() -> None:
    months = [make_table(snapshot_date=date) for date in ("2026-01-31", "2026-02-28")]
    drafted = draft_contract(pd.concat(months, ignore_index=True), "t")
    assert drafted.contract.snapshot_date == "snapshot_date"
    assert drafted.contract.id == "emp_code"


def test_rows_of_an_undated_table_without_ids_are_numbered(tmp_path: Path) -> None:
    table = make_table()[["Dept", "rating", "remote", "has_left"]]
    drafted = draft_contract(table, "t")
    assert drafted.contract.id == "RowNumber"
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    start = pd.Period("2025-01", freq="M")
    months, left = read_months(path, drafted.contract, first_month=start)
    assert left is None
    numbers = pd.concat(months.values())["RowNumber"]
    assert sorted(numbers) == list(range(1, ROWS + 1))
    twice = table.assign(emp_code="E1")  # named like an id, and not one: not taken for a number
    with pytest.raises(ContractError, match="name it with --id"):
        draft_contract(twice, "t")


def test_numbers_that_are_codes_have_no_order_and_persons_names_are_no_feature() -> None:
    rng = np.random.default_rng(3)
    drafted = draft(
        DeptID=rng.integers(1, 7, ROWS),
        shift_code=rng.choice(["a", "b"], ROWS),
        DeskID=rng.integers(1, 300, ROWS),
        ManagerName=rng.choice(["A. B.", "C. D."], ROWS),
    )
    assert entry(drafted, "DeptID")["levels"] == [1, 2, 3, 4, 5, 6]
    assert entry(drafted, "DeptID")["kind"] == entry(drafted, "shift_code")["kind"] == "nominal"
    assert entry(drafted, "DeskID")["role"] == Role.IGNORED
    assert "different codes: an identifier" in why(drafted, "DeskID")
    assert why(drafted, "ManagerName") == "names of persons"


def test_what_cannot_be_guessed_is_asked_for() -> None:
    unnamed = make_table().rename(columns={"has_left": "outcome"})
    with pytest.raises(ContractError, match=r"name it with --label \(of two values: remote, out"):
        draft_contract(unnamed, "t")
    assert draft_contract(unnamed, "t", label="outcome").contract.label == "outcome"
    nobody = make_table().rename(columns={"emp_code": "who"})
    with pytest.raises(ContractError, match=r"name it with --id \(different in every row: who"):
        draft_contract(nobody, "t")
    assert draft_contract(nobody, "t", id_column="who").contract.id == "who"
    with pytest.raises(ContractError, match="'gone' is no column: emp_code, Dept, "):
        draft_contract(make_table(), "t", label="gone")
    with pytest.raises(ContractError, match="'Dept' has 3 values: the label needs two"):
        draft_contract(make_table(), "t", label="Dept")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (make_table().head(0), "no rows"),
        (make_table()[["emp_code", "has_left", "has_left"]], "columns appear twice: has_left"),
        (make_table()[["emp_code", "has_left"]], "no column is left for the model"),
    ],
)
def test_a_table_of_which_nothing_can_be_made_is_refused(table: pd.DataFrame, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        draft_contract(table, "t")


def test_the_command_writes_a_contract_that_import_accepts_and_never_over_another(
    tmp_path: Path,
) -> None:
    file, output, home = tmp_path / "staff.csv", tmp_path / "staff.yaml", tmp_path / "home"
    make_table().to_csv(file, index=False)
    words = ("contract", str(file), "--output", str(output))
    said = attrition(home, tmp_path, *words)
    assert said.exit_code == 0, said.output
    assert "salary (EUR)" in said.output
    assert f"export ATTRITION_CONTRACT={output}" in said.output
    again = attrition(home, tmp_path, *words)
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    imported = attrition(home, tmp_path, "import", str(file), ATTRITION_CONTRACT=str(output))
    assert imported.exit_code == 0, imported.output
    absent = attrition(home, tmp_path, "contract", str(tmp_path / "none.csv"))
    assert "none.csv is not a file that ends in " in absent.output


def test_the_real_table_is_drafted_nearly_as_it_was_declared_by_hand(contract: Contract) -> None:
    if not REAL_TABLE.exists():
        pytest.skip(f"the real IBM table is not at {REAL_TABLE}: its draft is NOT tested")
    drafted = draft_contract(read_file(REAL_TABLE), "ibm").contract
    assert (drafted.id, drafted.label) == (contract.id, contract.label)
    assert drafted.protected == contract.protected
    assert set(drafted.features) == set(contract.features)
    assert drafted.with_role(Role.IGNORED) == contract.with_role(Role.IGNORED)
    kinds = {
        name: (drafted.columns[name].kind, contract.columns[name].kind)
        for name in contract.features
    }
    assert {name for name, (ours, theirs) in kinds.items() if ours != theirs} == set()


def test_departures_may_tell_who_left_in_place_of_a_column(tmp_path: Path) -> None:
    table = make_table(exit_talk=["held" if left else None for left in LEFT]).drop(
        columns="has_left"
    )
    gone = pd.DataFrame({"emp_code": table["emp_code"][LEFT], "last_day": "2026-03-04"})
    draft = draft_contract(table, "t", departures=gone.assign(hired="2020-01-01"))
    assert draft.departure_date == "last_day"
    assert entry(draft, "LeftWithinHorizon")["role"] == Role.LABEL
    assert entry(draft, "exit_talk")["role"] == Role.IGNORED
    assert draft.contract.outcomes.departure_date == "last_day"
    assert yaml.safe_load(draft.render())["outcomes"]["departure_date"] == "last_day"


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            {"who": ["E0001"], "last_day": ["2026-03-04"]},
            "have no column 'emp_code', .*it has who",
        ),
        ({"emp_code": ["E0001"], "last_day": ["soon"]}, "None holds dates such as 2026-01-31"),
        (
            {"emp_code": ["E0001"], "a": ["2026-03-04"], "b": ["2026-03-04"]},
            "a, b holds dates such as",
        ),
    ],
)
def test_departures_that_do_not_tell_are_refused(columns: dict[str, list[str]], said: str) -> None:
    table = make_table().drop(columns="has_left")
    with pytest.raises(ContractError, match=said):
        draft_contract(table, "t", departures=pd.DataFrame(columns))


def test_commands_take_a_table_of_months_with_its_departures(
    tmp_path: Path, make_snapshot: MakeSnapshot
) -> None:
    rows = pd.concat([make_snapshot(month, 60, 0) for month in ("2025-01", "2025-02")])
    people, leavers = tmp_path / "people.csv", tmp_path / "leavers.csv"
    rows.drop(columns="Attrition").to_csv(people, index=False)
    pd.DataFrame({"EmployeeNumber": [1, 2], "DepartureDate": "2025-03-01"}).to_csv(leavers)
    home, contract = tmp_path / "home", tmp_path / "people.yaml"
    words = (str(people), "--departures", str(leavers))
    drafted = attrition(home, tmp_path, "contract", *words, "--output", str(contract))
    assert f"attrition import {people} --departures {leavers}" in drafted.output
    chosen = {"ATTRITION_CONTRACT": str(contract)}
    said = attrition(home, tmp_path, "import", *words, **chosen)
    assert f"2 months, 2025-01 to 2025-02, written to {home / 'data'}" in said.output
    again = attrition(home, tmp_path, "import", *words, **chosen)
    assert (again.exit_code, "is there already" in again.output) == (1, True)
    alone = attrition(home, tmp_path, "demo", "--departures", str(leavers))
    assert (alone.exit_code, "give it with --data FILE" in alone.output) == (2, True)


def test_a_column_named_like_a_label_is_no_feature_where_departures_tell_who_left() -> None:
    months = pd.date_range("2025-01-31", periods=3, freq="ME")
    rows = pd.concat([make_table(as_of=date) for date in months], ignore_index=True)
    gone = rows["emp_code"].isin(rows["emp_code"][:ROWS][LEFT])
    table = rows.drop(columns="has_left").assign(
        Attrition=np.where(gone & (rows["as_of"] == months[-1]), "Yes", "No"),
        status=np.where(gone & (rows["as_of"] == months[-1]), "inactive", "active"),
        union_status=np.where(rows["remote"], "member", "none"),
    )
    left = pd.DataFrame({"emp_code": rows["emp_code"][:ROWS][LEFT], "last_day": "2025-04-03"})
    drafted = draft_contract(table, "t", departures=left)
    for name in ("Attrition", "status"):
        assert (entry(drafted, name)["role"], why(drafted, name)[:12]) == (
            "ignored",
            "named like a",
        )
    assert entry(drafted, "union_status")["role"] == Role.FEATURE


def test_what_tells_who_leaves_soon_is_ignored_though_it_does_not_tell_who_ever_left() -> None:
    months = pd.date_range("2025-01-31", periods=8, freq="ME")
    rows = pd.concat([make_table(as_of=date) for date in months], ignore_index=True)
    gone = rows["emp_code"].isin(rows["emp_code"][:ROWS][LEFT])
    soon = gone & rows["as_of"].between(months[4], months[6])
    left = pd.DataFrame({"emp_code": rows["emp_code"][:ROWS][LEFT], "last_day": "2025-08-30"})
    table = rows.drop(columns="has_left").assign(rooms=np.where(soon, 3.5, 1.25))
    drafted = draft_contract(table, "t", departures=left)
    assert "tells who left with an AUC" in why(drafted, "rooms")


def test_departures_of_other_people_are_refused() -> None:
    table = make_table().drop(columns="has_left")
    gone = pd.DataFrame({"emp_code": ["X1", "X2"], "last_day": "2026-03-04"})
    with pytest.raises(ContractError, match="nobody of the table is among the departures"):
        draft_contract(table, "t", departures=gone)


def test_a_named_label_and_departures_may_both_be_given() -> None:
    table = make_table()
    gone = pd.DataFrame({"emp_code": table["emp_code"][LEFT], "last_day": "2026-03-04"})
    drafted = draft_contract(table, "t", label="has_left", departures=gone)
    assert (drafted.contract.label, drafted.departure_date) == ("has_left", "last_day")


@pytest.mark.parametrize("low", [1_000_000.0, 123_456_789.0, 0.00012, -5.5])
def test_a_drafted_range_holds_every_value_it_was_drafted_from(low: float) -> None:
    values = low + np.linspace(0, 1, ROWS) * abs(low) ** 0.1
    lowest, highest = entry(draft(amount=values), "amount")["range"]
    assert lowest <= values.min() and values.max() <= highest


@pytest.mark.parametrize("values", [[1e20] * ROWS, [np.inf, *range(1, ROWS)]])
def test_numbers_of_any_size_draft_a_contract_that_loads(values: list[float]) -> None:
    table = make_table(amount=np.array(values) * np.linspace(1, 2, ROWS))
    drafted = draft_contract(table, "t")
    assert drafted.contract.id == "emp_code"
    assert "nan" not in drafted.render_checked()


def test_a_name_that_no_file_can_hold_is_refused_in_words() -> None:
    with pytest.raises(ContractError, match=r"no contract can be drafted .*: rename the column"):
        draft(**{"two\nlines": LEFT}).render_checked()


@pytest.mark.parametrize("column", ["has_left", "Dept", "rating"])
def test_an_id_that_cannot_be_one_is_refused(column: str) -> None:
    with pytest.raises(ContractError, match=f"--id {column} cannot say whose a row is"):
        draft_contract(make_table(), "t", id_column=column)


def test_ids_with_leading_zeros_stay_text_and_nameless_columns_are_ignored() -> None:
    drafted = draft(
        emp_code=[f"{number:06}" for number in range(ROWS)], **{"Unnamed: 0": range(ROWS)}
    )
    assert not drafted.contract.columns["emp_code"].integer
    assert entry(drafted, "Unnamed: 0")["role"] == Role.IGNORED


def test_what_hides_an_id_is_hinted_at() -> None:
    months = [make_table(as_of=date) for date in ("31/01/2025", "28/02/2025")]
    with pytest.raises(ContractError, match=r"as_of holds no dates such as 2026-01-31"):
        draft_contract(pd.concat(months, ignore_index=True), "t")
    nobody = make_table()
    nobody.loc[3, "emp_code"] = None
    with pytest.raises(ContractError, match="emp_code has 1 rows without a value"):
        draft_contract(nobody, "t")
