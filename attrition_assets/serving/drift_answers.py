"""What the drift API answers: the verdicts of a `DriftReport`, with what is asked for most.

`dataset_drift` is null where it could not be told: that is never "no drift".
"""

from typing import Any, Self

from attrition_assets.monitoring.report import (
    DataQuality,
    DriftReport,
    FeatureDrift,
    Finding,
    PredictionDrift,
)
from attrition_assets.values import Value


class Baseline(Value):
    """What was compared with: `rows` of the caller, or of a `month` by which a version is judged.

    `model_version` is the champion's, None if the caller gave the rows; `note` says why the month
    is another than the one that the version's reference data end in.
    """

    model_version: int | None = None
    month: str | None = None
    rows: int
    note: str = ""

    @classmethod
    def of_report(cls, report: DriftReport) -> Self:
        """What a month was compared with."""
        return cls(
            model_version=report.champion_version,
            month=report.baseline_month,
            rows=report.baseline_rows,
            note=report.baseline_note,
        )


class FeatureAnswer(Value):
    """Whether features drifted: the verdicts, and before them what is asked for most."""

    dataset_drift: bool | None
    drift_share: float | None
    drifted_features: tuple[str, ...]
    n_drifted_features: int | None
    p_value: float | None
    level: float | None
    baseline: Baseline
    current_rows: int
    feature_drift: FeatureDrift
    data_quality: DataQuality


class PredictionAnswer(Value):
    """Whether predictions drifted: the verdict, and before it what is asked for most."""

    dataset_drift: bool | None
    drift_score: float | None
    p_value: float | None
    level: float | None
    flagged_share_baseline: float | None
    flagged_share_current: float | None
    baseline: Baseline
    current_rows: int
    prediction_drift: PredictionDrift


class Judged(Value):
    """Of which month an answer is.

    `is_current` is False if the month's snapshot was refused or corrected since; `not_judged` are
    later months that came and have no verdict: they may have drifted.
    """

    month: str
    snapshot_version: int
    is_current: bool
    not_judged: tuple[str, ...]


class LatestFeatures(FeatureAnswer, Judged):
    """What the newest verdict on a month's features says."""


class LatestPredictions(PredictionAnswer, Judged):
    """What the newest verdict on a month's predictions says."""


class ScoredAnswer(PredictionAnswer):
    """Whether the caller's predictions drifted; `flag_threshold` is what was counted as flagged."""

    flag_threshold: float


def tell_drift(finding: Finding) -> bool | None:
    """Drift as yes, no, or None where it could not be told."""
    return {Finding.DRIFT: True, Finding.NO_DRIFT: False}.get(finding)


def answer_features(drift: FeatureDrift, quality: DataQuality) -> dict[str, Any]:
    """The fields of an answer that follow from the verdicts."""
    drifted = tell_drift(drift.finding)
    known = drifted is not None
    return {
        "dataset_drift": drifted,
        "drift_share": drift.share if known else None,
        "drifted_features": drift.drifted_features,
        "n_drifted_features": len(drift.drifted_features) if known else None,
        "p_value": drift.p_value,
        "level": drift.level,
        "feature_drift": drift,
        "data_quality": quality,
    }


def answer_predictions(drift: PredictionDrift) -> dict[str, Any]:
    """The fields of an answer that follow from the verdict."""
    return {
        "dataset_drift": tell_drift(drift.finding),
        "drift_score": drift.score,
        "p_value": drift.p_value,
        "level": drift.level,
        "flagged_share_baseline": drift.flagged_share_baseline,
        "flagged_share_current": drift.flagged_share_current,
        "prediction_drift": drift,
    }
