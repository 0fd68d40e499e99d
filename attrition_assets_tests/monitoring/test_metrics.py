"""A month's rows are what pandas and arithmetic give, and nothing is told of too few people."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attrition_assets.monitoring.data_metrics import FormerMonth
from attrition_assets.monitoring.metric_catalogue import BY_NAME, FIELDS
from attrition_assets.monitoring.metrics import (
    MonthFacts,
    Operations,
    find_faults,
    find_wrong_types,
    measure_month,
)
from attrition_assets.monitoring.report import (
    ColumnFault,
    ConceptDrift,
    DataQuality,
    Estimate,
    FaultKind,
    FeatureDrift,
    FeatureTest,
    Finding,
    OutcomeWindow,
    Performance,
    PredictionDrift,
)

from .conftest import PANEL_CONTRACT, PANEL_START, draw_panel, make_report

MIN_PEOPLE = 30
PANEL = draw_panel(3, people=200, joiners=7)
SNAPSHOT = PANEL[PANEL_START + 2].reset_index(drop=True)
SNAPSHOT.loc[:39, ["Pay", "Mood"]] = None
SNAPSHOT.loc[40:59, "Pay"] = None
SCORES = pd.DataFrame({"probability": np.linspace(0.01, 0.4, 200), "flag": np.arange(200) >= 150})
IMPORTANCE = {"Pay": 0.5, "Mood": 0.3, "Team": 0.1}
DONE = Operations(
    asset_seconds={"employee_snapshot": 1.5, "predictions": 0.5, "drift_report": 4.0},
    run_seconds=9.0,
    runs=4,
    failed_runs=1,
    checks={"contract_holds": True, "no_feature_drift": False},
)


def estimate(value: float, promised: float | None = None) -> Estimate:
    return Estimate(value=value, low=0.0, high=1.0, promised=promised)


def feature_test(column: str, importance: float, **given: object) -> FeatureTest:
    known = {"method": "a test", "p_value": 0.5, "adjusted_p_value": 1.0, "effect": 0.01}
    return FeatureTest.model_validate(
        {"column": column, "kind": "continuous", "importance": importance, **known, **given}
    )


TESTS = (
    feature_test("Pay", 0.4, adjusted_p_value=0.001, effect=0.2, drifted=True),
    feature_test("Pay", 0.4, aspect="year-on-year change", adjusted_p_value=0.3, effect=0.9),
    feature_test("Mood", 0.2),
    feature_test("Team", 0.1),
    feature_test("Age", 0.0),
)
PERFORMANCE = Performance(
    finding=Finding.NO_DRIFT,
    reason="known",
    auc=estimate(0.75, 0.8),
    precision=estimate(0.2),
    recall=estimate(0.5),
    log_loss=estimate(0.3),
    brier=estimate(0.1),
    p_value=0.2,
    rows=180,
    leavers=20,
    months={"2023-10": 90, "2023-11": 90},
)
WINDOW = OutcomeWindow(months=3, rows=150, leavers=12, p_value=0.4, level=0.01)
REPORT = make_report(
    month="2024-03",
    current_rows=200,
    data_quality=DataQuality(
        finding=Finding.FAULT,
        reason="broken",
        faults=(
            ColumnFault(column="Pay", fault=FaultKind.UNIT_CHANGE, share=0.4, explanation="x12"),
        ),
    ),
    feature_drift=FeatureDrift(finding=Finding.DRIFT, reason="Pay", p_value=0.001, tests=TESTS),
    prediction_drift=PredictionDrift(
        finding=Finding.NO_DRIFT, reason="same", score=0.04, p_value=0.6
    ),
    concept_drift=ConceptDrift(
        finding=Finding.NO_DRIFT, reason="same", windows=(WINDOW,), rows=150, leavers=12
    ),
    performance=PERFORMANCE,
)
FACTS = MonthFacts(
    snapshot=SNAPSHOT,
    scores=SCORES,
    report=REPORT,
    operations=DONE,
    former=FormerMonth(2, PANEL[PANEL_START]["Id"]),
    importance=IMPORTANCE,
    refused_files=1,
    waived_checks=2,
)


def measure(**changed: object) -> pd.DataFrame:
    return measure_month(replace(FACTS, **changed), PANEL_CONTRACT, MIN_PEOPLE)  # type: ignore[arg-type]


def values(table: pd.DataFrame, metric: str) -> dict[str, float]:
    """Its values by subject."""
    chosen = table[table["metric"] == metric]
    return dict(zip(chosen["subject"], chosen["value"], strict=True))


def test_a_month_of_which_all_is_known_has_every_metric_of_the_catalogue_and_its_schema() -> None:
    table = measure()
    assert set(table["metric"]) == set(BY_NAME)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        each.name: each.dtype for each in FIELDS
    }
    assert find_wrong_types(table) == find_faults(table, "2024-03", PANEL_CONTRACT, 30) == ()
    assert set(table["month"]) == {"2024-03"}
    assert set(table["champion_version"]) == {7}
    for metric, rows in table.groupby("metric"):
        assert set(rows["area"]) == {BY_NAME[str(metric)].area}
        assert set(rows["unit"]) == {BY_NAME[str(metric)].unit}
        assert (rows["subject"] != "").all() == bool(BY_NAME[str(metric)].subject)


def test_volume_is_told_against_the_former_accepted_month() -> None:
    table = measure()
    before, now = set(PANEL[PANEL_START]["Id"]), set(SNAPSHOT["Id"])
    assert values(table, "rows") == {"": 200}
    assert values(table, "rows_ratio") == {"": 1.0}
    assert values(table, "former_month_gap") == {"": 2}
    assert values(table, "joiners") == {"": len(now - before)} == {"": 14}
    assert values(table, "leavers") == {"": len(before - now)} == {"": 14}
    first = measure(former=None)
    assert not {"rows_ratio", "joiners", "leavers", "former_month_gap"} & set(first["metric"])


def test_distributions_are_those_of_pandas() -> None:
    table = measure()
    pay = SNAPSHOT["Pay"].describe(percentiles=[0.05, 0.5, 0.95])
    for metric, name in (("mean", "mean"), ("sd", "std"), ("p05", "5%"), ("p95", "95%")):
        assert values(table, f"column_{metric}")["Pay"] == pytest.approx(pay[name])
    assert set(table.loc[table["subject"] == "Pay", "people"].dropna()) == {140, 200}
    teams = SNAPSHOT["Team"].value_counts(normalize=True)
    shares = values(table, "level_share")
    assert {name: shares[f"Team={name}"] for name in teams.index} == pytest.approx(teams.to_dict())


def test_what_is_missing_is_told_by_column_and_by_what_misses_together() -> None:
    table = measure()
    assert values(table, "people_missing_share") == {"": 0.3}
    assert values(table, "missing_share") == {"Pay": 0.3, "Mood": 0.2, "Team": 0.0, "Age": 0.0}
    assert values(table, "missing_patterns") == {"": 2}
    # Pay alone misses in 20 people, fewer than are told of.
    assert values(table, "missing_pattern_share") == {"Pay+Mood": 0.2}


def test_of_fewer_than_the_smallest_group_nothing_is_told_but_how_many_they_are() -> None:
    few = SNAPSHOT.assign(Team=["red"] * 29 + ["blue"] * 30 + ["green"] * 141)
    few["Age"] = few["Age"].where(few.index < 29)
    table = measure(snapshot=few)
    assert {name for name in values(table, "level_share") if name.startswith("Team")} == {
        "Team=blue",
        "Team=green",
    }
    assert "Age" not in values(table, "column_mean")
    assert values(table, "missing_share")["Age"] == pytest.approx(171 / 200)
    tiny = measure(snapshot=SNAPSHOT.tail(29), scores=SCORES.tail(29))
    assert not {"level_share", "column_p95", "flagged_share", "importance"} & set(tiny["metric"])
    assert values(tiny, "rows") == values(tiny, "scored_people") == {"": 29}
    assert find_faults(tiny, "2024-03", PANEL_CONTRACT, MIN_PEOPLE) == ()
    labelled = PERFORMANCE.model_copy(update={"rows": 29, "leavers": 3})
    unsure = measure(report=REPORT.model_copy(update={"performance": labelled}))
    assert values(unsure, "labelled_people") == {"": 29}
    assert not {"auc", "recall", "brier"} & set(unsure["metric"])


def test_what_is_not_known_yet_has_no_row() -> None:
    calm = make_report(month="2024-03", current_rows=200)
    table = measure(report=calm, importance=None)
    unknown = {"auc", "auc_promised", "precision", "recall", "log_loss", "brier"}
    unknown |= {"labelled_people", "labelled_leavers", "performance_p_value", "importance"}
    unknown |= {"importance_stability", "prediction_drift_score", "tested_features"}
    assert not unknown & set(table["metric"])
    assert table["value"].notna().all()
    assert find_faults(table, "2024-03", PANEL_CONTRACT, MIN_PEOPLE) == ()
    nobody_flagged = PERFORMANCE.model_copy(update={"precision": None})
    part = measure(report=REPORT.model_copy(update={"performance": nobody_flagged}))
    assert "precision" not in set(part["metric"])
    assert values(part, "recall") == {"": 0.5}


def test_drift_is_told_by_column_with_the_effect_on_its_values() -> None:
    table = measure()
    assert values(table, "column_drift_effect")["Pay"] == 0.2
    assert values(table, "column_drift_p_value") == {"Age": 1, "Mood": 1, "Pay": 0.001, "Team": 1}
    assert values(table, "drifted_features") == {"": 1}
    assert values(table, "drifted_feature_share") == {"": 0.25}
    assert values(table, "fault_share") == {"Pay=unit change": 0.4}


def test_outcomes_are_those_of_the_report_with_the_people_they_rest_on() -> None:
    table = measure()
    for metric, value in (("auc", 0.75), ("precision", 0.2), ("recall", 0.5), ("brier", 0.1)):
        assert values(table, metric) == {"": value}
        assert table.loc[table["metric"] == metric, "people"].tolist() == [180]
    assert values(table, "auc_promised") == {"": 0.8}
    assert values(table, "labelled_people_of") == {"2023-10": 90, "2023-11": 90}


def test_importance_is_stable_if_the_features_keep_their_order() -> None:
    stability = "importance_stability"
    assert values(measure(), stability) == {"": pytest.approx(1)}
    turned = {"Pay": 0.1, "Mood": 0.3, "Team": 0.5, "a column that is not tested": 9.0}
    assert values(measure(importance=turned), stability) == {"": pytest.approx(-1)}
    former = [test.model_copy(update={"importance": None}) for test in TESTS]
    drift = REPORT.feature_drift.model_copy(update={"tests": tuple(former)})
    untold = measure(report=REPORT.model_copy(update={"feature_drift": drift}))
    assert stability not in set(untold["metric"])


def test_how_the_month_went_is_told_with_the_share_of_runs_that_failed() -> None:
    table = measure()
    assert values(table, "processing_seconds") == {"": 6.0}
    assert values(table, "error_rate") == {"": 0.25}
    assert values(table, "failed_checks") == {"": 1}
    assert values(table, "check_failed") == {"contract_holds": 0, "no_feature_drift": 1}
    lost = replace(DONE, asset_seconds={**DONE.asset_seconds, "predictions": None})
    part = measure(operations=lost)
    assert values(part, "asset_seconds") == {"employee_snapshot": 1.5, "drift_report": 4.0}
    assert "processing_seconds" not in set(part["metric"])


def test_made_again_all_but_operations_is_the_same() -> None:
    again = replace(DONE, run_seconds=1.0, runs=5, asset_seconds={"drift_report": 0.1})
    first, second = measure(), measure(operations=again)
    for table in (first, second):
        assert "operations" in set(table["area"])
    pd.testing.assert_frame_equal(
        first[first["area"] != "operations"], second[second["area"] != "operations"]
    )


def test_a_column_declared_since_the_month_was_accepted_is_missing_in_all_of_it() -> None:
    table = measure(snapshot=SNAPSHOT.drop(columns="Team"))
    assert values(table, "missing_share")["Team"] == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda table: table[table["metric"] != "rows"], "no rows"),
        (lambda table: table[table["subject"] != "Mood"], "no missing_share of Mood"),
        (lambda table: table[table["metric"] != "flagged_share"], "no flagged_share"),
        (lambda table: pd.concat([table, table.head(2)]), "2 rows repeated"),
        (lambda table: table.assign(metric=table["metric"].replace("auc", "AUC")), "metrics AUC"),
        (lambda table: table.assign(month="2024-02"), "rows of 2024-02"),
        (lambda table: table.assign(value=np.inf), "values that are no numbers"),
    ],
)
def test_rows_that_are_not_whole_are_told(spoil: object, said: str) -> None:
    assert callable(spoil)
    faults = find_faults(spoil(measure()), "2024-03", PANEL_CONTRACT, MIN_PEOPLE)
    assert said in "; ".join(faults)


def test_columns_of_another_schema_are_named() -> None:
    other = measure().drop(columns="unit").assign(more=1, people="many")
    other.loc[0, "subject"] = None
    assert find_wrong_types(other) == (
        "no column unit",
        "an unknown column more",
        "people is object, not Int64",
        "subject is missing in 1 rows",
    )
