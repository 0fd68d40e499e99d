"""From reference data to a model: the search, the choice, and the fit that uses what was found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract
from attrition_assets.training.evaluation import measure_calibration_slope
from attrition_assets.training.explanations import (
    compute_contributions,
    measure_importance,
    sample_rows,
)
from attrition_assets.training.families import (
    DEFAULTS,
    Family,
    Params,
    build_model,
    build_pipeline,
    calibrate_model,
    fit_calibration,
)
from attrition_assets.training.features import build_columns, select_features
from attrition_assets.training.folds import (
    Fold,
    choose_rows,
    scale_fold,
    scale_weights,
    split_ahead,
    split_people,
    weigh_rows,
)
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.training.study import Found, StudyPlace, describe_params, search_params

# Out-of-fold log-odds are left as they are while their slope lies in here.
CALIBRATED = (0.9, 1.1)
DEFAULT = DEFAULTS[Family.LOGISTIC]
PART_ROWS = 200_000  # predicted at a time: what bounds the memory


@dataclass(frozen=True)
class TrainedModel:
    """A fitted pipeline with its out-of-fold probabilities on the reference rows.

    `out_of_fold` is aligned with `ReferenceData.labelled`, and `held_out`, which begins with it,
    with `ReferenceData.outcomes`; no person stands on both sides of a fold. `calibration` is the
    intercept and slope that the log-odds were corrected by, None if they needed none;
    `contributions` what each column adds to them for people of the newest snapshot, by their rows
    in it. `learned_rows` is how many of the labelled rows taught the model. `reproducible` is False
    if a time cap cut the search short or others took part in it.
    """

    pipeline: Pipeline
    params: Params
    calibration: tuple[float, float] | None
    contributions: pd.DataFrame
    out_of_fold: np.ndarray
    held_out: np.ndarray
    trials: int
    learned_rows: int
    reproducible: bool

    @property
    def recipe(self) -> str:
        """The kind of model: a retrain of the same need not be better, one of a new must."""
        return Family(str(self.params["family"])).recipe

    @property
    def importance(self) -> dict[str, float]:
        """Each column's mean absolute contribution in log-odds, the largest first."""
        return measure_importance(self.contributions)

    def list_held_out(self, reference: ReferenceData) -> pd.DataFrame:
        """Id, snapshot date and held-out `probability` of each outcome, in order."""
        keys = [reference.contract.id, reference.contract.snapshot_date]
        return reference.outcomes[keys].assign(probability=self.held_out)


class Training:
    """The rows of a search and a fit: who teaches, in which folds, with which weight."""

    def __init__(
        self, reference: ReferenceData, contract: Contract, half_life_months: float, seed: int
    ) -> None:
        self.contract = contract
        self.outcomes, self.labelled = reference.outcomes, len(reference.labelled)
        self.learned = choose_rows(self.outcomes[contract.id].head(self.labelled), seed)
        everyone = len(self.learned) == self.labelled
        self.rows = (
            self.outcomes.head(self.labelled) if everyone else self.outcomes.iloc[self.learned]
        )
        self.left = self.rows[LABEL].to_numpy(dtype="int64")
        self.weights = weigh_rows(self.rows[contract.snapshot_date], half_life_months)
        self.splits = split_people(self.rows, contract, seed)
        self.columns = build_columns(contract)
        self.inputs = self.columns.fit_transform(select_features(self.rows, contract))

    def fit_fold(self, fold: Fold, params: Params) -> Any:
        """A model of the people that a fold may learn from, their weights 1 on average."""
        weights = scale_weights(self.weights[fold.train])
        return build_model(params).fit(fold.seen, self.left[fold.train], sample_weight=weights)

    def predict_held_out(self, params: Params) -> tuple[np.ndarray, np.ndarray]:
        """Log-odds of each outcome by a model that never saw the person, and its fold.

        Rows of people who teach none of the folds were seen by none: the first predicts them.
        """
        ids = self.outcomes[self.contract.id]
        unseen_by, score = np.zeros(len(ids), dtype="int64"), np.empty(len(ids))
        is_other = np.ones(len(ids), dtype=bool)
        is_other[self.learned] = False
        for number, (_, test) in enumerate(self.splits):
            unseen_by[ids.isin(self.rows[self.contract.id].iloc[test])] = number
        for number, split in enumerate(self.splits):
            fold = scale_fold(self.inputs, split)
            model = self.fit_fold(fold, params)
            score[self.learned[fold.test]] = model.decision_function(fold.unseen)
            others = np.flatnonzero(is_other & (unseen_by == number))
            for start in range(0, len(others), PART_ROWS):
                part = others[start : start + PART_ROWS]
                features = select_features(self.outcomes.iloc[part], self.contract)
                inputs = fold.scaling.transform(self.columns.transform(features))
                score[part] = model.decision_function(inputs)
        return score, unseen_by

    def fit(self, params: Params) -> Pipeline:
        """The model of all rows that teach."""
        learns = build_pipeline(self.contract, params)[1:]
        learns.fit(self.inputs, self.left, model__sample_weight=self.weights)
        return Pipeline([("columns", self.columns), *learns.steps])


class Search:
    """What parameters are measured by: log-loss ahead, in folds that are computed once."""

    def __init__(self, training: Training) -> None:
        self.training = training
        splits = split_ahead(training.splits, training.rows, training.contract)
        self.folds = [scale_fold(training.inputs, split) for split in splits]
        predicted = np.concatenate([fold.test for fold in self.folds])
        self.left = training.left[predicted]
        self.people = training.rows[training.contract.id].to_numpy()[predicted]

    def measure_rows(self, params: Params) -> np.ndarray:
        """The log-loss of each predicted row."""
        fit = self.training.fit_fold
        score = np.concatenate(
            [fit(fold, params).decision_function(fold.unseen) for fold in self.folds]
        )
        losses: np.ndarray = np.logaddexp(0, score) - self.left * score
        return losses

    def find(self, **options: Any) -> Found:
        """The trials of `search_params`."""
        return search_params(lambda params: float(self.measure_rows(params).mean()), **options)

    def choose(self, found: Found, first: Params | None) -> Params:
        """What is chosen of the trials.

        The family of `first`, else the simplest, gives way only to one that is better by more than
        two standard errors of the difference: a new kind of model must be shown to be better.
        """
        tried = [each for family in Family if (each := found.best(family))]
        tried.sort(key=lambda each: each[0]["family"] != (first or DEFAULT)["family"])
        chosen, loss = tried[0]
        for params, other in tried[1:]:
            if other < loss:
                rows = self.measure_rows(chosen) - self.measure_rows(params)
                gain = pd.Series(rows).groupby(self.people).sum()
                if gain.mean() > 2 * gain.std() / np.sqrt(len(gain)):
                    chosen, loss = params, other
        return chosen


def find_params(
    reference: ReferenceData,
    contract: Contract,
    *,
    half_life_months: float = 0,
    seed: int = 0,
    **options: Any,
) -> Found:
    """Only the search of `train_model`: its trials, of which a shared place may know some already.

    Raises TrainingError if the place of the search's trials does not answer.
    """
    training = Training(reference, contract, half_life_months, seed)
    return Search(training).find(seed=seed, **options)


def train_model(
    reference: ReferenceData,
    contract: Contract,
    *,
    trials: int,
    families: tuple[Family, ...] = tuple(Family),
    half_life_months: float = 0,
    first: Params | None = None,
    place: StudyPlace = StudyPlace(),  # noqa: B008 - a frozen value
    seconds: float | None = None,
    seed: int = 0,
    report: Callable[[str], None] = lambda line: None,
) -> TrainedModel:
    """Search the family and its parameters by Optuna on log-loss, then fit on all labelled rows.

    Of more than 200,000 labelled rows, on those of a random sample of the people. The folds are
    computed once, grouped by person; where there are months enough, the search predicts the newest
    from those before. A row's weight halves with each `half_life_months` of its age (0: never).
    `first` is tried first: what was best the last time. The same data, seed and number of trials
    give the same model; `seconds` caps the trials after the first and, if it was hit, the result
    says so. `report` is called with a line of progress a trial.

    Raises TrainingError if the place of the search's trials does not answer.
    """
    training = Training(reference, contract, half_life_months, seed)
    if len(training.learned) < training.labelled:
        report(
            f"the model learns from {len(training.learned)} of {training.labelled} labelled rows"
        )
    search = Search(training)
    found = search.find(
        trials=trials,
        families=families,
        first=first,
        place=place,
        seconds=seconds,
        seed=seed,
        report=report,
    )
    params = search.choose(found, first)
    del search  # its folds are as large as the table
    score, fold = training.predict_held_out(params)
    pipeline = training.fit(params)
    left, learned = training.left, training.learned
    slope, _ = measure_calibration_slope(left, score[learned])
    line = None
    if not CALIBRATED[0] <= slope <= CALIBRATED[1]:
        line = fit_calibration(left, score[learned])
    if line is not None and line[1] <= 0:  # no line mends scores that tell nothing, or the contrary
        line = None
    if line is not None:
        calibrate_model(pipeline.named_steps["model"], *line)
        score = _calibrate_held_out(score, fold, left, learned)
        report(f"calibrated: the out-of-fold slope was {slope:.2f}")
    report(f"chosen: {describe_params(params)}")
    newest = sample_rows(reference.newest, seed)
    contributions, _ = compute_contributions(pipeline, newest, contract)
    held_out = expit(score)
    return TrainedModel(
        pipeline=pipeline,
        params=params,
        calibration=line,
        contributions=contributions,
        out_of_fold=held_out[: training.labelled],
        held_out=held_out,
        trials=len(found.trials),
        learned_rows=len(learned),
        reproducible=found.reproducible,
    )


def _calibrate_held_out(
    score: np.ndarray, fold: np.ndarray, left: np.ndarray, learned: np.ndarray
) -> np.ndarray:
    """Held-out log-odds, those of each fold corrected as all other folds teach."""
    calibrated = np.empty(len(score))
    for number in np.unique(fold):
        others = fold[learned] != number
        intercept, slope = fit_calibration(left[others], score[learned[others]])
        own = fold == number
        calibrated[own] = intercept + max(slope, 0.0) * score[own]
    return calibrated
