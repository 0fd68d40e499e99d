"""What the simulated people look like: names of codes, shares, pay bands and yearly rates.

The targets are the marginals and cross-tables of IBM's public table of 1,470 employees (HR Employee
Attrition, Apache-2.0); no row of it is here. Who leaves is in `leaving.py`; how people
are drawn from these numbers is in `hiring.py`, what happens to them in `company.py`.

Shares of *hires* are not shares of the staff: a group that leaves more often has to be hired more
often. They were solved by iterative proportional fitting (hire share times target share over
simulated share, repeated) until the stationary staff had nearly IBM's shares. Where the numbers are
not shares, they were chosen so that the stationary means come near IBM's.
"""

from typing import Final

# Names of the nominal columns; inside the simulation a value is its position here.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    "Gender": ("Female", "Male"),
    "MaritalStatus": ("Divorced", "Married", "Single"),
    "BusinessTravel": ("Non-Travel", "Travel_Rarely", "Travel_Frequently"),
    "Department": ("Human Resources", "Research & Development", "Sales"),
    "EducationField": (
        "Human Resources",
        "Life Sciences",
        "Marketing",
        "Medical",
        "Other",
        "Technical Degree",
    ),
    "JobRole": (
        "Healthcare Representative",
        "Human Resources",
        "Laboratory Technician",
        "Manager",
        "Manufacturing Director",
        "Research Director",
        "Research Scientist",
        "Sales Executive",
        "Sales Representative",
    ),
    "OverTime": ("No", "Yes"),
    "Over18": ("Y",),
}

# ---- Hires: shares in the order of NAMES, or of the levels from the lowest -----------------------

GENDER: Final = (0.340, 0.660)
MARITAL_STATUS: Final = (0.143, 0.368, 0.489)
BUSINESS_TRAVEL: Final = (0.096, 0.704, 0.200)
DEPARTMENT: Final = (0.049, 0.572, 0.379)
EDUCATION: Final = (0.109, 0.186, 0.391, 0.279, 0.035)

# Stock options 0 to 3, by marital status: single people have none.
STOCK_OPTIONS: Final = (
    (0.026, 0.593, 0.228, 0.153),
    (0.238, 0.587, 0.120, 0.055),
    (1.0, 0.0, 0.0, 0.0),
)

# Education field, by department.
EDUCATION_FIELD: Final = (
    (0.482, 0.211, 0.0, 0.162, 0.042, 0.103),
    (0.0, 0.435, 0.0, 0.338, 0.065, 0.162),
    (0.0, 0.288, 0.403, 0.158, 0.029, 0.122),
)

# Kilometres from home, 1 to 29.
DISTANCE: Final = (
    0.108, 0.114, 0.047, 0.037, 0.038, 0.036, 0.052, 0.051, 0.054, 0.058, 0.021, 0.014, 0.014,
    0.016, 0.020, 0.025, 0.017, 0.022, 0.019, 0.024, 0.017, 0.018, 0.026, 0.029, 0.026, 0.027,
    0.014, 0.026, 0.033,
)  # fmt: skip

# NumCompaniesWorked, 0 to 9.
COMPANIES: Final = (0.104, 0.356, 0.076, 0.092, 0.089, 0.046, 0.057, 0.068, 0.050, 0.060)

# Age at the first job, and years of work before this company where NumCompaniesWorked is 2 or more:
# quantiles at even steps from 0 to 1.
FIRST_JOB_AGE: Final = (18.0, 18.6, 19.8, 21.0, 22.6, 24.2, 26.2, 28.4, 31.4, 35.5, 45.0)
EARLIER_YEARS: Final = (0.5, 1.1, 1.6, 2.0, 2.5, 3.1, 4.0, 5.5, 8.5, 13.5, 24.0)

# The share of people with NumCompaniesWorked 1 whose first job is this company.
FIRST_JOB_IS_HERE: Final = 0.91

# Years at the company of the founders, same form: a start that the burn-in replaces.
FOUNDERS_TENURE: Final = (0.0, 0.7, 1.7, 3.0, 4.8, 8.0, 12.0, 16.0, 20.0, 25.0, 40.0)

# ---- Careers ------------------------------------------------------------------------------------

# The share of people who are due at a level after so many years of work: level 2 by department,
# levels 3 to 5 for all. A person keeps a rank for life, 0 the fastest, and is due at a level once
# its share passes the rank.
CAREER_YEARS: Final = (0.0, 2.5, 4.0, 8.0, 9.5, 15.0, 20.5, 24.0, 57.0)
LEVEL_2_SHARES: Final = (
    (0.0, 0.0, 0.02, 0.10, 0.85, 0.90, 0.90, 1.0, 1.0),
    (0.0, 0.0, 0.22, 0.28, 0.76, 0.84, 0.86, 1.0, 1.0),
    (0.10, 0.40, 0.85, 0.93, 0.96, 0.97, 0.97, 1.0, 1.0),
)
HIGHER_LEVEL_SHARES: Final = (
    (0.0, 0.0, 0.0, 0.0, 0.25, 0.28, 0.30, 0.88, 0.96),
    (0.0, 0.0, 0.0, 0.0, 0.01, 0.02, 0.03, 0.64, 0.78),
    (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.27, 0.37),
)

# Job roles by department and level.
JOB_ROLE: Final[dict[str, tuple[dict[str, float], ...]]] = {
    "Human Resources": (
        {"Human Resources": 1},
        {"Human Resources": 1},
        {"Human Resources": 1},
        {"Manager": 1},
        {"Manager": 1},
    ),
    "Research & Development": (
        {"Laboratory Technician": 0.53, "Research Scientist": 0.47},
        {
            "Healthcare Representative": 0.27,
            "Laboratory Technician": 0.22,
            "Manufacturing Director": 0.32,
            "Research Scientist": 0.19,
        },
        {
            "Healthcare Representative": 0.35,
            "Laboratory Technician": 0.03,
            "Manager": 0.06,
            "Manufacturing Director": 0.38,
            "Research Director": 0.17,
            "Research Scientist": 0.01,
        },
        {
            "Healthcare Representative": 0.15,
            "Manager": 0.34,
            "Manufacturing Director": 0.18,
            "Research Director": 0.33,
        },
        {"Manager": 0.52, "Research Director": 0.48},
    ),
    "Sales": (
        {"Sales Representative": 1},
        {"Sales Executive": 0.97, "Sales Representative": 0.03},
        {"Manager": 0.04, "Sales Executive": 0.96},
        {"Manager": 0.48, "Sales Executive": 0.52},
        {"Manager": 1},
    ),
}

# ---- Pay ----------------------------------------------------------------------------------------

# The tier of each role, and monthly income by level and tier (staff, specialists, leaders) at the
# quantiles PAY_QUANTILES.
PAY_TIER: Final = (1, 0, 0, 2, 1, 2, 0, 1, 0)
PAY_QUANTILES: Final = (0.0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.98, 1.0)
_LEVEL_1 = (1010, 1260, 2060, 2220, 2350, 2500, 2670, 2810, 3000, 3420, 3830, 4740, 4970)
_LEVEL_2_STAFF = (2040, 2160, 2990, 3690, 4200, 4450, 4790, 5130, 5410, 5750, 6310, 6710, 6960)
_LEVEL_2 = (4000, 4050, 4300, 4590, 4900, 5240, 5470, 5810, 6270, 6640, 7550, 9720, 9990)
_LEVEL_3 = (7000, 7100, 7440, 7840, 8380, 8820, 9440, 9980, 10270, 10470, 10770, 10940, 11000)
_LEVEL_3_LEADERS = (
    11030, 11130, 11500, 11710, 11910, 12000, 12500, 13200, 13380, 13560, 13620, 13750, 13760,
)  # fmt: skip
_LEVEL_4 = (
    11100, 11190, 12060, 12950, 13170, 13230, 13340, 13510, 13620, 13750, 13860, 13960, 13970,
)  # fmt: skip
_LEVEL_4_LEADERS = (
    14030, 14190, 14820, 15980, 16300, 16600, 16790, 16900, 17140, 17420, 17650, 17870, 17920,
)  # fmt: skip
_LEVEL_5 = (
    18040, 18100, 18300, 18770, 19040, 19150, 19230, 19400, 19530, 19630, 19840, 19960, 20000,
)  # fmt: skip
PAY_BANDS: Final = (
    (_LEVEL_1, _LEVEL_1, _LEVEL_1),
    (_LEVEL_2_STAFF, _LEVEL_2, _LEVEL_2),
    (_LEVEL_3, _LEVEL_3, _LEVEL_3_LEADERS),
    (_LEVEL_4, _LEVEL_4, _LEVEL_4_LEADERS),
    (_LEVEL_5, _LEVEL_5, _LEVEL_5),
)
# Where people stand in their band, in standard deviations: hires, and the yearly step of a raise.
HIRE_POSITION: Final = -0.25
HIRE_POSITION_SPREAD: Final = 0.97
RAISE_STEP: Final = 0.04

# ---- What changes with time ---------------------------------------------------------------------

# Survey answers from the lowest, trainings from 0, hikes from LOWEST_HIKE percent.
SURVEY: Final[dict[str, tuple[float, ...]]] = {
    "EnvironmentSatisfaction": (0.193, 0.195, 0.308, 0.304),
    "JobInvolvement": (0.056, 0.255, 0.590, 0.099),
    "JobSatisfaction": (0.197, 0.190, 0.301, 0.312),
    "RelationshipSatisfaction": (0.188, 0.206, 0.312, 0.294),
    "WorkLifeBalance": (0.054, 0.234, 0.608, 0.104),
}
TRAININGS: Final = (0.037, 0.048, 0.372, 0.334, 0.084, 0.081, 0.044)
LOWEST_HIKE: Final = 11
HIKES: Final = (
    0.143, 0.135, 0.142, 0.137, 0.069, 0.053, 0.056, 0.061, 0.052, 0.037, 0.033, 0.038, 0.019,
    0.014, 0.011,
)  # fmt: skip
MEAN_HIKE: Final = 15.2
TOP_RATING_HIKE: Final = 20

# Monthly chances. Surveys, trainings and travel are redrawn once a year on average, and 12 % leave
# overtime a month: assumptions.
REDRAW_CHANCE: Final = 1 / 12
OVERTIME_SHARE: Final = 0.283
OVERTIME_END_CHANCE: Final = 0.12
OVERTIME_START_CHANCE: Final = 0.0495
NEW_MANAGER_CHANCE: Final = 0.12 / 12
NEW_POSITION_CHANCE: Final = 0.05 / 12

# From which department to which a reorganisation moves people: this way, nobody brings a field of
# education that is unknown in the new department.
REORGANISED: Final = ("Research & Development", "Sales")

# After PROMOTION_MONTHS at the company: to the level that is due, or else a grade within the level.
PROMOTION_MONTHS: Final = 18
LEVEL_PROMOTION_CHANCE: Final = 0.90 / 12
GRADE_PROMOTION_CHANCE: Final = 0.19 / 12

REVIEW_CALENDAR_MONTH: Final = 4

# ---- Limits -------------------------------------------------------------------------------------

# Pay a month, as in the contract; the daily, hourly and monthly rates, which are noise; ages.
PAY_RANGE: Final = (1_000, 30_000)
LOWEST_RATES: Final = (102, 30, 2094)
HIGHEST_RATES: Final = (1499, 100, 26999)
LOWEST_AGE: Final = 18
HIGHEST_HIRE_AGE: Final = 45
RETIREMENT_AGE: Final = 61
