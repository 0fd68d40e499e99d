"""How far two models lie apart on the same rows, in AUC and in log-loss, and how surely.

Rows of one person are not independent, what a person contributes is: errors are summed by person.
What the differences mean for the champion is for `comparison`.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.errors import ComparisonError
from attrition_assets.monitoring.performance import measure_losses, split_auc

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedSample:
    """The same rows as two models score them: who left, either probability, whose row it is.

    `people` are numbers from 0, the same for all rows of a person.
    """

    left: npt.NDArray[np.bool_]
    champion: Vector
    challenger: Vector
    people: npt.NDArray[np.intp]

    @classmethod
    def read(
        cls,
        left: npt.ArrayLike,
        champion: npt.ArrayLike,
        challenger: npt.ArrayLike,
        people: npt.ArrayLike,
    ) -> Self:
        """The sample, from one value a row of each.

        Raises ComparisonError unless all four are as long, `left` is 0 or 1 (or bool), every
        probability lies in 0..1 and every row has a person.
        """
        columns = {
            "left": np.asarray(left),
            "champion": np.asarray(champion),
            "challenger": np.asarray(challenger),
            "people": np.asarray(people),
        }
        if shapes := {name: each.shape for name, each in columns.items() if each.ndim != 1}:
            raise ComparisonError(f"{_list(shapes)}: give one value a row")
        lengths = {name: len(each) for name, each in columns.items()}
        if len(set(lengths.values())) > 1:
            raise ComparisonError(
                f"rows of unequal number ({_list(lengths)}): both models must score the same rows"
            )
        outcomes = _read_numbers("left", columns["left"])
        if strange := int((~np.isin(outcomes, (0, 1))).sum()):
            raise ComparisonError(
                f"left: {strange} of {len(outcomes)} values are neither 0 nor 1: "
                "give rows with a known outcome only"
            )
        scored = {}
        for name in ("champion", "challenger"):
            scored[name] = _read_numbers(name, columns[name])
            if strange := int((~((scored[name] >= 0) & (scored[name] <= 1))).sum()):
                raise ComparisonError(
                    f"{name}: {strange} of {len(outcomes)} probabilities are missing or outside "
                    "0 to 1: score every row, or leave it out for both models"
                )
        codes, _ = pd.factorize(columns["people"])
        if nobody := int((codes < 0).sum()):
            raise ComparisonError(f"people: {nobody} of {len(codes)} rows have no id")
        return cls(outcomes == 1, scored["champion"], scored["challenger"], codes)

    def count_people(self, left: bool) -> int:
        """How many people have a row with this outcome; one may have rows of both."""
        return int(np.count_nonzero(np.bincount(self.people[self.left == left])))


def measure_aucs(sample: PairedSample) -> tuple[tuple[float, float], ...]:
    """AUC of the champion, of the challenger, and challenger less champion, each with its error.

    Standard errors of DeLong, DeLong and Clarke-Pearson (1988), paired for the difference, in the
    extension to clusters of Obuchowski (1997): what the rows contribute is summed by person first.
    With one row a person they are DeLong's. Needs two people of each outcome at least.
    """
    before, after = (split_auc(sample.left, each) for each in (sample.champion, sample.challenger))
    apart = (after[0] - before[0], after[1] - before[1])
    return tuple(
        (float(beaten.mean()), _cluster_error(sample, beaten, unbeaten))
        for beaten, unbeaten in (before, after, apart)
    )


def measure_loss_difference(sample: PairedSample) -> tuple[float, float]:
    """Log-loss of the challenger less the champion's, nats a row, and its error by person.

    Needs two people at least.
    """
    apart = measure_losses(sample.left, sample.challenger) - measure_losses(
        sample.left, sample.champion
    )
    mean = float(apart.mean())
    sums = np.bincount(sample.people, apart - mean)
    return mean, float(np.sqrt(_widen(len(sums)) * (sums**2).sum())) / len(apart)


def _cluster_error(sample: PairedSample, beaten: Vector, unbeaten: Vector) -> float:
    size = int(sample.people.max()) + 1
    of_leavers, of_stayers = sample.people[sample.left], sample.people[~sample.left]
    rising = np.bincount(of_leavers, beaten - beaten.mean(), size) / len(beaten)
    falling = np.bincount(of_stayers, unbeaten - unbeaten.mean(), size) / len(unbeaten)
    variance = (
        _widen(sample.count_people(left=True)) * (rising**2).sum()
        + _widen(sample.count_people(left=False)) * (falling**2).sum()
        + 2 * _widen(size) * (rising * falling).sum()
    )
    return float(np.sqrt(max(0.0, variance)))


def _widen(clusters: int) -> float:
    """The correction for a mean that was estimated from as many."""
    return clusters / (clusters - 1)


def _read_numbers(name: str, values: npt.NDArray[np.generic]) -> Vector:
    try:
        return values.astype("float64")
    except (TypeError, ValueError):
        raise ComparisonError(f"{name}: holds {values.dtype}, not numbers") from None


def _list(numbers: dict[str, int] | dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
