"""What a flag means for a person, and the limits that turn the audit's numbers into a verdict.

Declared as the section `fairness` of `policy.yaml` beside the contract. How the numbers come about
is for `fairness`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from attrition_assets.monitoring.policy import Probability
from attrition_assets.policy_file import read_section
from attrition_assets.values import Value


class FlagMeans(StrEnum):
    """What being flagged brings the person: which direction is adverse.

    A burden (a mark against someone) is adverse to those flagged more often, a benefit (an offer to
    stay) to those flagged less often. Where nobody has declared it, both are.
    """

    BURDEN = "burden"
    BENEFIT = "benefit"
    UNDECLARED = "undeclared"

    @property
    def readings(self) -> tuple["FlagMeans", ...]:
        """The meanings under which a difference must be looked at."""
        if self == FlagMeans.UNDECLARED:
            return (FlagMeans.BENEFIT, FlagMeans.BURDEN)
        return (self,)


class FairnessPolicy(Value):
    """What the fairness audit holds a model to.

    The default for `flag_means` is the cautious one: nobody has said whether a flag helps or harms,
    so a difference in either direction is adverse. `ratio_limit` is that of the four-fifths rule
    (29 CFR 1607.4 D); against a burden its inverse, 1.25. `level` is the probability that a model
    without any difference between groups is not passed, over all groups and their pairs together.

    Groups of fewer than `min_people` people, or of a smaller share than `min_share`, are counted
    and not judged. New York's Local Law 144 lets shares below .02 be left out; by default the
    number alone decides, so that a large company's small groups are judged too. Only a group with
    `min_leavers` people who left can fail; others are to be looked at. `edges` cut a numeric
    attribute into groups, each edge being the lowest value of its group; without, the quartiles do.
    """

    flag_means: FlagMeans = FlagMeans.UNDECLARED
    ratio_limit: Probability = 0.8
    level: Probability = 0.05
    min_people: int = Field(default=30, ge=5)
    min_share: float = Field(default=0.0, ge=0, lt=1)
    min_leavers: int = Field(default=30, ge=1)
    permutations: int = Field(default=1999, ge=99)
    seed: int = Field(default=0, ge=0)
    edges: dict[str, tuple[float, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _edges_ascend(self) -> Self:
        for name, edges in self.edges.items():
            if not edges or list(edges) != sorted(set(edges)):
                raise ValueError(f"'edges' of {name} must be one number or more, ascending")
        return self

    def smallest(self, people: int) -> float:
        """The fewest people of a group that is judged, among `people` audited."""
        return max(self.min_people, self.min_share * people)


def read_fairness_policy(contract: Path) -> FairnessPolicy:
    """The fairness policy in the folder of a contract file; the default one if none lies there.

    Raises ContractError that names every unknown or malformed entry.
    """
    return read_section(contract, "fairness", FairnessPolicy)
