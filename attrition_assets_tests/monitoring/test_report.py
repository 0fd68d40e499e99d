import pytest
from pydantic import ValidationError

from attrition_assets.contract import Kind
from attrition_assets.monitoring.report import (
    ChampionAge,
    ConceptDrift,
    Detectable,
    DriftReport,
    Estimate,
    Evidence,
    FeatureDrift,
    FeatureTest,
    Finding,
    OutcomeWindow,
)

from .conftest import make_report


def column_test(column: str, *, drifted: bool = False, p_value: float | None = 0.5) -> FeatureTest:
    return FeatureTest(column=column, kind=Kind.CONTINUOUS, p_value=p_value, drifted=drifted)


def window(months: int, p_value: float, *columns: str) -> OutcomeWindow:
    return OutcomeWindow(
        months=months, rows=900, leavers=40, p_value=p_value, level=0.004, columns=columns
    )


def test_a_column_that_drifted_twice_counts_once() -> None:
    drift = FeatureDrift(
        finding=Finding.DRIFT,
        reason="1 of 2",
        tests=(
            column_test("Age", drifted=True),
            column_test("Age", drifted=True),
            column_test("DailyRate"),
            column_test("Education", p_value=None),
        ),
    )
    assert drift.drifted_features == ("Age",)
    assert drift.share == 0.5


def test_features_that_could_not_be_judged_have_no_share() -> None:
    assert FeatureDrift(finding=Finding.CANNOT_TELL, reason="too few rows").share is None


@pytest.mark.parametrize(
    ("shift", "words"),
    [
        (Detectable.of_share("OverTime", 0.0432), "OverTime by 4.3 points"),
        (Detectable.of_mean("MonthlyIncome", 6500, 130, amounts=True), "MonthlyIncome by 2 %"),
        (Detectable.of_mean("DailyRate", 800, 96, amounts=True), "DailyRate by 12 %"),
        (Detectable.of_mean("WorkLifeBalance", 2.8, 0.12, amounts=False), "0.12 on average"),
        (
            Detectable(column="Bonus", shift=12345.6, unit="on average"),
            "Bonus by 12,346 on average",
        ),
    ],
)
def test_a_shift_that_would_have_been_seen_is_said_as_people_read_it(
    shift: Detectable, words: str
) -> None:
    assert str(shift).endswith(words)


def test_an_estimate_is_said_with_its_interval_and_its_promise() -> None:
    estimate = Estimate(value=0.7512, low=0.7, high=0.8)
    assert str(estimate) == "0.751 [0.700, 0.800]"
    promised = estimate.model_copy(update={"promised": 0.8})
    assert str(promised) == "0.751 [0.700, 0.800], promised 0.800"


def test_concept_drift_names_the_columns_of_all_windows_once_and_the_smallest_p() -> None:
    windows = (window(3, 0.02, "OverTime"), window(6, 0.001, "(base rate)", "OverTime"))
    drift = ConceptDrift(finding=Finding.DRIFT, reason="it errs", windows=windows)
    assert drift.columns == ("OverTime", "(base rate)")
    assert drift.p_value == 0.001
    unknown = ConceptDrift(finding=Finding.NOT_DUE, reason="later")
    assert (unknown.columns, unknown.p_value) == ((), None)


def test_a_verdict_survives_json_to_the_byte() -> None:
    drift = FeatureDrift(
        finding=Finding.DRIFT, reason="1/3 ≈ a third", tests=(column_test("Age", p_value=1 / 3),)
    )
    text = drift.model_dump_json()
    read = FeatureDrift.model_validate_json(text)
    assert read == drift
    assert read.model_dump_json() == text


def test_a_whole_report_survives_json_to_the_byte() -> None:
    report = make_report(
        feature_drift=FeatureDrift(
            finding=Finding.DRIFT,
            reason="1 of 2 moved",
            p_value=1e-300,
            level=0.05 * 0.8 / 12,
            alarmed=True,
            reaches_model=True,
            standing_since="2025-11",
            evidence=(
                Evidence(method="means", p_value=0.1 + 0.2, level=1 / 3),
                Evidence(method="rows", note="none"),
            ),
            tests=(column_test("Age", drifted=True), column_test("Pay", p_value=None)),
            detectable=(Detectable.of_share("OverTime", 1 / 7),),
        ),
        concept_drift=ConceptDrift(
            finding=Finding.NO_DRIFT, reason="as before", windows=(window(3, 0.5),), rows=900
        ),
    )
    text = report.model_dump_json()
    read = DriftReport.model_validate_json(text)
    assert read == report
    assert read.model_dump_json() == text


def test_verdicts_are_frozen_and_refuse_unknown_fields() -> None:
    age = ChampionAge(finding=Finding.NO_DRIFT, reason="new", months=1, limit=12)
    with pytest.raises(ValidationError, match="frozen"):
        age.months = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        ChampionAge.model_validate({**age.model_dump(), "years": 0})
