"""Who leaves: the log-odds of leaving within a year, and the monthly chance that follows.

The effects are a logistic regression fitted to IBM's public table of 1,470 employees (HR Employee
Attrition); they are the truth that a model of the simulated company tries to learn. How people
change while they stay is in `company.py`.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq

from attrition_assets.simulation.ibm_population import NAMES

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

# A fit to 1,470 rows overstates its effects. Scaled so, ranking people by their true chance of
# leaving within three months reaches an AUC of about .83.
SCALE: Final = 0.85

# With it the stationary company loses 16.1 % of its headcount a year, retirements included.
INTERCEPT: Final = 2.87

LINEAR_EFFECTS: Final[dict[str, float]] = {
    "EnvironmentSatisfaction": -0.457,
    "JobSatisfaction": -0.383,
    "RelationshipSatisfaction": -0.279,
    "JobInvolvement": -0.569,
    "WorkLifeBalance": -0.388,
    "DistanceFromHome": 0.0495,
    "NumCompaniesWorked": 0.216,
    "TrainingTimesLastYear": -0.185,
    "PercentSalaryHike": -0.0184,
    "Education": 0.0529,
}

# Per unit of ln(1 + years); working years count up to EXPERIENCE_CAP.
YEARS_EFFECTS: Final[dict[str, float]] = {
    "TotalWorkingYears": -0.739,
    "YearsAtCompany": 0.471,
    "YearsInCurrentRole": -0.510,
    "YearsSinceLastPromotion": 0.568,
    "YearsWithCurrManager": -0.434,
}

# Beyond it the table is thin, and an unlimited effect makes a stationary staff of people who never
# leave. For the same reason, and because its effect is not significant beside the years (z -1.7),
# age itself is left out.
EXPERIENCE_CAP: Final = 15

# Per unit of ln(income a month).
INCOME_EFFECT: Final = -0.621

OVERTIME_EFFECT: Final = 1.960

# By code; nominal columns in the order of NAMES, the others from level 0.
LEVEL_EFFECTS: Final[dict[str, tuple[float, ...]]] = {
    "OverTime": (0.0, OVERTIME_EFFECT),
    "BusinessTravel": (0.0, 0.904, 1.903),
    "MaritalStatus": (-0.202, 0.0, 0.258),
    "Gender": (0.0, 0.422),
    "StockOptionLevel": (1.117, 0.0, 0.0, 0.548),
    "JobLevel": (0.0, 2.384, 1.534, 2.300, 3.067, 3.834),
    "PerformanceRating": (0.0, 0.0, 0.0, 0.0, 0.084),
    "JobRole": (0.316, 0.720, 0.911, -0.092, 0.540, -1.136, 0.0, 1.403, 1.142),
    "EducationField": (0.573, 0.0, 0.440, -0.089, 0.048, 0.979),
}


def compute_log_odds(columns: Mapping[str, Whole], overtime_factor: float = 1.0) -> Real:
    """Log-odds of leaving within a year, without the intercept, one for each person.

    `columns` holds whole numbers: nominal columns as their position in `NAMES`. `overtime_factor`
    multiplies the effect of overtime. Source: see the module; the effects are scaled by `SCALE`.
    """
    total = np.log(columns["MonthlyIncome"]) * INCOME_EFFECT
    total += columns["OverTime"] * OVERTIME_EFFECT * (overtime_factor - 1)
    for name, effect in LINEAR_EFFECTS.items():
        total += columns[name] * effect
    for name, effect in YEARS_EFFECTS.items():
        cap = EXPERIENCE_CAP if name == "TotalWorkingYears" else None
        total += np.log1p(np.clip(columns[name], None, cap)) * effect
    for name, effects in LEVEL_EFFECTS.items():
        total += np.take(effects, columns[name])
    return total * SCALE


def read_log_odds(snapshot: pd.DataFrame, overtime_factor: float = 1.0) -> Real:
    """The same log-odds from a snapshot's own columns: what an oracle would rank people by."""
    columns = {
        name: pd.Index(NAMES[name]).get_indexer(pd.Index(snapshot[name])).astype(np.int64)
        if name in NAMES
        else snapshot[name].to_numpy(dtype=np.int64)
        for name in (*LINEAR_EFFECTS, *YEARS_EFFECTS, *LEVEL_EFFECTS, "MonthlyIncome")
    }
    return compute_log_odds(columns, overtime_factor)


def compute_monthly_chance(log_odds: Real, intercept: float) -> Real:
    """The chance to leave within the next month: 1 - (1 - p)^(1/12), p the chance within a year."""
    return -np.expm1(-np.logaddexp(0.0, log_odds + intercept) / 12)


def solve_intercept(log_odds: Real, mean_monthly_chance: float) -> float:
    """The intercept at which people with `log_odds` leave at this mean chance a month."""

    def miss(intercept: float) -> float:
        return float(compute_monthly_chance(log_odds, intercept).mean()) - mean_monthly_chance

    return float(brentq(miss, -60.0, 60.0))
