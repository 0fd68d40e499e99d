from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

from attrition_assets.adapters.registry import TRUSTED_TYPES
from attrition_assets.contract import Contract
from attrition_assets.training.features import (
    build_pipeline,
    make_example,
    name_effects,
    select_features,
    weigh_columns,
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


def test_numbers_become_floats_and_only_features_are_selected_in_the_contracts_order() -> None:
    features = select_features(TABLE, CONTRACT)
    assert list(features) == ["Team", "Grade", "Shoe", "Pay"]
    assert features.dtypes.astype(str).tolist() == ["object", "object", "float64", "float64"]


def test_levels_become_indicators_and_ranks_in_the_contracts_order() -> None:
    columns = build_pipeline(CONTRACT, C=1.0).named_steps["columns"]
    encoded = columns.fit_transform(select_features(TABLE, CONTRACT))
    assert list(columns.get_feature_names_out()) == [
        "Team_red",
        "Team_blue",
        "Grade",
        "Shoe",
        "Pay",
    ]
    assert encoded.tolist()[:3] == [[1, 0, 0, 0, 1], [0, 1, 2, 1, 2], [1, 0, 1, 2, 3]]


def test_a_level_that_nobody_has_still_has_its_place() -> None:
    reds = TABLE.assign(Team="red")
    pipeline = build_pipeline(CONTRACT, C=1.0).fit(select_features(reds, CONTRACT), LEFT)
    effects = name_effects(pipeline)
    assert list(effects) == ["Team_red", "Team_blue", "Grade", "Shoe", "Pay"]
    assert effects["Team_blue"] == 0
    scores = pipeline.predict_proba(select_features(TABLE, CONTRACT))
    assert np.isfinite(scores).all()


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
    when: str, column: str, value: object
) -> None:
    values = TABLE[column].astype("object")
    values[0] = value
    spoiled = select_features(TABLE.assign(**{column: values}), CONTRACT)
    pipeline = build_pipeline(CONTRACT, C=1.0)
    if when == "predict":
        pipeline.fit(select_features(TABLE, CONTRACT), LEFT)
    with pytest.raises(ValueError, match=r"unknown categories|contains NaN"):
        pipeline.fit(spoiled, LEFT) if when == "fit" else pipeline.predict_proba(spoiled)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_missing_values_that_the_contract_allows_are_filled_and_told_apart(
    missing: object,
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
    columns = build_pipeline(allowed, C=1.0).named_steps["columns"]
    encoded = pd.DataFrame(columns.fit_transform(features), columns=columns.get_feature_names_out())
    assert encoded.loc[0, "Team_blue"] == 1
    assert encoded.loc[1, "Grade"] == 0
    assert encoded.loc[2, "Shoe"] == 0
    assert encoded.loc[3, "Pay"] == 3
    assert encoded["missingindicator_Pay"].tolist() == [0, 0, 0, 1, 0, 0]
    fitted = build_pipeline(allowed, C=1.0).fit(features, LEFT)
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
        pipeline = build_pipeline(allowed, C=1.0).fit(select_features(known, allowed), LEFT)
        assert np.isfinite(pipeline.predict_proba(select_features(later, allowed))).all()


def test_an_absent_feature_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="Shoe"):
        select_features(TABLE.drop(columns="Shoe"), CONTRACT)


def test_the_effect_of_a_feature_is_named_and_has_its_sign(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 600, 0)
    left = ((table["OverTime"] == "Yes") & (table["JobSatisfaction"] < 3)).to_numpy().astype(int)
    pipeline = build_pipeline(contract, C=1.0).fit(select_features(table, contract), left)
    effects = name_effects(pipeline)
    assert effects["OverTime_Yes"] > 0 > effects["OverTime_No"]
    assert effects["JobSatisfaction"] == min(effects.values())
    assert not any(name.startswith(("Age", "Gender", "Over18")) for name in effects)


def test_probabilities_sum_to_one_and_the_larger_is_predicted(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 200, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    features = select_features(table, contract)
    pipeline = build_pipeline(contract, C=1.0).fit(features, left)
    probability = pipeline.predict_proba(features)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    np.testing.assert_array_equal(pipeline.predict(features), probability[:, 1] > 0.5)


def test_a_pipeline_that_was_not_fitted_predicts_nothing(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    features = select_features(make_snapshot("2026-01", 5, 0), contract)
    with pytest.raises(Exception, match="not fitted"):
        build_pipeline(contract, C=1.0).predict_proba(features)


def test_the_same_table_gives_the_same_coefficients_to_the_bit(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 300, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    features = select_features(table, contract)
    fits = [build_pipeline(contract, C=0.1).fit(features, left) for _ in range(2)]
    assert fits[0]["model"].coef_.tobytes() == fits[1]["model"].coef_.tobytes()
    assert name_effects(fits[0]) != name_effects(
        build_pipeline(contract, C=1.0).fit(features, left)
    )


def test_the_strength_of_regularisation_is_the_one_that_was_given(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 300, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype(int)
    sizes = []
    for C in (0.001, 0.01, 0.1, 1.0):
        pipeline = build_pipeline(contract, C=C).fit(select_features(table, contract), left)
        assert pipeline["model"].C == C
        sizes.append(np.abs(list(name_effects(pipeline).values())).sum())
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
    pipeline = build_pipeline(contract, C=0.1).fit(everyone, left)
    assert 0 < pipeline.predict_proba(example)[0, 1] < 1


def test_the_example_follows_from_the_contract_alone() -> None:
    assert make_example(CONTRACT).to_dict("records") == [
        {"Team": "red", "Grade": "low", "Shoe": 40.0, "Pay": 5.0}
    ]


def test_a_column_weighs_as_much_as_the_largest_effect_of_its_inputs() -> None:
    pipeline = build_pipeline(CONTRACT, C=1.0).fit(select_features(TABLE, CONTRACT), LEFT)
    effects, weights = name_effects(pipeline), weigh_columns(pipeline, CONTRACT)
    assert list(weights) == ["Team", "Grade", "Shoe", "Pay"]
    assert weights["Team"] == max(abs(effects["Team_red"]), abs(effects["Team_blue"]))
    for name in ("Grade", "Shoe", "Pay"):
        assert weights[name] == abs(effects[name]) > 0


def test_what_decides_weighs_most_and_protected_columns_weigh_nothing(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 600, 0)
    left = ((table["OverTime"] == "Yes") & (table["JobSatisfaction"] < 3)).to_numpy().astype(int)
    pipeline = build_pipeline(contract, C=1.0).fit(select_features(table, contract), left)
    weights = weigh_columns(pipeline, contract)
    assert set(weights) == set(contract.features)
    assert {"OverTime", "JobSatisfaction"} == set(sorted(weights, key=weights.__getitem__)[-2:])
    assert min(weights.values()) >= 0


def test_columns_whose_names_begin_alike_are_told_apart() -> None:
    alike = declare_contract(Team=TEAM, Team_Pay=PAY, Teams=GRADE)
    table = TABLE.rename(columns={"Pay": "Team_Pay", "Grade": "Teams"})
    pipeline = build_pipeline(alike, C=1.0).fit(select_features(table, alike), LEFT)
    effects, weights = name_effects(pipeline), weigh_columns(pipeline, alike)
    assert weights == {
        "Team": max(abs(effects["Team_red"]), abs(effects["Team_blue"])),
        "Team_Pay": abs(effects["Team_Pay"]),
        "Teams": abs(effects["Teams"]),
    }


def test_a_column_with_missing_values_weighs_its_indicator_too() -> None:
    allowed = declare_contract(Team={**TEAM, "missing": True}, Pay={**PAY, "missing": True})
    table = TABLE.assign(Pay=[1.0, np.nan, 3.0, np.nan, 5.0, np.nan])
    pipeline = build_pipeline(allowed, C=1.0).fit(select_features(table, allowed), LEFT)
    effects, weights = name_effects(pipeline), weigh_columns(pipeline, allowed)
    assert weights["Pay"] == max(abs(effects["Pay"]), abs(effects["missingindicator_Pay"]))
