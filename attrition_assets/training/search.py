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

# The kind of model: a retrain of the same recipe need not be better, one of a new recipe must.
RECIPE = "logistic-1"
FOLDS = 5
C_RANGE = (1e-3, 1.0)
# A model learns from about so many labelled rows, of people drawn at random: some fifty
# coefficients are known to a hundredth or so by then. All others are predicted as people that it
# never saw.
LEARNED_ROWS = 1_000_000
PART_ROWS = 500_000  # of those, predicted at a time: what bounds the memory


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline with its out-of-fold probabilities on the reference rows.

    `out_of_fold` is aligned with `ReferenceData.labelled`, and `held_out`, which begins with it,
    with `ReferenceData.outcomes`; no person stands on both sides of a fold. `learned_rows` is how
    many of the labelled rows taught the model. `reproducible` is False if a time cap cut the search
    short.
    """

    pipeline: Pipeline
    params: dict[str, float]
    out_of_fold: np.ndarray
    held_out: np.ndarray
    trials: int
    learned_rows: int
    reproducible: bool
    recipe: str = RECIPE

    def list_held_out(self, reference: ReferenceData) -> pd.DataFrame:
        """Id, snapshot date and held-out `probability` of each outcome, in order."""
        keys = [reference.contract.id, reference.contract.snapshot_date]
        return reference.outcomes[keys].assign(probability=self.held_out)


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

    Of more than a million labelled rows, on those of a random sample of the people. The folds are
    computed once, grouped by person. The same data, seed and number of trials give the same model;
    `seconds` caps the trials after the first and, if it was hit, the result says so. `report` is
    called with a line of progress a trial.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    outcomes, labelled = reference.outcomes, len(reference.labelled)
    learned = _choose_rows(outcomes[contract.id].head(labelled), seed)
    rows = outcomes.head(labelled) if len(learned) == labelled else outcomes.iloc[learned]
    if len(learned) < labelled:
        report(f"the model learns from {len(learned)} of {labelled} labelled rows")
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

    def predict_others(C: float, others: np.ndarray) -> np.ndarray:
        """By the fold that did not see the person; who is in no fold was seen by none."""
        people = outcomes[contract.id].iloc[others]
        unseen_by = np.zeros(len(others), dtype="int64")
        for number, fold in enumerate(folds):
            unseen_by[people.isin(rows[contract.id].iloc[fold.test])] = number
        probability = np.empty(len(others))
        for number, fold in enumerate(folds):
            own = np.flatnonzero(unseen_by == number)
            if not len(own):
                continue
            model = fit_fold(fold, C)
            for start in range(0, len(own), PART_ROWS):
                part = own[start : start + PART_ROWS]
                features = select_features(outcomes.iloc[others[part]], contract)
                encoded = fold.encoder.transform(features)
                probability[part] = model.predict_proba(encoded)[:, 1]
        return probability

    def predict_held_out(C: float) -> np.ndarray:
        held_out, is_other = np.empty(len(outcomes)), np.ones(len(outcomes), dtype=bool)
        held_out[learned], is_other[learned] = predict_out_of_fold(C), False
        others = np.flatnonzero(is_other)
        held_out[others] = predict_others(C, others)
        return held_out

    def objective(trial: optuna.Trial) -> float:
        C = trial.suggest_float("C", *C_RANGE, log=True)
        loss = float(log_loss(y, predict_out_of_fold(C)))
        report(f"trial {trial.number + 1} of {trials}: C={C:.4f}, log-loss {loss:.4f}")
        return loss

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=1)  # whatever the cap: without a trial there is no model
    study.optimize(objective, n_trials=trials - 1, timeout=seconds)
    C = float(study.best_params["C"])
    held_out = predict_held_out(C)
    return TrainedModel(
        pipeline=build_pipeline(contract, C=C).fit(X, y),
        params={"C": C},
        out_of_fold=held_out[:labelled],
        held_out=held_out,
        trials=len(study.trials),
        learned_rows=len(learned),
        reproducible=len(study.trials) == trials,
    )


def _choose_rows(people: pd.Series, seed: int) -> np.ndarray:
    """The rows that teach: all of them or, of too many, those of people drawn at random."""
    if len(people) <= LEARNED_ROWS:
        return np.arange(len(people))
    everyone = people.drop_duplicates().sort_values()
    drawn = everyone.sample(frac=LEARNED_ROWS / len(people), random_state=seed)
    return np.flatnonzero(people.isin(drawn))


def _encode_fold(X: pd.DataFrame, train: np.ndarray, test: np.ndarray, contract: Contract) -> _Fold:
    encoder = build_pipeline(contract, C=1.0)[:-1]
    seen = encoder.fit_transform(X.iloc[train])
    return _Fold(train, test, encoder, seen, encoder.transform(X.iloc[test]))
