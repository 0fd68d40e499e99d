from collections.abc import Mapping
from typing import Any

import pytest

from attrition_assets.contract import Kind
from attrition_assets.monitoring.foremost import choose_columns
from attrition_assets.monitoring.report import (
    ChampionAge,
    ColumnFault,
    ConceptDrift,
    DataQuality,
    Detectable,
    DriftReport,
    Evidence,
    FaultKind,
    FeatureDrift,
    FeatureTest,
    Finding,
    Performance,
    PredictionDrift,
)
from attrition_assets.monitoring.report_page import (
    render_features,
    render_verdicts,
    show_number,
)

NAMES = ("Age", "DailyRate", "MonthlyIncome", "DistanceFromHome", "HourlyRate", "MonthlyRate")


def make_test(column: str, p_value: float, **fields: Any) -> FeatureTest:
    given = {"kind": Kind.CONTINUOUS, "method": "Kolmogorov-Smirnov", "p_value": p_value / 2}
    return FeatureTest(column=column, adjusted_p_value=p_value, **{**given, **fields})


def make_report(features: FeatureDrift, **verdicts: Any) -> DriftReport:
    """A calm month, but for its features and the `verdicts` given."""
    calm: Mapping[str, Any] = {
        "data_quality": DataQuality(finding=Finding.NO_FAULT, reason="all columns are whole"),
        "prediction_drift": PredictionDrift(finding=Finding.NO_DRIFT, reason="scores as before"),
        "concept_drift": ConceptDrift(finding=Finding.NOT_DUE, reason="labels come in May"),
        "performance": Performance(finding=Finding.CANNOT_TELL, reason="only 3 leavers"),
        "champion_age": ChampionAge(finding=Finding.NO_DRIFT, reason="fresh", months=1, limit=12),
    }
    return DriftReport(
        month="2026-02",
        snapshot_version=2,
        champion_version=4,
        reference_digest="9f3ab27c51d04e77",
        baseline_month="2026-01",
        baseline_rows=1470,
        current_rows=1502,
        feature_drift=features,
        **{**calm, **verdicts},
    )


CALM = FeatureDrift(finding=Finding.NO_DRIFT, reason="nothing moved")


def test_the_page_opens_with_the_month_the_decision_and_its_reasons() -> None:
    page = render_verdicts(make_report(CALM), "Retrain <now>", ("drift & more", "old"))
    assert page.startswith("<h1><small>2026-02</small>Retrain &lt;now&gt;</h1>")
    assert "<li>drift &amp; more</li><li>old</li>" in page
    assert "1,502 people in 2026-02 (version 2 of its snapshot), against 1,470 in 2026-01" in page


def test_every_verdict_has_its_question_answer_and_reason() -> None:
    features = FeatureDrift(finding=Finding.DRIFT, reason="Age <moved>")
    quality = DataQuality(finding=Finding.FAULT, reason="a rate is broken")
    page = render_verdicts(make_report(features, data_quality=quality), "", ())
    rows = {
        "Data quality: is any column broken?": ("yes", "a rate is broken"),
        "Feature drift: have the people changed?": ("yes", "Age &lt;moved&gt;"),
        "Prediction drift: have the scores changed?": ("no", "scores as before"),
        "Concept drift: do the same people leave at other rates?": (
            "not known yet",
            "labels come in May",
        ),
        "Performance: does the champion rank worse than promised?": (
            "cannot tell",
            "only 3 leavers",
        ),
        "Champion: is it too old?": ("no", "fresh"),
    }
    for question, (answer, reason) in rows.items():
        cells = f"<td>{answer}</td><td>{reason}</td>"
        assert f'<th scope="row">{question}</th>{cells}</tr>' in page
    assert page.count('<tr class="alarm">') == 2
    assert page.count('<tr class="unknown">') == 1


def test_an_alarm_that_stands_is_told_and_whether_the_month_alarms_itself() -> None:
    standing = CALM.model_copy(update={"standing_since": "2025-11"})
    page = render_verdicts(make_report(standing), "", ())
    assert "An alarm stands since 2025-11" in page
    assert "This month by itself does not alarm." in page
    assert "stands since" not in render_verdicts(make_report(CALM), "", ())


def test_faults_evidence_and_what_would_have_been_seen_are_listed() -> None:
    features = FeatureDrift(
        finding=Finding.NO_DRIFT,
        reason="",
        evidence=(
            Evidence(method="rows", p_value=0.2, level=0.004),
            Evidence(method="relations", p_value=0.00001, level=0.004, alarmed=True),
            Evidence(method="people", note="no snapshot a year before"),
        ),
        detectable=(Detectable(column="MonthlyIncome", shift=623.7, unit="a month"),),
    )
    fault = ColumnFault(
        column="DailyRate", fault=FaultKind.UNIT_CHANGE, share=0.305, explanation="times 12"
    )
    quality = DataQuality(finding=Finding.FAULT, reason="", faults=(fault,))
    page = render_verdicts(make_report(features, data_quality=quality), "", ())
    assert "<li>MonthlyIncome by 620 a month</li>" in page
    assert "<td>unit change</td><td>30.5%</td><td>times 12</td><td></td>" in page
    assert "<td>no</td><td>0.2</td><td>0.004</td><td></td>" in page
    assert "<td>yes</td><td>&lt;0.0001</td><td>0.004</td><td></td>" in page
    assert "<td>not used</td><td></td><td></td><td>no snapshot a year before</td>" in page


def test_drifted_columns_come_with_the_most_important_to_the_model_first() -> None:
    tests = (
        make_test("Age", 0.001, drifted=True, used_by_model=False, importance=0.0),
        make_test("DailyRate", 0.001, drifted=True, importance=0.1),
        make_test("MonthlyIncome", 0.03, drifted=True, importance=0.8),
        make_test("HourlyRate", 0.0001, drifted=True, importance=0.1),
        make_test("MonthlyRate", 0.0001, importance=2.0),
    )
    assert choose_columns(tests) == ("MonthlyIncome", "HourlyRate", "DailyRate", "Age")


def test_without_drift_the_five_foremost_tested_columns_are_shown() -> None:
    tests = tuple(make_test(name, 1 / (2 + place)) for place, name in enumerate(NAMES))
    untested = FeatureTest(column="Gender", kind=Kind.NOMINAL, importance=9.0, note="constant")
    assert choose_columns((untested, *tests)) == tuple(reversed(NAMES))[:5]


def test_a_drifted_column_shows_the_tests_that_found_it_and_its_use() -> None:
    tests = (
        make_test("Age", 0.5, effect=0.01, effect_measure="KS distance"),
        make_test("Age", 0.02, drifted=True, effect=0.125, effect_measure="<b>", importance=0.25),
        make_test("DailyRate", 0.03, drifted=True, used_by_model=False, note="of 9 & more"),
    )
    verdict = FeatureDrift(finding=Finding.DRIFT, reason="", tests=tests)
    page = render_features(verdict, {"Age": "<figure>1</figure>"})
    assert page.startswith("<h2>The features that moved</h2>")
    assert page.count('<th scope="row">') == 2
    assert "<td>0.01</td><td>0.02</td><td>0.125 &lt;b&gt;</td><td>yes, weight 0.25</td>" in page
    assert "<td></td><td>no</td><td>of 9 &amp; more</td>" in page
    assert '<div class="pictures"><figure>1</figure></div>' in page


def test_without_any_test_the_page_says_why() -> None:
    verdict = FeatureDrift(finding=Finding.CANNOT_TELL, reason="41 rows < 60")
    assert "No column was tested: 41 rows &lt; 60" in render_features(verdict, {})


def test_every_table_scrolls_by_itself_and_heads_its_columns() -> None:
    verdict = FeatureDrift(finding=Finding.NO_DRIFT, reason="", tests=(make_test("Age", 0.4),))
    page = render_verdicts(make_report(verdict), "", ()) + render_features(verdict, {})
    assert page.count("<table") == page.count('<div class="scroll" role="region" tabindex="0"') == 2
    assert "<th>" not in page
    assert page.count('<th scope="col">') == 3 + 8


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(623.7, 2, "620"), (12345.0, 2, "12,000"), (0.2149, 2, "0.21"), (7.0, 4, "7")],
)
def test_numbers_are_rounded_and_never_in_powers_of_ten(
    value: float, digits: int, shown: str
) -> None:
    assert show_number(value, digits) == shown
