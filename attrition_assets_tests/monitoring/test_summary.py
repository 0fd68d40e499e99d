import pytest

from attrition_assets.contract import Kind
from attrition_assets.monitoring.decision import Decision, RetrainingDecision
from attrition_assets.monitoring.report import (
    Aspect,
    ChampionAge,
    ConceptDrift,
    DataQuality,
    Detectable,
    DriftReport,
    FeatureDrift,
    FeatureTest,
    Finding,
    Performance,
    PredictionDrift,
)
from attrition_assets.monitoring.summary import Batch, render_summary, render_unjudged

from .conftest import make_report

FEATURES = FeatureDrift(
    finding=Finding.DRIFT,
    reason="2 of 3 columns moved",
    alarmed=True,
    reaches_model=True,
    tests=(
        FeatureTest(column="Age", kind=Kind.CONTINUOUS, p_value=0.01, drifted=True),
        FeatureTest(column="OverTime", kind=Kind.NOMINAL, p_value=0.02, drifted=True),
        FeatureTest(column="DailyRate", kind=Kind.CONTINUOUS, p_value=0.5),
    ),
    detectable=(
        Detectable.of_share("OverTime", 0.05),
        Detectable.of_mean("MonthlyIncome", 6500, 130, amounts=True),
    ),
)
REPORT = make_report(
    data_quality=DataQuality(finding=Finding.NO_FAULT, reason="nothing is wrong"),
    feature_drift=FEATURES,
    prediction_drift=PredictionDrift(
        finding=Finding.NO_DRIFT,
        reason="scores are as before",
        score=0.0415,
        flagged_share_baseline=0.2,
        flagged_share_current=0.25,
    ),
    concept_drift=ConceptDrift(finding=Finding.NOT_DUE, reason="next in 2026-03"),
    performance=Performance(finding=Finding.CANNOT_TELL, reason="3 leavers; 30 are needed"),
    champion_age=ChampionAge(finding=Finding.NO_DRIFT, reason="3 months old", months=3, limit=12),
)
BATCH = Batch(rows=500, flagged=125, mean_probability=0.1625)
RETRAIN = RetrainingDecision(
    decision=Decision.RETRAIN, reasons=("feature drift: 2 of 3 columns moved", "and one more")
)


def render(
    report: DriftReport = REPORT,
    decision: RetrainingDecision = RETRAIN,
    notes: tuple[str, ...] = (),
) -> list[str]:
    return render_summary(report, decision, BATCH, "http://reports/2026-01", notes).splitlines()


def test_a_month_is_headed_by_its_name_the_advice_and_every_reason() -> None:
    assert render()[:6] == [
        "# 2026-01",
        "",
        "**Retraining is advised.**",
        "",
        "- feature drift: 2 of 3 columns moved",
        "- and one more",
    ]


@pytest.mark.parametrize(
    ("decision", "advice"),
    [
        (Decision.RETRAIN, "**Retraining is advised.**"),
        (Decision.KEEP, "Retraining is not advised."),
        (Decision.CANNOT_TELL, "**Whether to retrain cannot be told.**"),
    ],
)
def test_every_decision_has_its_words(decision: Decision, advice: str) -> None:
    lines = render(decision=RetrainingDecision(decision=decision, reasons=("why",)))
    assert lines[2] == advice


def test_every_verdict_is_answered_in_words_with_its_reason() -> None:
    assert [line for line in render() if line.startswith("| ")][:7] == [
        "| question | answer | why |",
        "| Data broken | no | nothing is wrong |",
        "| Feature drift | **yes** | 2 of 3 columns moved |",
        "| Prediction drift | no | scores are as before |",
        "| Concept drift | not known yet | next in 2026-03 |",
        "| Performance lost | **cannot tell** | 3 leavers; 30 are needed |",
        "| Champion too old | no | 3 months old |",
    ]


def test_what_moved_is_told_with_its_way_its_effect_and_its_weight() -> None:
    pay = FeatureTest(
        column="Pay",
        kind=Kind.CONTINUOUS,
        aspect=Aspect.MEAN,
        p_value=0.01,
        effect=0.4,
        effect_measure="standard deviations",
        drifted=True,
        importance=0.123,
    )
    pays = FeatureTest(column="Pay", kind=Kind.CONTINUOUS, p_value=0.3, note="mean 6,500 to 7,280")
    team = FeatureTest(
        column="Team",
        kind=Kind.NOMINAL,
        p_value=0.02,
        drifted=True,
        used_by_model=False,
        note="a|b 20.0% to 10.0%",
    )
    drift = FEATURES.model_copy(update={"tests": (team, pay, pays)})
    lines = render(REPORT.model_copy(update={"feature_drift": drift}))
    assert [line for line in lines if line.startswith("| ")][7:] == [
        "| what moved | from the baseline to now | found | weight in the model |",
        "| Pay | mean 6,500 to 7,280 | mean by person, 0.40 standard deviations | 0.12 |",
        "| Team | a\\|b 20.0% to 10.0% | values | not used |",
    ]


def test_without_drift_nothing_is_said_to_have_moved() -> None:
    calm = FEATURES.model_copy(
        update={"tests": tuple(t.model_copy(update={"drifted": False}) for t in FEATURES.tests)}
    )
    lines = render(REPORT.model_copy(update={"feature_drift": calm}))
    assert not any("what moved" in line for line in lines)


def test_broken_data_are_answered_with_yes_and_stay_inside_their_cell() -> None:
    broken = DataQuality(finding=Finding.FAULT, reason="Pay: a|b\nand more")
    lines = render(REPORT.model_copy(update={"data_quality": broken}))
    assert "| Data broken | **yes** | Pay: a\\|b and more |" in lines


def test_the_numbers_of_the_month_its_batch_and_its_baseline_are_told() -> None:
    assert render()[-6:] == [
        "- Drift share: 0.667; drifted features: Age, OverTime",
        "- A shift of MonthlyIncome by 2 % or OverTime by 5 points, or more, would have been seen "
        "with 80 % probability",
        "- Prediction drift score: 0.042; flagged: 0.250 now, 0.200 in the baseline",
        "- Batch: 500 employees scored by version 7, 125 flagged (25.0%), mean probability 0.163",
        "- Baseline: 900 employees, as of 2025-10",
        "- Distributions: http://reports/2026-01",
    ]


@pytest.mark.parametrize(
    ("flagged", "said"), [(4, "fewer than 5 flagged,"), (0, "0 flagged (0.0%),"), (5, "5 flagged")]
)
def test_no_count_of_one_to_four_flagged_people_is_told(flagged: int, said: str) -> None:
    batch = Batch(rows=500, flagged=flagged, mean_probability=0.1)
    assert said in render_summary(REPORT, RETRAIN, batch, "http://reports")


def test_notes_come_last_and_a_corrected_snapshot_is_said_to_be_one() -> None:
    lines = render(REPORT.model_copy(update={"snapshot_version": 2}), notes=("one", "two"))
    assert lines[-2:] == ["- one", "- two"]
    (batch,) = (line for line in lines if line.startswith("- Batch: "))
    assert batch.endswith("(version 2 of the month: its snapshot was corrected)")


def test_what_could_not_be_measured_is_unknown_and_not_zero() -> None:
    nothing = REPORT.model_copy(
        update={
            "feature_drift": FeatureDrift(finding=Finding.CANNOT_TELL, reason="too few rows"),
            "prediction_drift": PredictionDrift(finding=Finding.CANNOT_TELL, reason="too few"),
        }
    )
    lines = render(nothing)
    assert "- Drift share: unknown; drifted features: none" in lines
    assert (
        "- Prediction drift score: unknown; flagged: unknown now, unknown in the baseline" in lines
    )
    assert not any("would have been seen" in line for line in lines)


def test_a_month_that_was_not_judged_answers_no_question_and_says_what_to_do() -> None:
    lines = render_unjudged(
        "2026-02", "2026-02 was refused", ("Pay: a year's",), "correct the file"
    ).splitlines()
    assert lines[:5] == ["# 2026-02", "", "**2026-02 was refused**", "", "- Pay: a year's"]
    answers = [line for line in lines if line.startswith("| ")][1:]
    assert len(answers) == 6
    assert all(line.endswith("| **not judged** | see above |") for line in answers)
    assert lines[-1] == "- To do: correct the file"
