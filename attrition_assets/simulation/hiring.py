"""Drawing people: the founders and the hires of a month, and single properties of either.

The shares come from `ibm_population.py`. What happens to people after that is in `company.py`.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from attrition_assets.simulation import ibm_population as ibm
from attrition_assets.simulation.leaving import Real, Whole
from attrition_assets.simulation.staff import Staff, compute_pay

_ROLES: Final = np.array(
    [
        [[shares.get(role, 0) for role in ibm.NAMES["JobRole"]] for shares in ibm.JOB_ROLE[name]]
        for name in ibm.NAMES["Department"]
    ],
    dtype=float,
)


def draw_codes(rng: np.random.Generator, shares: Sequence[float], count: int) -> Whole:
    """Draw `count` positions in `shares`, which need not add up to 1."""
    limits = np.cumsum(shares)
    picks = np.searchsorted(limits, rng.random(count) * limits[-1], side="right")
    return np.asarray(picks, dtype=np.int64)


def draw_codes_given(rng: np.random.Generator, shares: Real) -> Whole:
    """Draw one position for each row of `shares` (people x positions)."""
    limits = np.cumsum(shares, axis=1)
    picks = rng.random((len(limits), 1)) * limits[:, -1:]
    return np.asarray(np.sum(picks >= limits, axis=1), dtype=np.int64)


def draw_roles(rng: np.random.Generator, department: Whole, level: Whole) -> Whole:
    """Draw a job role for each person, given department and level (1 to 5)."""
    return draw_codes_given(rng, _ROLES[department, level - 1])


def draw_stock_options(rng: np.random.Generator, marital_status: Whole) -> Whole:
    """Draw a stock option level (0 to 3) for each person, given marital status."""
    return draw_codes_given(rng, np.array(ibm.STOCK_OPTIONS)[marital_status])


def draw_hikes(rng: np.random.Generator, count: int) -> Whole:
    """Draw the salary hikes of a review, in percent."""
    return draw_codes(rng, ibm.HIKES, count) + ibm.LOWEST_HIKE


def draw_survey(rng: np.random.Generator, count: int) -> Whole:
    """Draw `count` answers (from 1) to each item of `ibm_population.SURVEY`: people x items."""
    return np.stack([draw_codes(rng, shares, count) + 1 for shares in ibm.SURVEY.values()], axis=1)


def lower_answers(rng: np.random.Generator, survey: Whole, chances: Sequence[float]) -> Whole:
    """The `survey` (people x items) with all answers of some people one lower, but not below 1.

    Each of `chances` is a person's chance to be one of them. They are drawn from a stream spawned
    from `rng`, which itself stays as it was.
    """
    drops = rng.spawn(1)[0]
    for chance in chances:
        lowered = drops.random((len(survey), 1)) < chance
        survey = np.maximum(survey - lowered, 1)
    return survey


def move_to_sales(
    rng: np.random.Generator, staff: Staff, chances: Sequence[float], now: int
) -> None:
    """Move some people of Research & Development to Sales in month `now`, level and pay kept.

    Each of `chances` is a person's chance to be one of them; who has no role of the same pay there
    stays. They are drawn from a stream spawned from `rng`, which itself stays as it was.
    """
    if not chances:
        return
    draws = rng.spawn(1)[0]
    research, sales = (ibm.NAMES["Department"].index(name) for name in ibm.REORGANISED)
    tier = np.array(ibm.PAY_TIER)
    for chance in chances:
        shares = _ROLES[sales, staff.level - 1] * (tier == tier[staff.role][:, np.newaxis])
        moved = (staff.department == research) & shares.any(axis=1)
        moved &= draws.random(len(staff)) < chance
        staff.role[moved] = draw_codes_given(draws, shares)[moved]
        staff.department[moved] = sales
        staff.position_since[moved] = now
        staff.manager_since[moved] = now


def find_due_level(department: Whole, career_start: Whole, career_rank: Real, now: int) -> Whole:
    """The level (1 to 5) that people of this department and rank are due at by month `now`."""
    years = (now - career_start) / 12
    by_department = [np.interp(years, ibm.CAREER_YEARS, row) for row in ibm.LEVEL_2_SHARES]
    reached = [career_rank < np.choose(department, by_department)]
    for row in ibm.HIGHER_LEVEL_SHARES:
        reached.append(career_rank < np.interp(years, ibm.CAREER_YEARS, row))
    return np.asarray(1 + np.sum(reached, axis=0), dtype=np.int64)


def _draw_months(rng: np.random.Generator, quantiles: Sequence[float], count: int) -> Whole:
    """Draw spans, in whole months, from quantiles in years at even steps from 0 to 1."""
    years = np.interp(rng.random(count), np.linspace(0, 1, len(quantiles)), quantiles)
    return np.floor(12 * years).astype(np.int64)


def _draw_past(rng: np.random.Generator, count: int) -> tuple[Whole, Whole, Whole]:
    """Earlier employers, months worked for them, and age in months at the first job.

    As in IBM's table, no earlier employer still means one year of work before, and one means none
    for most: the company itself is counted.
    """
    companies = draw_codes(rng, ibm.COMPANIES, count)
    worked = _draw_months(rng, ibm.EARLIER_YEARS, count)
    worked[companies == 0] = 12
    first_job_is_here = rng.random(count) < ibm.FIRST_JOB_IS_HERE
    worked = np.where(companies == 1, np.where(first_job_is_here, 0, 12), worked)
    first_job = _draw_months(rng, ibm.FIRST_JOB_AGE, count)
    youngest = 12 * ibm.LOWEST_AGE
    latest = np.maximum(12 * ibm.HIGHEST_HIRE_AGE - worked, youngest)
    earlier = rng.integers(youngest, latest, endpoint=True)
    return companies, worked, np.where(first_job > latest, earlier, first_job)


def draw_hires(
    rng: np.random.Generator,
    count: int,
    now: int,
    first_number: int,
    overtime_share: float = ibm.OVERTIME_SHARE,
) -> Staff:
    """Draw `count` people hired in month `now`, numbered from `first_number` on."""
    companies, worked, first_job = _draw_past(rng, count)
    marital_status = draw_codes(rng, ibm.MARITAL_STATUS, count)
    department = draw_codes(rng, ibm.DEPARTMENT, count)
    career_start = now - worked
    career_rank = rng.random(count)
    level = find_due_level(department, career_start, career_rank, now)
    role = draw_roles(rng, department, level)
    pay_position = rng.normal(ibm.HIRE_POSITION, ibm.HIRE_POSITION_SPREAD, count)
    return Staff(
        number=np.arange(first_number, first_number + count),
        born=career_start - first_job,
        career_start=career_start,
        hired=np.full(count, now),
        position_since=np.full(count, now),
        promoted=np.full(count, now),
        manager_since=np.full(count, now),
        gender=draw_codes(rng, ibm.GENDER, count),
        marital_status=marital_status,
        business_travel=draw_codes(rng, ibm.BUSINESS_TRAVEL, count),
        department=department,
        education=draw_codes(rng, ibm.EDUCATION, count) + 1,
        education_field=draw_codes_given(rng, np.array(ibm.EDUCATION_FIELD)[department]),
        distance=draw_codes(rng, ibm.DISTANCE, count) + 1,
        companies=companies,
        stock_options=draw_stock_options(rng, marital_status),
        rates=rng.integers(ibm.LOWEST_RATES, ibm.HIGHEST_RATES, (count, 3), endpoint=True),
        level=level,
        role=role,
        career_rank=career_rank,
        pay_position=pay_position,
        pay=compute_pay(level, role, pay_position),
        hike=draw_hikes(rng, count),
        survey=draw_survey(rng, count),
        trainings=draw_codes(rng, ibm.TRAININGS, count),
        overtime=draw_codes(rng, (1 - overtime_share, overtime_share), count),
    )


def draw_founders(rng: np.random.Generator, count: int, now: int) -> Staff:
    """Draw a whole staff as of month `now`: hires, most of them of earlier years.

    The tenures are only a start; a burn-in has to follow.
    """
    staff = draw_hires(rng, count, now, first_number=1)
    room = 12 * ibm.RETIREMENT_AGE - 1 - (now - staff.born)
    tenure = np.minimum(_draw_months(rng, ibm.FOUNDERS_TENURE, count), room)
    for dates in (staff.born, staff.career_start, staff.hired):
        dates -= tenure
    for dates in (staff.position_since, staff.promoted, staff.manager_since):
        dates -= np.floor(tenure * rng.random(count)).astype(np.int64)
    staff.level = find_due_level(staff.department, staff.career_start, staff.career_rank, now)
    staff.role = draw_roles(rng, staff.department, staff.level)
    staff.pay = compute_pay(staff.level, staff.role, staff.pay_position)
    return staff
