"""Scores from plain values are those of the pipeline, and so are the reasons."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import Pipeline

from attrition_assets.contract import Contract, read_contract
from attrition_assets.errors import RegistryError
from attrition_assets.serving.scorer import Scorer, draw_employees
from attrition_assets.training.explanations import compute_contributions, give_reasons
from attrition_assets.training.families import Family
from attrition_assets.training.features import select_features
from attrition_assets_tests.conftest import declare_contract

from .conftest import fit, fit_model

FAMILIES = pytest.mark.parametrize("family", list(Family))
# Every kind of column, each with missing values and without, negative numbers too.
ODD = declare_contract(
    Team={"kind": "nominal", "role": "feature", "levels": ["red", "blue", "green"]},
    Shift={"kind": "nominal", "role": "feature", "levels": ["day", "night"], "missing": True},
    Mood={"kind": "ordinal", "role": "feature", "levels": [1, 2, 4], "missing": True},
    Grade={"kind": "ordinal", "role": "feature", "levels": ["low", "high"]},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 9_000], "missing": True},
    Balance={"kind": "continuous", "role": "feature", "range": [-5, 5]},
    Years={"kind": "continuous", "role": "feature", "range": [1, 40], "integer": True},
)


def assert_same(scorer: Scorer, pipeline: Pipeline, contract: Contract, rows: int) -> None:
    people = draw_employees(contract, rows, seed=3)
    table = pd.DataFrame(people)
    scores = scorer.score(people)
    expected = pipeline.predict_proba(select_features(table, contract))[:, 1]
    np.testing.assert_allclose(scores.probability, expected, rtol=1e-12)
    added, _ = compute_contributions(pipeline, table, contract)
    np.testing.assert_allclose(scores.contributions, added.to_numpy(), atol=1e-12)
    named = ["; ".join(str(each["feature"]) for each in told) for told in scores.give_reasons()]
    assert named == give_reasons(added).tolist()


@FAMILIES
@pytest.mark.parametrize("rows", [1, 300])
def test_scores_and_reasons_are_those_of_the_pipeline(family: Family, rows: int) -> None:
    pipeline, _ = fit_model(family)
    contract = read_contract()
    assert_same(Scorer(pipeline, contract), pipeline, contract, rows)


@FAMILIES
def test_missing_values_and_every_kind_of_column_are_scored_alike(family: Family) -> None:
    pipeline = fit(ODD, family)
    assert_same(Scorer(pipeline, ODD), pipeline, ODD, 300)


def test_a_model_whose_scores_would_be_others_is_not_served() -> None:
    pipeline, _ = fit_model(Family.LOGISTIC)
    columns: Any = pipeline.named_steps["columns"]
    last = columns.transformers_.pop()  # as a recipe might that this release does not know
    try:
        with pytest.raises((RegistryError, ValueError)):
            Scorer(pipeline, read_contract())
    finally:
        columns.transformers_.append(last)


def test_reasons_raise_the_score_the_foremost_first() -> None:
    pipeline, _ = fit_model(Family.LOGISTIC)
    for told in (
        Scorer(pipeline, read_contract()).score(draw_employees(read_contract(), 50)).give_reasons()
    ):
        added = [float(each["log_odds"]) for each in told]
        assert added == sorted(added, reverse=True)
        assert len(added) <= 3
        assert all(value > 0 for value in added)
