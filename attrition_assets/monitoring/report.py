"""The verdicts on a month, as frozen values: what was found, with its numbers and its reason.

Nothing is computed here but what follows from a value's own fields. The asset, its checks, the
API, the issue and the model card read these types; how a verdict is reached is for the judges.
"""

from enum import StrEnum
from typing import Self

from pydantic import Field

from attrition_assets.contract import Kind
from attrition_assets.values import Value

SMALLEST_GROUP = 5  # people; no count and no share of fewer is told


class Finding(StrEnum):
    """What a judge found.

    `fault`: data are broken, which is no drift. `not_due`: nothing to judge yet, as expected
    (labels are not known). `cannot_tell`: it should have been judged and could not be; it never
    means that all is well.
    """

    DRIFT = "drift"
    NO_DRIFT = "no_drift"
    FAULT = "fault"
    NO_FAULT = "no_fault"
    NOT_DUE = "not_due"
    CANNOT_TELL = "cannot_tell"

    @property
    def answer(self) -> str:
        """The finding as an answer to "is something wrong?"."""
        return {
            Finding.DRIFT: "yes",
            Finding.FAULT: "yes",
            Finding.NO_DRIFT: "no",
            Finding.NO_FAULT: "no",
            Finding.NOT_DUE: "not known yet",
            Finding.CANNOT_TELL: "cannot tell",
        }[self]


class Verdict(Value):
    """What one judge found, and why, in plain English with the numbers."""

    finding: Finding
    reason: str


class Aspect(StrEnum):
    """What about a column is compared: the first three between rows, the last two by person."""

    VALUES = "values"
    CONDITIONAL = "values given the others"
    RELATION = "relation"
    CHANGE = "year-on-year change"
    MEAN = "mean by person"


class FeatureTest(Value):
    """One test of one aspect of one column.

    `method`, the p-values and the effect are None where the column could not be tested; `note`
    then says why. `adjusted_p_value` counts for all tests of its method; `effect` is 0 or more, in
    the terms of `effect_measure`. `importance` is the column's weight in the model, 0 if the model
    does not use it, None if no model was given.
    """

    column: str
    kind: Kind
    aspect: Aspect = Aspect.VALUES
    method: str | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    effect: float | None = None
    effect_measure: str | None = None
    drifted: bool = False
    used_by_model: bool = True
    importance: float | None = None
    note: str = ""

    @property
    def told_p_value(self) -> float | None:
        """The adjusted p-value, or the test's own where it is not adjusted; None if untested."""
        return self.p_value if self.adjusted_p_value is None else self.adjusted_p_value


class Evidence(Value):
    """One way of looking for drift: its p-value and the level that it has to reach.

    `p_value` is None where it could not be used; `note` then says why. It `alarmed` if what it
    found is beyond its floor as well.
    """

    method: str
    p_value: float | None = None
    level: float | None = None
    note: str = ""
    alarmed: bool = False


class Detectable(Value):
    """The smallest shift of a column that would have been found with 80 % probability."""

    column: str
    shift: float
    unit: str

    def __str__(self) -> str:
        shift = f"{self.shift:.2g}" if self.shift < 10 else f"{self.shift:,.0f}"
        return f"{self.column} by {shift} {self.unit}"

    @classmethod
    def of_share(cls, column: str, share: float) -> Self:
        """A shift of the share of a level, 0..1."""
        return cls(column=column, shift=100 * share, unit="points")

    @classmethod
    def of_mean(cls, column: str, mean: float, shift: float, amounts: bool) -> Self:
        """A shift of a mean, in percent of it where the values are amounts."""
        if amounts:
            return cls(column=column, shift=100 * shift / mean, unit="%")
        return cls(column=column, shift=shift, unit="on average")


class FeatureDrift(Verdict):
    """Whether the distribution of any monitored column moved.

    `p_value` is that of all `evidence` together, to be held against `level`, the probability of an
    alarm when nothing changed. `alarmed` tells of this month; an earlier alarm that nobody answered
    stands, since `standing_since`, and the finding is drift all the same. `reaches_model`: a column
    that the model uses moved, or nobody can say which did.
    """

    p_value: float | None = None
    level: float | None = None
    alarmed: bool = False
    reaches_model: bool = False
    standing_since: str | None = None
    evidence: tuple[Evidence, ...] = ()
    tests: tuple[FeatureTest, ...] = ()
    detectable: tuple[Detectable, ...] = ()

    @property
    def drifted_features(self) -> tuple[str, ...]:
        """The columns that drifted, once each, in the order of the tests."""
        return drifted_columns(self.tests)

    @property
    def share(self) -> float | None:
        """Drifted columns over tested columns; None if no column was tested."""
        return drifted_share(self.tests) if tested_columns(self.tests) else None


class FaultKind(StrEnum):
    """What is wrong with a column's data."""

    CONSTANT = "constant"
    NO_VALUES = "no values"
    MISSING_VALUES = "missing values"
    UNKNOWN_LEVEL = "unknown level"
    UNIT_CHANGE = "unit change"
    OUT_OF_RANGE = "out of range"


class ColumnFault(Value):
    """What is wrong with a column: `share` of the current rows (0..1), and in words.

    `p_value`, adjusted for all tests, is None where the fault is certain.
    """

    column: str
    fault: FaultKind
    share: float
    explanation: str
    p_value: float | None = None


class DataQuality(Verdict):
    """Whether columns are broken rather than moved; a broken one is not judged for drift."""

    faults: tuple[ColumnFault, ...] = ()


class PredictionDrift(Verdict):
    """Whether the distribution of predicted probabilities moved.

    `score` is their KS distance, 0..1, and `p_value` its own. The flagged shares are those at or
    above the champion's threshold, compared by `flagged_p_value`. Either can alarm, each at half of
    `level`.
    """

    score: float | None = None
    p_value: float | None = None
    level: float | None = None
    flagged_share_baseline: float | None = None
    flagged_share_current: float | None = None
    flagged_p_value: float | None = None


class OutcomeWindow(Value):
    """Outcomes of the last `months`: `columns` by which the champion errs there, with their p.

    `p_value` is that of the largest difference, adjusted for all columns, held against `level`.
    """

    months: int
    rows: int
    leavers: int
    p_value: float
    level: float
    columns: tuple[str, ...] = ()


class ConceptDrift(Verdict):
    """Whether people with the same features now leave at other rates than the champion learned.

    `columns` are those that stand out, by contract name; `(base rate)` is leaving as a whole and
    `(calibration)` its relation to the champion's own probability. `rows` and `leavers` count the
    longest window.
    """

    windows: tuple[OutcomeWindow, ...] = ()
    rows: int | None = None
    leavers: int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that stand out in any window, once each."""
        return tuple(dict.fromkeys(name for window in self.windows for name in window.columns))

    @property
    def p_value(self) -> float | None:
        """The smallest p-value of all windows; None if none was judged."""
        return min((window.p_value for window in self.windows), default=None)


class Estimate(Value):
    """A measure of the champion: now, with its 95 % interval, and as it was promised."""

    value: float
    low: float
    high: float
    promised: float | None = None

    def __str__(self) -> str:
        promised = "" if self.promised is None else f", promised {self.promised:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]{promised}"


class Performance(Verdict):
    """Whether the champion ranks leavers worse than it promised. Unknown numbers are None.

    `log_loss` is in nats a row; precision and recall are those of its flags; `brier` is the mean
    squared error of its probabilities. `months` are those that the rows are of, with how many each
    has.
    """

    auc: Estimate | None = None
    precision: Estimate | None = None
    recall: Estimate | None = None
    log_loss: Estimate | None = None
    brier: Estimate | None = None
    p_value: float | None = None
    rows: int | None = None
    leavers: int | None = None
    months: dict[str, int] = Field(default_factory=dict)


class ChampionAge(Verdict):
    """Whether the champion's baseline is too many months older than the month it scores."""

    months: int
    limit: int


class DriftReport(Value):
    """All verdicts on one month (`2026-01`), and what they were measured against.

    `baseline_month` is the month whose people are the baseline of the row test: the one that the
    champion's reference data ends in, or that of a later alarm that was acknowledged, as
    `baseline_note` then says.
    `reference_digest` names the reference data; `snapshot_version` counts the corrections of the
    month, from 1.
    """

    month: str
    snapshot_version: int
    champion_version: int
    reference_digest: str
    baseline_month: str
    baseline_note: str = ""
    baseline_rows: int
    current_rows: int
    data_quality: DataQuality
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
