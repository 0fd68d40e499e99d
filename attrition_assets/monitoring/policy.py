"""The limits that turn numbers into verdicts, and verdicts into a decision.

A file `policy.yaml` beside the contract may set them. How the numbers come about is not decided
here.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from attrition_assets.policy_file import read_entries
from attrition_assets.values import Value

Probability = Annotated[float, Field(gt=0, lt=1)]
Effect = Annotated[float, Field(ge=0, lt=1)]


class Cause(StrEnum):
    """What can call for retraining."""

    FEATURE_DRIFT = "feature drift"
    PREDICTION_DRIFT = "prediction drift"
    CONCEPT_DRIFT = "concept drift"
    PERFORMANCE_LOSS = "performance loss"
    OLD_CHAMPION = "old champion"


class MonitoringPolicy(Value):
    """What counts as drift, as lost performance, and as too old a champion.

    `yearly_budget` is the probability of an alarm within a year in which nothing changes: once for
    drift of features and predictions, spent over twelve months, once for concept drift and once for
    lost performance, each spent over four quarters. `prediction_share` is the part of the first
    that the predictions get.

    Floors are the smallest differences that count, however sure: `effect_floor` in KS distance or
    total variation, `relation_floor` in correlation or standard deviations given the other
    columns, `people_floor` in standard deviations of a mean by person, `joiner_floor` in headcount,
    `prediction_effect_floor` in KS distance of the scores (half of it in flagged share),
    `performance_margin` in AUC. `retrain_on` lists what calls for retraining; anything else is only
    reported. `min_rows` and `min_leavers` are the fewest of each sample that are judged,
    `min_people` the fewest of a month: of fewer, a shift of half a standard deviation between
    its rows and the baseline's would be missed.
    """

    yearly_budget: Probability = 0.05
    prediction_share: Probability = 0.2
    effect_floor: Effect = 0.05
    relation_floor: Effect = 0.10
    people_floor: Effect = 0.02
    joiner_floor: Effect = 0.02
    prediction_effect_floor: Effect = 0.10
    performance_margin: Effect = 0.02
    min_leavers: int = Field(default=30, ge=2)
    min_rows: int = Field(default=60, ge=20)
    min_people: int = Field(default=100, ge=20)
    champion_max_age_months: int = Field(default=12, ge=1)
    cooldown_months: int = Field(default=3, ge=0)
    retrain_on: tuple[Cause, ...] = tuple(Cause)

    @property
    def feature_level(self) -> float:
        """Probability of a feature-drift alarm in one month in which nothing changes."""
        return self.yearly_budget * (1 - self.prediction_share) / 12

    @property
    def prediction_level(self) -> float:
        """Probability of a prediction-drift alarm in one month in which nothing changes."""
        return self.yearly_budget * self.prediction_share / 12

    @property
    def outcome_level(self) -> float:
        """Probability of a concept alarm, or of a performance alarm, in one quarter."""
        return self.yearly_budget / 4


def read_policy(contract: Path) -> MonitoringPolicy:
    """The policy in the folder of a contract file; the default one if none lies there.

    Raises ContractError that names every unknown or malformed entry.
    """
    return read_entries(contract, MonitoringPolicy)
