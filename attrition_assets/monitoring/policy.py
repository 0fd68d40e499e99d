"""The limits that turn numbers into verdicts, and verdicts into a decision.

How the numbers come about is not decided here.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(gt=0, lt=1)]
Effect = Annotated[float, Field(ge=0, lt=1)]


class Cause(StrEnum):
    """What can call for retraining."""

    FEATURE_DRIFT = "feature drift"
    PREDICTION_DRIFT = "prediction drift"
    CONCEPT_DRIFT = "concept drift"
    PERFORMANCE_LOSS = "performance loss"
    OLD_CHAMPION = "old champion"


class MonitoringPolicy(BaseModel):
    """What counts as drift, as lost performance, and as too old a champion.

    Levels are probabilities of an alarm when nothing changed. Those of concept and performance are
    for one quarterly evaluation: four of them stay within 5 % a year. Effects are distances in
    0..1; `performance_margin` is in AUC. `retrain_on` lists what calls for retraining; anything
    else is only reported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Probability = 0.05
    effect_floor: Effect = 0.05
    prediction_effect_floor: Effect = 0.10
    concept_level: Probability = 0.0125
    performance_level: Probability = 0.0125
    performance_margin: Effect = 0.02
    min_leavers: int = Field(default=30, ge=2)
    min_rows: int = Field(default=30, ge=2)
    champion_max_age_months: int = Field(default=12, ge=1)
    cooldown_months: int = Field(default=3, ge=0)
    retrain_on: tuple[Cause, ...] = tuple(Cause)
