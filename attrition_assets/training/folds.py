"""Who teaches and who is predicted: rows, folds and weights, computed once for all trials."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract
from attrition_assets.training.features import build_scaling
from attrition_assets.training.reference import LABEL

FOLDS = 5
# Folds look ahead where there are that many leavers to learn from and as many to predict.
FEWEST_LEAVERS = 50
# A model learns from about so many labelled rows, of people drawn at random: its hundred
# coefficients or so are known to a hundredth by then. All others are predicted as people that it
# never saw.
LEARNED_ROWS = 200_000

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Fold:
    """Row numbers of one split, its scaling, and its two sides as the first one taught to scale."""

    train: np.ndarray
    test: np.ndarray
    scaling: Pipeline
    seen: np.ndarray
    unseen: np.ndarray


def choose_rows(people: pd.Series, seed: int) -> np.ndarray:
    """The rows that teach: all of them or, of too many, those of people drawn at random."""
    if len(people) <= LEARNED_ROWS:
        return np.arange(len(people))
    everyone = people.drop_duplicates().sort_values()
    drawn = everyone.sample(frac=LEARNED_ROWS / len(people), random_state=seed)
    return np.flatnonzero(people.isin(drawn))


def weigh_rows(dates: pd.Series, half_life_months: float) -> np.ndarray:
    """Each row's weight, 1 on average: halved with each half-life of age; 0 months is no decay."""
    if not half_life_months:
        return np.ones(len(dates))
    months = dates.dt.to_period("M").astype("int64").to_numpy()
    return scale_weights(0.5 ** ((months.max() - months) / half_life_months))


def scale_weights(weights: np.ndarray) -> np.ndarray:
    """`weights` in the same proportions, 1 on average.

    A penalty weighs as much against a row then, whichever of the rows a fit learns from.
    """
    scaled: np.ndarray = weights / weights.mean()
    return scaled


def split_people(rows: pd.DataFrame, contract: Contract, seed: int) -> list[Split]:
    """Five splits into train and test, with nobody on both sides of one."""
    folds = GroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(folds.split(rows, groups=rows[contract.id]))


def split_ahead(splits: list[Split], rows: pd.DataFrame, contract: Contract) -> list[Split]:
    """`splits` in which the newest third of the months is predicted from the months before.

    So are the next people a model will score. Without months enough, or leavers enough on either
    side, the splits as they are.
    """
    dates, left = rows[contract.snapshot_date], rows[LABEL]
    months = np.sort(dates.unique())
    if len(months) < 3:
        return splits
    recent = dates.ge(months[-(len(months) // 3)]).to_numpy()
    ahead = [(train[~recent[train]], test[recent[test]]) for train, test in splits]
    few = left[recent].sum() < FEWEST_LEAVERS or left[~recent].sum() < FEWEST_LEAVERS
    lacking = any(left.iloc[train].nunique() < 2 for train, _ in ahead)
    return splits if few or lacking else ahead


def scale_fold(inputs: np.ndarray, split: Split) -> Fold:
    """The fold of a split of the `inputs`, rows by inputs."""
    train, test = split
    scaling = build_scaling()
    seen = scaling.fit_transform(inputs[train])
    return Fold(train, test, scaling, seen, scaling.transform(inputs[test]))
