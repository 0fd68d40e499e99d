"""The truth about leaving: how well an oracle ranks people, and what the functions compute."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from attrition_assets.simulation.company import Company
from attrition_assets.simulation.leaving import (
    INTERCEPT,
    OVERTIME_EFFECT,
    SCALE,
    compute_monthly_chance,
    read_log_odds,
    solve_intercept,
)

from .conftest import FIRST_MONTH


def true_chance(snapshot: pd.DataFrame) -> np.ndarray:
    """The chance to leave within three months; people of 60 retire within the year."""
    stays = (1 - compute_monthly_chance(read_log_odds(snapshot), INTERCEPT)) ** 3
    return np.asarray(1 - stays * np.where(snapshot["Age"] == 60, 0.75, 1.0))


def test_an_oracle_ranks_leavers_as_well_as_the_real_table_allows(
    companies: list[Company],
) -> None:
    chances, left = [], []
    for company in companies:
        leaves_on = company.departures.set_index("EmployeeNumber")["DepartureDate"]
        for month in pd.period_range(FIRST_MONTH, periods=11, freq="3M"):
            month = month.asfreq("M")
            snapshot = company.snapshots[month]
            date = snapshot["EmployeeNumber"].map(leaves_on)
            left.append((date <= (month + 3).end_time).to_numpy())
            chances.append(true_chance(snapshot))
    assert 0.80 < roc_auc_score(np.concatenate(left), np.concatenate(chances)) < 0.87
    assert np.concatenate(chances).mean() == pytest.approx(np.concatenate(left).mean(), rel=0.06)


def test_overtime_raises_the_log_odds_by_its_scaled_effect(small: Company) -> None:
    snapshot = small.snapshots[FIRST_MONTH]
    rested = read_log_odds(snapshot.assign(OverTime="No"))
    worked = read_log_odds(snapshot.assign(OverTime="Yes"))
    assert worked - rested == pytest.approx(SCALE * OVERTIME_EFFECT)
    assert read_log_odds(snapshot.assign(OverTime="Yes"), 0.0) == pytest.approx(rested)


def test_twelve_monthly_chances_make_the_yearly_one() -> None:
    log_odds = np.array([-3.0, 0.0, 4.0])
    monthly = compute_monthly_chance(log_odds, 0.5)
    assert 1 - (1 - monthly) ** 12 == pytest.approx(1 / (1 + np.exp(-(log_odds + 0.5))))


def test_the_solved_intercept_gives_the_rate_asked_for() -> None:
    log_odds = np.random.default_rng(0).normal(-2, 1.5, 500)
    intercept = solve_intercept(log_odds, 0.0134)
    assert compute_monthly_chance(log_odds, intercept).mean() == pytest.approx(0.0134)
