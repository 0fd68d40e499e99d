"""A concept shift in equal monthly steps: where it gets, when, and with other shifts."""

import numpy as np
import pytest

from attrition_assets.errors import AttritionError
from attrition_assets.simulation.company import Company
from attrition_assets.simulation.shifts import (
    ConceptShift,
    Conditions,
    GradualConceptShift,
    Shift,
)

from .conftest import START, count_leavers, leaving_ratio, simulate_shifted


@pytest.fixture(scope="module")
def gradual() -> Company:
    return simulate_shifted(GradualConceptShift(START))


def follow(*shifts: Shift, months: int) -> list[float]:
    """The factor on the effect of overtime, month by month, if all `shifts` start in the first."""
    conditions = Conditions()
    for shift in shifts:
        conditions = shift.apply(conditions)
    factors = []
    for _ in range(months):
        conditions = conditions.take_step()
        factors.append(conditions.overtime_factor)
    return factors


def test_the_effect_of_overtime_flips_in_twelve_equal_steps() -> None:
    expected = [*np.linspace(1, -1, 13)[1:], -1, -1]
    assert follow(GradualConceptShift(START), months=14) == pytest.approx(expected)


def test_the_size_says_where_the_steps_end_and_the_months_how_many_there_are() -> None:
    factors = follow(GradualConceptShift(START, 0.5, months=4), months=5)
    assert factors == pytest.approx([0.75, 0.5, 0.25, 0, 0])


def test_a_gradual_shift_of_one_month_is_a_concept_shift() -> None:
    at_once = follow(ConceptShift(START, 0.7), months=2)
    assert follow(GradualConceptShift(START, 0.7, months=1), months=2) == pytest.approx(at_once)


def test_people_on_overtime_leave_more_often_at_first_and_less_often_in_the_end() -> None:
    # Of some 230 leavers a year: the logarithm of a ratio has a standard deviation of about .15.
    slow = simulate_shifted(GradualConceptShift(START, months=24))
    assert leaving_ratio(slow, START, START + 11) > 1.3
    assert leaving_ratio(slow, START + 12) < 0.8


def test_the_rate_of_leaving_stays_where_it_was(company: Company, gradual: Company) -> None:
    ratio = count_leavers(gradual) / count_leavers(company)
    assert ratio == pytest.approx(1, abs=0.15)


def test_a_sudden_shift_flips_the_steps_that_are_still_to_come() -> None:
    gradual, sudden = GradualConceptShift(START), ConceptShift(START)
    expected = [*np.linspace(-1, 1, 13)[1:]]
    assert follow(gradual, sudden, months=12) == pytest.approx(expected)
    assert follow(sudden, gradual, months=12) == pytest.approx(expected)


def test_a_second_gradual_shift_starts_from_the_effect_of_its_month() -> None:
    conditions = GradualConceptShift(START, 0.5, months=4).apply(Conditions())
    conditions = conditions.take_step().take_step()
    conditions = GradualConceptShift(START + 2, 0.5, months=2).apply(conditions)
    conditions = conditions.take_step()
    assert conditions.overtime_factor == pytest.approx(0.5 - 0.25 - 0.25)


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (GradualConceptShift(START, months=0), r"takes no step: choose at least 1 month"),
        (GradualConceptShift(START, 6.0), r"overtime -11 times .* from -10 to 10 times"),
        (GradualConceptShift(START, float("nan")), r"overtime nan times"),
    ],
)
def test_a_shift_that_has_no_steps_or_no_end_is_refused(
    shift: GradualConceptShift, message: str
) -> None:
    with pytest.raises(AttritionError, match=message):
        simulate_shifted(shift)
