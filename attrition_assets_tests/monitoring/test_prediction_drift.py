"""Drift of predictions, as the detector judges it."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.report import Finding, PredictionDrift

from .conftest import draw_staff


def compare(reference: object, current: object, flag_threshold: float = 0.5) -> PredictionDrift:
    return DriftDetector().compare_predictions(
        reference_data=pd.DataFrame({"prediction": reference}),
        current_data=pd.DataFrame({"prediction": current}),
        flag_threshold=flag_threshold,
    )


def test_probabilities_are_compared_by_scipys_ks_test_and_their_flags_by_fishers() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.beta(2, 9, 735), rng.beta(3, 8, 122)
    drift = compare(reference, current, flag_threshold=0.3)
    expected = stats.ks_2samp(reference, current)
    assert (drift.p_value, drift.score) == (expected.pvalue, expected.statistic)
    flags = reference >= 0.3, current >= 0.3
    counts = [[each.sum(), (~each).sum()] for each in flags]
    assert drift.flagged_p_value == stats.fisher_exact(np.array(counts)).pvalue
    assert drift.flagged_share_baseline == flags[0].mean()
    assert drift.flagged_share_current == flags[1].mean()
    assert (drift.finding, drift.level) == (Finding.DRIFT, 0.05)


def test_scores_and_flags_can_each_be_the_one_that_drifts() -> None:
    low = np.linspace(0, 0.4, 400)
    scores = compare(low, low / 2)
    assert scores.finding == Finding.DRIFT
    assert scores.flagged_p_value == 1.0
    flags = compare(low, np.where(low > 0.37, 0.9, low))
    assert flags.finding == Finding.DRIFT
    assert flags.score is not None
    assert flags.score < 0.1
    assert compare(low, low).finding == Finding.NO_DRIFT


def test_predictions_that_surely_moved_less_than_the_floors_are_no_drift() -> None:
    even = np.linspace(0, 1, 20_000)
    drift = compare(even, even**1.1)
    assert drift.p_value is not None
    assert drift.p_value < 1e-4
    assert drift.finding == Finding.NO_DRIFT


def test_a_jump_in_predicted_leavers_is_a_drift_of_that_size() -> None:
    reference, current = (
        pd.DataFrame({"prediction": np.arange(100) < leavers}).astype(int) for leavers in (30, 70)
    )
    drifted, score = DriftDetector().detect_prediction_drift(
        reference_data=reference, current_data=current
    )
    assert drifted
    assert score == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.1, np.nan], "1 of 2 predictions are missing: score every row"),
        ([0.1, 30], "goes from 0.1 to 30: give probabilities from 0 to 1"),
        (["Yes", "No"], "2 rows do not hold a finite number"),
        ([0.1, np.inf], "1 rows do not hold a finite number"),
        ([0.1, 0.2], "has 2 rows, too few to tell"),
        ([], "is empty"),
    ],
)
def test_predictions_that_are_none_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(DriftInputError, match=message):
        compare(values, values)


def test_an_absent_prediction_column_is_refused() -> None:
    table = draw_staff(60, 0)
    with pytest.raises(DriftInputError, match="reference_data has no column prediction"):
        DriftDetector().detect_prediction_drift(reference_data=table, current_data=table)


def test_alarms_without_a_change_are_at_most_as_frequent_as_declared() -> None:
    """Of 200 draws more than this alarm once in 10,000 choices of seeds; floors make them rarer."""
    rng = np.random.default_rng(1)
    alarms = sum(
        compare(rng.beta(2, 9, 300), rng.beta(2, 9, 60)).finding == Finding.DRIFT
        for _ in range(200)
    )
    assert alarms <= stats.binom.isf(1e-4, 200, 0.05)
