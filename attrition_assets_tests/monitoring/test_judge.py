from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.monitoring.feature_drift import StandingAlarm
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.people import CHANGES, PeopleHistory
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, FaultKind, Finding
from attrition_assets.simulation.company import Company, simulate_company
from attrition_assets.simulation.shifts import PayInflation

from .conftest import MakeOutcomes, look_back

Judge = Callable[..., DriftReport]
MONTH = pd.Period("2026-04", freq="M")


def refuse(month: pd.Period) -> pd.DataFrame:
    raise AssertionError(f"{month} was not accepted")


STRANGERS = PeopleHistory(frozenset(), refuse)


def scored(sample: OutcomeSample) -> pd.DataFrame:
    return sample.features.assign(probability=sample.probability)


@pytest.fixture(scope="module")
def judge(contract: Contract, make_outcomes: MakeOutcomes) -> Judge:
    """Judge a calm month of strangers, in which everything is due, but for what is given."""
    baseline, current = make_outcomes(900, 0), make_outcomes(500, 1)
    calm: dict[str, object] = {
        "month": MONTH,
        "contract": contract,
        "policy": MonitoringPolicy(),
        "champion_version": 3,
        "champion_as_of": pd.Period("2026-01", "M"),
        "reference_digest": "abc",
        "threshold": 0.3,
        "baseline": scored(baseline),
        "current": scored(current),
        "history": STRANGERS,
        "concept": (baseline, {3: current}),
        "performance": (baseline, current),
    }

    def judge_but(**given: object) -> DriftReport:
        return judge_month(**(calm | given))  # type: ignore[arg-type]

    return judge_but


@pytest.fixture(scope="module")
def company() -> Company:
    """A young company in which pay rises in the last month."""
    return simulate_company(
        first_month=MONTH - 14,
        months=15,
        seed=0,
        headcount=400,
        shifts=[PayInflation(MONTH, 0.03)],
        burn_in_months=60,
    )


def of_company(company: Company) -> dict[str, object]:
    """What `judge` takes of a company's month: tables scored by distance to the office."""
    months = {
        month: table.assign(probability=table["DistanceFromHome"] / 100)
        for month, table in company.snapshots.items()
    }
    return {
        "baseline": months[MONTH - 14],
        "current": months[MONTH],
        "history": look_back(company.snapshots),
        "concept": "later",
        "performance": "later",
    }


def findings(report: DriftReport) -> list[Finding]:
    return [
        report.data_quality.finding,
        report.feature_drift.finding,
        report.prediction_drift.finding,
        report.concept_drift.finding,
        report.performance.finding,
        report.champion_age.finding,
    ]


@pytest.fixture(scope="module")
def calm(judge: Judge) -> DriftReport:
    return judge()


def test_a_calm_month_has_no_drift_and_says_what_it_was_measured_against(
    calm: DriftReport,
) -> None:
    assert findings(calm) == [Finding.NO_FAULT, *[Finding.NO_DRIFT] * 5]
    assert (calm.month, calm.baseline_month) == ("2026-04", "2026-01")
    assert (calm.champion_version, calm.reference_digest) == (3, "abc")
    assert (calm.baseline_rows, calm.current_rows) == (900, 500)
    assert "by rows alone, without a year of people" in calm.feature_drift.reason


def test_what_would_have_been_seen_of_protected_columns_comes_last(
    calm: DriftReport, contract: Contract
) -> None:
    named = [each.column for each in calm.feature_drift.detectable]
    assert len(named) == len(contract.monitored)
    assert set(named[-3:]) == set(contract.protected)


def test_levels_are_those_of_the_policys_yearly_budget(calm: DriftReport) -> None:
    policy = MonitoringPolicy()
    assert calm.feature_drift.level == policy.feature_level
    assert calm.prediction_drift.level == policy.prediction_level
    assert [window.level for window in calm.concept_drift.windows] == [policy.outcome_level]


def test_the_same_month_gives_the_same_bytes_and_survives_json(
    calm: DriftReport, judge: Judge
) -> None:
    text = calm.model_dump_json()
    assert judge().model_dump_json() == text
    assert DriftReport.model_validate_json(text).model_dump_json() == text


def test_a_companys_month_is_judged_by_its_people_and_gives_the_same_bytes_again(
    judge: Judge, company: Company
) -> None:
    given = of_company(company)
    report = judge(**given, importance={"MonthlyIncome": 0.4})
    drift = report.feature_drift
    assert (drift.finding, drift.drifted_features) == (Finding.DRIFT, ("MonthlyIncome",))
    assert [each.method for each in drift.evidence if each.alarmed] == [CHANGES]
    assert drift.tests[0].importance == 0.4
    assert drift.detectable[0].column == "MonthlyIncome"
    text = report.model_dump_json()
    assert judge(**given, importance={"MonthlyIncome": 0.4}).model_dump_json() == text
    assert DriftReport.model_validate_json(text).model_dump_json() == text


def test_the_seed_settles_the_permutations(judge: Judge, company: Company) -> None:
    tests = [judge(**of_company(company), seed=seed).feature_drift.tests for seed in (0, 1)]
    assert tests[0] != tests[1]


def test_an_alarm_that_stands_is_in_the_report(judge: Judge) -> None:
    february = pd.Period("2026-02", "M")
    alarm = StandingAlarm(february, february, ("OverTime",), reaches_model=True)
    drift = judge(standing=alarm, concept="later").feature_drift
    assert (drift.finding, drift.standing_since, drift.alarmed) == (Finding.DRIFT, "2026-02", False)


def test_the_baseline_is_named_by_the_month_that_was_acknowledged(judge: Judge) -> None:
    report = judge(baseline_month=pd.Period("2026-03", "M"), snapshot_version=2)
    assert (report.baseline_month, report.snapshot_version) == ("2026-03", 2)
    assert report.champion_age.months == 3


def test_moved_features_are_named_with_their_numbers(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    current = scored(make_outcomes(500, 1))
    current["MonthlyIncome"] = (current["MonthlyIncome"] * 1.5).clip(upper=30_000)
    drift = judge(current=current).feature_drift
    assert drift.finding == Finding.DRIFT
    assert "MonthlyIncome" in drift.drifted_features
    assert drift.reason.startswith("MonthlyIncome, ")


def test_broken_features_are_a_fault_and_no_drift(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    current = scored(make_outcomes(500, 1)).assign(OverTime="No")
    report = judge(current=current)
    assert findings(report)[:2] == [Finding.FAULT, Finding.CANNOT_TELL]
    assert [fault.fault for fault in report.data_quality.faults] == [FaultKind.CONSTANT]
    assert not report.feature_drift.alarmed


def test_moved_predictions_are_drift_with_the_flagged_shares(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    current = scored(make_outcomes(500, 1))
    current["probability"] = np.sqrt(current["probability"])
    drift = judge(current=current).prediction_drift
    assert drift.finding == Finding.DRIFT
    assert drift.flagged_share_current == (current["probability"] >= 0.3).mean()
    assert drift.flagged_p_value is not None
    assert drift.flagged_p_value < 0.001


def test_outcomes_that_are_not_known_yet_are_not_due_and_say_when(judge: Judge) -> None:
    reason = "labels of 2026-04 mature in 2026-07"
    report = judge(concept=reason, performance=reason)
    assert findings(report)[3:5] == [Finding.NOT_DUE, Finding.NOT_DUE]
    assert report.concept_drift.reason == report.performance.reason == reason


def test_too_few_rows_leave_data_features_and_predictions_open(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    report = judge(current=scored(make_outcomes(20, 1)))
    assert findings(report)[:3] == [Finding.CANNOT_TELL] * 3
    assert "20 rows, too few" in report.feature_drift.reason


def test_a_column_that_both_tables_lack_leaves_features_open(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    tables = [scored(make_outcomes(500, seed)).drop(columns="Age") for seed in (0, 1)]
    drift = judge(baseline=tables[0], current=tables[1]).feature_drift
    assert drift.finding == Finding.CANNOT_TELL
    assert "the baseline lacks Age" in drift.reason


def test_a_month_without_scores_leaves_predictions_open(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    report = judge(current=make_outcomes(500, 1).features)
    assert report.prediction_drift.finding == Finding.CANNOT_TELL
    assert report.feature_drift.finding == Finding.NO_DRIFT


def test_outcomes_that_lack_a_column_leave_the_concept_open(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    current = make_outcomes(500, 1)
    del current.features["OverTime"]
    report = judge(concept=(make_outcomes(900, 0), {3: current}))
    assert report.concept_drift.finding == Finding.CANNOT_TELL


def test_a_champion_is_old_after_the_accepted_months_and_not_before(judge: Judge) -> None:
    ages = [
        judge(champion_as_of=pd.Period(as_of, "M"), concept="later", performance="later")
        for as_of in ("2025-04", "2025-03", "2026-05")
    ]
    assert [(report.champion_age.months, report.champion_age.finding) for report in ages] == [
        (12, Finding.NO_DRIFT),
        (13, Finding.DRIFT),
        (-1, Finding.NO_DRIFT),
    ]


@pytest.mark.parametrize(("people", "is_told"), [(60, False), (99, False), (100, True)])
def test_a_month_of_few_people_is_too_few_to_tell(
    people: int, is_told: bool, judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    report = judge(current=scored(make_outcomes(people, 1)))
    told = [finding != Finding.CANNOT_TELL for finding in findings(report)[:3]]
    assert told == [is_told] * 3
    if not is_told:
        reason = f"the current month has {people} rows, too few to tell: 100 people are needed"
        assert report.feature_drift.reason == report.prediction_drift.reason == reason
