"""A model's scores and reasons for employees as they come, without a table in between.

The same inputs in the same order as `training.features` makes, computed from plain values: for one
employee a pipeline of scikit-learn on a table takes longer than all else together. Before a model
is served, its scores are compared with its own pipeline's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract
from attrition_assets.errors import RegistryError
from attrition_assets.training.explanations import build_explainer, find_foremost
from attrition_assets.training.features import (
    list_blocks,
    list_inputs,
    match_inputs,
    select_features,
)

Floats = npt.NDArray[np.float64]
Employees = Sequence[Mapping[str, Any]]
Encoder = Callable[[Sequence[Any], Floats], None]

LARGEST_DIFFERENCE = 1e-9
COMPARED_ROWS = 200


@dataclass(frozen=True)
class Scores:
    """For each employee, in order: the probability of leaving, and what each feature adds.

    `contributions` are log-odds, a row an employee and a column a feature.
    """

    probability: Floats
    contributions: Floats
    features: tuple[str, ...]

    def give_reasons(self) -> list[list[dict[str, str | float]]]:
        """The at most three features that raise each score most, the foremost first."""
        most, added = find_foremost(self.contributions)
        names = self.features
        return [
            [
                {"feature": names[at], "log_odds": value}
                for at, value in zip(places, values, strict=True)
                if value > 0
            ]
            for places, values in zip(most.tolist(), added.round(6).tolist(), strict=True)
        ]


class Scorer:
    """A fitted pipeline of this release, as it scores employees one by one or many at once.

    Raises RegistryError if its scores are not those of the pipeline itself.
    """

    def __init__(self, pipeline: Pipeline, contract: Contract) -> None:
        self.contract = contract
        self._encode = build_encoder(contract)
        fill, scale, model = (pipeline.named_steps[name] for name in ("fill", "scale", "model"))
        self._means, self._centre, self._scale = fill.statistics_, scale.mean_, scale.scale_
        self._model = model
        self._explain, _ = build_explainer(model)
        self._belongs = match_inputs(contract)
        self._require_same(pipeline)

    def score(self, employees: Employees) -> Scores:
        """Score employees that have every feature, with values that the contract accepts."""
        inputs = self._encode(employees)
        gaps = np.isnan(inputs)
        if gaps.any():
            inputs = np.where(gaps, self._means, inputs)
        inputs -= self._centre
        inputs /= self._scale
        return Scores(
            probability=self._predict(inputs),
            contributions=self._explain(inputs) @ self._belongs,
            features=self.contract.features,
        )

    def _predict(self, inputs: Floats) -> Floats:
        if isinstance(self._model, LogisticRegression):
            odds = inputs @ self._model.coef_[0] + self._model.intercept_[0]
            return np.asarray(expit(odds))
        return np.asarray(self._model.predict_proba(inputs)[:, 1])

    def _require_same(self, pipeline: Pipeline) -> None:
        drawn = draw_employees(self.contract, COMPARED_ROWS)
        table = select_features(pd.DataFrame(drawn), self.contract)
        expected = pipeline.predict_proba(table)[:, 1]
        difference = float(np.abs(self.score(drawn).probability - expected).max())
        if not difference <= LARGEST_DIFFERENCE:
            raise RegistryError(
                f"the model cannot be served: computed from plain values its scores differ by "
                f"{difference:.2g} from its own; it is of a recipe that this release does not know"
            )


def build_encoder(contract: Contract) -> Callable[[Employees], Floats]:
    """What makes the model's inputs, unscaled, of employees: as `training.build_columns` does."""
    columns, blocks = contract.columns, list_blocks(contract)
    numbers = tuple(name for block in ("whole", "value") for name in blocks[block])
    ranks = {
        name: {level: rank for rank, level in enumerate(columns[name].levels or ())}
        | ({None: len(columns[name].levels or ())} if columns[name].missing else {})
        for name in blocks["level"]
    }
    width = len(list_inputs(contract))

    def encode(employees: Employees) -> Floats:
        inputs, rows, at = np.zeros((len(employees), width)), np.arange(len(employees)), 0
        places = {name: [rank[each[name]] for each in employees] for name, rank in ranks.items()}
        values = {
            name: np.array([each[name] for each in employees], dtype=float) for name in numbers
        }
        for name in blocks["level"]:
            inputs[rows, [at + place for place in places[name]]] = 1
            at += len(ranks[name])
        for name in blocks["rank"]:
            own = np.array(places[name], dtype=float)
            inputs[:, at] = np.where(own < len(columns[name].levels or ()), own, np.nan)
            at += 1
        for block, change in CHANGES.items():
            for name in blocks[block]:
                inputs[:, at] = change(values[name])
                at += 1
        return inputs

    return encode


CHANGES: dict[str, Callable[[Floats], Any]] = {
    "whole": lambda values: values,
    "value": lambda values: values,
    "log": np.log1p,
    "above": np.sign,
    "missing": np.isnan,
}


def draw_employees(contract: Contract, rows: int, seed: int = 0) -> list[dict[str, Any]]:
    """Employees who are nobody: each feature is drawn evenly from what the contract accepts."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Any]] = {}
    for name in contract.features:
        column = contract.columns[name]
        if column.levels:
            values = [column.levels[at] for at in rng.integers(0, len(column.levels), rows)]
        else:
            low, high = column.range or (0.0, 1.0)
            values = rng.uniform(low, high, rows).tolist()
            values = [round(value) for value in values] if column.integer else values
        absent = rng.random(rows) < 0.1 if column.missing else np.zeros(rows, dtype=bool)
        drawn[name] = [None if gone else each for gone, each in zip(absent, values, strict=True)]
    return [{name: drawn[name][row] for name in drawn} for row in range(rows)]
