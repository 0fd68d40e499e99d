"""What a model is worth on people it has not seen, with 95 % intervals, for the model card.

Rows of one person are not independent, so errors are summed by person, as in `paired`. Which
numbers a model must reach is for `training.gates`.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from attrition_assets.governance.card_facts import Merit
from attrition_assets.governance.intervals import Estimate, Z
from attrition_assets.governance.paired import PairedSample, measure_aucs
from attrition_assets.monitoring.performance import measure_losses
from attrition_assets.training.evaluation import evaluate

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


MOST_ROWS = 500_000


def choose_rows(people: pd.Series, seed: int = 0) -> npt.NDArray[np.intp]:
    """Row numbers to measure on: all or, of more than 500,000, those of people drawn at random."""
    if len(people) <= MOST_ROWS:
        return np.arange(len(people))
    everyone = people.drop_duplicates().sort_values()
    drawn = everyone.sample(frac=MOST_ROWS / len(people), random_state=seed)
    return np.flatnonzero(people.isin(drawn))


def measure_out_of_fold(
    left: npt.ArrayLike, probability: npt.ArrayLike, people: npt.ArrayLike, threshold: float
) -> dict[str, Estimate]:
    """Each measure by name, from who left, the probability out of fold and whose row it is.

    The AUC is DeLong's (by person: Obuchowski, 1997); all others are linearised, which is the
    infinitesimal jackknife. The intervals hold for these probabilities, not for another training.
    Without anybody flagged there is no precision. Needs two people of each outcome; raises
    ComparisonError as `PairedSample.read` does.
    """
    sample = PairedSample.read(left, probability, probability, people)
    leavers, score = sample.left, sample.champion
    flagged = score >= threshold
    hits = (leavers & flagged).astype("float64")
    everyone = np.ones(len(score))
    auc, error = measure_aucs(sample)[0]
    ratios = {
        "Brier score": ((leavers - score) ** 2, everyone),
        "precision": (hits, flagged.astype("float64")),
        "recall": (hits, leavers.astype("float64")),
        "F2": (5 * hits, 4.0 * leavers + flagged),
        "flagged": (flagged.astype("float64"), everyone),
    }
    average, parts = split_average_precision(leavers, score)
    return {
        "AUC": _estimate(auc, error),
        "average precision": _estimate(average, _sum_by_person(parts, sample)),
        **{
            name: _estimate_ratio(above, below, sample)
            for name, (above, below) in ratios.items()
            if below.any()
        },
        "log-loss": _estimate_ratio(measure_losses(leavers, score), everyone, sample, np.inf),
    }


def measure_merit(
    left: npt.NDArray[np.int64], probability: Vector, people: npt.ArrayLike, threshold: float
) -> Merit:
    """What a model reached out of fold: `measure_out_of_fold`, and its calibration."""
    evaluation = evaluate(left, probability)
    margin = Z * evaluation.calibration_slope_error
    slope = evaluation.calibration_slope
    return Merit(
        threshold=threshold,
        measured_rows=len(left),
        measures=measure_out_of_fold(left, probability, people, threshold),
        calibration_slope=Estimate(value=slope, low=slope - margin, high=slope + margin),
        calibration_error=evaluation.calibration_error,
    )


def split_average_precision(left: Flags, score: Vector) -> tuple[float, Vector]:
    """The average precision, and what a row's weight changes of it, in the order of the rows.

    It is the mean, over those who left, of the precision at their score; tied rows are flagged
    together. The parts sum to zero.
    """
    cuts, at = np.unique(-score, return_inverse=True)
    flagged = np.cumsum(np.bincount(at, minlength=len(cuts)))
    hits = np.bincount(at[left], minlength=len(cuts))
    precision = np.cumsum(hits) / flagged
    leavers = hits.sum()
    average = float((hits * precision).sum() / leavers)
    # A row counts among those flagged at its own score and at every lower one.
    as_hit = np.cumsum((hits / flagged)[::-1])[::-1]
    as_flag = np.cumsum((hits * precision / flagged)[::-1])[::-1]
    own = left * (precision[at] - average + as_hit[at]) - as_flag[at]
    return average, own / leavers


def _estimate_ratio(
    above: Vector, below: Vector, sample: PairedSample, highest: float = 1.0
) -> Estimate:
    """The ratio of two sums over the rows."""
    ratio = float(above.sum() / below.sum())
    parts = (above - ratio * below) / below.sum()
    return _estimate(ratio, _sum_by_person(parts, sample), highest)


def _sum_by_person(parts: Vector, sample: PairedSample) -> float:
    """The standard error of a measure, from what each row contributes to it."""
    sums = np.bincount(sample.people, parts)
    return float(np.sqrt(len(sums) / (len(sums) - 1) * (sums**2).sum()))


def _estimate(value: float, error: float, highest: float = 1.0) -> Estimate:
    margin = Z * error
    return Estimate(value=value, low=max(0.0, value - margin), high=min(highest, value + margin))
