"""The hyper-parameter search and the final fit that uses exactly what it found."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract
from attrition_assets.training.features import build_pipeline, select_features
from attrition_assets.training.reference import LABEL, ReferenceData

FOLDS = 5
C_RANGE = (1e-3, 1.0)


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline with its out-of-fold probabilities on the reference rows.

    `out_of_fold` is aligned with `ReferenceData.labelled`, and `held_out`, which begins with it,
    with `ReferenceData.outcomes`; no person stands on both sides of a fold. `reproducible` is False
    if a time cap cut the search short.
    """

    pipeline: Pipeline
    params: dict[str, float]
    out_of_fold: np.ndarray
    held_out: np.ndarray
    trials: int
    reproducible: bool


@dataclass(frozen=True)
class _Fold:
    """Row numbers of one split, its encoder, and its two sides as the first one taught to."""

    train: np.ndarray
    test: np.ndarray
    encoder: Pipeline
    seen: np.ndarray
    unseen: np.ndarray


def train_model(
    reference: ReferenceData,
    contract: Contract,
    *,
    trials: int,
    seconds: float | None = None,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> TrainedModel:
    """Search the regularisation by Optuna's TPE on log-loss, then fit on all labelled rows.

    The folds are computed once, grouped by person. The same data, seed and number of trials give
    the same model; `seconds` caps the trials after the first and, if it was hit, the result says
    so. `report` is called with a line of progress a trial.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rows = reference.labelled
    X, y = select_features(rows, contract), rows[LABEL].to_numpy(dtype="int64")
    splits = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(X, y, rows[contract.id])
    folds = [_encode_fold(X, train, test, contract) for train, test in splits]

    def fit_fold(fold: _Fold, C: float) -> Pipeline:
        return build_pipeline(contract, C=C)[-1].fit(fold.seen, y[fold.train])

    def predict_out_of_fold(C: float) -> np.ndarray:
        probability = np.empty(len(y))
        for fold in folds:
            probability[fold.test] = fit_fold(fold, C).predict_proba(fold.unseen)[:, 1]
        return probability

    def predict_between(C: float) -> np.ndarray:
        """By the fold that did not see the person; who is in no fold was seen by none."""
        between = reference.outcomes.iloc[len(rows) :]
        features, people = select_features(between, contract), between[contract.id]
        unseen_by = np.zeros(len(between), dtype="int64")
        for number, fold in enumerate(folds):
            unseen_by[people.isin(rows[contract.id].iloc[fold.test])] = number
        probability = np.empty(len(between))
        for number, fold in enumerate(folds):
            if (own := unseen_by == number).any():
                encoded = fold.encoder.transform(features[own])
                probability[own] = fit_fold(fold, C).predict_proba(encoded)[:, 1]
        return probability

    def objective(trial: optuna.Trial) -> float:
        C = trial.suggest_float("C", *C_RANGE, log=True)
        loss = float(log_loss(y, predict_out_of_fold(C)))
        report(f"trial {trial.number + 1} of {trials}: C={C:.4f}, log-loss {loss:.4f}")
        return loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=1)  # whatever the cap: without a trial there is no model
    study.optimize(objective, n_trials=trials - 1, timeout=seconds)
    C = float(study.best_params["C"])
    return TrainedModel(
        pipeline=build_pipeline(contract, C=C).fit(X, y),
        params={"C": C},
        out_of_fold=(out_of_fold := predict_out_of_fold(C)),
        held_out=np.concatenate([out_of_fold, predict_between(C)]),
        trials=len(study.trials),
        reproducible=len(study.trials) == trials,
    )


def _encode_fold(X: pd.DataFrame, train: np.ndarray, test: np.ndarray, contract: Contract) -> _Fold:
    encoder = build_pipeline(contract, C=1.0)[:-1]
    seen = encoder.fit_transform(X.iloc[train])
    return _Fold(train, test, encoder, seen, encoder.transform(X.iloc[test]))
