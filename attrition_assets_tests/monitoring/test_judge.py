from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.monitoring.judge import judge_month
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.report import DriftReport, Finding

from .conftest import MakeOutcomes

Judge = Callable[..., DriftReport]


def scored(sample: OutcomeSample) -> pd.DataFrame:
    return sample.features.assign(probability=sample.probability)


@pytest.fixture
def judge(contract: Contract, make_outcomes: MakeOutcomes) -> Judge:
    """Judge a calm month, in which everything is due, but for what is given."""

    def judge_but(**given: object) -> DriftReport:
        baseline, current = make_outcomes(900, 0), make_outcomes(500, 1)
        calm: dict[str, object] = {
            "month": pd.Period("2026-04", "M"),
            "contract": contract,
            "policy": MonitoringPolicy(),
            "champion_version": 3,
            "champion_as_of": pd.Period("2026-01", "M"),
            "reference_digest": "abc",
            "threshold": 0.3,
            "baseline": scored(baseline),
            "current": scored(current),
            "concept": (baseline, current),
            "performance": (baseline, current),
        }
        return judge_month(**(calm | given))  # type: ignore[arg-type]

    return judge_but


def findings(report: DriftReport) -> list[Finding]:
    return [
        report.feature_drift.finding,
        report.prediction_drift.finding,
        report.concept_drift.finding,
        report.performance.finding,
        report.champion_age.finding,
    ]


def test_a_calm_month_has_no_drift_and_says_what_it_was_measured_against(judge: Judge) -> None:
    report = judge()
    assert findings(report) == [Finding.NO_DRIFT] * 5
    assert (report.month, report.baseline_month) == ("2026-04", "2026-01")
    assert (report.champion_version, report.reference_digest) == (3, "abc")
    assert (report.baseline_rows, report.current_rows) == (900, 500)
    assert report.feature_drift.reason.startswith("0 of 30 tested columns drifted in 500 rows")


def test_the_same_month_gives_the_same_bytes_and_survives_json(judge: Judge) -> None:
    text = judge().model_dump_json()
    assert judge().model_dump_json() == text
    assert DriftReport.model_validate_json(text).model_dump_json() == text


def test_moved_features_are_named_with_their_numbers(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    current = scored(make_outcomes(500, 1))
    current["MonthlyIncome"] = current["MonthlyIncome"] * 1.5
    drift = judge(current=current).feature_drift
    assert drift.finding == Finding.DRIFT
    assert "MonthlyIncome" in drift.drifted_features
    assert "MonthlyIncome (KS distance 0." in drift.reason


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
    assert findings(report)[2:4] == [Finding.NOT_DUE, Finding.NOT_DUE]
    assert report.concept_drift.reason == report.performance.reason == reason


def test_too_few_rows_leave_features_and_predictions_open(
    judge: Judge, make_outcomes: MakeOutcomes
) -> None:
    report = judge(current=scored(make_outcomes(20, 1)))
    assert findings(report)[:2] == [Finding.CANNOT_TELL, Finding.CANNOT_TELL]
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
    report = judge(concept=(make_outcomes(900, 0), current))
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
