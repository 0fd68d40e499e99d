"""From the contract's columns to the model's inputs: fixed by the contract, nothing guessed.

Which inputs there are, and in which order, follows from the contract alone; only what fills missing
values and the scale are learned, inside each fold.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from attrition_assets.contract import Contract, Kind


class Input(NamedTuple):
    """One input of a model: the column it is made of, and its name for people."""

    column: str
    name: str


def build_columns(contract: Contract) -> ColumnTransformer:
    """What turns the contract's features into inputs; it learns nothing, so it fits all folds.

    Levels become indicators (one that the contract does not have is an error), ordinal ones their
    rank as well. Numbers stay as they are; those that cannot be negative add their logarithm, those
    that begin at 0 whether they are above it. Whether a value is missing, where that is allowed,
    is an input too; a missing number or rank stays missing.
    """
    blocks = [
        (block, _build_step(block, contract, names), list(names))
        for block, names in list_blocks(contract).items()
        if names
    ]
    return ColumnTransformer(blocks, verbose_feature_names_out=False)


def build_scaling() -> Pipeline:
    """What is learned of the inputs in each fold: means, for what is missing, and the scale."""
    fill = SimpleImputer(strategy="mean", keep_empty_features=True)
    return Pipeline([("fill", fill), ("scale", StandardScaler())])


def list_inputs(contract: Contract) -> list[Input]:
    """The inputs that `build_columns` makes, in their order."""
    inputs = []
    for block, names in list_blocks(contract).items():
        for name in names:
            column = contract.columns[name]
            if block == "level":
                inputs += [Input(name, f"{name} = {level}") for level in column.levels or ()]
                inputs += [Input(name, f"{name} missing")] * column.missing
            else:
                inputs.append(Input(name, NAMES[block].format(name)))
    return inputs


def match_inputs(contract: Contract) -> np.ndarray:
    """Which input is made of which feature: 1 or 0, a row an input and a column a feature."""
    columns = [each.column for each in list_inputs(contract)]
    return np.array([[column == name for name in contract.features] for column in columns], float)


NAMES = {
    "rank": "{} (rank)",
    "whole": "{}",
    "value": "{}",
    "log": "log {}",
    "above": "{} > 0",
    "missing": "{} missing",
}


def select_features(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """The model's input: the contract's features in order, all numbers as float64."""
    numbers = [name for name in contract.features if not contract.columns[name].is_text]
    features = table[list(contract.features)].astype(dict.fromkeys(numbers, "float64"))
    return features.where(features.notna(), np.nan)  # scikit-learn takes None for a level


def make_example(contract: Contract) -> pd.DataFrame:
    """One row of model input that belongs to nobody: middle of each range, first of each level."""
    columns = [contract.columns[name] for name in contract.features]
    row = [sum(c.range) / 2 if c.range else (c.levels or (0,))[0] for c in columns]
    return select_features(pd.DataFrame([row], columns=list(contract.features)), contract)


def list_blocks(contract: Contract) -> dict[str, tuple[str, ...]]:
    """The columns of each kind of input, in order."""
    features, columns = contract.features, contract.columns
    numbers = contract.select_kind(Kind.CONTINUOUS, among=features)
    lowest = {name: (columns[name].range or (0, 0))[0] for name in numbers}
    return {
        "level": contract.select_kind(Kind.NOMINAL, Kind.ORDINAL, among=features),
        "rank": contract.select_kind(Kind.ORDINAL, among=features),
        "whole": tuple(name for name in numbers if not columns[name].missing),
        "value": tuple(name for name in numbers if columns[name].missing),
        "log": tuple(name for name in numbers if lowest[name] >= 0),
        "above": tuple(name for name in numbers if lowest[name] == 0),
        "missing": tuple(name for name in numbers if columns[name].missing),
    }


def _build_step(block: str, contract: Contract, names: tuple[str, ...]) -> Any:
    """The encoder of a block; one of numbers that may not be missing refuses those that are."""
    columns = [contract.columns[name] for name in names]
    levels = [[*(each.levels or ()), *[np.nan] * each.missing] for each in columns]
    return {
        "level": OneHotEncoder(categories=levels, dtype="float64", sparse_output=False),
        "rank": OrdinalEncoder(categories=levels, dtype="float64"),
        "whole": FunctionTransformer(validate=True),
        "value": FunctionTransformer(),
        "log": FunctionTransformer(np.log1p),
        "above": FunctionTransformer(np.sign),
        "missing": MissingIndicator(features="all"),
    }[block]
