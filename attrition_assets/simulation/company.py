"""A living company, simulated month by month: who leaves, who rises, who is hired.

Within a month, first people leave, by what the last snapshot showed of them; then those who stay
live through the month; then hires take the free places. Rates and shares are in
`ibm_population.py`, the truth about leaving in `leaving.py`, planted drifts in `shifts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from attrition_assets.errors import AttritionError
from attrition_assets.simulation import ibm_population as ibm
from attrition_assets.simulation.hiring import (
    draw_codes,
    draw_founders,
    draw_hikes,
    draw_hires,
    draw_roles,
    draw_stock_options,
    draw_survey,
    find_due_level,
    lower_answers,
    move_to_sales,
)
from attrition_assets.simulation.leaving import (
    INTERCEPT,
    Whole,
    compute_log_odds,
    compute_monthly_chance,
    solve_intercept,
)
from attrition_assets.simulation.shifts import Conditions, Shift, order_shifts
from attrition_assets.simulation.staff import Staff, build_snapshot, compute_pay


@dataclass(frozen=True)
class Company:
    """What a company's HR system would send: a snapshot for each month, and who has left when.

    A snapshot holds the people active on its month's last day, sorted by `EmployeeNumber`, with
    every column of the contract but the label. `departures` has `EmployeeNumber` and
    `DepartureDate`, sorted by date. Employee numbers are never given again. `later` holds, by the
    month they are of, the snapshots that come a month after they were due, with the next month's;
    a month in `snapshots` too is corrected by them.
    """

    snapshots: dict[pd.Period, pd.DataFrame]
    departures: pd.DataFrame
    later: dict[pd.Period, pd.DataFrame] = field(default_factory=dict)


@dataclass
class _State:
    """The company between two months."""

    staff: Staff
    columns: dict[str, Whole]
    conditions: Conditions
    intercept: float
    headcount: int
    next_number: int


def simulate_company(
    *,
    first_month: pd.Period,
    months: int,
    seed: int,
    headcount: int = 1470,
    shifts: Sequence[Shift] = (),
    burn_in_months: int = 480,
) -> Company:
    """Simulate `months` months from `first_month` on, after a burn-in that is not returned.

    The headcount is constant but for hiring waves: each leaver is replaced in the same month.
    People stay up to forty years, so a burn-in much shorter than the default ends before tenures
    are stationary. Every month draws from a random stream of its own, so that a shift leaves the
    months before its start as they were; the order of `shifts` means nothing.
    Raises AttritionError if a number is out of range, or if a shift starts outside the months or
    asks for what cannot be.
    """
    last_month = first_month + (months - 1)
    shifts = order_shifts(shifts)
    _check_request(first_month, last_month, headcount, shifts, burn_in_months)
    start = first_month - burn_in_months
    state = _found(np.random.default_rng([seed, 0]), headcount, start)
    snapshots: dict[pd.Period, pd.DataFrame] = {}
    departures: list[pd.DataFrame] = []
    for offset, month in enumerate(pd.period_range(start, last_month, freq="M"), start=1):
        rng = np.random.default_rng([seed, offset])
        _enter_conditions(state, month, shifts, rng)
        departed = _live_month(state, month, rng)
        if month >= first_month:
            snapshots[month] = build_snapshot(state.columns, month)
            departures.append(departed)
    table = pd.concat(departures, ignore_index=True)
    order = ["DepartureDate", "EmployeeNumber"]
    return Company(snapshots, table.sort_values(order, ignore_index=True))


def _check_request(
    first_month: pd.Period,
    last_month: pd.Period,
    headcount: int,
    shifts: Sequence[Shift],
    burn_in_months: int,
) -> None:
    if last_month < first_month or headcount < 1 or burn_in_months < 0:
        raise AttritionError(
            f"cannot simulate {headcount} people from {first_month} to {last_month} after "
            f"{burn_in_months} months: at least 1 person, 1 month and 0 months of burn-in"
        )
    for shift in shifts:
        if not first_month <= shift.start <= last_month:
            raise AttritionError(
                f"{shift} starts outside the simulated months: choose a month from {first_month} "
                f"to {last_month}"
            )
    # Applied once before anything is simulated, a shift that asks too much is refused at once.
    conditions = Conditions()
    for shift in shifts:
        conditions = shift.apply(conditions)


def _found(rng: np.random.Generator, headcount: int, start: pd.Period) -> _State:
    """The company at the end of the month before `start`."""
    eve = start.ordinal - 1
    staff = draw_founders(rng, headcount, eve)
    columns = staff.show_columns(eve, 1.0)
    return _State(staff, columns, Conditions(), INTERCEPT, headcount, headcount + 1)


def _enter_conditions(
    state: _State, month: pd.Period, shifts: Sequence[Shift], rng: np.random.Generator
) -> None:
    """Let the shifts that start in `month` change the conditions, and the staff at once.

    If overtime has another effect on leaving, the rate of leaving is kept.
    """
    before = state.conditions
    for shift in shifts:
        if shift.start == month:
            state.conditions = shift.apply(state.conditions)
    state.conditions = state.conditions.take_step()
    if state.conditions.overtime_factor != before.overtime_factor:
        old = compute_log_odds(state.columns, before.overtime_factor)
        new = compute_log_odds(state.columns, state.conditions.overtime_factor)
        rate = float(compute_monthly_chance(old, state.intercept).mean())
        state.intercept = solve_intercept(new, rate)
    _affect_staff(state.staff, before, state.conditions, month.ordinal, rng)


def _affect_staff(
    staff: Staff, before: Conditions, after: Conditions, now: int, rng: np.random.Generator
) -> None:
    """Start the overtime, lower the answers and move the people as new conditions ask at once."""
    drops = after.morale_drops[len(before.morale_drops) :]
    staff.survey = lower_answers(rng, staff.survey, drops)
    if after.overtime_share > before.overtime_share:
        share = staff.overtime.mean()
        draws = rng.spawn(1)[0].random(len(staff))
        staff.overtime = staff.overtime | (draws * (1 - share) < after.overtime_share - share)
    move_to_sales(rng, staff, after.reorganisations[len(before.reorganisations) :], now)


def _live_month(state: _State, month: pd.Period, rng: np.random.Generator) -> pd.DataFrame:
    """Let `month` pass; return who left in it, and on which day."""
    staff, now = state.staff, month.ordinal
    log_odds = compute_log_odds(state.columns, state.conditions.overtime_factor)
    resigns = rng.random(len(staff)) < compute_monthly_chance(log_odds, state.intercept)
    retires = now - staff.born >= 12 * ibm.RETIREMENT_AGE
    slots = np.flatnonzero(resigns | retires)
    departed = _date_departures(rng, staff.number, slots, month)
    _pass_month(staff, state.conditions, month, rng)
    staff.replace(slots, _hire(state, len(slots), now, rng))
    free = round(state.headcount * state.conditions.headcount_level) - len(staff)
    if free:
        staff.append(_hire(state, free, now, rng))
    state.columns = staff.show_columns(now, state.conditions.pay_level)
    return departed


def _hire(state: _State, count: int, now: int, rng: np.random.Generator) -> Staff:
    """Draw `count` people who are hired under the conditions, with the next free numbers."""
    conditions = state.conditions
    hires = draw_hires(rng, count, now, state.next_number, conditions.overtime_share)
    hires.survey = lower_answers(rng, hires.survey, conditions.morale_drops)
    move_to_sales(rng, hires, conditions.reorganisations, now)
    state.next_number += count
    return hires


def _date_departures(
    rng: np.random.Generator, number: Whole, slots: Whole, month: pd.Period
) -> pd.DataFrame:
    """Departures on days of `month` before its last, on which leavers are no longer there."""
    days = rng.integers(0, month.days_in_month - 1, len(number))[slots]
    dates = month.start_time + pd.to_timedelta(days, unit="D")
    return pd.DataFrame({"EmployeeNumber": number[slots], "DepartureDate": dates})


def _pass_month(
    staff: Staff, conditions: Conditions, month: pd.Period, rng: np.random.Generator
) -> None:
    """Let everybody live through the month; what leavers get is replaced with them."""
    count = len(staff)
    if month.month == ibm.REVIEW_CALENDAR_MONTH:
        _review(staff, rng)
    _promote(staff, month.ordinal, rng)
    _change_position(staff, month.ordinal, rng)
    staff.manager_since[rng.random(count) < ibm.NEW_MANAGER_CHANCE] = month.ordinal
    asked = rng.random(staff.survey.shape) < ibm.REDRAW_CHANCE
    answers = lower_answers(rng, draw_survey(rng, count), conditions.morale_drops)
    staff.survey = np.where(asked, answers, staff.survey)
    trained = rng.random(count) < ibm.REDRAW_CHANCE
    staff.trainings = np.where(trained, draw_codes(rng, ibm.TRAININGS, count), staff.trainings)
    travels = rng.random(count) < ibm.REDRAW_CHANCE
    travel = draw_codes(rng, ibm.BUSINESS_TRAVEL, count)
    staff.business_travel = np.where(travels, travel, staff.business_travel)
    start_chance = conditions.overtime_start_chance
    change = np.where(staff.overtime == 1, ibm.OVERTIME_END_CHANCE, start_chance)
    staff.overtime = staff.overtime ^ (rng.random(count) < change)


def _review(staff: Staff, rng: np.random.Generator) -> None:
    """Review everyone: new stock options, a hike, and with it a step up in the pay band.

    Hikes of 11 to 25 % a year could not last, so they are read as sizes relative to their mean of
    a small real raise; turnover balances the steps, so the staff's mean pay is stationary.
    """
    staff.stock_options = draw_stock_options(rng, staff.marital_status)
    staff.hike = draw_hikes(rng, len(staff))
    staff.pay_position += ibm.RAISE_STEP * staff.hike / ibm.MEAN_HIKE
    staff.pay = compute_pay(staff.level, staff.role, staff.pay_position)


def _change_position(staff: Staff, now: int, rng: np.random.Generator) -> None:
    """Move some people to another position of the same level and pay, perhaps in another role."""
    role = draw_roles(rng, staff.department, staff.level)
    moved = rng.random(len(staff)) < ibm.NEW_POSITION_CHANCE
    moved &= np.take(ibm.PAY_TIER, role) == np.take(ibm.PAY_TIER, staff.role)
    staff.role[moved] = role[moved]
    staff.position_since[moved] = now


def _promote(staff: Staff, now: int, rng: np.random.Generator) -> None:
    """Promote people who have been here long enough.

    Those who are due at a higher level rise one level into a role of that level, with its pay;
    the others rise a grade within their level, which shows only in the years since promotion.
    """
    due = staff.level < find_due_level(staff.department, staff.career_start, staff.career_rank, now)
    chance = np.where(due, ibm.LEVEL_PROMOTION_CHANCE, ibm.GRADE_PROMOTION_CHANCE)
    promoted = rng.random(len(staff)) < chance
    promoted &= now - staff.hired >= ibm.PROMOTION_MONTHS
    staff.promoted[promoted] = now
    risen = promoted & due
    staff.level[risen] += 1
    staff.role[risen] = draw_roles(rng, staff.department, staff.level)[risen]
    staff.position_since[risen] = now
    pay = compute_pay(staff.level, staff.role, staff.pay_position)
    staff.pay[risen] = pay[risen]
