from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline

from attrition_assets.adapters.registry import TRUSTED_TYPES
from attrition_assets.contract import Contract
from attrition_assets.training.families import Params, build_pipeline
from attrition_assets.training.features import (
    Input,
    build_columns,
    list_inputs,
    make_example,
    select_features,
)
from attrition_assets_tests.conftest import MakeSnapshot, declare_contract

TEAM = {"kind": "nominal", "role": "feature", "levels": ["red", "blue"]}
GRADE = {"kind": "ordinal", "role": "feature", "levels": ["low", "middle", "high"]}
SHOE = {"kind": "ordinal", "role": "feature", "levels": [40, 41, 44]}
PAY = {"kind": "continuous", "role": "feature", "range": [0, 10]}
AGE = {"kind": "continuous", "role": "protected", "range": [18, 80]}
CONTRACT = declare_contract(Team=TEAM, Grade=GRADE, Shoe=SHOE, Pay=PAY, Age=AGE)
TABLE = pd.DataFrame(
    {
        "Pay": [1, 2, 3, 4, 5, 6],
        "Age": [20, 30, 40, 50, 60, 70],
        "Team": ["red", "blue", "red", "red", "blue", "blue"],
        "Grade": ["low", "high", "middle", "low", "high", "middle"],
        "Shoe": [40, 41, 44, 44, 41, 40],
    }
)
LEFT = np.array([0, 1, 0, 1, 0, 1])
FAMILIES: list[Params] = [
    {"family": "logistic", "C": 1.0},
    {"family": "boosting", "learning_rate": 0.1, "max_depth": 2},
]


def fit(table: pd.DataFrame, contract: Contract) -> Pipeline:
    return build_pipeline(contract, FAMILIES[0]).fit(select_features(table, contract), LEFT)


def test_numbers_become_floats_and_only_features_are_selected_in_the_contracts_order() -> None:
    features = select_features(TABLE, CONTRACT)
    assert list(features) == ["Team", "Grade", "Shoe", "Pay"]
    assert features.dtypes.astype(str).tolist() == ["object", "object", "float64", "float64"]


def test_each_column_becomes_the_inputs_that_its_kind_calls_for() -> None:
    encoded = build_columns(CONTRACT).fit_transform(select_features(TABLE, CONTRACT))
    made = pd.DataFrame(encoded, columns=[each.name for each in list_inputs(CONTRACT)])
    assert made.iloc[1].to_dict() == {
        "Team = red": 0,
        "Team = blue": 1,
        "Grade = low": 0,
        "Grade = middle": 0,
        "Grade = high": 1,
        "Shoe = 40": 0,
        "Shoe = 41": 1,
        "Shoe = 44": 0,
        "Grade (rank)": 2,
        "Shoe (rank)": 1,
        "Pay": 2,
        "log Pay": pytest.approx(np.log(3)),
        "Pay > 0": 1,
    }


def test_a_number_that_may_be_negative_has_no_logarithm() -> None:
    contract = declare_contract(Change={"kind": "continuous", "role": "feature", "range": [-5, 5]})
    assert [each.name for each in list_inputs(contract)] == ["Change"]


def test_a_level_that_nobody_has_still_has_its_place() -> None:
    reds = TABLE.assign(Team="red")
    pipeline = fit(reds, CONTRACT)
    effects = dict(zip(list_inputs(CONTRACT), pipeline["model"].coef_[0], strict=True))
    assert effects[Input("Team", "Team = blue")] == 0
    scores = pipeline.predict_proba(select_features(TABLE, CONTRACT))
    assert np.isfinite(scores).all()


def test_inputs_of_columns_whose_names_begin_alike_are_told_apart() -> None:
    alike = declare_contract(Team=TEAM, Team_red=PAY, Teams=GRADE)
    owners = {each.name: each.column for each in list_inputs(alike)}
    assert owners["Team = red"] == "Team"
    assert owners["Team_red"] == owners["log Team_red"] == "Team_red"
    assert owners["Teams = low"] == "Teams"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Team", "green"),
        ("Team", None),
        ("Grade", "Low"),
        ("Shoe", 42),
        ("Shoe", np.nan),
        ("Pay", np.nan),
    ],
)
@pytest.mark.parametrize("when", ["fit", "predict"])
def test_an_unknown_level_or_a_missing_value_is_an_error_and_no_row_of_zeros(
    when: str, column: str, value: object, family: Params
) -> None:
    values = TABLE[column].astype("object")
    values[0] = value
    spoiled = select_features(TABLE.assign(**{column: values}), CONTRACT)
    pipeline = build_pipeline(CONTRACT, family)
    if when == "predict":
        pipeline.fit(select_features(TABLE, CONTRACT), LEFT)
    with pytest.raises(ValueError, match=r"unknown categories|contains NaN"):
        pipeline.fit(spoiled, LEFT) if when == "fit" else pipeline.predict_proba(spoiled)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_values_that_the_contract_allows_are_filled_and_told_apart(
    missing: object, family: Params
) -> None:
    declared: dict[str, dict[str, Any]] = {"Team": TEAM, "Grade": GRADE, "Shoe": SHOE, "Pay": PAY}
    allowed = declare_contract(
        **{name: {**column, "missing": True} for name, column in declared.items()}
    )
    holes = TABLE.copy()
    for row, column in enumerate(("Team", "Grade", "Shoe", "Pay")):
        values = holes[column].astype("object")
        values[row] = missing
        holes[column] = values
    features = select_features(holes, allowed)
    fitted = build_pipeline(allowed, family).fit(features, LEFT)
    encoded = fitted[:-2].transform(features)
    made = pd.DataFrame(encoded, columns=[each.name for each in list_inputs(allowed)])
    assert made[["Team = red", "Team = blue", "Team missing"]].iloc[0].tolist() == [0, 0, 1]
    assert made[["Grade = low", "Grade missing"]].iloc[1].tolist() == [0, 1]
    assert made["Shoe missing"].iloc[2] == 1
    for row, name in ((1, "Grade (rank)"), (2, "Shoe (rank)"), (3, "Pay"), (3, "Pay > 0")):
        assert made[name].iloc[row] == pytest.approx(made[name].drop(index=row).mean())
    assert made["Pay missing"].tolist() == [0, 0, 0, 1, 0, 0]
    scores = fitted.predict_proba(features)
    assert np.isfinite(scores).all()
    stored = skops.io.dumps(fitted)
    assert set(skops.io.get_untrusted_types(data=stored)) <= set(TRUSTED_TYPES)
    loaded = skops.io.loads(stored, trusted=list(TRUSTED_TYPES))
    np.testing.assert_array_equal(loaded.predict_proba(features), scores)


def test_a_number_that_is_always_missing_or_only_later_is_no_obstacle() -> None:
    allowed = declare_contract(Pay={**PAY, "missing": True}, Bonus=PAY)
    never = pd.DataFrame({"Pay": [np.nan] * 6, "Bonus": [1.0, 2, 3, 4, 5, 6]})
    always = never.assign(Pay=[1.0, 2, 3, 4, 5, 6])
    for known, later in ((never, always), (always, never)):
        pipeline = build_pipeline(allowed, FAMILIES[0]).fit(select_features(known, allowed), LEFT)
        assert np.isfinite(pipeline.predict_proba(select_features(later, allowed))).all()


def test_an_absent_feature_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="Shoe"):
        select_features(TABLE.drop(columns="Shoe"), CONTRACT)


def test_probabilities_sum_to_one_and_the_larger_is_predicted(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 200, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    features = select_features(table, contract)
    pipeline = build_pipeline(contract, {"family": "logistic", "C": 1.0}).fit(features, left)
    probability = pipeline.predict_proba(features)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(pipeline.predict(features), probability[:, 1] > 0.5)


def test_a_pipeline_that_was_not_fitted_predicts_nothing(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    features = select_features(make_snapshot("2026-01", 5, 0), contract)
    with pytest.raises(Exception, match="not fitted"):
        build_pipeline(contract, {"family": "logistic", "C": 1.0}).predict_proba(features)


def test_the_same_table_gives_the_same_coefficients_to_the_bit(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 300, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    features = select_features(table, contract)
    fits = [
        build_pipeline(contract, {"family": "logistic", "C": 0.1}).fit(features, left)
        for _ in range(2)
    ]
    assert fits[0]["model"].coef_.tobytes() == fits[1]["model"].coef_.tobytes()
    other = build_pipeline(contract, {"family": "logistic", "C": 1.0}).fit(features, left)
    assert fits[0]["model"].coef_.tobytes() != other["model"].coef_.tobytes()


def test_the_strength_of_regularisation_is_the_one_that_was_given(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 300, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    sizes = []
    for C in (0.001, 0.01, 0.1, 1.0):
        pipeline = build_pipeline(contract, {"family": "logistic", "C": C}).fit(
            select_features(table, contract), left
        )
        assert pipeline["model"].C == C
        sizes.append(np.abs(pipeline["model"].coef_).sum())
    assert all(smaller < larger for smaller, larger in pairwise(sizes))


def test_the_example_fits_the_model_and_belongs_to_nobody(
    cast_ibm_table: pd.DataFrame, contract: Contract
) -> None:
    example = make_example(contract)
    everyone = select_features(cast_ibm_table, contract)
    assert list(example) == list(everyone)
    assert (example.dtypes == everyone.dtypes).all()
    assert not (everyone == example.iloc[0]).all(axis=1).any()
    left = (cast_ibm_table["Attrition"] == "Yes").to_numpy().astype(int)
    pipeline = build_pipeline(contract, {"family": "logistic", "C": 0.1}).fit(everyone, left)
    assert 0 < pipeline.predict_proba(example)[0, 1] < 1


def test_the_example_follows_from_the_contract_alone() -> None:
    assert make_example(CONTRACT).to_dict("records") == [
        {"Team": "red", "Grade": "low", "Shoe": 40.0, "Pay": 5.0}
    ]
