"""The families of models that a search chooses from: what is tuned in each, and how it is fitted.

Both score by log-odds, so that one calibration and one kind of explanation serves both.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract
from attrition_assets.training.features import build_columns, build_scaling

if TYPE_CHECKING:
    import optuna

C_RANGE = (1e-3, 1.0)
RATE_RANGE = (0.05, 0.5)
DEPTHS = (1, 3)
TREES = 80
BINS = 32  # weighted quantiles of more take most of the time
Params = dict[str, str | float | int]


class Family(StrEnum):
    """A kind of model, the simplest first."""

    LOGISTIC = "logistic"
    BOOSTING = "boosting"

    @property
    def recipe(self) -> str:
        """Its name on a version: a retrain of the same recipe need not be better than before."""
        return f"{self}-2"


# What is tried before anything else is known.
DEFAULTS: dict[Family, Params] = {
    Family.LOGISTIC: {"family": "logistic", "C": 0.03},
    Family.BOOSTING: {"family": "boosting", "learning_rate": 0.2, "max_depth": 2},
}


def suggest_params(trial: "optuna.trial.BaseTrial", families: tuple[Family, ...]) -> Params:
    """What a trial tries: a family and what is tuned in it."""
    family = Family(trial.suggest_categorical("family", [str(each) for each in families]))
    if family == Family.LOGISTIC:
        return {"family": str(family), "C": trial.suggest_float("C", *C_RANGE, log=True)}
    return {
        "family": str(family),
        "learning_rate": trial.suggest_float("learning_rate", *RATE_RANGE, log=True),
        "max_depth": trial.suggest_int("max_depth", *DEPTHS),
    }


def build_model(params: Params) -> Any:
    """An unfitted model. `C` is the inverse strength of a logistic regression's L2 penalty.

    Boosting makes a fixed number of small trees; its rate is what holds it back.
    """
    family, own = Family(str(params["family"])), {k: v for k, v in params.items() if k != "family"}
    if family == Family.LOGISTIC:
        return LogisticRegression(solver="newton-cholesky", max_iter=200, **own)
    return HistGradientBoostingClassifier(
        max_iter=TREES, max_bins=BINS, early_stopping=False, random_state=0, **own
    )


def build_pipeline(contract: Contract, params: Params) -> Pipeline:
    """From the contract's features to the probability of leaving, unfitted."""
    steps = [("columns", build_columns(contract)), *build_scaling().steps]
    return Pipeline([*steps, ("model", build_model(params))])


def predict_leaving(pipeline: Pipeline, X: pd.DataFrame) -> np.ndarray:
    """The probability of leaving of each row, of a fitted pipeline's input.

    A row's score depends on nothing but the row: the products of BLAS differ in the last bit with
    the number of rows beside it, so that a table scored in parts would get other scores.
    """
    model = pipeline.named_steps["model"]
    if not isinstance(model, LogisticRegression):
        return np.asarray(pipeline.predict_proba(X)[:, 1])
    inputs = np.ascontiguousarray(pipeline[:-1].transform(X))
    return np.asarray(expit(np.einsum("ij,j->i", inputs, model.coef_[0]) + model.intercept_[0]))


def fit_calibration(left: np.ndarray, logit: np.ndarray) -> tuple[float, float]:
    """Intercept and slope that make log-odds calibrated (Platt, 1999); both arrays a row a person.

    The targets are drawn in from 0 and 1 as Platt does, so that no slope is without bound.
    """
    leavers = left.sum()
    target = np.where(left == 1, (leavers + 1) / (leavers + 2), 1 / (len(left) - leavers + 2))

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        score = line[0] + line[1] * logit
        residual = expit(score) - target
        value = np.mean(np.logaddexp(0, score) - target * score)
        return float(value), np.array([residual.mean(), (residual * logit).mean()])

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS")
    return float(found.x[0]), float(found.x[1])


def calibrate_model(model: Any, intercept: float, slope: float) -> None:
    """Change a fitted model so that its log-odds are `intercept + slope` times what they were."""
    if isinstance(model, LogisticRegression):
        model.coef_ = slope * model.coef_
        model.intercept_ = intercept + slope * model.intercept_
        return
    # A boosted score is a sum: of where it begins, and a leaf of each tree.
    model._baseline_prediction = intercept + slope * model._baseline_prediction
    for trees in model._predictors:
        for tree in trees:
            tree.nodes["value"] *= slope
