from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.months import last_day, parse_month
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import PayInflation
from attrition_assets.validation.continuity import (
    UNIT_FACTORS,
    EarlierMonth,
    Previous,
    check_leavers,
    check_missing,
    check_repetition,
    check_units,
    check_volume,
    find_unrecorded,
)
from attrition_assets.validation.verdicts import Fault, SnapshotVerdict
from attrition_assets_tests.conftest import MakeSnapshot, declare_contract

DECEMBER, JANUARY = parse_month("2025-12"), parse_month("2026-01")
PAID = declare_contract(
    Pay={"kind": "continuous", "role": "feature", "range": [0, 1e9], "integer": True},
    Trainings={"kind": "continuous", "role": "feature", "range": [0, 99], "integer": True},
    Rate={"kind": "continuous", "role": "feature", "range": [-1e9, 1e9]},
)
GAPPED = declare_contract(
    Score={"kind": "continuous", "role": "feature", "range": [0, 9], "missing": True},
)
INFLATED = parse_month("2024-09")


def make_people(people: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "Id": np.arange(1, people + 1),
            "Pay": rng.integers(1500, 15000, people),
            "Trainings": rng.integers(0, 7, people),
            "Rate": rng.lognormal(-2, 1, people),
        }
    )


def multiply(table: pd.DataFrame, column: str, factor: float, rows: int) -> pd.DataFrame:
    values = table[column].to_numpy(dtype="float64", copy=True)
    values[-rows:] *= factor
    return table.assign(**{column: np.rint(values) if column == "Pay" else values})


def units(now: pd.DataFrame, then: pd.DataFrame) -> SnapshotVerdict:
    return check_units(now, PAID, Previous(DECEMBER, then))


@pytest.mark.parametrize(
    ("before", "holds"), [(27, True), (26, False), (40, True), (60, True), (61, False)]
)
def test_the_number_of_rows_is_near_that_of_the_month_before(before: int, holds: bool) -> None:
    earlier = (
        EarlierMonth(month="2025-11", rows=4000, content="a"),
        EarlierMonth(month="2025-12", rows=before, content="b"),
        EarlierMonth(month="2026-02", rows=4000, content="c"),
    )
    verdict = check_volume(40, JANUARY, earlier)
    assert verdict.holds == holds
    assert verdict.faults == (() if holds else (Fault.IMPLAUSIBLE_VOLUME,))
    assert verdict.value == 40 / before
    assert verdict.explanation == (
        f"40 rows, {40 / before:.2f} times the {before} of 2025-12; accepted is 0.67 to 1.50 times"
    )


@pytest.mark.parametrize(("month", "compared"), [("2025-10", True), ("2025-09", False)])
def test_months_older_than_three_are_no_measure_of_size(month: str, compared: bool) -> None:
    earlier = (EarlierMonth(month=month, rows=4000, content="a"),)
    assert check_volume(40, JANUARY, earlier).holds != compared


def test_the_rows_of_another_month_are_refused_but_not_the_months_own() -> None:
    own = EarlierMonth(month="2026-01", rows=40, content="same")
    later = EarlierMonth(month="2026-03", rows=40, content="same")
    assert check_repetition(JANUARY, "same", (own,)).holds
    verdict = check_repetition(JANUARY, "same", (own, later))
    assert verdict.faults == (Fault.SENT_BEFORE,)
    assert verdict.explanation == (
        "its rows are those sent for 2026-03: send this month's own file"
    )


@pytest.mark.parametrize("factor", UNIT_FACTORS)
@pytest.mark.parametrize("rows", [8, 40, 400])
@pytest.mark.parametrize("column", ["Pay", "Rate"])
def test_another_unit_is_found_in_a_fiftieth_a_tenth_or_all_of_the_rows(
    column: str, rows: int, factor: float
) -> None:
    then, named = make_people(), f"{round(factor, 2):g}"
    more = units(multiply(then, column, factor, rows), then)
    assert more.faults == (Fault.UNIT_CHANGE,)
    assert more.value == rows / 400
    assert [(each.column, each.rule, each.rows) for each in more.violations] == [
        (column, f"is {named} times the person's value of 2025-12", rows)
    ]
    assert more.violations[0].first_rows[0] == 400 - rows
    less = units(then, multiply(then, column, factor, rows))
    assert [each.rule for each in less.violations] == [
        f"is 1/{named} of the person's value of 2025-12"
    ]


def test_people_are_compared_by_id_in_whatever_order_and_form_they_come() -> None:
    then = make_people()
    now = multiply(then, "Pay", 12, 8).sample(frac=1, random_state=0)
    text = now.astype({"Id": "float64"}).astype(str)
    assert [each.rows for each in units(text, then).violations] == [8]
    twice = pd.concat([text, text.head(3)])
    assert [each.rows for each in units(twice, then).violations] == [8]


def test_another_unit_is_found_in_a_month_of_raises() -> None:
    then = make_people()
    raised = then.assign(Pay=np.rint(then["Pay"] * 1.12))
    assert units(raised, then).holds
    assert units(multiply(raised, "Pay", 12, 400), then).faults == (Fault.UNIT_CHANGE,)


def test_four_rows_may_be_a_coincidence() -> None:
    then = make_people()
    assert units(multiply(then, "Pay", 12, 4), then).holds


def test_small_numbers_zeros_and_missing_values_are_no_unit() -> None:
    then = make_people()
    assert units(then.assign(Trainings=12 * then["Trainings"]), then).holds
    assert units(then.assign(Trainings=0, Rate=0.0), then).holds
    assert units(then.assign(Rate=np.nan), then).holds
    assert units(then.assign(Rate=-12 * then["Rate"]), then).holds
    assert units(then.assign(Rate=np.inf), then.assign(Rate=1e-300)).holds
    assert units(then.assign(Rate=1e300), then.assign(Rate=1e-300)).holds
    assert units(then.assign(Rate=1e-300), then.assign(Rate=1e300)).holds


@pytest.mark.parametrize("seed", range(5))
def test_a_column_that_leaps_by_any_factor_is_no_other_unit(seed: int) -> None:
    then, now = make_people(), make_people()
    rng = np.random.default_rng(seed)
    for table in (then, now):
        table["Rate"] = rng.lognormal(5, 2, len(table))  # like a bonus: new for everybody
    assert units(now, then).holds


def test_where_nobody_can_be_compared_it_says_so_and_holds() -> None:
    then = make_people()
    strangers = multiply(then, "Pay", 12, 400).assign(Id=then["Id"] + 1000)
    verdict = units(strangers, then)
    assert verdict.holds
    assert verdict.explanation == (
        "0 people are also in 2025-12, too few to compare; the contract's ranges alone tell a "
        "wrong unit"
    )
    first = check_units(then, PAID, None)
    assert first.holds
    assert first.explanation.startswith("no accepted month of the last 12 to compare with")


@pytest.mark.parametrize(("missing", "holds"), [(120, True), (121, False), (400, False)])
def test_missing_values_may_rise_by_twenty_points(missing: int, holds: bool) -> None:
    then, now = (
        pd.DataFrame({"Id": range(400), "Score": [None] * count + [1.0] * (400 - count)})
        for count in (40, missing)
    )
    verdict = check_missing(now, GAPPED, Previous(DECEMBER, then))
    assert verdict.holds == holds
    assert verdict.faults == (() if holds else (Fault.MISSING_VALUES,))
    if not holds:
        rule = f"is missing in {missing / 400:.0%} of the rows (10% in 2025-12)"
        assert verdict.violations[0].rule == rule


@pytest.mark.parametrize(("missing", "holds"), [(50, True), (51, False)])
def test_with_nothing_to_compare_half_may_be_missing(missing: int, holds: bool) -> None:
    now = pd.DataFrame({"Score": [None] * missing + [1.0] * (100 - missing)})
    assert check_missing(now, GAPPED, None).holds == holds


def test_where_no_value_may_be_missing_the_contract_alone_judges(contract: Contract) -> None:
    verdict = check_missing(pd.DataFrame({"Age": [None]}), contract, None)
    assert verdict.holds
    assert verdict.explanation == "0 columns may have missing values; none has unusually many"


def test_answers_that_sixty_people_give_anew_each_month_are_not_refused() -> None:
    """Of 500 pairs of months none is refused; four errors are passed once in 30,000 times.

    The chance that this test fails with another seed is about 2 %.
    """
    rng = np.random.default_rng(0)
    months = [
        pd.DataFrame({"Score": np.where(rng.random(60) < 0.5, 1, np.nan)}) for _ in range(501)
    ]
    for then, now in pairwise(months):
        assert check_missing(now, GAPPED, Previous(DECEMBER, then)).holds


def leavers(gone: int, recorded: int, *, late: int = 0) -> SnapshotVerdict:
    """100 people, of whom the first `gone` are; `late` of the departures come next month."""
    then = make_people(100)
    dates = ["2026-02-01"] * late + ["2026-01-31"] * (recorded - late)
    departures = pd.DataFrame({"Id": then["Id"][:recorded], "DepartureDate": pd.to_datetime(dates)})
    return check_leavers(then.iloc[gone:], PAID, JANUARY, Previous(DECEMBER, then), departures)


@pytest.mark.parametrize(
    ("gone", "recorded", "holds"),
    [(4, 0, True), (5, 0, False), (5, 2, False), (5, 3, True), (10, 5, True), (100, 49, False)],
)
def test_most_of_those_who_are_gone_have_a_departure(gone: int, recorded: int, holds: bool) -> None:
    verdict = leavers(gone, recorded)
    assert verdict.holds == holds
    assert verdict.faults == (() if holds else (Fault.LEAVERS_UNRECORDED,))
    assert verdict.explanation.startswith(
        f"{gone} of the 100 people of 2025-12 are gone, {gone - recorded} of them without a "
        "departure by 2026-01-31"
    )
    assert ("send departures up to date" in verdict.explanation) != holds


def test_a_departure_of_the_next_month_is_none_yet() -> None:
    assert leavers(10, 10).holds
    assert not leavers(10, 10, late=6).holds


def test_where_labels_come_inside_the_snapshots_nobody_needs_a_departure() -> None:
    then = make_people(100)
    verdict = check_leavers(then.iloc[50:], PAID, JANUARY, Previous(DECEMBER, then), None)
    assert verdict.holds
    assert "labels come inside the snapshots" in verdict.explanation


@pytest.fixture(scope="module")
def companies() -> list[Company]:
    return [
        simulate_company(
            first_month=parse_month("2024-01"),
            months=16,
            seed=seed,
            headcount=headcount,
            shifts=(PayInflation(INFLATED, 0.12),),
            burn_in_months=120,
        )
        for seed, headcount in [(1, 60), (2, 60), (3, 400), (4, 400), (5, 1470)]
    ]


def test_no_month_of_a_company_is_refused_for_its_units_or_its_leavers(
    companies: list[Company], contract: Contract
) -> None:
    """75 months with an inflation of 12 %, each compared with the last and the one three before."""
    for company in companies:
        months = list(company.snapshots)
        for month in months[3:]:
            table = company.snapshots[month]
            left = company.departures[company.departures["DepartureDate"] <= last_day(month)]
            for before in (month - 1, month - 3):
                previous = Previous(before, company.snapshots[before])
                assert check_units(table, contract, previous).holds
                assert check_leavers(table, contract, month, previous, left).holds


def test_yearly_pay_is_found_in_every_month_of_a_company(
    companies: list[Company], contract: Contract
) -> None:
    """Of 400 or more people, in 2 % of the rows; whatever else changed in the month."""
    for company in companies[2:]:
        months = list(company.snapshots)
        for before, month in pairwise(months):
            table = company.snapshots[month].sample(frac=1, random_state=month.ordinal)
            pay = table["MonthlyIncome"].to_numpy(copy=True)
            pay[: round(len(pay) / 50)] *= 12
            broken = table.assign(MonthlyIncome=pay)
            verdict = check_units(broken, contract, Previous(before, company.snapshots[before]))
            assert {each.column for each in verdict.violations} == {"MonthlyIncome"}


def test_departures_of_people_who_stayed_are_refused_and_those_of_a_few_who_came_back_are_not(
    contract: Contract, make_snapshot: MakeSnapshot
) -> None:
    """Departures of the last twelve months of people who were here before and are here now."""
    before, now = make_snapshot("2026-01", 300, 1), make_snapshot("2026-02", 300, 1)
    previous = Previous(parse_month("2026-01"), before)

    def judge(people: int, date: str) -> SnapshotVerdict:
        departures = pd.DataFrame(
            {"EmployeeNumber": range(1, people + 1), "DepartureDate": pd.Timestamp(date)}
        )
        return check_leavers(now, contract, parse_month("2026-02"), previous, departures)

    assert judge(40, "2025-11-15").faults == (Fault.LEAVERS_PRESENT,)
    assert judge(6, "2025-11-15").holds
    assert judge(40, "2024-11-15").holds


def test_departures_that_lost_rows_are_told_by_the_months_that_lack_them(
    contract: Contract, make_snapshot: MakeSnapshot
) -> None:
    months = [parse_month(text) for text in ("2026-01", "2026-02", "2026-03")]
    tables = dict(zip(months, (make_snapshot("2026-01", n, 1) for n in (60, 50, 40)), strict=True))
    ids = range(41, 61)
    dates = [pd.Timestamp("2026-03-10")] * 10 + [pd.Timestamp("2026-02-10")] * 10
    departures = pd.DataFrame({"EmployeeNumber": ids, "DepartureDate": dates})

    def find(known: pd.DataFrame | None) -> str | None:
        return find_unrecorded(months, tables.__getitem__, known, contract)

    assert find(departures) is None
    assert find(None) is None
    lost = find(departures.head(10))
    assert lost is not None
    assert "10 people of 2026-01 are gone in 2026-02, 10 of them without a departure" in lost
