"""A month as people read it: Markdown with the verdicts, the decision and the batch, no person."""

from collections.abc import Iterable

from attrition_assets.monitoring.decision import Decision, RetrainingDecision
from attrition_assets.monitoring.feature_drift import describe_power
from attrition_assets.monitoring.foremost import choose_columns, choose_tests
from attrition_assets.monitoring.report import (
    SMALLEST_GROUP,
    Aspect,
    DriftReport,
    FeatureDrift,
    FeatureTest,
    Finding,
    Verdict,
)
from attrition_assets.values import Value

QUESTIONS = (
    "Data broken",
    "Feature drift",
    "Prediction drift",
    "Concept drift",
    "Performance lost",
    "Champion too old",
)
STRESSED = {Finding.DRIFT, Finding.FAULT, Finding.CANNOT_TELL}


class Batch(Value):
    """What was scored: people, how many were flagged, and the mean probability of leaving."""

    rows: int
    flagged: int
    mean_probability: float


def render_summary(
    report: DriftReport,
    decision: RetrainingDecision,
    batch: Batch,
    report_url: str,
    notes: tuple[str, ...] = (),
) -> str:
    """A judged month's summary as Markdown; `notes` are what else there is to say, a line each."""
    features, scores = report.feature_drift, report.prediction_drift
    verdicts: list[Verdict] = [
        report.data_quality,
        features,
        scores,
        report.concept_drift,
        report.performance,
        report.champion_age,
    ]
    drifted = ", ".join(features.drifted_features) or "none"
    corrected = (
        f" (version {report.snapshot_version} of the month: its snapshot was corrected)"
        if report.snapshot_version > 1
        else ""
    )
    facts = (
        f"Drift share: {_show(features.share)}; drifted features: {drifted}",
        *([seen[0].upper() + seen[1:]] if (seen := describe_power(features)) else []),
        f"Prediction drift score: {_show(scores.score)}; flagged: "
        f"{_show(scores.flagged_share_current)} now, "
        f"{_show(scores.flagged_share_baseline)} in the baseline",
        f"Batch: {batch.rows} employees scored by version {report.champion_version}, "
        f"{_count_flagged(batch)}, mean probability "
        f"{batch.mean_probability:.3f}{corrected}",
        f"Baseline: {report.baseline_rows} employees, as of {report.baseline_month}"
        + (f", {report.baseline_note}" if report.baseline_note else ""),
        f"Distributions: {report_url}",
    )
    answers = [(_answer(verdict.finding), verdict.reason) for verdict in verdicts]
    headline = f"{decision.headline}."
    if decision.decision != Decision.KEEP:
        headline = f"**{headline}**"
    moved = list_moved(features)
    return _render(report.month, headline, decision.reasons, answers, facts, notes, moved)


def _count_flagged(batch: Batch) -> str:
    if 0 < batch.flagged < SMALLEST_GROUP:
        return f"fewer than {SMALLEST_GROUP} flagged"
    return f"{batch.flagged} flagged ({batch.flagged / batch.rows:.1%})"


def list_moved(features: FeatureDrift) -> list[tuple[str, ...]]:
    """The columns that drifted, the most important to the model first: a row of texts each.

    The column, which way its values moved, what was found, how large, and its weight.
    """
    ways = {test.column: test.note for test in features.tests if test.aspect == Aspect.VALUES}
    return [
        (
            column,
            ways.get(column) or "its values as a whole did not",
            "; ".join(_describe_effect(test) for test in choose_tests(features.tests, column)),
            _describe_weight(next(each for each in features.tests if each.column == column)),
        )
        for column in choose_columns(features.tests)
        if column in features.drifted_features
    ]


def _describe_effect(test: FeatureTest) -> str:
    effect = "" if test.effect is None else f", {test.effect:.2f} {test.effect_measure or ''}"
    return f"{test.aspect}{effect}".rstrip()


def _describe_weight(test: FeatureTest) -> str:
    if not test.used_by_model:
        return "not used"
    return "used" if test.importance is None else f"{test.importance:.2g}"


def render_unjudged(month: str, headline: str, reasons: tuple[str, ...], todo: str) -> str:
    """The summary of a month that was not judged: what happened and what to do, as Markdown."""
    answers = [("**not judged**", "see above")] * len(QUESTIONS)
    return _render(month, f"**{headline}**", reasons, answers, (), (f"To do: {todo}",))


def _render(
    month: str,
    headline: str,
    reasons: tuple[str, ...],
    answers: list[tuple[str, str]],
    facts: tuple[str, ...],
    notes: tuple[str, ...],
    moved: Iterable[tuple[str, ...]] = (),
) -> str:
    rows = [
        f"| {question} | {answer} | {_escape(why)} |"
        for question, (answer, why) in zip(QUESTIONS, answers, strict=True)
    ]
    return "\n".join(
        [
            f"# {month}",
            "",
            headline,
            "",
            *(f"- {reason}" for reason in reasons),
            "",
            "| question | answer | why |",
            "|---|---|---|",
            *rows,
            "",
            *_render_moved(moved),
            *(f"- {line}" for line in (*facts, *notes)),
            "",
        ]
    )


def _render_moved(moved: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(map(_escape, row))} |" for row in moved]
    head = [
        "| what moved | from the baseline to now | found | weight in the model |",
        "|---|---|---|---|",
    ]
    return [*head, *lines, ""] if lines else []


def _answer(finding: Finding) -> str:
    return f"**{finding.answer}**" if finding in STRESSED else finding.answer


def _escape(text: str) -> str:
    """Text that stays inside its cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def _show(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def describe_findings(report: DriftReport) -> str:
    """What was found in a month, in a few words."""
    broken = [fault.column for fault in report.data_quality.faults]
    features = report.feature_drift
    standing = f" since {features.standing_since}" if features.standing_since else ""
    verdicts = {
        f"features{standing}{_name_some(features.drifted_features)}": features,
        "predictions": report.prediction_drift,
        f"concept{_name_some(report.concept_drift.columns)}": report.concept_drift,
        "performance": report.performance,
        "champion's age": report.champion_age,
    }
    drifted = [name for name, verdict in verdicts.items() if verdict.finding == Finding.DRIFT]
    unknown = [name for name, verdict in verdicts.items() if verdict.finding == Finding.CANNOT_TELL]
    found = f"drift: {', '.join(drifted)}" if drifted else "no drift"
    found += f"; broken: {', '.join(broken)}" if broken else ""
    return found + (f" (cannot tell: {', '.join(unknown)})" if unknown else "")


def _name_some(columns: tuple[str, ...]) -> str:
    """The first columns in parentheses; nothing if there are none."""
    if not columns:
        return ""
    more = f" and {len(columns) - 3} more" if len(columns) > 3 else ""
    return f" ({', '.join(columns[:3])}{more})"
