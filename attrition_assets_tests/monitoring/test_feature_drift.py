from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import pytest

from attrition_assets.monitoring.feature_drift import (
    PastAlarm,
    StandingAlarm,
    describe_power,
    find_standing,
    judge_features,
)
from attrition_assets.monitoring.people import CHANGES, JOINERS, MEANS, ROWS_SHARE, SHARES
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import (
    Aspect,
    DataQuality,
    Detectable,
    FaultKind,
    FeatureDrift,
    Finding,
)

from .conftest import PANEL_CONTRACT, PANEL_START, Panel, draw_panel, look_back

POLICY = MonitoringPolicy()
MONTH = PANEL_START + 20
ROWS = "rows permuted over all columns"

Months = tuple[pd.Period, ...]
Judged = tuple[FeatureDrift, DataQuality]


@pytest.fixture(scope="module")
def panel() -> Panel:
    return draw_panel(21)


def judge(
    panel: Panel,
    month: pd.Period = MONTH,
    *,
    standing: StandingAlarm | None = None,
    importance: Mapping[str, float] | None = None,
    without: Months = (),
    incidents: Months = (),
) -> Judged:
    return judge_features(
        month=month,
        baseline=panel[PANEL_START],
        current=panel[month],
        history=look_back(panel, without=without, incidents=incidents),
        standing=standing,
        contract=PANEL_CONTRACT,
        policy=POLICY,
        importance=importance,
    )


def edit(panel: Panel, **columns: Any) -> Panel:
    return {**panel, MONTH: panel[MONTH].assign(**columns)}


def raise_pay(panel: Panel, by: float = 1.04) -> Panel:
    return edit(panel, Pay=panel[MONTH]["Pay"] * by)


def age_all(panel: Panel) -> Panel:
    return edit(panel, Age=panel[MONTH]["Age"] + 5)


def levels_of(drift: FeatureDrift) -> dict[str, float]:
    """The level of each test that was used, the rows' by one name."""
    return {
        ROWS if each.method.startswith(ROWS) else each.method: each.level
        for each in drift.evidence
        if each.p_value is not None and each.level is not None
    }


def test_the_shares_of_a_months_level_add_up_to_all_of_it() -> None:
    assert sum(SHARES.values()) + ROWS_SHARE == 1


def test_a_calm_month_is_no_drift_and_says_at_which_level(panel: Panel) -> None:
    drift, quality = judge(panel)
    assert (drift.finding, quality.finding) == (Finding.NO_DRIFT, Finding.NO_FAULT)
    assert (drift.alarmed, drift.reaches_model, drift.standing_since) == (False, False, None)
    assert drift.p_value is not None and drift.p_value > (drift.level or 1)
    assert drift.level == POLICY.feature_level
    together = f"p = {drift.p_value:.2g} for all tests together, drift is up to 0.0033"
    assert drift.reason == f"no column moved beyond its limits ({together})"


BEFORE = tuple(PANEL_START + k for k in range(20))


@pytest.mark.parametrize(
    ("without", "incidents", "used"),
    [
        ((), (), {CHANGES, MEANS, JOINERS}),
        ((), (MONTH - 1,), {CHANGES, JOINERS}),
        ((MONTH - 1,), (), {CHANGES, MEANS}),
        (BEFORE[:12], (), {JOINERS}),
        (BEFORE, (), set()),
    ],
)
def test_the_tests_that_can_be_used_have_the_whole_level_together(
    without: Months, incidents: Months, used: set[str], panel: Panel
) -> None:
    levels = levels_of(judge(panel, without=without, incidents=incidents)[0])
    assert set(levels) == {*used, ROWS}
    assert sum(levels.values()) == pytest.approx(POLICY.feature_level)
    for method in used:
        assert levels[method] == pytest.approx(POLICY.feature_level * SHARES[method])


def test_the_p_value_of_all_tests_is_the_smallest_weighed_by_its_part_of_the_level(
    panel: Panel,
) -> None:
    for months in (panel, raise_pay(panel)):
        drift = judge(months)[0]
        weighed = [
            each.p_value * POLICY.feature_level / each.level
            for each in drift.evidence
            if each.p_value is not None and each.level is not None
        ]
        assert len(weighed) == 4
        assert drift.p_value == min(1.0, *weighed)
        assert (drift.p_value <= POLICY.feature_level) == drift.alarmed


def test_a_small_raise_is_found_by_the_people_alone_and_named(panel: Panel) -> None:
    drift, quality = judge(raise_pay(panel))
    assert (drift.finding, drift.alarmed, drift.reaches_model) == (Finding.DRIFT, True, True)
    assert (quality.finding, drift.drifted_features) == (Finding.NO_FAULT, ("Pay",))
    assert drift.evidence[0].method == CHANGES
    assert [each.alarmed for each in drift.evidence[::3]] == [True, False]
    assert drift.reason.startswith("Pay")
    assert f"{Aspect.CHANGE}" in drift.reason


def test_what_the_people_cannot_see_is_found_by_the_rows(panel: Panel) -> None:
    pay = panel[MONTH]["Pay"]
    drift = judge(edit(panel, Pay=pay.mean() + 2 * (pay - pay.mean()).clip(-1900, None)))[0]
    assert [each.alarmed for each in drift.evidence] == [False, False, False, True]
    assert drift.drifted_features == ("Pay",)


def test_drift_of_a_protected_column_alone_does_not_reach_the_model(panel: Panel) -> None:
    drift = judge(age_all(panel))[0]
    assert drift.drifted_features == ("Age",)
    assert (drift.alarmed, drift.reaches_model) == (True, False)


def test_too_many_joiners_reach_the_model_and_are_the_reason() -> None:
    drift = judge(draw_panel(21, joiners=[*[12] * 20, 60]))[0]
    assert (drift.alarmed, drift.reaches_model) == (True, True)
    assert drift.reason.startswith("60 joined in 2025-09, 12 were to be expected (p = ")
    assert drift.drifted_features == ()


def test_a_broken_column_is_no_drift_by_the_people_either(panel: Panel) -> None:
    drift, quality = judge(raise_pay(panel, by=100))
    assert [fault.fault for fault in quality.faults] == [FaultKind.UNIT_CHANGE]
    assert (drift.finding, drift.alarmed) == (Finding.CANNOT_TELL, False)
    assert not any(each.alarmed for each in drift.evidence)
    assert drift.drifted_features == ()
    assert drift.p_value is not None and drift.p_value > POLICY.feature_level
    assert drift.reason.startswith("the data of Pay are broken, and no other column moved")
    beside = judge(age_all(raise_pay(panel, by=100)))[0]
    assert (beside.finding, beside.drifted_features) == (Finding.DRIFT, ("Age",))


@pytest.mark.parametrize(("months", "by"), [(1, "rows"), (8, "rows and number of joiners")])
def test_before_there_is_a_year_of_people_the_reason_says_what_was_compared(
    months: int, by: str
) -> None:
    month = PANEL_START + months
    drift = judge(draw_panel(months + 1), month)[0]
    assert drift.finding == Finding.NO_DRIFT
    lack = f"{month - 13} and {month - 12} are needed, accepted and without an alarm"
    assert f"; by {by} alone, without a year of people: {lack}" in drift.reason


def test_strangers_are_judged_by_their_rows_alone(panel: Panel) -> None:
    strangers = {
        month: table.assign(Id=table["Id"] + 1000 * place)
        for place, (month, table) in enumerate(panel.items())
    }
    drift = judge(strangers)[0]
    assert drift.finding == Finding.NO_DRIFT
    assert levels_of(drift) == {ROWS: POLICY.feature_level}
    assert "by rows alone, without a year of people: 0 people are in all of" in drift.reason


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: t.drop(columns="Mood"), "the current month lacks Mood: give every monitored"),
        (lambda t: t.head(40), "40 rows, too few"),
        (lambda t: t.assign(Pay="much"), "column Pay: 600 rows do not hold a finite number"),
        (lambda t: t.assign(Id=1), "snapshot of 2025-09: 599 rows repeat a Id"),
    ],
)
def test_tables_that_cannot_be_compared_are_never_no_drift(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], reason: str, panel: Panel
) -> None:
    history = BEFORE if "Mood" in reason else ()
    drift, quality = judge({**panel, MONTH: spoil(panel[MONTH])}, without=history)
    assert drift.finding == quality.finding == Finding.CANNOT_TELL
    assert reason in drift.reason
    assert (drift.p_value, drift.alarmed) == (None, False)


MAY = PastAlarm(PANEL_START + 4, ("Pay", "Mood"), reaches_model=True)
JULY = PastAlarm(PANEL_START + 6, ("Age", "Pay"), reaches_model=False)
SINCE_MAY = StandingAlarm(MAY.month, MAY.month, MAY.columns, reaches_model=True)
SINCE_JULY = StandingAlarm(JULY.month, JULY.month, JULY.columns, reaches_model=False)
BOTH = StandingAlarm(MAY.month, JULY.month, ("Pay", "Mood", "Age"), reaches_model=True)


@pytest.mark.parametrize(
    ("champion", "answered", "standing"),
    [
        ("2024-04", [], BOTH),
        ("2024-05", [], SINCE_JULY),
        ("2024-07", [], None),
        ("2024-01", [(MAY.month, 1)], SINCE_JULY),
        ("2024-01", [(MAY.month, 2)], BOTH),
        ("2024-01", [(JULY.month, 1)], SINCE_MAY),
        ("2024-05", [(JULY.month, 1)], None),
        ("2024-01", [(MAY.month, 1), (JULY.month, 1)], None),
    ],
)
@pytest.mark.parametrize("alarms", [[MAY, JULY], [JULY, MAY]])
def test_what_neither_a_later_champion_nor_a_person_answered_stands_from_its_first_to_its_last(
    alarms: list[PastAlarm],
    champion: str,
    answered: list[tuple[pd.Period, int]],
    standing: StandingAlarm | None,
) -> None:
    assert standing == find_standing(
        alarms, month=MONTH, champion_as_of=pd.Period(champion, "M"), answered=answered
    )


def test_an_alarm_of_the_month_itself_or_of_a_later_one_does_not_stand_before_it() -> None:
    for month, standing in ((MAY.month, None), (JULY.month, SINCE_MAY), (JULY.month + 1, BOTH)):
        assert standing == find_standing([MAY, JULY], month=month, champion_as_of=PANEL_START)


def test_an_alarm_that_stands_is_drift_and_says_what_answers_it(panel: Panel) -> None:
    calm = judge(panel)[0]
    drift = judge(panel, standing=SINCE_MAY)[0]
    assert (drift.finding, drift.alarmed, drift.reaches_model) == (Finding.DRIFT, False, True)
    assert drift.standing_since == "2024-05"
    assert drift.reason == (
        "the alarm of 2024-05 (Pay, Mood) stands until a model trained since is promoted, or "
        f"`attrition acknowledge 2024-05 --reason TEXT`; this month: {calm.reason}"
    )
    assert drift.tests == calm.tests


def test_an_alarm_stands_also_where_the_month_cannot_be_judged(panel: Panel) -> None:
    few = {**panel, MONTH: panel[MONTH].head(40)}
    alarm = StandingAlarm(JULY.month, JULY.month, (), reaches_model=False)
    drift = judge(few, standing=alarm)[0]
    assert (drift.finding, drift.reaches_model) == (Finding.DRIFT, False)
    assert drift.reason.startswith("the alarm of 2024-07 (many columns) stands")


def test_what_an_unused_column_did_before_is_no_excuse_for_this_month(panel: Panel) -> None:
    assert judge(raise_pay(panel), standing=SINCE_JULY)[0].reaches_model
    assert judge(age_all(panel), standing=SINCE_MAY)[0].reaches_model
    assert not judge(age_all(panel), standing=SINCE_JULY)[0].reaches_model


def test_one_answer_to_the_newest_alarm_is_enough_and_the_verdict_names_it(panel: Panel) -> None:
    calm, alarmed = judge(panel, standing=BOTH)[0], judge(raise_pay(panel), standing=BOTH)[0]
    said = "the alarm of 2024-05 (Pay, Mood, Age) stands until a model trained since is promoted"
    assert calm.reason.startswith(f"{said}, or `attrition acknowledge 2024-07 --reason TEXT`; ")
    assert alarmed.reason.startswith(f"{said}, or `attrition acknowledge {MONTH} --reason TEXT`; ")


def test_what_would_have_been_seen_is_told_for_what_matters_most_to_the_model(
    panel: Panel,
) -> None:
    drift = judge(panel, importance={"Mood": 0.1, "Team": 0.9, "Pay": 0.5})[0]
    assert [each.column for each in drift.detectable] == ["Team", "Pay", "Mood", "Age"]
    team, pay = drift.detectable[:2]
    seen = f"a shift of {pay} or {team}, or more, would have been seen with 80 % probability"
    assert describe_power(drift) == seen
    assert (pay.unit, team.unit) == ("%", "points")


def test_people_see_smaller_shifts_than_rows(panel: Panel) -> None:
    alone = {each.column: each for each in judge(panel, without=BEFORE)[0].detectable}
    for each in judge(panel)[0].detectable:
        assert each.shift < alone[each.column].shift
        assert each.unit == alone[each.column].unit


def test_where_nothing_is_known_of_what_would_have_been_seen_nothing_is_told() -> None:
    unknown = FeatureDrift(finding=Finding.CANNOT_TELL, reason="too few rows")
    assert describe_power(unknown) == ""
    only = unknown.model_copy(update={"detectable": (Detectable.of_share("Team", 0.07),)})
    assert describe_power(only).startswith("a shift of Team by 7 points, or more, would")
