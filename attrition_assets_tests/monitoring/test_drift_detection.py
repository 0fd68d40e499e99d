import logging

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Kind
from attrition_assets.errors import DriftInputError
from attrition_assets.monitoring.drift_detection import DriftDetector
from attrition_assets.monitoring.report import Finding

from .conftest import MakeTable

# A right detector leaves such an interval once in 10,000 choices of seeds.
SURE = 1e-4


def most_alarms(splits: int, level: float) -> int:
    return int(stats.binom.isf(SURE, splits, level))


def fewest_alarms(splits: int, level: float) -> int:
    return int(stats.binom.ppf(SURE, splits, level))


@pytest.fixture
def detector() -> DriftDetector:
    return DriftDetector()


def normal(mean: float, seed: int, rows: int = 100) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"age": rng.normal(mean, 5, rows), "pay": rng.normal(5000, 900, rows)})


def test_a_shifted_mean_is_drift_and_names_its_column(detector: DriftDetector) -> None:
    reference, current = normal(35, 0), normal(40, 1)
    found = detector.detect_drift(reference_data=reference, current_data=current)
    assert found == (True, 0.5, ["age"])


def test_shifts_of_mean_variance_and_mix_are_each_named(detector: DriftDetector) -> None:
    rng = np.random.default_rng(0)
    reference, current = (
        pd.DataFrame(
            {
                "mean": rng.normal(shift, 1, 1000),
                "variance": rng.normal(0, np.sqrt(1 + shift), 1000),
                "mix": rng.choice(["a", "b"], 1000, p=[0.5 + shift / 5, 0.5 - shift / 5]),
                "still": rng.normal(0, 1, 1000),
            }
        )
        for shift in (0, 1)
    )
    drifted, score, features = detector.detect_drift(reference_data=reference, current_data=current)
    assert drifted
    assert score == 0.75
    assert features == ["mean", "variance", "mix"]


def test_alarms_on_unchanged_data_are_as_frequent_as_declared(detector: DriftDetector) -> None:
    splits = 400
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(splits):
        table = pd.DataFrame(rng.normal(size=(700, 5)), columns=list("abcde"))
        found = detector.detect_drift(reference_data=table[:500], current_data=table[500:])
        alarms += found[0]
    assert fewest_alarms(splits, 0.05) <= alarms <= most_alarms(splits, 0.05)


def test_alarms_on_unchanged_employees_stay_within_the_declared_rate(
    detector: DriftDetector, make_table: MakeTable
) -> None:
    splits = 100
    alarms = 0
    for seed in range(splits):
        table = make_table(857, seed)
        found = detector.detect_drift(reference_data=table[:735], current_data=table[735:])
        alarms += found[0]
    assert alarms <= most_alarms(splits, 0.05)


def test_alarms_on_splits_of_the_real_table_stay_within_the_declared_rate(
    detector: DriftDetector, real_table: pd.DataFrame
) -> None:
    splits = 150
    alarms = 0
    for seed in range(splits):
        rows = real_table.sample(735 + 122, random_state=seed)
        found = detector.detect_drift(reference_data=rows[:735], current_data=rows[735:])
        alarms += found[0]
    assert alarms <= most_alarms(splits, 0.05)


def test_leavers_in_the_reference_are_not_drift(
    detector: DriftDetector, make_table: MakeTable
) -> None:
    table = make_table(400, 0)
    reference = table[:200].assign(Attrition=["Yes"] * 190 + ["No"] * 10)
    current = table[200:].assign(Attrition="No")
    tests = detector.test_features(reference_data=reference, current_data=current)
    assert "Attrition" not in {test.column for test in tests}
    assert not any(test.drifted for test in tests)


def test_a_missing_column_is_an_error_and_never_no_drift(
    detector: DriftDetector, make_table: MakeTable
) -> None:
    table = make_table(100, 0)
    with pytest.raises(DriftInputError, match="current_data lacks MonthlyIncome"):
        detector.detect_drift(
            reference_data=table, current_data=table.drop(columns="MonthlyIncome")
        )


def test_p_values_are_adjusted_by_benjamini_and_hochberg(
    detector: DriftDetector, make_table: MakeTable
) -> None:
    tests = detector.test_features(
        reference_data=make_table(300, 0), current_data=make_table(99, 1)
    )
    raw = [test.p_value for test in tests if test.p_value is not None]
    adjusted = [test.adjusted_p_value for test in tests]
    assert len(raw) == len(tests)
    assert adjusted == stats.false_discovery_control(raw).tolist()


def test_a_small_difference_is_no_drift_however_sure(detector: DriftDetector) -> None:
    reference, current = normal(35, 0, 40_000), normal(35.4, 1, 40_000)
    tests = detector.test_features(reference_data=reference, current_data=current)
    assert tests[0].adjusted_p_value is not None
    assert tests[0].adjusted_p_value < 1e-6
    assert not tests[0].drifted
    assert DriftDetector(effect_floor=0).detect_drift(
        reference_data=reference, current_data=current
    )[0]


def test_values_that_go_missing_are_drift_even_below_the_effect_floor(
    detector: DriftDetector,
) -> None:
    reference, current = normal(35, 0, 1000), normal(35, 1, 1000)
    current.loc[current.index % 25 == 0, "pay"] = np.nan
    found = detector.detect_drift(reference_data=reference, current_data=current)
    assert found == (True, 0.5, ["pay"])


def test_a_column_that_goes_missing_altogether_is_drift(detector: DriftDetector) -> None:
    reference, current = normal(35, 0), normal(35, 1).assign(pay=np.nan)
    tests = detector.test_features(reference_data=reference, current_data=current)
    assert [test.method for test in tests if test.drifted] == ["Fisher exact, missing values"]
    assert "values not tested: all missing in one table" in tests[1].note


def test_constant_and_missing_columns_are_noted_and_the_others_judged(
    detector: DriftDetector,
) -> None:
    reference, current = (
        normal(mean, seed).assign(Education=3, Gender=None) for mean, seed in ((35.0, 0), (40.0, 1))
    )
    tests = detector.test_features(reference_data=reference, current_data=current)
    untested = {test.column: test.note for test in tests if test.p_value is None}
    assert untested == {
        "Education": "values not tested: constant, and the same in both tables",
        "Gender": "values not tested: all missing in both tables",
    }
    assert [test.column for test in tests if test.drifted] == ["age"]


def test_a_constant_that_changed_is_drift(detector: DriftDetector) -> None:
    tables = [pd.DataFrame({"Education": [level] * 50}) for level in (3, 4)]
    found = detector.detect_drift(reference_data=tables[0], current_data=tables[1])
    assert found == (True, 1.0, ["Education"])


def test_tables_that_cannot_be_tested_at_all_are_refused(detector: DriftDetector) -> None:
    table = pd.DataFrame({"Education": [3] * 50})
    with pytest.raises(DriftInputError, match="no column can be tested"):
        detector.detect_drift(reference_data=table, current_data=table)


def test_too_few_rows_are_refused_with_their_number(detector: DriftDetector) -> None:
    with pytest.raises(DriftInputError, match=r"current_data has 29 rows, too few.*at least 30"):
        detector.detect_drift(reference_data=normal(35, 0), current_data=normal(35, 1, 29))


def test_only_features_count_as_used_by_the_model(
    detector: DriftDetector, make_table: MakeTable
) -> None:
    table = make_table(100, 0).assign(extra=np.arange(100))
    tests = detector.test_features(reference_data=table, current_data=table)
    assert [test.column for test in tests if not test.used_by_model] == [
        "Age",
        "Gender",
        "MaritalStatus",
    ]


def test_an_inferred_kind_is_noted_and_logged(
    detector: DriftDetector, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        tests = detector.test_features(reference_data=normal(35, 0), current_data=normal(35, 1))
    assert "kind continuous is inferred" in tests[0].note
    assert "column age: kind continuous is inferred" in caplog.text
    declared = DriftDetector(kinds={"age": "continuous", "pay": Kind.CONTINUOUS})
    tests = declared.test_features(reference_data=normal(35, 0), current_data=normal(35, 1))
    assert [test.note for test in tests] == ["", ""]


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="it is the probability of an alarm when nothing changed"):
        DriftDetector(threshold)


@pytest.mark.parametrize("floor", ["effect_floor", "prediction_effect_floor"])
def test_a_floor_that_is_no_distance_is_refused(floor: str) -> None:
    with pytest.raises(ValueError, match=f"{floor} is 1: give a distance"):
        DriftDetector(**{floor: 1})  # type: ignore[arg-type]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'numeric' is not a valid Kind"):
        DriftDetector(kinds={"age": "numeric"})


def test_a_jump_in_predicted_leavers_is_prediction_drift(detector: DriftDetector) -> None:
    reference, current = (
        pd.DataFrame({"prediction": np.arange(100) < leavers}).astype(int) for leavers in (30, 70)
    )
    drifted, score = detector.detect_prediction_drift(
        reference_data=reference, current_data=current
    )
    assert drifted
    assert score == pytest.approx(0.4)


def test_probabilities_are_compared_by_scipys_ks_test(detector: DriftDetector) -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.beta(2, 9, 735), rng.beta(3, 8, 122)
    drift = detector.compare_predictions(
        reference_data=pd.DataFrame({"probability": reference}),
        current_data=pd.DataFrame({"probability": current}),
        prediction_column="probability",
        flag_threshold=0.3,
    )
    expected = stats.ks_2samp(reference, current)
    assert (drift.p_value, drift.score) == (expected.pvalue, expected.statistic)
    assert drift.finding == Finding.DRIFT
    assert drift.flagged_share_baseline == (reference >= 0.3).mean()
    assert drift.flagged_share_current == (current >= 0.3).mean()


def test_predictions_that_moved_less_than_the_floor_are_no_drift(detector: DriftDetector) -> None:
    rng = np.random.default_rng(0)
    reference, current = (pd.DataFrame({"prediction": rng.beta(2, b, 5000)}) for b in (9.0, 10.0))
    drift = detector.compare_predictions(reference_data=reference, current_data=current)
    assert drift.p_value is not None
    assert drift.p_value < 0.001
    assert drift.finding == Finding.NO_DRIFT


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.1, np.nan], "1 of 2 predictions are missing"),
        ([0.1, 30], "goes from 0.1 to 30: give probabilities from 0 to 1"),
        (["Yes", "No"], "2 rows do not hold a finite number"),
        ([0.1, 0.2], "has 2 rows, too few to compare"),
    ],
)
def test_predictions_that_are_none_are_refused(
    values: list[object], message: str, detector: DriftDetector
) -> None:
    table = pd.DataFrame({"prediction": values})
    with pytest.raises(DriftInputError, match=message):
        detector.detect_prediction_drift(reference_data=table, current_data=table)


def test_an_absent_prediction_column_is_refused(detector: DriftDetector) -> None:
    with pytest.raises(DriftInputError, match="reference_data has no column prediction"):
        detector.detect_prediction_drift(reference_data=normal(1, 0), current_data=normal(1, 1))
