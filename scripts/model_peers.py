"""How each model of bench_model learns from some people and scores others: ours, and its rivals.

Ours is what the project trains. The rivals get every usable column, the protected ones too, and
what they learn they learn from the training rows alone. Each chooses its threshold by best F2 on
the scores of inner folds.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import optuna
import pandas as pd
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from attrition_assets.contract import Contract
from attrition_assets.settings import Settings
from attrition_assets.training.evaluation import choose_threshold, evaluate
from attrition_assets.training.families import Family
from attrition_assets.training.features import select_features
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.search import TrainedModel, train_model

TRIALS = int(Settings.model_fields["trials"].default)
LOGISTIC = (Family.LOGISTIC,)
RECIPE_C, RECIPE_SOLVERS = (1e-3, 100.0), ("liblinear", "saga")
INNER = StratifiedKFold(5, shuffle=True, random_state=0)


@dataclass(frozen=True)
class Scored:
    """The probability of each test row, and the one from which on a person is flagged."""

    probability: np.ndarray
    threshold: float


def train_ours(train: ReferenceData, families: tuple[Family, ...] = tuple(Family)) -> TrainedModel:
    """The project's own training at its default budget."""
    return train_model(train, train.contract, trials=TRIALS, families=families)


def score_by_ours(train: ReferenceData, test: pd.DataFrame) -> Scored:
    """By the fitted pipeline; the threshold is that of the evaluation that is registered."""
    trained = train_ours(train)
    threshold = evaluate(get_left(train), trained.out_of_fold).threshold
    scores = trained.pipeline.predict_proba(select_features(test, train.contract))[:, 1]
    return Scored(scores, threshold)


def score_by_rival(
    train: ReferenceData, test: pd.DataFrame, fit: Callable[[ReferenceData], Any]
) -> Scored:
    """By what `fit` makes of the training rows, which is then fitted anew on the inner folds."""
    columns, left = list(train.contract.monitored), get_left(train)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model, rows = fit(train), train.labelled[columns]
        inner = cross_val_predict(model, rows, left, cv=INNER, method="predict_proba")[:, 1]
    return Scored(model.predict_proba(test[columns])[:, 1], choose_threshold(left, inner))


def fit_logistic(train: ReferenceData) -> Any:
    """Logistic regression at its defaults on indicators and standardised numbers."""
    model = make_pipeline(_encode(train.contract), LogisticRegression(max_iter=1_000))
    return model.fit(train.labelled[list(train.contract.monitored)], get_left(train))


def fit_boosting(train: ReferenceData) -> Any:
    """Histogram gradient boosting as it suits a small table: 300 stumps, categories as such.

    Of one, two or 30 splits a tree and 100 to 300 trees, the best here: by other folds of the same
    people, which favours the rival if anything.
    """
    levels = {
        name: pd.CategoricalDtype(train.contract.columns[name].levels)
        for name in _list_text(train.contract)
    }
    model = make_pipeline(
        FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": levels}),
        HistGradientBoostingClassifier(
            max_leaf_nodes=2, learning_rate=0.1, max_iter=300, random_state=0
        ),
    )
    return model.fit(train.labelled[list(train.contract.monitored)], get_left(train))


def fit_recipe(train: ReferenceData, trials: int, solvers: Sequence[str] = RECIPE_SOLVERS) -> Any:
    """What public attrition projects do: SMOTE before a logistic regression, tuned by Optuna.

    TPE over C, and over the solver and the penalty if there are `solvers`, by the AUC of five
    folds, the whole pipeline anew for each. SMOTE is inside the pipeline: no copy of a person
    stands on the other side of a split.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows, left = train.labelled[list(train.contract.monitored)], get_left(train)

    def build(params: dict[str, Any]) -> Any:
        share = {"l1": 1.0, "l2": 0.0}[params.get("penalty", "l2")]
        own = {name: value for name, value in params.items() if name != "penalty"}
        model = LogisticRegression(max_iter=1_000, random_state=0, l1_ratio=share, **own)
        return make_pipeline(_encode(train.contract), SMOTE(random_state=0), model)

    def objective(trial: optuna.Trial) -> float:
        trial.suggest_float("C", *RECIPE_C, log=True)
        if solvers:
            trial.suggest_categorical("solver", list(solvers))
            trial.suggest_categorical("penalty", ["l1", "l2"])
        model = build(trial.params)
        return float(cross_val_score(model, rows, left, cv=INNER, scoring="roc_auc").mean())

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        study.optimize(objective, n_trials=trials)
        return build(study.best_params).fit(rows, left)


def get_left(reference: ReferenceData) -> np.ndarray:
    """Who left, 0 or 1, a value a labelled row."""
    return reference.labelled[LABEL].to_numpy(dtype="int64")


def list_models(recipe_trials: int) -> dict[str, Callable[[ReferenceData, pd.DataFrame], Scored]]:
    """The models by name, ours first."""
    recipe = partial(fit_recipe, trials=recipe_trials)
    return {
        "ours": score_by_ours,
        "logistic": partial(score_by_rival, fit=fit_logistic),
        "boosting": partial(score_by_rival, fit=fit_boosting),
        "smote": partial(score_by_rival, fit=recipe),
    }


def _list_text(contract: Contract) -> list[str]:
    return [name for name in contract.monitored if contract.columns[name].is_text]


def _encode(contract: Contract) -> Any:
    text = _list_text(contract)
    numbers = [name for name in contract.monitored if name not in text]
    return make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), text), (StandardScaler(), numbers)
    )
