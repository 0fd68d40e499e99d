"""The file `policy.yaml` beside a contract: its entries for monitoring, and its sections.

What the entries mean is for those who read them: `monitoring.policy`, `governance.fairness_policy`,
`training.policy`, `serving.aggregates`.
"""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from attrition_assets.contract import explain_faults, load_yaml
from attrition_assets.errors import ContractError
from attrition_assets.values import Value

POLICY_FILE = "policy.yaml"
SECTIONS = ("fairness", "training", "overview")
Declared = TypeVar("Declared", bound=Value)


def read_entries(contract: Path, kind: type[Declared]) -> Declared:
    """What the policy file says outside its sections; the default where it says nothing.

    Raises ContractError that names every unknown or malformed entry.
    """
    path, accepted = contract.with_name(POLICY_FILE), ", ".join([*kind.model_fields, *SECTIONS])
    content = _load(path)
    if content is not None and not isinstance(content, dict):
        raise ContractError(
            f"{path} is not a valid policy:\n  policy: Input should be a valid dictionary\n"
            f"  accepted are: {accepted}"
        )
    entries = {name: value for name, value in (content or {}).items() if name not in SECTIONS}
    try:
        return kind.model_validate(entries)
    except ValidationError as error:
        raise ContractError(
            f"{path} is not a valid policy:\n{explain_faults(error, 'policy')}\n"
            f"  accepted are: {accepted}"
        ) from None


def read_section(contract: Path, name: str, kind: type[Declared]) -> Declared:
    """What a section of the policy file says; the default where it says nothing.

    Raises ContractError that names every unknown or malformed entry.
    """
    path, content = contract.with_name(POLICY_FILE), _load(contract.with_name(POLICY_FILE))
    declared = content.get(name) if isinstance(content, dict) else None
    try:
        return kind.model_validate({} if declared is None else declared)
    except ValidationError as error:
        raise ContractError(
            f"{path} is not a valid policy: its section '{name}':\n"
            f"{explain_faults(error, name)}\n  accepted are: {', '.join(kind.model_fields)}"
        ) from None


def _load(path: Path) -> Any:
    """The file's content, unchecked; None if it is not there or empty."""
    try:
        return load_yaml(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ContractError(f"{path} cannot be read ({error.strerror}): mend it") from None
