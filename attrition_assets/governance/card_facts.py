"""The facts of a version that its model card tells: what it learned, reached, and how it fared.

After Mitchell et al., "Model Cards for Model Reporting" (2019). Aggregates only. What the card says
in words is for `model_card`; how the facts are gathered, for `adapters.model_cards`.
"""

from pydantic import Field

from attrition_assets.governance.comparison import Comparison
from attrition_assets.governance.decisions import Entry, Kind
from attrition_assets.governance.fairness_report import FairnessAudit
from attrition_assets.governance.intervals import Estimate
from attrition_assets.monitoring.decision import Decision, RetrainingDecision
from attrition_assets.monitoring.report import DriftReport, Finding, Performance
from attrition_assets.monitoring.report import Estimate as Measured
from attrition_assets.values import Value

# What moves the champion.
MOVES = (Kind.PROMOTED, Kind.ROLLED_BACK)


class TrainingData(Value):
    """What a version learned from: the months whose outcomes it was taught, and how many people.

    `rows` and `leavers` count outcomes, of which one person may have several; `people` are persons.
    `features` taught it; the `protected` only audit it; the `ignored` do neither. `taken_in` are
    protected attributes among the features, each with the reason that the contract gives.
    """

    digest: str
    contract: str
    as_of: str
    horizon_months: int
    months: tuple[str, ...]
    rows: int
    people: int
    leavers: int
    features: tuple[str, ...]
    protected: tuple[str, ...]
    ignored: tuple[str, ...]
    taken_in: dict[str, str]


class Recipe(Value):
    """How a version was made. `params` are those of its MLflow run."""

    name: str
    params: dict[str, str]
    reproducible: bool
    run_id: str


class Merit(Value):
    """What a version reached on people it had not seen, by measure, flagged from `threshold` on.

    `measured_rows` are fewer than all where there are very many.
    """

    threshold: float
    measured_rows: int
    measures: dict[str, Estimate]
    calibration_slope: Estimate
    calibration_error: float


class MonthRecord(Value):
    """A month that the version scored, as it was judged.

    `stands` is False where the month's snapshot was refused or corrected since. `advised` is None
    where the report is another release's and cannot be read any more. `followed` is what the
    decision log says of a retraining.
    """

    month: str
    snapshot_version: int
    stands: bool
    people: int | None = None
    features: Finding | None = None
    moved: tuple[str, ...] = ()
    scores: Finding | None = None
    concept: Finding | None = None
    concept_columns: tuple[str, ...] = ()
    performance: Finding | None = None
    auc: Measured | None = None
    leavers: int | None = None
    broken: tuple[str, ...] = ()
    advised: Decision | None = None
    reasons: tuple[str, ...] = ()
    followed: str = ""


class ModelCard(Value):
    """All that a card says. `decisions` name the version, or the one that took its place.

    `through` is the newest month judged by any version when the card was written. `importance` is
    each column's mean absolute contribution in log-odds; empty where it is not on record. `audit`
    is None where there was none; `evidence_fault` says what became of evidence that was changed.
    """

    version: int
    data: TrainingData
    recipe: Recipe
    merit: Merit
    audit: FairnessAudit | None
    compared_with: int
    comparison: Comparison | None
    evidence_fault: str | None
    decisions: tuple[Entry, ...]
    history: tuple[MonthRecord, ...]
    through: str | None
    importance: dict[str, float] = Field(default_factory=dict)


def record_month(
    report: DriftReport, decision: RetrainingDecision, *, stands: bool, followed: str
) -> MonthRecord:
    """What a card says of a judged month."""
    return MonthRecord(
        month=report.month,
        snapshot_version=report.snapshot_version,
        stands=stands,
        people=report.current_rows,
        features=report.feature_drift.finding,
        moved=report.feature_drift.drifted_features,
        scores=report.prediction_drift.finding,
        concept=report.concept_drift.finding,
        concept_columns=report.concept_drift.columns,
        performance=report.performance.finding,
        auc=_find_auc(report.performance),
        leavers=report.performance.leavers,
        broken=tuple(dict.fromkeys(fault.column for fault in report.data_quality.faults)),
        advised=decision.decision,
        reasons=decision.reasons,
        followed=followed,
    )


def select_decisions(entries: list[Entry], version: int) -> tuple[Entry, ...]:
    """The entries about a version, and those by which another took its place, in order."""
    return tuple(
        entry
        for entry in entries
        if version == entry.facts.get("version")
        or (version == entry.facts.get("previous") and entry.kind in MOVES)
    )


def find_lacks(
    card: ModelCard, history: tuple[MonthRecord, ...], decisions: tuple[Entry, ...]
) -> tuple[str, ...]:
    """What of a version's present history and decisions its card does not show; empty if nothing.

    What follows from a verdict is decided after its month's card was written, and is not missed.
    """
    shown = {each.month: each for each in card.history}
    lacking = [
        each.month
        for each in history
        if (held := shown.pop(each.month, None)) is None
        or (held.snapshot_version, held.stands) != (each.snapshot_version, each.stands)
    ]
    numbers = {entry.number for entry in card.decisions}
    moved = [each for each in decisions if each.kind in MOVES and each.number not in numbers]
    return (
        *(f"{month} as it was judged" for month in lacking),
        *(f"that {month} is not judged any more" for month in shown),
        *(f"entry {each.number} of the decision log ({each.kind})" for each in moved),
    )


def _find_auc(performance: Performance) -> Measured | None:
    return None if performance.finding == Finding.NOT_DUE else performance.auc
