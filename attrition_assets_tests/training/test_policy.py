from pathlib import Path

import numpy as np
import pytest

from attrition_assets.contract import DEFAULT_CONTRACT
from attrition_assets.errors import ContractError
from attrition_assets.training.evaluation import choose_threshold
from attrition_assets.training.families import Family
from attrition_assets.training.policy import TrainingPolicy, read_training_policy

RNG = np.random.default_rng(0)
PROBABILITY = RNG.random(1000)
LEFT = (RNG.random(1000) < PROBABILITY).astype("int64")


def test_the_shipped_policy_searches_both_families_and_lets_the_past_fade() -> None:
    policy = read_training_policy(DEFAULT_CONTRACT)
    assert (policy.families, policy.half_life_months) == (tuple(Family), 6)


def test_by_default_the_threshold_is_the_one_with_the_best_f2() -> None:
    threshold = TrainingPolicy().choose_threshold(LEFT, PROBABILITY)
    assert threshold == choose_threshold(LEFT, PROBABILITY)


def test_a_capacity_flags_that_share_of_people() -> None:
    threshold = TrainingPolicy(flag_top_share=0.15).choose_threshold(LEFT, PROBABILITY)
    assert (threshold <= PROBABILITY).mean() == pytest.approx(0.15, abs=0.001)


@pytest.mark.parametrize(
    ("scores", "flagged"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 3),
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.7, 0.9, 0.9], 2),  # with the two of .7 there are 4
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9], 0),
        ([0.5] * 10, 0),
        ([1.0] * 10, 0),
    ],
)
def test_a_capacity_is_never_exceeded_by_people_with_the_same_score(
    scores: list[float], flagged: int
) -> None:
    probability = np.array(scores)
    policy = TrainingPolicy(flag_top_share=0.3)
    threshold = policy.choose_threshold(np.zeros(10, dtype="int64"), probability)
    assert (probability >= threshold).sum() == flagged


def test_a_cost_flags_where_flagging_is_cheaper_in_expectation() -> None:
    policy = TrainingPolicy(missed_leaver_costs=4)
    threshold = policy.choose_threshold(LEFT, PROBABILITY)
    flagging, missing = 1 - threshold, 4 * threshold
    assert flagging == pytest.approx(missing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("training: {half_live_months: 6}", "half_live_months"),
        ("training: {families: [trees]}", "families"),
        ("training: {families: []}", "families"),
        ("training: {families: [logistic, logistic]}", "repeats a family"),
        ("training: {flag_top_share: 15}", "flag_top_share"),
        ("training: {flag_top_share: 0.1, missed_leaver_costs: 3}", "not both"),
        ("training: 6", "training"),
    ],
)
def test_a_typo_in_the_policy_is_named_with_what_is_accepted(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(ContractError) as error:
        read_training_policy(tmp_path / "contract.yaml")
    assert said in str(error.value)
    assert "accepted are: families, half_life_months" in str(error.value)
