"""Champion and challenger of a known difference: correlated scores, binormal. Part of bench_gate.

Leavers score as N(d, 1) and stayers as N(0, 1), by each model with the d of its true AUC; within an
outcome the two models' scores correlate. Probabilities are the true ones given the score, so both
models are calibrated unless a fault is planted.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

Vector = npt.NDArray[np.float64]

CHAMPION_AUC = 0.85
# Between the models, within an outcome. Retrains a year later have .95 in the simulated company;
# the further apart two models are, the harder they are to judge.
CORRELATION, RETRAINED_CORRELATION = 0.90, 0.95
# Between a person's scores of different snapshots; .6 to .9 in the simulated company.
PERSISTENCE = 0.75
SNAPSHOTS = 6


class Draw(NamedTuple):
    """One value a row, as `compare_models` takes them."""

    left: npt.NDArray[np.bool_]
    champion: Vector
    challenger: Vector
    people: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cell:
    """What is drawn: `leavers` distinct people who left, among as many rows as the rate asks.

    `correlation` is that of the two models' scores within an outcome.
    `repeated`: the same people in six snapshots, a leaver's place taken by somebody new. The
    challenger's log-odds are multiplied by `spread`, then `shift` is added.
    """

    base_rate: float
    difference: float
    repeated: bool = False
    leavers: int = 150
    correlation: float = CORRELATION
    shift: float = 0.0
    spread: float = 1.0

    def draw(self, seed: int) -> Draw:
        """The rows of one comparison; the same seed gives the same."""
        rng = np.random.default_rng(seed)
        left, people = self._fill_seats(rng) if self.repeated else self._line_up()
        noise = _correlate(rng, len(left), self.correlation)
        if self.repeated:
            own = _correlate(rng, int(people.max()) + 1, self.correlation)[people]
            noise = np.sqrt(PERSISTENCE) * own + np.sqrt(1 - PERSISTENCE) * noise
        aucs = (CHAMPION_AUC, CHAMPION_AUC + self.difference)
        champion, challenger = (
            self._weigh(left, noise[:, place], auc) for place, auc in enumerate(aucs)
        )
        challenger = self.shift + self.spread * challenger
        return Draw(left, special.expit(champion), special.expit(challenger), people)

    def _weigh(self, left: npt.NDArray[np.bool_], noise: Vector, auc: float) -> Vector:
        """The true log-odds of leaving, given the score of a model with this AUC."""
        d = np.sqrt(2) * stats.norm.ppf(auc)
        return np.asarray(special.logit(self.base_rate) + d * (noise + d * left) - d**2 / 2)

    def _line_up(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        rows = round(self.leavers / self.base_rate)
        return np.arange(rows) < self.leavers, np.arange(rows)

    def _fill_seats(
        self, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        leaving = self.leavers // SNAPSHOTS
        seats = np.arange(round(leaving / self.base_rate))
        newcomer, left, people = len(seats), [], []
        for _ in range(SNAPSHOTS):
            leavers = rng.choice(len(seats), leaving, replace=False)
            people.append(seats.copy())
            left.append(np.isin(np.arange(len(seats)), leavers))
            seats[leavers] = np.arange(newcomer, newcomer + leaving)
            newcomer += leaving
        # Who took the place of the last leavers has no row.
        return np.concatenate(left), np.concatenate(people)


def _correlate(rng: np.random.Generator, rows: int, correlation: float) -> Vector:
    """Rows x models, standard normal, correlated between the models."""
    shared, own = rng.standard_normal((2, rows))
    second = correlation * shared + np.sqrt(1 - correlation**2) * own
    return np.column_stack([shared, second])
