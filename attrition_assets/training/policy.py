"""What is declared about training: the families tried, how the past fades, whom a flag is for.

Declared as the section `training` of `policy.yaml` beside the contract.
"""

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from attrition_assets.policy_file import read_section
from attrition_assets.training.evaluation import choose_threshold
from attrition_assets.training.families import Family
from attrition_assets.values import Value


class TrainingPolicy(Value):
    """How a model is trained and from which probability on it flags.

    A row's weight halves with each `half_life_months` of its age; 0 is no decay.

    By default the threshold is the one with the best F2 (recall counts four times precision). With
    `flag_top_share`, what HR can act on, it is the lowest score from which on at most that share of
    people lies: people with the same score are flagged together or not at all. If more people than
    that share the highest score, it lies just above, and nobody is flagged. With
    `missed_leaver_costs`, in false alarms, it is the one that costs least in expectation,
    1 / (1 + cost) (Elkan, 2001). `max_flipped_share` is the share of people whose flag may differ
    from the champion's before a person should look.
    """

    families: tuple[Family, ...] = Field(default=tuple(Family), min_length=1)
    half_life_months: float = Field(default=6, ge=0)
    flag_top_share: float | None = Field(default=None, gt=0, lt=1)
    missed_leaver_costs: float | None = Field(default=None, gt=0)
    max_flipped_share: float = Field(default=0.1, gt=0, le=1)

    @model_validator(mode="after")
    def _has_one_rule(self) -> Self:
        if self.flag_top_share is not None and self.missed_leaver_costs is not None:
            raise ValueError("give 'flag_top_share' or 'missed_leaver_costs', not both")
        if len(set(self.families)) < len(self.families):
            raise ValueError("'families' repeats a family")
        return self

    @property
    def flag_rule(self) -> str:
        """Whom a flag is for, in words."""
        if self.flag_top_share is not None:
            return f"at most the {self.flag_top_share:.0%} with the highest scores"
        if self.missed_leaver_costs is not None:
            return f"a missed leaver costs as much as {self.missed_leaver_costs:g} false alarms"
        return "best F2"

    def choose_threshold(self, left: np.ndarray, probability: np.ndarray) -> float:
        """The probability from which on people are flagged, by out-of-fold `probability`."""
        if self.flag_top_share is not None:
            return _find_top(probability, self.flag_top_share)
        if self.missed_leaver_costs is not None:
            return 1 / (1 + self.missed_leaver_costs)
        return choose_threshold(left, probability)


def _find_top(probability: np.ndarray, share: float) -> float:
    """The lowest score from which on at most a `share` lies; if none, just above the highest."""
    scores, counts = np.unique(probability, return_counts=True)
    from_on = counts[::-1].cumsum()[::-1] / len(probability)
    fits = scores[from_on <= share]
    return float(fits[0] if len(fits) else np.nextafter(scores[-1], np.inf))


def read_training_policy(contract: Path) -> TrainingPolicy:
    """The training policy in the folder of a contract file; the default if none lies there.

    Raises ContractError that names every unknown or malformed entry.
    """
    return read_section(contract, "training", TrainingPolicy)
