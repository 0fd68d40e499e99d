"""Why a model scores a person as it does: what each column adds to the log-odds of leaving.

Of a logistic regression the Shapley values are exact and simple: with independent inputs, an
input's effect times its distance from the mean (Lundberg and Lee, 2017, corollary 1). Of boosted
trees they are those of TreeExplainer (Lundberg et al., 2020). Both add up to the log-odds.
"""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract, Kind
from attrition_assets.training.features import match_inputs, select_features

PART_ROWS = 100_000
EXPLAINED_ROWS = 5_000
REASONS = 3


def compute_contributions(
    pipeline: Pipeline, table: pd.DataFrame, contract: Contract
) -> tuple[pd.DataFrame, float]:
    """Log-odds that each feature adds for each row of `table`, and the log-odds without any.

    The rows are those of `table`, the columns the contract's features.
    """
    features, belongs = list(contract.features), match_inputs(contract)
    explain, base = build_explainer(pipeline.named_steps["model"])
    added = np.zeros((len(table), len(features)))
    for start in range(0, len(table), PART_ROWS):
        part = slice(start, start + PART_ROWS)
        inputs = pipeline[:-1].transform(select_features(table.iloc[part], contract))
        added[part] = explain(inputs) @ belongs
    return pd.DataFrame(added, index=table.index, columns=features), base


def give_reasons(contributions: pd.DataFrame) -> pd.Series:
    """The at most three columns that raise each row's score most, as text: `OverTime; Pay`."""
    names = contributions.columns.to_numpy().astype("object")
    most, added = find_foremost(contributions.to_numpy())
    reasons = ["; ".join(names[row][held]) for row, held in zip(most, added > 0, strict=True)]
    return pd.Series(reasons, index=contributions.index, dtype="object", name="reasons")


def find_foremost(contributions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The three columns that add most to each row, the foremost first: places and what they add."""
    most = np.argsort(-contributions, axis=1, kind="stable")[:, :REASONS]
    return most, np.take_along_axis(contributions, most, axis=1)


def sample_rows(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The rows that are explained where all would be too many."""
    return (
        table if len(table) <= EXPLAINED_ROWS else table.sample(EXPLAINED_ROWS, random_state=seed)
    )


def rank_values(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Each feature's values as ranks from 0 to 1; NaN for nominal columns and missing values."""
    ranks = pd.DataFrame(np.nan, index=table.index, columns=list(contract.features))
    for name in contract.features:
        column = contract.columns[name]
        if column.kind == Kind.NOMINAL:
            continue
        values = table[name]
        if column.is_text:
            values = values.map({level: rank for rank, level in enumerate(column.levels or ())})
        ranks[name] = values.astype("float64").rank(pct=True)
    return ranks


def measure_importance(contributions: pd.DataFrame) -> dict[str, float]:
    """Mean absolute contribution of each column in log-odds, the largest first."""
    mean = contributions.abs().mean()
    return {str(name): float(value) for name, value in mean.sort_values(ascending=False).items()}


def compare_importance(before: dict[str, float], after: dict[str, float]) -> float:
    """Rank correlation (Spearman) of two importances, over all their columns; -1 to 1."""
    names = sorted({*before, *after})
    first, second = (np.array([each.get(name, 0.0) for name in names]) for each in (before, after))
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float(np.array_equal(first, second))
    return float(spearmanr(first, second).statistic)


def build_explainer(model: object) -> tuple[Callable[[np.ndarray], np.ndarray], float]:
    """What gives the contributions of encoded inputs (rows by inputs), and the base value."""
    if isinstance(model, LogisticRegression):
        effects = model.coef_[0]
        return lambda inputs: inputs * effects, float(model.intercept_[0])
    with warnings.catch_warnings():  # its colour maps, for matplotlib 3.11; until shap 0.52
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import shap

    explainer = shap.TreeExplainer(model)
    return explainer.shap_values, float(np.ravel(explainer.expected_value)[0])
