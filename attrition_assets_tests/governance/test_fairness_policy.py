from pathlib import Path

import pytest

from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.errors import ContractError
from attrition_assets.governance.fairness_policy import (
    FairnessPolicy,
    FlagMeans,
    read_fairness_policy,
)
from attrition_assets.monitoring.policy import MonitoringPolicy, read_policy


def write(folder: Path, text: str) -> Path:
    (folder / "policy.yaml").write_text(text)
    return folder / "contract.yaml"


@pytest.mark.parametrize("text", ["", "fairness:\n", "min_rows: 100\n"])
def test_without_a_section_the_policy_is_the_default(tmp_path: Path, text: str) -> None:
    assert read_fairness_policy(tmp_path / "contract.yaml") == FairnessPolicy()
    assert read_fairness_policy(write(tmp_path, text)) == FairnessPolicy()


def test_each_reader_takes_its_own_part_of_the_file(tmp_path: Path) -> None:
    contract = write(tmp_path, "min_rows: 100\nfairness: {flag_means: burden}\n")
    assert read_fairness_policy(contract) == FairnessPolicy(flag_means=FlagMeans.BURDEN)
    assert read_policy(contract) == MonitoringPolicy(min_rows=100)


def test_the_shipped_policy_declares_no_meaning_and_cuts_ages_at_whole_decades() -> None:
    shipped = read_fairness_policy(DEFAULT_CONTRACT)
    assert shipped == FairnessPolicy(edges={"Age": (30, 40, 50)})
    assert shipped.flag_means == FlagMeans.UNDECLARED


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("{flag_mean: burden}", "flag_mean: Extra inputs are not permitted"),
        ("{flag_means: harm}", "flag_means: Input should be 'burden', 'benefit' or 'undeclared'"),
        ("{ratio_limit: 1.2}", "ratio_limit: Input should be less than 1"),
        ("{edges: {Age: [40, 30]}}", "fairness: Value error, 'edges' of Age"),
        ("{edges: {Age: []}}", "fairness: Value error, 'edges' of Age"),
        ("burden", "fairness: Input should be a valid dictionary"),
    ],
)
def test_a_faulty_entry_is_named_with_the_file_and_what_is_accepted(
    tmp_path: Path, section: str, fault: str
) -> None:
    contract = write(tmp_path, f"fairness: {section}\n")
    with pytest.raises(ContractError) as raised:
        read_fairness_policy(contract)
    said = str(raised.value)
    assert said.startswith(f"{tmp_path / 'policy.yaml'} is not a valid policy")
    assert f"  {fault}" in said
    assert said.endswith("accepted are: " + ", ".join(FairnessPolicy.model_fields))


def test_an_unknown_section_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="fairnes: Extra inputs are not permitted"):
        read_policy(write(tmp_path, "fairnes: {flag_means: burden}\n"))
