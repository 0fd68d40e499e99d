import numpy as np
import pandas as pd
import pytest

from attrition_assets.training.explanations import (
    compare_importance,
    compute_contributions,
    give_reasons,
    measure_importance,
    rank_values,
)
from attrition_assets.training.families import DEFAULTS, Family, build_pipeline
from attrition_assets.training.features import select_features
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(
    Team={"kind": "nominal", "role": "feature", "levels": ["red", "blue"]},
    Grade={"kind": "ordinal", "role": "feature", "levels": ["low", "middle", "high"]},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 10]},
    Noise={"kind": "continuous", "role": "feature", "range": [0, 10]},
    Age={"kind": "continuous", "role": "protected", "range": [18, 80]},
)


def make_people(rows: int = 500) -> tuple[pd.DataFrame, np.ndarray]:
    """People who leave where their pay is low or their team is red."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "Team": rng.choice(["red", "blue"], rows),
            "Grade": rng.choice(["low", "middle", "high"], rows),
            "Pay": rng.uniform(0, 10, rows),
            "Noise": rng.uniform(0, 10, rows),
            "Age": rng.uniform(18, 80, rows),
        }
    )
    score = 3 - table["Pay"] + 1.5 * (table["Team"] == "red")
    return table, (rng.random(rows) < 1 / (1 + np.exp(-score))).to_numpy().astype("int64")


@pytest.mark.parametrize("family", Family)
def test_contributions_add_up_to_the_log_odds_and_tell_what_decides(family: Family) -> None:
    table, left = make_people(2000)
    features = select_features(table, CONTRACT)
    pipeline = build_pipeline(CONTRACT, DEFAULTS[family]).fit(features, left)
    added, base = compute_contributions(pipeline, table, CONTRACT)
    assert list(added) == ["Team", "Grade", "Pay", "Noise"]
    np.testing.assert_allclose(added.sum(axis=1) + base, pipeline.decision_function(features))
    importance = measure_importance(added)
    assert list(importance)[:2] == ["Pay", "Team"]
    reds = table["Team"] == "red"
    assert (added.loc[reds, "Team"] > 0).all()
    assert (added.loc[~reds, "Team"] < 0).all()
    assert np.corrcoef(added["Pay"], table["Pay"])[0, 1] < -0.8
    reasons = give_reasons(added)
    assert (reasons[table["Pay"] < 1].str.split("; ").str[0] == "Pay").all()


def test_reasons_are_the_columns_that_raise_a_score_and_at_most_three() -> None:
    added = pd.DataFrame(
        [[0.1, 0.4, 0.3, 0.2], [-0.1, 0.0, 0.2, -1.0], [-1.0, -1.0, -1.0, 0.0]],
        columns=["A", "B", "C", "D"],
        index=[7, 8, 9],
    )
    assert give_reasons(added).to_dict() == {7: "B; C; D", 8: "C", 9: ""}


def test_like_importances_correlate_and_turned_ones_do_not() -> None:
    before = {"A": 3.0, "B": 2.0, "C": 1.0}
    assert compare_importance(before, {"A": 0.3, "B": 0.2, "C": 0.1}) == pytest.approx(1)
    assert compare_importance(before, {"A": 1.0, "B": 2.0, "C": 3.0}) == pytest.approx(-1)
    assert compare_importance(before, {"A": 1.0, "B": 1.0, "C": 1.0}) == 0
    assert compare_importance({"A": 1.0, "B": 0.5}, {"C": 1.0, "D": 0.5}) < 0


def test_ranks_are_of_numbers_and_ordered_levels_only() -> None:
    table, _ = make_people(4)
    ranks = rank_values(table.assign(Grade=["low", "high", "middle", "low"]), CONTRACT)
    assert ranks["Team"].isna().all()
    assert ranks["Grade"].tolist() == [0.375, 1.0, 0.75, 0.375]
    assert ranks["Pay"].max() == 1
