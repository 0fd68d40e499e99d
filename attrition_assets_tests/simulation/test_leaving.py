"""The truth about leaving: what the functions compute; how well it ranks: `test_realism.py`."""

import numpy as np
import pytest

from attrition_assets.simulation.company import Company
from attrition_assets.simulation.leaving import (
    OVERTIME_EFFECT,
    SCALE,
    compute_monthly_chance,
    read_log_odds,
    solve_intercept,
)

from .conftest import FIRST_MONTH


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
