"""What a month's scores and its drift report say of the model, as numbers.

Nothing is judged anew: verdicts and their numbers are read from the report.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import pandas as pd

from attrition_assets.monitoring.data_metrics import Measured
from attrition_assets.monitoring.report import (
    Aspect,
    DriftReport,
    FeatureTest,
    Finding,
    Performance,
    tested_columns,
)
from attrition_assets.training.explanations import compare_importance


def measure_model(
    scores: pd.DataFrame,
    report: DriftReport,
    importance: Mapping[str, float] | None,
    min_people: int,
) -> Iterator[Measured]:
    """Scores, drift, outcomes and importance; what rests on fewer than `min_people` is left out.

    `scores` are the month's predictions, `importance` each feature's mean absolute contribution to
    them.
    """
    people = len(scores)
    yield Measured("scored_people", people, people=people)
    if people >= min_people:
        yield Measured("flagged_share", float(scores["flag"].mean()), people=people)
        yield Measured("mean_probability", float(scores["probability"].mean()), people=people)
        yield from _measure_importance(importance or {}, report, people)
    yield from _measure_drift(report)
    yield Measured("champion_age_months", report.champion_age.months)
    yield from _measure_performance(report.performance, min_people)


def _measure_drift(report: DriftReport) -> Iterator[Measured]:
    people, features, scores = report.current_rows, report.feature_drift, report.prediction_drift
    if report.data_quality.finding in (Finding.FAULT, Finding.NO_FAULT):
        yield Measured("faults", len(report.data_quality.faults), people=people)
    for fault in report.data_quality.faults:
        yield Measured("fault_share", fault.share, f"{fault.column}={fault.fault}", people)
    yield Measured("prediction_drift_score", scores.score, people=people)
    yield Measured("prediction_drift_p_value", scores.p_value, people=people)
    yield Measured("feature_drift_p_value", features.p_value, people=people)
    if tested := len(tested_columns(features.tests)):
        yield Measured("tested_features", tested, people=people)
        yield Measured("drifted_features", len(features.drifted_features), people=people)
        yield Measured("drifted_feature_share", features.share, people=people)
    by_column: dict[str, list[FeatureTest]] = defaultdict(list)
    for test in features.tests:
        by_column[test.column].append(test)
    for name, tests in sorted(by_column.items()):
        effects = [
            test.effect
            for test in tests
            if test.aspect == Aspect.VALUES and test.effect is not None
        ]
        p_values = [test.told_p_value for test in tests if test.told_p_value is not None]
        yield Measured("column_drift_effect", max(effects, default=None), name, people)
        yield Measured("column_drift_p_value", min(p_values, default=None), name, people)
    concept = report.concept_drift
    yield Measured("concept_drift_p_value", concept.p_value, people=concept.rows)


def _measure_performance(performance: Performance, min_people: int) -> Iterator[Measured]:
    """The champion on the outcomes known by the month: nothing where none is due or known.

    They are those that the report rests on, renewed once a quarter; precision and recall are those
    of the version's own threshold.
    """
    if not performance.rows:
        return
    people = performance.rows
    yield Measured("labelled_people", people, people=people)
    yield Measured("labelled_leavers", performance.leavers, people=people)
    for month, rows in performance.months.items():
        yield Measured("labelled_people_of", rows, month, rows)
    if people < min_people:
        return
    for name in ("auc", "precision", "recall", "log_loss", "brier"):
        estimate = getattr(performance, name)
        yield Measured(name, None if estimate is None else estimate.value, people=people)
    promised = performance.auc.promised if performance.auc else None
    yield Measured("auc_promised", promised)
    yield Measured("performance_p_value", performance.p_value, people=people)


def _measure_importance(
    importance: Mapping[str, float], report: DriftReport, people: int
) -> Iterator[Measured]:
    """What the month's scores rest on, and how far that is what they rested on at training.

    Importance is the mean absolute contribution of a feature to the log-odds: exact Shapley values,
    which `predictions` computes for the reasons anyway. Permuting columns would need labels, which
    mature late, and coefficients alone would not see the people change. It is held against what the
    version carries from its training rather than against the former month: slow changes add up, and
    a promotion between two months is no instability. A rank correlation (Spearman), since the
    question is whether other features have come to decide.
    """
    for name, value in importance.items():
        yield Measured("importance", value, name, people)
    trained = {
        test.column: test.importance
        for test in report.feature_drift.tests
        if test.importance is not None and test.column in importance
    }
    if len(trained) > 1:
        now = {name: importance[name] for name in trained}
        yield Measured("importance_stability", compare_importance(trained, now), people=people)
