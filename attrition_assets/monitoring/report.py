"""The verdicts on a month, as frozen values: what was found, with its numbers and its reason.

Nothing is computed here but what follows from a value's own fields. The asset, its checks, the
API, the issue and the model card read these types; how a verdict is reached is for the judges.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from attrition_assets.contract import Kind


class Finding(StrEnum):
    """What a judge found.

    `not_due`: nothing to judge yet, as expected (labels are not known). `cannot_tell`: it should
    have been judged and could not be; it never means that all is well.
    """

    DRIFT = "drift"
    NO_DRIFT = "no_drift"
    NOT_DUE = "not_due"
    CANNOT_TELL = "cannot_tell"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Verdict(_Value):
    """What one judge found, and why, in plain English with the numbers."""

    finding: Finding
    reason: str


class FeatureTest(_Value):
    """One test of one column: its values, or its rate of missing values.

    `method`, the p-values and the effect are None where the column could not be tested; `note`
    then says why. `effect` lies in 0..1, in the terms of `effect_measure`.
    """

    column: str
    kind: Kind
    method: str | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    effect: float | None = None
    effect_measure: str | None = None
    drifted: bool = False
    used_by_model: bool = True
    note: str = ""


class FeatureDrift(Verdict):
    """Whether the distribution of any monitored column moved."""

    tests: tuple[FeatureTest, ...] = ()

    @property
    def drifted_features(self) -> tuple[str, ...]:
        """The columns that drifted, once each, in the order of the tests."""
        return drifted_columns(self.tests)

    @property
    def share(self) -> float | None:
        """Drifted columns over tested columns; None if no column was tested."""
        return drifted_share(self.tests) if tested_columns(self.tests) else None


class PredictionDrift(Verdict):
    """Whether the distribution of predicted probabilities moved.

    `score` is their KS distance, 0..1. The flagged shares are those at or above the champion's
    threshold, compared by `flagged_p_value`, which is reported and does not decide.
    """

    score: float | None = None
    p_value: float | None = None
    flagged_share_baseline: float | None = None
    flagged_share_current: float | None = None
    flagged_p_value: float | None = None


class ConceptDrift(Verdict):
    """Whether people with the same features now leave at other rates than the champion learned.

    `columns` are those that stand out, by contract name; `(base rate)` is leaving as a whole.
    `rows` and `leavers` count the current sample.
    """

    p_value: float | None = None
    statistic: float | None = None
    columns: tuple[str, ...] = ()
    rows: int | None = None
    leavers: int | None = None


class Performance(Verdict):
    """Whether the champion ranks leavers worse than it promised. Unknown numbers are None.

    `auc_low` and `auc_high` are a 95 % interval of the current AUC; `log_loss` is in nats per row.
    """

    auc: float | None = None
    auc_low: float | None = None
    auc_high: float | None = None
    promised_auc: float | None = None
    p_value: float | None = None
    precision: float | None = None
    recall: float | None = None
    log_loss: float | None = None
    rows: int | None = None
    leavers: int | None = None


class ChampionAge(Verdict):
    """Whether the champion's baseline is too many months older than the month it scores."""

    months: int
    limit: int


class DriftReport(_Value):
    """All verdicts on one month (`2026-01`), and what they were measured against.

    `baseline_month` is the month the champion's reference data ends in; `reference_digest` names
    that data; `snapshot_version` counts the corrections of the month, from 1.
    """

    month: str
    snapshot_version: int
    champion_version: int
    reference_digest: str
    baseline_month: str
    baseline_rows: int
    current_rows: int
    feature_drift: FeatureDrift
    prediction_drift: PredictionDrift
    concept_drift: ConceptDrift
    performance: Performance
    champion_age: ChampionAge


def tested_columns(tests: tuple[FeatureTest, ...]) -> tuple[str, ...]:
    """The columns that at least one test could judge, once each."""
    return tuple(dict.fromkeys(test.column for test in tests if test.p_value is not None))


def drifted_columns(tests: tuple[FeatureTest, ...]) -> tuple[str, ...]:
    """The columns that at least one test found drifted, once each."""
    return tuple(dict.fromkeys(test.column for test in tests if test.drifted))


def drifted_share(tests: tuple[FeatureTest, ...]) -> float:
    """Drifted columns over tested columns, 0..1. At least one column must have been tested."""
    return len(drifted_columns(tests)) / len(tested_columns(tests))
