"""The contract: which columns a snapshot has, what each may hold, and what it is for.

One schema serves assets, checks, features and simulation; nothing is guessed from dtypes. What a
*table* must satisfy lives in `validation`; this module knows only the declaration.
"""

from collections.abc import Callable, Hashable
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from attrition_assets.errors import ContractError
from attrition_assets.values import Value

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_CONTRACT = Path(__file__).parent / "contracts" / "ibm.yaml"

Level = Annotated[int, Field(strict=True)] | Annotated[str, Field(strict=True)]


class Kind(StrEnum):
    """How a column's values behave: decides its tests, its encoding and its stored type."""

    CONTINUOUS = "continuous"
    ORDINAL = "ordinal"
    NOMINAL = "nominal"
    ID = "id"
    DATE = "date"


class Role(StrEnum):
    """What a column is for. `feature` columns reach the model; `protected` ones audit it."""

    FEATURE = "feature"
    PROTECTED = "protected"
    LABEL = "label"
    ID = "id"
    SNAPSHOT_DATE = "snapshot_date"
    IGNORED = "ignored"


class Column(Value):
    """One column: its kind and role, and the values it accepts.

    `range` (inclusive) is for continuous columns, `levels` for ordinal (in order) and nominal.
    `integer` refuses fractions (of numbers and ids); `positive` is the label's
    level that means "left". A protected column reaches the model only with the reason for it in
    `used_because`, which the model card shows.
    """

    kind: Kind
    role: Role
    range: tuple[float, float] | None = None
    levels: tuple[Level, ...] | None = None
    integer: bool = False
    missing: bool = False
    positive: Level | None = None
    used_because: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        leveled = self.kind in (Kind.ORDINAL, Kind.NOMINAL)
        if leveled and not self.levels:
            raise ValueError(f"{self.kind} columns need 'levels'")
        if not leveled and self.levels:
            raise ValueError(f"'levels' are for ordinal and nominal columns, not {self.kind}")
        if self.levels and len({type(level) for level in self.levels}) > 1:
            raise ValueError("'levels' must be all text or all integers (quote Yes and No)")
        if self.levels and len(set(self.levels)) < len(self.levels):
            raise ValueError("'levels' repeats a level")
        if self.levels and not self.is_text and list(self.levels) != sorted(self.levels):
            raise ValueError("'levels' that are integers must ascend")
        if self.kind == Kind.CONTINUOUS and self.range is None:
            raise ValueError("continuous columns need a 'range': [lowest, highest]")
        if self.kind != Kind.CONTINUOUS and self.range:
            raise ValueError(f"'range' is for continuous columns, not {self.kind}")
        if self.integer and self.kind not in (Kind.CONTINUOUS, Kind.ID):
            raise ValueError(f"'integer' is for continuous and id columns, not {self.kind}")
        if self.range and not self.range[0] <= self.range[1]:
            raise ValueError(f"'range' {list(self.range)} is upside down")
        if (self.role == Role.LABEL) != (self.positive is not None):
            raise ValueError("'positive' belongs to the label column, and it needs one")
        if self.positive is not None and self.positive not in (self.levels or ()):
            raise ValueError(f"'positive' {self.positive!r} is not among the levels")
        if self.missing and self.role in (Role.ID, Role.SNAPSHOT_DATE):
            raise ValueError(f"role {self.role} cannot be missing")
        for kind, role in ((Kind.ID, Role.ID), (Kind.DATE, Role.SNAPSHOT_DATE)):
            if role == self.role and kind != self.kind:
                raise ValueError(f"role {role} needs kind {kind}, not {self.kind}")
        if self.role in (Role.FEATURE, Role.PROTECTED) and self.kind in (Kind.ID, Kind.DATE):
            raise ValueError(f"{self.kind} columns cannot have role {self.role}")
        if self.used_because and self.role != Role.PROTECTED:
            raise ValueError(f"'used_because' is for protected columns, not for role {self.role}")
        return self

    @property
    def is_used(self) -> bool:
        """Whether the column reaches the model."""
        return self.role == Role.FEATURE or self.used_because is not None

    @property
    def is_text(self) -> bool:
        """Whether values are stored as text."""
        return bool(self.levels) and isinstance(self.levels[0], str)  # type: ignore[index]

    @property
    def is_integer(self) -> bool:
        """Whether values are stored as integers."""
        return self.integer or (bool(self.levels) and not self.is_text)


class Outcomes(Value):
    """What the label means: leaving within `horizon_months` of the snapshot's date.

    `departure_date` names the date column of the departures table, whose id column is the
    contract's own.
    """

    horizon_months: int = Field(default=3, ge=1, le=24)
    departure_date: str = "DepartureDate"


class Contract(Value):
    """A table's declaration: columns by name, in order, and what its label means."""

    name: str
    outcomes: Outcomes = Outcomes()
    columns: dict[str, Column]

    @model_validator(mode="after")
    def _has_one_of_each_key_role(self) -> Self:
        for role in (Role.ID, Role.SNAPSHOT_DATE, Role.LABEL):
            found = [name for name, column in self.columns.items() if column.role == role]
            if len(found) != 1:
                raise ValueError(f"exactly one column needs role {role}; found {found or 'none'}")
        if not self.features:
            raise ValueError("no column has role feature")
        return self

    def _names(self, keep: Callable[[Column], bool]) -> tuple[str, ...]:
        return tuple(name for name, column in self.columns.items() if keep(column))

    def with_role(self, *roles: Role) -> tuple[str, ...]:
        """Names of the columns that have one of `roles`, in the contract's order."""
        return self._names(lambda column: column.role in roles)

    @property
    def features(self) -> tuple[str, ...]:
        """The columns that reach the model."""
        return self._names(lambda column: column.is_used)

    @property
    def protected(self) -> tuple[str, ...]:
        """The columns by which the model is audited; few contracts let it use one of them."""
        return self.with_role(Role.PROTECTED)

    @property
    def monitored(self) -> tuple[str, ...]:
        """The columns whose drift is tested: features and protected attributes, never the label."""
        return self.with_role(Role.FEATURE, Role.PROTECTED)

    @property
    def id(self) -> str:
        """The column that identifies an employee."""
        return self.with_role(Role.ID)[0]

    @property
    def snapshot_date(self) -> str:
        """The column that holds the snapshot's date."""
        return self.with_role(Role.SNAPSHOT_DATE)[0]

    @property
    def label(self) -> str:
        """The column that says who left; a snapshot may come without it."""
        return self.with_role(Role.LABEL)[0]

    @property
    def horizon_months(self) -> int:
        """Months after a snapshot's date within which leaving counts."""
        return self.outcomes.horizon_months

    def select_kind(self, *kinds: Kind, among: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """Names of the columns of `kinds`, in the contract's order."""
        names = self.columns if among is None else among
        return tuple(name for name in names if self.columns[name].kind in kinds)


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a key that appears twice; YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if repeated := {key for key in keys if keys.count(key) > 1}:
            raise yaml.MarkedYAMLError(
                problem=f"{', '.join(sorted(repeated))} appears twice", problem_mark=node.start_mark
            )
        return super().construct_mapping(node, deep)


@lru_cache
def read_contract(path: Path = DEFAULT_CONTRACT) -> Contract:
    """Read a contract file, refusing unknown and repeated keys.

    Raises ContractError with every fault found, each named by its place in the file.
    """
    try:
        return Contract.model_validate(load_yaml(path))
    except OSError as error:
        raise ContractError(
            f"no contract at {path} ({error.strerror}): set ATTRITION_CONTRACT to a contract "
            "file, or unset it for the default"
        ) from None
    except ValidationError as error:
        faults = explain_faults(error, "contract")
        raise ContractError(f"{path} is not a valid contract:\n{faults}") from None


def load_yaml(path: Path) -> Any:
    """The content of a YAML file. Raises ContractError if it is none, OSError if it is absent."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{path} is not YAML: {error}") from None


def explain_faults(error: ValidationError, whole: str) -> str:
    """Every fault of a declaration on a line of its own; those of no entry are of the `whole`."""
    return "\n".join(
        f"  {'.'.join(map(str, fault['loc'])) or whole}: {fault['msg']}" for fault in error.errors()
    )


def order_columns(table: "pd.DataFrame", contract: Contract) -> "pd.DataFrame":
    """The contract's columns of `table`, in the contract's order."""
    return table[[name for name in contract.columns if name in table.columns]]
