"""Champion and challenger of a known difference in AUC, drawn by seed."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special, stats

Vector = npt.NDArray[np.float64]


class Drawn(NamedTuple):
    """One value a row."""

    left: npt.NDArray[np.bool_]
    champion: Vector
    challenger: Vector
    people: npt.NDArray[np.int64]


class DrawModels(Protocol):
    """Binormal scores that correlate at .9; the champion's AUC is .85; both are calibrated.

    `repeats`: each person has as many rows, with the same scores but for some noise.
    """

    def __call__(
        self,
        seed: int,
        difference: float = 0.0,
        *,
        leavers: int = 150,
        stayers: int = 450,
        shift: float = 0.0,
        repeats: int = 1,
    ) -> Drawn: ...


@pytest.fixture(scope="session")
def draw_models() -> DrawModels:
    def draw(
        seed: int,
        difference: float = 0.0,
        *,
        leavers: int = 150,
        stayers: int = 450,
        shift: float = 0.0,
        repeats: int = 1,
    ) -> Drawn:
        rng = np.random.default_rng(seed)
        people = np.repeat(np.arange(leavers + stayers), repeats)
        left = people < leavers
        shared, own = rng.standard_normal((2, leavers + stayers))[:, people]
        shared, own = (
            np.sqrt(0.8) * each + np.sqrt(0.2) * rng.standard_normal(len(people))
            if repeats > 1
            else each
            for each in (shared, own)
        )
        probabilities = []
        for auc, noise in (
            (0.85, shared),
            (0.85 + difference, 0.9 * shared + np.sqrt(0.19) * own),
        ):
            d = np.sqrt(2) * stats.norm.ppf(auc)
            log_odds = np.log(leavers / stayers) + d * (noise + d * left) - d**2 / 2
            probabilities.append(log_odds)
        champion, challenger = probabilities
        return Drawn(left, special.expit(champion), special.expit(challenger + shift), people)

    return draw
