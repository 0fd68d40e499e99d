"""Planted drifts: what changes in the company's conditions, from which month on.

A shift changes how the simulation runs; broken data is in `faults.py`.
"""

from dataclasses import dataclass, replace
from typing import Final

import pandas as pd


@dataclass(frozen=True)
class Conditions:
    """What the company runs under in a month.

    `pay_level` multiplies everyone's pay, `overtime_factor` the effect of overtime on leaving.
    """

    pay_level: float = 1.0
    overtime_factor: float = 1.0


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


Shift = PayInflation | ConceptShift

# By the name that the command line uses.
SHIFTS: Final[dict[str, type[Shift]]] = {
    "pay-inflation": PayInflation,
    "concept-shift": ConceptShift,
}
