"""The detector as its users meet it: verdicts, tuples and refusals.

Its false alarms and its power are measured in `test_row_test.py` and `test_power.py`; predictions
are in `test_prediction_drift.py`.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.report import FaultKind, Finding
from attrition_assets.simulation.company import simulate_company
from attrition_assets.simulation.scenarios import plant_scenario

from .conftest import draw_staff

MONTH = pd.Period("2026-01", freq="M")


@pytest.fixture
def detector() -> DriftDetector:
    return DriftDetector()


@pytest.fixture(scope="module")
def reference() -> pd.DataFrame:
    return draw_staff(735, 100)


@pytest.fixture(scope="module")
def current() -> pd.DataFrame:
    """In which nothing changed, by a p of .7."""
    return draw_staff(300, 101)


@pytest.fixture(scope="module", params=["a simulated company", "the real table"])
def people(request: pytest.FixtureRequest) -> pd.DataFrame:
    """All columns of the contract, of strangers in random order."""
    if request.param == "the real table":
        table: pd.DataFrame = request.getfixturevalue("real_table")
    else:
        company = simulate_company(
            first_month=MONTH, months=1, seed=5, headcount=1035, burn_in_months=60
        )
        table = company.snapshots[MONTH]
    return table.sample(1035, random_state=0)


# Of 8 other draws of either kind of people, each was found in all 8.
@pytest.mark.parametrize(
    ("scenario", "size", "column", "fault"),
    [
        ("pay-rise", 0.15, "MonthlyIncome", None),
        ("department-mix", 0.2, "Department", None),
        ("overtime", 0.45, "OverTime", None),
        ("morale", 0.35, "JobInvolvement", None),
        ("income-permuted", 1.0, "MonthlyIncome", None),
        ("yearly-pay", 0.1, "MonthlyIncome", FaultKind.UNIT_CHANGE),
        ("missing", 0.2, "MonthlyIncome", FaultKind.MISSING_VALUES),
        ("renamed-rare", 1.0, "Department", FaultKind.UNKNOWN_LEVEL),
    ],
)
def test_drifts_and_faults_are_found_named_and_told_apart(
    people: pd.DataFrame, scenario: str, size: float, column: str, fault: FaultKind | None
) -> None:
    planted = plant_scenario(people[735:], scenario, size, seed=0)
    drift, quality = DriftDetector().compare_features(
        reference_data=people[:735], current_data=planted
    )
    if fault:
        assert [(each.column, each.fault) for each in quality.faults] == [(column, fault)]
        assert (quality.finding, drift.finding) == (Finding.FAULT, Finding.CANNOT_TELL)
        assert drift.drifted_features == ()
        assert column in quality.reason
    else:
        assert (quality.finding, drift.finding) == (Finding.NO_FAULT, Finding.DRIFT)
        assert column in drift.drifted_features
        assert column in drift.reason
    assert drift.alarmed == drift.reaches_model == (fault is None)


def test_a_moved_column_is_named_with_its_share_of_all(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "overtime", 0.5, seed=0)
    found = detector.detect_drift(reference_data=reference, current_data=moved)
    assert found == (True, 1 / 8, ["OverTime"])
    still = detector.detect_drift(reference_data=reference, current_data=current)
    assert still == (False, 0.0, [])


def test_a_broken_column_counts_for_the_tuple_as_a_moved_one_does(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "overtime", 0.5, seed=0).assign(MonthlyIncome=np.nan)
    found = detector.detect_drift(reference_data=reference, current_data=moved)
    assert found == (True, 2 / 8, ["OverTime", "MonthlyIncome"])
    broken = reference.assign(Age=np.nan)[["Age"]]
    found = detector.detect_drift(reference_data=reference[["Age"]], current_data=broken)
    assert found == (True, 1.0, ["Age"])


def test_a_verdict_says_what_moved_by_how_much_and_how_sure_it_is(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "overtime", 0.5, seed=0)
    drift, _ = detector.compare_features(reference_data=reference, current_data=moved)
    assert drift.reason.startswith("OverTime, ")
    assert "adjusted p 0.002" in drift.reason
    assert "p = 0.002 for all columns together, drift is up to 0.05" in drift.reason
    assert (drift.p_value, drift.level) == (0.002, 0.05)
    assert [evidence.alarmed for evidence in drift.evidence] == [True]
    still, quality = detector.compare_features(reference_data=reference, current_data=current)
    assert still.reason.startswith("no column moved beyond its limits")
    assert {each.column for each in still.detectable} == set(reference)
    assert quality.reason == "nothing is wrong with the 8 columns"


def test_broken_columns_that_the_model_does_not_use_leave_no_doubt(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    for column, finding in (("Gender", Finding.NO_DRIFT), ("OverTime", Finding.CANNOT_TELL)):
        broken = current.assign(**{column: None})
        drift, quality = detector.compare_features(reference_data=reference, current_data=broken)
        assert (drift.finding, quality.finding) == (finding, Finding.FAULT)


def test_protected_attributes_are_tested_and_their_drift_does_not_reach_the_model(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = current.assign(Gender=current["Gender"].mask(current.index % 2 == 0, "Female"))
    drift, _ = detector.compare_features(reference_data=reference, current_data=moved)
    used = {test.column: test.used_by_model for test in drift.tests if test.aspect == "values"}
    assert {name for name, used_ in used.items() if not used_} == {"Age", "Gender"}
    assert (drift.finding, drift.drifted_features) == (Finding.DRIFT, ("Gender",))
    assert not drift.reaches_model


def test_leavers_ids_and_dates_are_never_tested(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    known = reference.assign(Attrition=["Yes"] * 700 + ["No"] * 35, EmployeeNumber=range(735))
    later = current.assign(
        Attrition="No", EmployeeNumber=range(9000, 9300), SnapshotDate="2026-01-31"
    )
    drift, quality = detector.compare_features(reference_data=known, current_data=later)
    plain, _ = detector.compare_features(reference_data=reference, current_data=current)
    assert drift == plain
    assert quality.finding == Finding.NO_FAULT


def test_columns_that_cannot_be_compared_are_noted_and_the_others_judged(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    drift, quality = detector.compare_features(
        reference_data=reference.assign(Education=3, StockOptionLevel=None),
        current_data=plant_scenario(current, "overtime", 0.5, seed=0).assign(
            Education=3, StockOptionLevel=None
        ),
    )
    untested = {test.column: test.note for test in drift.tests if test.p_value is None}
    assert untested == {
        "Education": "constant, and the same in both tables",
        "StockOptionLevel": "all missing in both tables",
    }
    assert drift.drifted_features == ("OverTime",)
    assert drift.share == 1 / 8
    assert quality.finding == Finding.NO_FAULT


def test_the_most_important_of_the_drifted_columns_comes_first(
    detector: DriftDetector, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    moved = plant_scenario(current, "overtime", 0.5, seed=0).assign(JobSatisfaction=4)
    moved.loc[:29, "JobSatisfaction"] = 3
    for important in ("OverTime", "JobSatisfaction"):
        drift, _ = detector.compare_features(
            reference_data=reference, current_data=moved, importance={important: 0.4}
        )
        assert drift.drifted_features[0] == important
        assert set(drift.drifted_features) == {"OverTime", "JobSatisfaction"}
        assert drift.tests[0].importance == 0.4


# Evidently and what it imports still use what litestar and NumPy deprecate.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_evidentlys_own_tests_and_verdict_are_had_by_name(
    reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    evidently = DriftDetector(method="evidently")
    moved = plant_scenario(current, "overtime", 0.5, seed=0)
    drift, quality = evidently.compare_features(reference_data=reference, current_data=moved)
    assert [evidence.method for evidence in drift.evidence] == ["Evidently's own tests"]
    assert "OverTime" in drift.drifted_features
    assert drift.finding == Finding.NO_DRIFT  # half of all columns it would have to be
    assert {test.column for test in drift.tests if not test.used_by_model} == {"Age", "Gender"}
    assert quality.finding == Finding.CANNOT_TELL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="Age"), "current_data lacks Age"),
        (lambda table: table[[]], "current_data is empty"),
        (lambda table: table[:0], "current_data is empty"),
        (lambda table: table[:59], "current_data has 59 rows, too few to tell: give at least 60"),
        (lambda table: table.assign(Age=np.inf), "Age: 300 rows do not hold a finite number"),
        (lambda table: table.assign(Age="old"), "Age: 300 rows do not hold a finite number"),
        (lambda table: table.assign(OverTime=1), "OverTime is text in reference_data and not in"),
        (lambda table: table[[*table, "Age"]], "more than one column Age"),
        (lambda table: table.to_numpy(), "current_data is a ndarray: give a pandas DataFrame"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused_and_never_no_drift(
    change: Any, message: str, reference: pd.DataFrame, current: pd.DataFrame
) -> None:
    for method in ("permutation", "evidently"):
        detector = DriftDetector(method=method)
        with pytest.raises(DriftInputError, match=message):
            detector.detect_drift(reference_data=reference, current_data=change(current))


def test_tables_without_any_column_that_varies_are_refused(detector: DriftDetector) -> None:
    table = pd.DataFrame({"Education": [3] * 60})
    with pytest.raises(DriftInputError, match="no column could be compared: give columns that"):
        detector.detect_drift(reference_data=table, current_data=table)


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="it is the probability of an alarm when nothing changed"):
        DriftDetector(threshold)


def test_an_unknown_method_or_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="method is 'magic': give one of permutation, evidently"):
        DriftDetector(method="magic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'numeric' is not a valid Kind"):
        DriftDetector(kinds={"age": "numeric"})
