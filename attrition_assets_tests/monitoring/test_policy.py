from pathlib import Path

import pytest
from pydantic import ValidationError

from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.errors import ContractError
from attrition_assets.monitoring.policy import Cause, MonitoringPolicy, read_policy
from attrition_assets.policy_file import SECTIONS


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    return tmp_path / "contract.yaml"


def write(contract: Path, text: str) -> Path:
    path = contract.with_name("policy.yaml")
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "fault",
    [
        {"yearly_budget": 0},
        {"yearly_budget": 1},
        {"people_floor": 1},
        {"min_rows": 19},
        {"leval": 1},
    ],
)
def test_a_limit_out_of_range_or_unknown_is_refused(fault: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fault))):
        MonitoringPolicy.model_validate(fault)


@pytest.mark.parametrize("policy", [MonitoringPolicy(), MonitoringPolicy(yearly_budget=0.2)])
def test_the_levels_of_a_year_add_up_to_its_budget_once_for_each_judge(
    policy: MonitoringPolicy,
) -> None:
    monthly = policy.feature_level + policy.prediction_level
    assert 12 * monthly == pytest.approx(policy.yearly_budget)
    assert 4 * policy.outcome_level == pytest.approx(policy.yearly_budget)


def test_predictions_get_their_share_of_the_budget() -> None:
    policy = MonitoringPolicy(prediction_share=0.5)
    assert policy.prediction_level == pytest.approx(policy.feature_level)
    assert 12 * policy.prediction_level == pytest.approx(0.025)


@pytest.mark.parametrize("text", [None, "", "# nothing is set\n"])
def test_without_a_file_or_entries_the_policy_is_the_default(
    text: str | None, contract: Path
) -> None:
    if text is not None:
        write(contract, text)
    assert read_policy(contract) == MonitoringPolicy()


def test_what_the_file_sets_is_taken_and_the_rest_stays_as_it_is(contract: Path) -> None:
    write(contract, "yearly_budget: 0.1\nretrain_on: [concept drift, old champion]\n")
    policy = read_policy(contract)
    assert policy.yearly_budget == 0.1
    assert policy.retrain_on == (Cause.CONCEPT_DRIFT, Cause.OLD_CHAMPION)
    others = {"yearly_budget", "retrain_on"}
    assert policy.model_dump(exclude=others) == MonitoringPolicy().model_dump(exclude=others)


def test_the_shipped_policy_says_what_the_defaults_are() -> None:
    assert DEFAULT_CONTRACT.with_name("policy.yaml").is_file()
    assert read_policy(DEFAULT_CONTRACT) == MonitoringPolicy()


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("yearly_buget: 0.1", ["yearly_buget: Extra inputs are not permitted"]),
        ("yearly_budget: 5 %", ["yearly_budget: Input should be a valid number"]),
        ("min_rows: 3\ncooldown_months: -1", ["min_rows: ", "cooldown_months: "]),
        (
            "retrain_on: [drift]",
            ["retrain_on.0: Input should be 'feature drift', 'prediction drift"],
        ),
        ("- yearly_budget", ["policy: Input should be a valid dictionary"]),
    ],
)
def test_every_faulty_entry_is_named_with_the_file_and_what_is_accepted(
    text: str, faults: list[str], contract: Path
) -> None:
    path = write(contract, text)
    with pytest.raises(ContractError) as raised:
        read_policy(contract)
    said = str(raised.value)
    assert said.startswith(f"{path} is not a valid policy:\n")
    assert all(f"  {fault}" in said for fault in faults)
    assert said.endswith("accepted are: " + ", ".join([*MonitoringPolicy.model_fields, *SECTIONS]))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yearly_budget: 0.1\nmin_rows: 60\nyearly_budget: 0.2", "yearly_budget appears twice"),
        ("yearly_budget: [", "expected the node content"),
    ],
)
def test_a_file_that_is_no_yaml_or_repeats_an_entry_is_refused_by_name(
    text: str, why: str, contract: Path
) -> None:
    path = write(contract, text)
    with pytest.raises(ContractError, match=why) as raised:
        read_policy(contract)
    assert str(raised.value).startswith(f"{path} is not YAML: ")


def test_a_file_that_is_no_text_is_refused_by_name(contract: Path) -> None:
    path = contract.with_name("policy.yaml")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match="is not YAML"):
        read_policy(contract)
    path.unlink()
    path.mkdir()
    with pytest.raises(ContractError, match=r"policy.yaml cannot be read \(Is a directory\)"):
        read_policy(contract)
