"""What scores on unseen people are worth, with intervals that know that folds share people.

Only the arithmetic; which models are measured is for `bench_model`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    fbeta_score,
    log_loss,
    roc_auc_score,
)

BINS = 10


@dataclass(frozen=True)
class Fold:
    """Of the people of one test fold: who left (0 or 1), their probability, and who was flagged."""

    left: np.ndarray
    probability: np.ndarray
    flagged: np.ndarray


@dataclass(frozen=True)
class Interval:
    """A measure and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


Measure = Callable[[Fold], float]


def measure_calibration_error(fold: Fold) -> float:
    """Expected calibration error over ten bins of equal size.

    What remains of it with perfect probabilities shrinks with the number of people: compare it
    between samples of one size.
    """
    order = np.argsort(fold.probability, kind="stable")
    gaps = [
        abs(float(np.sum(fold.left[part] - fold.probability[part])))
        for part in np.array_split(order, BINS)
    ]
    return sum(gaps) / len(fold.left)


# Those of a single fold, then those of all people of a repeat together.
FOLD_MEASURES: dict[str, Measure] = {
    "auc": lambda fold: float(roc_auc_score(fold.left, fold.probability)),
    "ap": lambda fold: float(average_precision_score(fold.left, fold.probability)),
    "log_loss": lambda fold: float(log_loss(fold.left, fold.probability)),
    "brier": lambda fold: float(brier_score_loss(fold.left, fold.probability)),
}
POOLED_MEASURES: dict[str, Measure] = {
    "ece": measure_calibration_error,
    "f2": lambda fold: float(fbeta_score(fold.left, fold.flagged, beta=2, zero_division=0)),
}


def measure_folds(repeats: Sequence[Sequence[Fold]], name: str) -> np.ndarray:
    """A value a fold, in order, whose mean is the measure `name` over all repeats.

    Of a measure of all people of a repeat together they are its pseudo-values, with one fold left
    out at a time (Tukey, 1958), about the measure itself.
    """
    if name in FOLD_MEASURES:
        measure = FOLD_MEASURES[name]
        return np.array([measure(fold) for folds in repeats for fold in folds])
    return np.concatenate([_measure_pooled(folds, POOLED_MEASURES[name]) for folds in repeats])


def _measure_pooled(folds: Sequence[Fold], measure: Measure) -> np.ndarray:
    whole, others = measure(_join(folds)), len(folds) - 1
    without = np.array(
        [measure(_join([*folds[:place], *folds[place + 1 :]])) for place in range(len(folds))]
    )
    return whole - others * (without - without.mean())


def _join(folds: Sequence[Fold]) -> Fold:
    parts = [[getattr(fold, name) for fold in folds] for name in Fold.__dataclass_fields__]
    return Fold(*(np.concatenate(part) for part in parts))


def estimate_mean(values: np.ndarray, folds: int) -> Interval:
    """The mean of a value a fold with its 95 % interval (Nadeau and Bengio, 2003).

    `folds` is how many one repeat has. The models of different folds learned from mostly the same
    people: the variance of the mean is larger than that of independent values by the test people
    for each training one.
    """
    variance = (1 / len(values) + 1 / (folds - 1)) * float(values.var(ddof=1))
    margin = float(stats.t.ppf(0.975, len(values) - 1)) * variance**0.5
    mean = float(values.mean())
    return Interval(mean, mean - margin, mean + margin)
