import numpy as np
import pandas as pd
import pytest

from attrition_assets.training.folds import (
    scale_weights,
    split_ahead,
    split_people,
    weigh_rows,
)
from attrition_assets.training.reference import LABEL
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(X={"kind": "continuous", "role": "feature", "range": [0, 1]})
DATES = pd.date_range("2025-01-31", periods=6, freq="ME")


def make_rows(share: float = 0.3, months: int = 6) -> pd.DataFrame:
    people = np.tile(np.arange(300), months)
    left = np.random.default_rng(0).random(len(people)) < share
    dates = np.repeat(DATES[:months], 300)
    return pd.DataFrame({"Id": people, "Date": dates, LABEL: left.astype("float64")})


def test_a_weight_halves_with_each_half_life_and_is_one_on_average() -> None:
    weights = weigh_rows(pd.Series(DATES), 3)
    assert weights.mean() == pytest.approx(1)
    np.testing.assert_allclose(weights[3:] / weights[:3], 2)
    np.testing.assert_array_equal(weigh_rows(pd.Series(DATES), 0), np.ones(6))


def test_scaled_weights_keep_their_proportions_and_equal_ones_are_exactly_one() -> None:
    np.testing.assert_allclose(scale_weights(np.array([0.1, 0.2, 0.3])), [0.5, 1.0, 1.5])
    np.testing.assert_array_equal(scale_weights(np.ones(7)), np.ones(7))


def test_where_there_are_months_the_newest_third_is_predicted_from_those_before() -> None:
    rows = make_rows()
    splits = split_people(rows, CONTRACT, seed=0)
    ahead = split_ahead(splits, rows, CONTRACT)
    predicted = np.concatenate([test for _, test in ahead])
    assert sorted(predicted) == np.flatnonzero(rows["Date"] >= DATES[4]).tolist()
    for train, test in ahead:
        assert rows["Date"].iloc[train].max() < rows["Date"].iloc[test].min()
        assert not set(rows["Id"].iloc[train]) & set(rows["Id"].iloc[test])


def test_without_months_or_leavers_enough_the_splits_are_as_they_were() -> None:
    for rows in (make_rows(months=2), make_rows(share=0.02)):
        splits = split_people(rows, CONTRACT, seed=0)
        assert split_ahead(splits, rows, CONTRACT) is splits
