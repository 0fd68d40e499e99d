"""What the prediction API takes for an employee, and how it names what it does not take."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from attrition_assets.contract import read_contract
from attrition_assets.serving.employees import MOST_EMPLOYEES, describe_request, make_employee
from attrition_assets_tests.conftest import declare_contract

REQUEST = describe_request(read_contract())


def send(**changes: Any) -> dict[str, Any]:
    body = {"employees": [make_employee(read_contract()) | changes]}
    read: dict[str, Any] = REQUEST.validate_json(json.dumps(body))["employees"][0]
    return read


def find_fault(**changes: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        send(**changes)
    (fault,) = caught.value.errors()
    return str(fault["loc"][-1]), fault["msg"]


def test_the_example_is_taken_as_it_is() -> None:
    assert send() == make_employee(read_contract())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"MonthlyIncome": -5}, "greater than or equal to 1000"),
        ({"MonthlyIncome": "5000"}, "valid integer"),
        ({"MonthlyIncome": 5000.5}, "valid integer"),
        ({"MonthlyIncome": None}, "valid integer"),
        ({"MonthlyIncome": True}, "valid integer"),
        ({"JobLevel": 6}, "less than or equal to 5"),
        ({"JobLevel": True}, "valid integer"),
        ({"OverTime": "Maybe"}, "'No' or 'Yes'"),
        ({"OverTime": ["Yes"]}, "'No' or 'Yes'"),
        ({"EmployeeNumber": "not a number"}, "valid integer"),
        ({"EmployeeNumber": 2**53}, "less than or equal to"),
        ({"Gender": "Martian"}, "not permitted"),
        ({"Attrition": "Yes"}, "not permitted"),
        ({"SnapshotDate": "not a date"}, "not permitted"),
    ],
)
def test_what_the_contract_does_not_accept_is_refused_with_the_name_of_the_field(
    changes: dict[str, Any], said: str
) -> None:
    field, message = find_fault(**changes)
    assert field == next(iter(changes))
    assert said in message


def test_every_field_that_is_absent_is_named() -> None:
    with pytest.raises(ValidationError) as caught:
        REQUEST.validate_json(b'{"employees": [{}]}')
    named = {str(fault["loc"][-1]) for fault in caught.value.errors()}
    assert named == set(make_employee(read_contract()))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"employees": []}',
        b'{"employees": {}}',
        b'{"employees": [1]}',
        b'{"people": []}',
        b'{"employees": [NaN]}',
    ],
)
def test_what_is_no_list_of_employees_is_refused(body: bytes) -> None:
    with pytest.raises(ValidationError):
        REQUEST.validate_json(body)


def test_more_employees_than_a_request_may_have_are_refused() -> None:
    people = [make_employee(read_contract())] * (MOST_EMPLOYEES + 1)
    with pytest.raises(ValidationError, match="at most 10000 items"):
        REQUEST.validate_json(json.dumps({"employees": people}))


@pytest.mark.parametrize("value", [1, 4, None])
def test_levels_with_gaps_and_missing_values_are_taken_as_declared(value: object) -> None:
    contract = declare_contract(
        Mood={"kind": "ordinal", "role": "feature", "levels": [1, 2, 4], "missing": True}
    )
    reader = describe_request(contract)
    body = {"employees": [{contract.id: 1, "Mood": value}]}
    assert reader.validate_json(json.dumps(body)) == body
    for other in (3, True, 1.5, "1"):
        with pytest.raises(ValidationError):
            reader.validate_json(json.dumps({"employees": [{contract.id: 1, "Mood": other}]}))
