"""What a model is worth on people it has not seen: metrics, threshold, calibration, leaks."""

import numpy as np
import pandas as pd
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    fbeta_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)

from attrition_assets.contract import Contract, Kind
from attrition_assets.values import Value

BINS = 10


class Evaluation(Value):
    """Out-of-fold metrics. `threshold` is the probability from which on people are flagged."""

    rows: int
    leavers: int
    auc: float
    average_precision: float
    log_loss: float
    base_rate_log_loss: float
    brier: float
    calibration_error: float
    calibration_slope: float
    calibration_slope_error: float
    threshold: float
    precision: float
    recall: float
    f2: float


def evaluate(
    left: np.ndarray, probability: np.ndarray, *, threshold: float | None = None
) -> Evaluation:
    """Metrics of `probability` (out of fold) against who `left` (0 or 1), a value a row.

    Without a `threshold`, the one with the best F2 among the probabilities' percentiles.
    """
    if threshold is None:
        threshold = choose_threshold(left, probability)
    slope, slope_error = measure_calibration_slope(
        left, logit(np.clip(probability, 1e-9, 1 - 1e-9))
    )
    flagged = probability >= threshold
    return Evaluation(
        rows=len(left),
        leavers=int(left.sum()),
        auc=float(roc_auc_score(left, probability)),
        average_precision=float(average_precision_score(left, probability)),
        log_loss=float(log_loss(left, probability)),
        base_rate_log_loss=float(log_loss(left, np.full(len(left), left.mean()))),
        brier=float(brier_score_loss(left, probability)),
        calibration_error=float(_calibration_error(left, probability)),
        calibration_slope=slope,
        calibration_slope_error=slope_error,
        threshold=threshold,
        precision=float(precision_score(left, flagged, zero_division=0)),
        recall=float(recall_score(left, flagged)),
        f2=float(fbeta_score(left, flagged, beta=2, zero_division=0)),
    )


def choose_threshold(left: np.ndarray, probability: np.ndarray) -> float:
    """The percentile of `probability` with the best F2: recall counts four times precision."""
    candidates = np.unique(np.percentile(probability, np.arange(50, 100)))
    everyone, leavers = np.sort(probability), np.sort(probability[left == 1])
    flagged = len(everyone) - np.searchsorted(everyone, candidates)
    hits = len(leavers) - np.searchsorted(leavers, candidates)
    return float(candidates[int(np.argmax(5 * hits / (4 * len(leavers) + flagged)))])


def find_leaks(table: pd.DataFrame, left: np.ndarray, contract: Contract) -> dict[str, float]:
    """AUC of each feature alone, largest first; one near 1 tells the label, and is a leak.

    Numbers count in whichever direction is better, levels by their own rate of leaving, missing
    values as lower than all others.
    """
    aucs = {}
    for name in contract.features:
        column = contract.columns[name]
        by_level = column.kind == Kind.NOMINAL or column.is_text
        aucs[name] = measure_alone(table[name], left, by_level=by_level)
    return dict(sorted(aucs.items(), key=lambda item: -item[1]))


def measure_alone(values: pd.Series, left: np.ndarray, *, by_level: bool) -> float:
    """AUC of one column for who left, .5 to 1, as `find_leaks` counts it."""
    if by_level:
        values = (
            pd.Series(left, index=values.index).groupby(values, observed=True).transform("mean")
        )
    ranks = values.astype("float64").rank(na_option="top").to_numpy()
    leavers = int(left.sum())  # of Mann and Whitney's U: ties count a half
    above = ranks[left == 1].sum() - leavers * (leavers + 1) / 2
    auc = float(above / (leavers * (len(left) - leavers)))
    return max(auc, 1 - auc)


def _calibration_error(left: np.ndarray, probability: np.ndarray) -> float:
    """Expected calibration error over ten bins of equal size."""
    order = np.argsort(probability, kind="stable")
    gaps = [
        abs(left[part].mean() - probability[part].mean()) * len(part)
        for part in np.array_split(order, BINS)
    ]
    return float(sum(gaps) / len(left))


def measure_calibration_slope(left: np.ndarray, score: np.ndarray) -> tuple[float, float]:
    """Slope of the label on the log-odds `score`, and its standard error (Cox, 1958).

    A slope of 1 is calibrated, below 1 the probabilities are too extreme, above 1 too tame.
    """
    fitted = LogisticRegression(C=np.inf).fit(score.reshape(-1, 1), left)
    expected = fitted.predict_proba(score.reshape(-1, 1))[:, 1]
    design = np.column_stack([np.ones_like(score), score])
    information = design.T @ (design * (expected * (1 - expected))[:, None])
    variance = max(float(np.linalg.pinv(information)[1, 1]), 0.0)  # of equal scores there is none
    return float(fitted.coef_[0, 0]), float(np.sqrt(variance))
