import pytest
from pydantic import ValidationError

from attrition_assets.contract import Kind
from attrition_assets.monitoring.report import (
    ChampionAge,
    FeatureDrift,
    FeatureTest,
    Finding,
)


def column_test(column: str, *, drifted: bool = False, p_value: float | None = 0.5) -> FeatureTest:
    return FeatureTest(column=column, kind=Kind.CONTINUOUS, p_value=p_value, drifted=drifted)


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


def test_a_verdict_survives_json_to_the_byte() -> None:
    drift = FeatureDrift(
        finding=Finding.DRIFT, reason="1/3 ≈ a third", tests=(column_test("Age", p_value=1 / 3),)
    )
    text = drift.model_dump_json()
    read = FeatureDrift.model_validate_json(text)
    assert read == drift
    assert read.model_dump_json() == text


def test_verdicts_are_frozen_and_refuse_unknown_fields() -> None:
    age = ChampionAge(finding=Finding.NO_DRIFT, reason="new", months=1, limit=12)
    with pytest.raises(ValidationError, match="frozen"):
        age.months = 2
    with pytest.raises(ValidationError, match="Extra inputs"):
        ChampionAge.model_validate({**age.model_dump(), "years": 0})
