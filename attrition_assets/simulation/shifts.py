"""Planted drifts: what changes in the company's conditions, from which month on.

A shift changes how the simulation runs; broken data is in `faults.py`.
"""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from itertools import zip_longest
from typing import Final

import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.simulation import ibm_population as ibm
from attrition_assets.simulation.planted import Planted

# Above .888 no monthly chance to start overtime is high enough against the one to end it.
HIGHEST_OVERTIME_SHARE: Final = 0.88
# Far beyond these, no intercept keeps the rate of leaving, and no machine holds the staff.
HIGHEST_OVERTIME_FACTOR: Final = 10
HIGHEST_WAVE: Final = 10


@dataclass(frozen=True)
class Conditions:
    """What the company runs under in a month.

    `pay_level` multiplies everyone's pay, `overtime_factor` the effect of overtime on leaving,
    `headcount_level` the headcount. The first of `overtime_steps` is added to `overtime_factor` in
    the next month to begin, the second in the one after. `overtime_share` of the staff works
    overtime. With the chance of each of `morale_drops`, a person's answers to the survey are one
    lower; with that of each of `reorganisations`, a researcher's post belongs to Sales.
    """

    pay_level: float = 1.0
    overtime_factor: float = 1.0
    overtime_steps: tuple[float, ...] = ()
    headcount_level: float = 1.0
    overtime_share: float = ibm.OVERTIME_SHARE
    morale_drops: tuple[float, ...] = ()
    reorganisations: tuple[float, ...] = ()

    @property
    def overtime_start_chance(self) -> float:
        """The monthly chance to start overtime at which `overtime_share` is stationary.

        The chance to end it stays, so this one grows with the odds of the share.
        """
        odds, usual = (share / (1 - share) for share in (self.overtime_share, ibm.OVERTIME_SHARE))
        return ibm.OVERTIME_START_CHANCE * (odds / usual)

    def take_step(self) -> "Conditions":
        """The conditions after the next of `overtime_steps`, if there is one."""
        if not self.overtime_steps:
            return self
        step, *rest = self.overtime_steps
        factor = self.overtime_factor + step
        return replace(self, overtime_factor=factor, overtime_steps=tuple(rest))


@dataclass(frozen=True)
class PayInflation(Planted):
    """From `start` on, the pay of all, hires too, is (1 + size) times what it would have been.

    A drift of a feature: how pay relates to leaving stays as it was.
    """

    start: pd.Period
    size: float = 0.12

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if nothing would be paid."""
        if not -1 < self.size < math.inf:
            raise AttritionError(
                f"{self} cannot pay {1 + self.size:g} times as much: choose a size above -1, such "
                "as 0.12 for 12 % more"
            )
        return replace(conditions, pay_level=conditions.pay_level * (1 + self.size))


@dataclass(frozen=True)
class ConceptShift(Planted):
    """From `start` on, the effect b of overtime on leaving is b * (1 - 2 * size).

    Size 0.5 removes it, size 1 flips its sign. The share of the staff that leaves stays as it was.
    """

    start: pd.Period
    size: float = 1.0

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the effect is beyond all measure.

        Steps that are still to come change as the effect does.
        """
        times = 1 - 2 * self.size
        steps = tuple(step * times for step in conditions.overtime_steps)
        factor = conditions.overtime_factor * times
        return _bound_effect(
            self, replace(conditions, overtime_factor=factor, overtime_steps=steps)
        )


@dataclass(frozen=True)
class GradualConceptShift(Planted):
    """From `start` on, overtime's effect on leaving goes from b to b * (1 - 2 * size) in a year.

    In `months` equal steps, the first of them in `start`. The share of the staff that leaves stays
    as it was at each.
    """

    start: pd.Period
    size: float = 1.0
    months: int = 12

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions before the first step; AttritionError if there is none, or no end."""
        if self.months < 1:
            raise AttritionError(f"{self} takes no step: choose at least 1 month")
        step = -2 * self.size * conditions.overtime_factor / self.months
        both = zip_longest(conditions.overtime_steps, (step,) * self.months, fillvalue=0.0)
        return _bound_effect(self, replace(conditions, overtime_steps=tuple(map(sum, both))))


def _bound_effect(shift: "ConceptShift | GradualConceptShift", after: Conditions) -> Conditions:
    """`after`, if the effect of overtime stays where the rate of leaving can be kept."""
    factor = after.overtime_factor + sum(after.overtime_steps)
    if not abs(factor) <= HIGHEST_OVERTIME_FACTOR:
        raise AttritionError(
            f"{shift} makes the effect of overtime {factor:g} times what it was at first: choose a "
            f"size with which it stays from -{HIGHEST_OVERTIME_FACTOR} to {HIGHEST_OVERTIME_FACTOR}"
            " times, such as 1"
        )
    return after


@dataclass(frozen=True)
class OvertimeCrunch(Planted):
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
class MoraleDrop(Planted):
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
class HiringWave(Planted):
    """In `start`, `size` times the headcount is hired on top of the replacements.

    The headcount stays that much larger: each later leaver is replaced.
    """

    start: pd.Period
    size: float = 0.10

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the size is out of range."""
        if not 0 < self.size <= HIGHEST_WAVE:
            raise AttritionError(
                f"{self} cannot hire {self.size} times the headcount: choose a size above 0 and at "
                f"most {HIGHEST_WAVE}, such as 0.1 for a tenth more people"
            )
        level = conditions.headcount_level * (1 + self.size)
        return replace(conditions, headcount_level=level)


@dataclass(frozen=True)
class Reorganisation(Planted):
    """In `start`, a random `share` of Research & Development moves to Sales, under new managers.

    Each to a role of the same level and pay; who has none there stays. Hires for the posts that
    moved come to Sales too, so the change lasts. A drift of departments, roles and the years in
    role and with manager: how they relate to leaving stays.
    """

    start: pd.Period
    share: float = 0.10

    def apply(self, conditions: Conditions) -> Conditions:
        """The conditions after the shift; AttritionError if the share is not one."""
        if not 0 <= self.share <= 1:
            raise AttritionError(
                f"{self} cannot move a share of {self.share}: choose a share from 0 to 1"
            )
        moved = (*conditions.reorganisations, self.share)
        return replace(conditions, reorganisations=moved)


Shift = (
    PayInflation
    | ConceptShift
    | GradualConceptShift
    | OvertimeCrunch
    | MoraleDrop
    | HiringWave
    | Reorganisation
)

# By the name that the command line uses.
SHIFTS: Final[dict[str, type[Shift]]] = {
    "pay-inflation": PayInflation,
    "concept-shift": ConceptShift,
    "gradual-concept-shift": GradualConceptShift,
    "overtime-crunch": OvertimeCrunch,
    "morale-drop": MoraleDrop,
    "hiring-wave": HiringWave,
    "reorganisation": Reorganisation,
}


def order_shifts(shifts: Iterable[Shift]) -> list[Shift]:
    """The shifts as they take effect: by start, then by name as in `SHIFTS`, then by size."""
    kinds = list(SHIFTS.values())
    return sorted(
        shifts,
        key=lambda shift: (shift.start.ordinal, kinds.index(type(shift)), astuple(shift)[1:]),
    )
