import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from attrition_assets.training.families import (
    DEFAULTS,
    Family,
    build_model,
    calibrate_model,
    fit_calibration,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
LEFT = (RNG.random(400) < expit(X[:, 0] * X[:, 1] * 2 - 1)).astype("int64")


@pytest.mark.parametrize("family", Family)
def test_a_calibrated_model_scores_by_the_line_that_it_was_given(family: Family) -> None:
    model = build_model(DEFAULTS[family]).fit(X, LEFT)
    before = model.decision_function(X)
    calibrate_model(model, 0.3, 0.8)
    np.testing.assert_allclose(model.decision_function(X), 0.3 + 0.8 * before, atol=1e-9)


def test_calibration_finds_the_line_that_distorted_the_log_odds() -> None:
    score = np.random.default_rng(1).normal(-1, 1.5, 200_000)
    left = (np.random.default_rng(2).random(len(score)) < expit(score)).astype("int64")
    intercept, slope = fit_calibration(left, (score - 0.5) / 2)
    assert intercept == pytest.approx(0.5, abs=0.03)
    assert slope == pytest.approx(2, abs=0.03)


def test_calibration_is_that_of_an_unpenalised_regression_where_leavers_are_many() -> None:
    score = X[:, 0]
    left = (score + X[:, 2] > 0).astype("int64")
    peer = LogisticRegression(C=np.inf).fit(score.reshape(-1, 1), left)
    found = fit_calibration(left, score)
    np.testing.assert_allclose(found, (peer.intercept_[0], peer.coef_[0, 0]), atol=0.05)


def test_calibration_of_outcomes_that_the_score_tells_apart_is_not_without_bound() -> None:
    score = np.linspace(-1, 1, 40)
    intercept, slope = fit_calibration((score > 0).astype("int64"), score)
    assert np.isfinite([intercept, slope]).all()
    assert 1 < slope < 100
