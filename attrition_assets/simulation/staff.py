"""The people of the simulated company at one moment, and what a snapshot shows of them.

Every date is a month's ordinal (`pd.Period.ordinal`), so that people age without being touched.
How people are drawn is in `hiring.py`, what happens to them in `company.py`.
"""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtr

from attrition_assets.contract import order_columns, read_contract
from attrition_assets.months import last_day
from attrition_assets.simulation import ibm_population as ibm
from attrition_assets.simulation.leaving import Real, Whole

_PAY_BANDS: Final = np.array(ibm.PAY_BANDS, dtype=float)
_NAMES: Final = {name: np.array(names, dtype=object) for name, names in ibm.NAMES.items()}


@dataclass
class Staff:
    """One array for each property, one element for each person.

    Months are ordinals, nominal properties positions in `ibm_population.NAMES`. `rates` has a
    column for each of the three rates, `survey` one for each item of `ibm_population.SURVEY`.
    `career_rank` is 0 for the fastest career; `pay_position` is in standard deviations of the pay
    band; `pay` is before any inflation.
    """

    number: Whole
    born: Whole
    career_start: Whole
    hired: Whole
    position_since: Whole
    promoted: Whole
    manager_since: Whole
    gender: Whole
    marital_status: Whole
    business_travel: Whole
    department: Whole
    education: Whole
    education_field: Whole
    distance: Whole
    companies: Whole
    stock_options: Whole
    rates: Whole
    level: Whole
    role: Whole
    career_rank: Real
    pay_position: Real
    pay: Real
    hike: Whole
    survey: Whole
    trainings: Whole
    overtime: Whole

    def __len__(self) -> int:
        return len(self.number)

    def replace(self, slots: Whole, hires: "Staff") -> None:
        """Put `hires` into `slots`, whose people have left."""
        for field in fields(self):
            getattr(self, field.name)[slots] = getattr(hires, field.name)

    def append(self, hires: "Staff") -> None:
        """Add `hires` to the people who are here."""
        for field in fields(self):
            people = [getattr(self, field.name), getattr(hires, field.name)]
            setattr(self, field.name, np.concatenate(people))

    def show_columns(self, now: int, pay_level: float) -> dict[str, Whole]:
        """The columns of a snapshot at the end of month `now`, all as whole numbers.

        Years are completed years; nominal columns are codes. `pay_level` multiplies the pay, which
        is then rounded and kept within `ibm_population.PAY_RANGE`.
        """
        columns = {
            "EmployeeNumber": self.number,
            "Age": (now - self.born) // 12,
            "Gender": self.gender,
            "MaritalStatus": self.marital_status,
            "BusinessTravel": self.business_travel,
            "DailyRate": self.rates[:, 0],
            "Department": self.department,
            "DistanceFromHome": self.distance,
            "Education": self.education,
            "EducationField": self.education_field,
            "EmployeeCount": np.ones_like(self.number),
            "HourlyRate": self.rates[:, 1],
            "JobLevel": self.level,
            "JobRole": self.role,
            "MonthlyIncome": np.rint(self.pay * pay_level).clip(*ibm.PAY_RANGE).astype(np.int64),
            "MonthlyRate": self.rates[:, 2],
            "NumCompaniesWorked": self.companies,
            "Over18": np.zeros_like(self.number),
            "OverTime": self.overtime,
            "PercentSalaryHike": self.hike,
            "PerformanceRating": np.where(self.hike >= ibm.TOP_RATING_HIKE, 4, 3),
            "StandardHours": np.full_like(self.number, 80),
            "StockOptionLevel": self.stock_options,
            "TotalWorkingYears": (now - self.career_start) // 12,
            "TrainingTimesLastYear": self.trainings,
            "YearsAtCompany": (now - self.hired) // 12,
            "YearsInCurrentRole": (now - self.position_since) // 12,
            "YearsSinceLastPromotion": (now - self.promoted) // 12,
            "YearsWithCurrManager": (now - self.manager_since) // 12,
        }
        for item, answers in zip(ibm.SURVEY, self.survey.T, strict=True):
            columns[item] = answers
        return columns


def compute_pay(level: Whole, role: Whole, pay_position: Real) -> Real:
    """Monthly income before inflation: the quantile of the pay band where the person stands."""
    bands = _PAY_BANDS[level - 1, np.take(ibm.PAY_TIER, role)]
    steps = np.array(ibm.PAY_QUANTILES)
    quantile = ndtr(pay_position)
    upper = np.searchsorted(steps[1:-1], quantile, side="right") + 1
    weight = (quantile - steps[upper - 1]) / (steps[upper] - steps[upper - 1])
    rows = np.arange(len(bands))
    pay: Real = bands[rows, upper - 1] * (1 - weight) + bands[rows, upper] * weight
    return pay


def build_snapshot(columns: dict[str, Whole], month: pd.Period) -> pd.DataFrame:
    """A snapshot of `month` from `Staff.show_columns`: the contract's order, by employee number.

    It is dated the month's last day and has every column of the contract except the label.
    """
    order = np.argsort(columns["EmployeeNumber"])
    table = pd.DataFrame(
        {
            name: _NAMES[name][values[order]] if name in _NAMES else values[order]
            for name, values in columns.items()
        }
    )
    table["SnapshotDate"] = last_day(month)
    return order_columns(table, read_contract())
