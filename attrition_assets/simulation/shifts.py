"""Planted drifts: what changes in the company's conditions, from which month on.

A shift changes how the simulation runs; broken data is in `faults.py`.
"""

import math
from dataclasses import dataclass, replace
from typing import Final

import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.simulation import ibm_population as ibm

# Above .888 no monthly chance to start overtime is high enough against the one to end it.
HIGHEST_OVERTIME_SHARE: Final = 0.88


@dataclass(frozen=True)
class Conditions:
    """What the company runs under in a month.

    `pay_level` multiplies everyone's pay, `overtime_factor` the effect of overtime on leaving,
    `headcount_level` the headcount. `overtime_share` of the staff works overtime. With the chance
    of each of `morale_drops`, a person's answers to the survey are one lower.
    """

    pay_level: float = 1.0
    overtime_factor: float = 1.0
    headcount_level: float = 1.0
    overtime_share: float = ibm.OVERTIME_SHARE
    morale_drops: tuple[float, ...] = ()

    @property
    def overtime_start_chance(self) -> float:
        """The monthly chance to start overtime at which `overtime_share` is stationary.

        The chance to end it stays, so this one grows with the odds of the share.
        """
        odds, usual = (share / (1 - share) for share in (self.overtime_share, ibm.OVERTIME_SHARE))
        return ibm.OVERTIME_START_CHANCE * (odds / usual)


@dataclass(frozen=True)
class PayInflation:
    """From `start` on, the pay of all, hires too, is (1 + size) times what it would have been.

    A drift of a feature: how pay relates to leaving stays as it was.
    """

    start: pd.Period
    size: float = 0.12

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift."""
        return replace(conditions, pay_level=conditions.pay_level * (1 + self.size))


@dataclass(frozen=True)
class ConceptShift:
    """From `start` on, the effect b of overtime on leaving is b * (1 - 2 * size).

    Size 0.5 removes it, size 1 flips its sign. The share of the staff that leaves stays as it was.
    """

    start: pd.Period
    size: float = 1.0

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift."""
        factor = conditions.overtime_factor * (1 - 2 * self.size)
        return replace(conditions, overtime_factor=factor)


@dataclass(frozen=True)
class OvertimeCrunch:
    """From `start` on, `share` of the staff works overtime; spells last as long as before.

    A drift of a feature, and of the predictions with it: how overtime relates to leaving stays, so
    more people leave.
    """

    start: pd.Period
    share: float = 0.40

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the share falls or cannot last."""
        usual = conditions.overtime_share
        if not usual < self.share <= HIGHEST_OVERTIME_SHARE:
            raise AttritionError(
                f"{self} cannot put a share of {self.share} on overtime where {usual} works it: "
                f"choose a share above {usual} and at most {HIGHEST_OVERTIME_SHARE}"
            )
        return replace(conditions, overtime_share=self.share)


@dataclass(frozen=True)
class MoraleDrop:
    """From `start` on, a random `share` of the staff answers every survey item one lower.

    No answer is below 1. Later answers, and those of hires, are lowered at the same chance for
    each person, so the drop lasts. A drift of five features: how they relate to leaving stays.
    """

    start: pd.Period
    share: float = 0.10

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the share is not one."""
        if not 0 <= self.share <= 1:
            raise AttritionError(
                f"{self} cannot lower the answers of a share of {self.share}: choose a share from "
                "0 to 1"
            )
        return replace(conditions, morale_drops=(*conditions.morale_drops, self.share))


@dataclass(frozen=True)
class HiringWave:
    """In `start`, `size` times the headcount is hired on top of the replacements.

    The headcount stays that much larger: each later leaver is replaced.
    """

    start: pd.Period
    size: float = 0.10

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the size is not above 0."""
        if not 0 < self.size < math.inf:
            raise AttritionError(
                f"{self} cannot hire {self.size} times the headcount: choose a size above 0, such "
                "as 0.1 for a tenth more people"
            )
        level = conditions.headcount_level * (1 + self.size)
        return replace(conditions, headcount_level=level)


Shift = PayInflation | ConceptShift | OvertimeCrunch | MoraleDrop | HiringWave

# By the name that the command line uses.
SHIFTS: Final[dict[str, type[Shift]]] = {
    "pay-inflation": PayInflation,
    "concept-shift": ConceptShift,
    "overtime-crunch": OvertimeCrunch,
    "morale-drop": MoraleDrop,
    "hiring-wave": HiringWave,
}
