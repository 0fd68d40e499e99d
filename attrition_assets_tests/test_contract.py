from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

from attrition_assets.contract import Contract, Kind, Role, order_columns, read_contract
from attrition_assets.errors import ContractError

from .conftest import declare_contract

PAY = {"kind": "continuous", "role": "feature", "range": [0, 10]}


def write_contract(folder: Path, text: str | None = None, /, **columns: Any) -> Path:
    """A contract file of `text`, or of three key columns and `columns`."""
    keys = declare_contract(Pay=PAY).model_dump(mode="json", exclude_defaults=True)["columns"]
    keys.pop("Pay")
    path = folder / "contract.yaml"
    content = {"name": "small", "columns": {**keys, **columns}}
    path.write_text(yaml.safe_dump(content, sort_keys=False) if text is None else text)
    return path


def test_the_default_contract_says_what_each_column_is_for(contract: Contract) -> None:
    assert (contract.id, contract.snapshot_date, contract.label) == (
        "EmployeeNumber",
        "SnapshotDate",
        "Attrition",
    )
    assert contract.protected == ("Age", "Gender", "MaritalStatus")
    assert len(contract.features) == 27
    assert contract.with_role(Role.IGNORED) == ("EmployeeCount", "Over18", "StandardHours")
    assert contract.horizon_months == 3


def test_a_protected_attribute_reaches_the_model_only_with_a_reason(contract: Contract) -> None:
    age = contract.columns["Age"].model_copy(update={"used_because": "a pension plan needs it"})
    taken_in = contract.model_copy(update={"columns": {**contract.columns, "Age": age}})
    assert set(taken_in.features) == {"Age", *contract.features}
    assert taken_in.protected == contract.protected
    assert taken_in.monitored == contract.monitored


def test_neither_the_label_nor_a_protected_attribute_reaches_the_model(contract: Contract) -> None:
    assert not {contract.label, contract.id, *contract.protected} & set(contract.features)
    assert contract.label not in contract.monitored
    assert set(contract.monitored) == {*contract.features, *contract.protected}


def test_columns_are_selected_by_kind_in_the_order_of_the_contract(contract: Contract) -> None:
    assert contract.select_kind(Kind.ORDINAL, among=contract.features)[:2] == (
        "Education",
        "EnvironmentSatisfaction",
    )
    assert contract.select_kind(Kind.ID, Kind.DATE) == ("EmployeeNumber", "SnapshotDate")


@pytest.mark.parametrize(
    ("declaration", "is_text", "is_integer"),
    [
        ({"kind": "nominal", "levels": ["a", "b"]}, True, False),
        ({"kind": "ordinal", "levels": [1, 2]}, False, True),
        ({"kind": "continuous", "range": [0, 1]}, False, False),
        ({"kind": "continuous", "range": [0, 1], "integer": True}, False, True),
    ],
)
def test_the_declaration_alone_says_how_values_are_stored(
    declaration: dict[str, Any], is_text: bool, is_integer: bool
) -> None:
    column = declare_contract(Own={"role": "feature", **declaration}).columns["Own"]
    assert (column.is_text, column.is_integer) == (is_text, is_integer)


def test_a_table_is_put_into_the_contracts_order_without_other_columns() -> None:
    contract = declare_contract(Pay=PAY)
    table = pd.DataFrame({"Pay": [1], "shoe": [40], "Id": [7]})
    assert list(order_columns(table, contract)) == ["Id", "Pay"]


@pytest.mark.parametrize(
    ("declaration", "fault"),
    [
        ({"kind": "nominal"}, "nominal columns need 'levels'"),
        ({"kind": "ordinal", "levels": []}, "ordinal columns need 'levels'"),
        ({"levels": [1, 2], "range": [1, 2]}, "'levels' are for ordinal and nominal columns, not"),
        ({"kind": "nominal", "levels": ["a", 1]}, "all text or all integers (quote Yes and No)"),
        ({"kind": "nominal", "levels": [True, False]}, "Input should be a valid integer"),
        ({"kind": "nominal", "levels": ["a", "a"]}, "'levels' repeats a level"),
        ({"kind": "ordinal", "levels": [3, 1, 2]}, "'levels' that are integers must ascend"),
        ({"range": None}, "continuous columns need a 'range': [lowest, highest]"),
        ({"kind": "ordinal", "levels": [1]}, "'range' is for continuous columns, not ordinal"),
        ({"range": [9, 1]}, "'range' [9.0, 1.0] is upside down"),
        ({"range": [1]}, "Field required"),
        (
            {"kind": "nominal", "levels": ["a"], "range": None, "integer": True},
            "'integer' is for continuous and id columns, not nominal",
        ),
        ({"positive": "Yes"}, "'positive' belongs to the label column, and it needs one"),
        ({"kind": "id", "range": None}, "id columns cannot have role feature"),
        ({"kind": "date", "range": None}, "date columns cannot have role feature"),
        ({"kind": "category"}, "'continuous', 'ordinal', 'nominal', 'id' or 'date'"),
        ({"role": "target"}, "'feature', 'protected', 'label', 'id', 'snapshot_date' or 'ignored'"),
        ({"used_because": "it is strong"}, "is for protected columns, not for role feature"),
        ({"role": "protected", "used_because": ""}, "at least 1 character"),
        ({"dtype": "int64"}, "Extra inputs are not permitted"),
    ],
)
def test_each_fault_of_a_column_is_refused_by_its_place(
    declaration: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    own = {key: value for key, value in {**PAY, **declaration}.items() if value is not None}
    if own["kind"] == "nominal" and "range" not in declaration:
        own.pop("range")
    path = write_contract(tmp_path, Pay=PAY, Own=own)
    with pytest.raises(ContractError) as caught:
        read_contract(path)
    assert str(caught.value).startswith(f"{path} is not a valid contract:\n  columns.Own")
    assert fault in str(caught.value)


@pytest.mark.parametrize(
    ("name", "declaration", "fault"),
    [
        ("Left", {"kind": "nominal", "role": "label", "levels": ["No"]}, "and it needs one"),
        (
            "Left",
            {"kind": "nominal", "role": "label", "levels": ["No"], "positive": "Yes"},
            "'positive' 'Yes' is not among the levels",
        ),
        ("Id", {**PAY, "role": "id"}, "role id needs kind id, not continuous"),
        (
            "Date",
            {"kind": "id", "role": "snapshot_date"},
            "role snapshot_date needs kind date, not id",
        ),
        ("Id", {"kind": "id", "role": "id", "missing": True}, "role id cannot be missing"),
        (
            "Date",
            {"kind": "date", "role": "snapshot_date", "missing": True},
            "role snapshot_date cannot be missing",
        ),
    ],
)
def test_each_fault_of_a_key_column_is_refused_by_its_place(
    name: str, declaration: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        read_contract(write_contract(tmp_path, Pay=PAY, **{name: declaration}))
    assert f"  columns.{name}: " in str(caught.value)
    assert fault in str(caught.value)


def test_the_faults_of_all_columns_are_told_at_once(tmp_path: Path) -> None:
    path = write_contract(
        tmp_path,
        Pay={**PAY, "range": [9, 1]},
        Team={"kind": "nominal", "role": "feature"},
        Shoe={**PAY, "colour": "red"},
    )
    with pytest.raises(ContractError) as caught:
        read_contract(path)
    _, *faults = str(caught.value).splitlines()
    assert [fault.split(":")[0].strip() for fault in faults] == [
        "columns.Pay",
        "columns.Team",
        "columns.Shoe.colour",
    ]


@pytest.mark.parametrize(
    ("columns", "fault"),
    [
        ({}, "no column has role feature"),
        (
            {"Pay": PAY, "Badge": {"kind": "id", "role": "id"}},
            "exactly one column needs role id; found ['Id', 'Badge']",
        ),
        (
            {"Pay": PAY, "Date": {"kind": "date", "role": "ignored"}},
            "exactly one column needs role snapshot_date; found none",
        ),
    ],
)
def test_a_contract_has_one_of_each_key_role_and_a_feature(
    columns: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        read_contract(write_contract(tmp_path, **columns))
    assert f"  contract: Value error, {fault}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "  contract: Input should be a valid dictionary"),
        ("- a\n- b", "  contract: Input should be a valid dictionary"),
        ("name: a\nhorizon: 3\ncolumns: {}", "  horizon: Extra inputs are not permitted"),
        ("name: a\noutcomes: {days: 90}\ncolumns: {}", "  outcomes.days: Extra inputs"),
        ("name: a\noutcomes: {horizon_months: 0}\ncolumns: {}", "greater than or equal to 1"),
        ("columns: {}", "  name: Field required"),
        ("name: [", "is not YAML: "),
        ("name: a\ncolumns:\n  Age: {}\n  Pay: {}\n  Age: {}", "is not YAML: Age appears twice"),
    ],
)
def test_a_file_that_is_no_contract_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = write_contract(tmp_path, text)
    with pytest.raises(ContractError) as caught:
        read_contract(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_file_of_other_bytes_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_bytes("name: Büro".encode("latin-1"))
    with pytest.raises(ContractError, match="is not YAML"):
        read_contract(path)


def test_a_byte_order_mark_and_shared_declarations_are_read(tmp_path: Path) -> None:
    shared = "  Other: {<<: &pay {kind: continuous, role: feature, range: [0, 1]}}\n  Pay: *pay\n"
    text = write_contract(tmp_path, Pay=PAY).read_text().split("  Pay:")[0] + shared
    contract = read_contract(write_contract(tmp_path, "\ufeff" + text))
    assert contract.features == ("Other", "Pay")


@pytest.mark.parametrize(("name", "why"), [("none.yaml", "No such file"), ("", "Is a directory")])
def test_an_absent_contract_is_named_with_what_to_do(name: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        read_contract(tmp_path / name)
    assert f"no contract at {tmp_path / name} ({why}" in str(caught.value)
    assert "set ATTRITION_CONTRACT to a contract file, or unset it" in str(caught.value)


def test_a_contract_is_frozen(contract: Contract) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        contract.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        contract.columns["Age"].integer = False
