"""From the contract's feature columns to the model: encoding and pipeline, nothing guessed.

Fixed categories make the encoding stateless; only scaling (and imputing, where the contract allows
missing values) is learned, inside each fold.
"""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from attrition_assets.contract import Contract, Kind

# What scikit-learn puts before the name of a column whose missing values it tells the model.
MISSING = "missingindicator_"


def build_pipeline(contract: Contract, *, C: float) -> Pipeline:
    """A logistic regression on the contract's features; `C` is its inverse L2 strength.

    Nominal columns become indicators of the contract's levels (a level that is not among them is
    an error), ordinal ones their rank, all numbers are standardised.
    """
    nominal = contract.select_kind(Kind.NOMINAL, among=contract.features)
    ordinal = contract.select_kind(Kind.ORDINAL, among=contract.features)
    continuous = contract.select_kind(Kind.CONTINUOUS, among=contract.features)
    columns = ColumnTransformer(
        [
            ("nominal", _encode(OneHotEncoder, contract, nominal, sparse_output=False), nominal),
            ("ordinal", _encode(OrdinalEncoder, contract, ordinal), ordinal),
            ("continuous", _impute(contract, continuous), continuous),
        ],
        verbose_feature_names_out=False,
    )
    model = LogisticRegression(C=C, solver="newton-cholesky", max_iter=200)
    return Pipeline([("columns", columns), ("scale", StandardScaler()), ("model", model)])


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


def name_effects(pipeline: Pipeline) -> dict[str, float]:
    """Log-odds per standard deviation of each encoded input, by its name."""
    names = pipeline[:-1].get_feature_names_out()
    coefficients = pipeline.named_steps["model"].coef_[0]
    return {str(name): float(value) for name, value in zip(names, coefficients, strict=True)}


def weigh_columns(pipeline: Pipeline, contract: Contract) -> dict[str, float]:
    """What each feature weighs in the model: the largest effect of its inputs, 0 or more."""
    weights = dict.fromkeys(contract.features, 0.0)
    longest_first = sorted(contract.features, key=len, reverse=True)
    for name, effect in name_effects(pipeline).items():
        begins = f"{name.removeprefix(MISSING)}_"
        column = next(each for each in longest_first if begins.startswith(f"{each}_"))
        weights[column] = max(weights[column], abs(effect))
    return weights


def _encode(encoder: Any, contract: Contract, names: tuple[str, ...], **options: Any) -> Any:
    levels = [list(contract.columns[name].levels or ()) for name in names]
    fill = SimpleImputer(strategy="most_frequent")
    encode = encoder(categories=levels, dtype="float64", **options)
    return make_pipeline(fill, encode) if _may_miss(contract, names) else encode


def _impute(contract: Contract, names: tuple[str, ...]) -> Any:
    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return fill if _may_miss(contract, names) else "passthrough"


def _may_miss(contract: Contract, names: tuple[str, ...]) -> bool:
    return any(contract.columns[name].missing for name in names)
