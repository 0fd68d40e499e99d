"""Employees whose outcome is known: what was known of them, what was predicted, who left.

Which months have matured, and how labels are attached, is for the assets; what the outcomes say
about the champion is for `concept_drift` and `performance`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.errors import DriftInputError


@dataclass(frozen=True)
class OutcomeSample:
    """Rows with known outcomes: monitored columns, `left` (bool) and `probability` (0..1).

    `months` says how many rows are of which month, where that is told.
    Raises DriftInputError unless all three have one value a row and every probability is in 0..1.
    """

    features: pd.DataFrame
    left: npt.NDArray[np.bool_]
    probability: npt.NDArray[np.float64]
    months: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.features), len(self.left), len(self.probability)}
        if len(lengths) > 1:
            raise DriftInputError(
                f"outcomes: {len(self.features)} rows of features, {len(self.left)} of left, "
                f"{len(self.probability)} of probability: give one of each per row"
            )
        if self.left.dtype != np.bool_:
            raise DriftInputError(f"outcomes: left is {self.left.dtype}: give true where one left")
        if not ((self.probability >= 0) & (self.probability <= 1)).all():
            raise DriftInputError(
                "outcomes: probabilities outside 0 to 1 or missing: score every row"
            )

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.left)

    @property
    def leavers(self) -> int:
        """How many of them left."""
        return int(self.left.sum())

    def take_last(self, rows: int) -> "OutcomeSample":
        """The last rows; nothing is copied."""
        first = self.rows - rows
        return OutcomeSample(
            self.features.iloc[first:], self.left[first:], self.probability[first:]
        )

    def explain_lack(self, min_leavers: int) -> str | None:
        """Why too little is known to judge by, with the numbers; None if enough is."""
        if self.leavers < min_leavers:
            return f"{self.leavers} leavers among {self.rows} rows; {min_leavers} are needed"
        if (stayers := self.rows - self.leavers) < 2:
            return f"{stayers} of {self.rows} rows stayed; 2 are needed"
        return None
