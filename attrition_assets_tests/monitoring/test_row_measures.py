import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Contract
from attrition_assets.monitoring.pairing import pair_columns
from attrition_assets.monitoring.permutation import permute_scores
from attrition_assets.monitoring.report import Aspect, ColumnFault, FaultKind, FeatureTest
from attrition_assets.monitoring.row_measures import (
    describe_missing,
    find_likely_faults,
    get_adjusted,
    measure_tests,
)
from attrition_assets.monitoring.scores import build_scores
from attrition_assets.monitoring.table_summary import count_sides

from .conftest import draw_staff


def measure(
    reference: pd.DataFrame, current: pd.DataFrame, contract: Contract
) -> tuple[dict[tuple[str, Aspect], FeatureTest], list[ColumnFault]]:
    pairs = pair_columns(reference, current, contract, {})
    scores = build_scores(pairs)
    permuted = permute_scores(scores, 0.05, seed=0)
    counts = [count_sides(pair) for pair in pairs]
    tests = measure_tests(pairs, counts, scores, permuted)
    found = {(test.column, test.aspect): test for test in tests}
    assert len(found) == len(tests)
    return found, find_likely_faults(pairs, scores, permuted)


def measure_totals(reference: pd.Series, current: pd.Series) -> float:
    shares = [side.value_counts(normalize=True) for side in (reference, current)]
    return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)


def test_effects_of_values_are_ks_distances_or_total_variations_of_what_is_known(
    contract: Contract,
) -> None:
    reference, current = draw_staff(300, 0, missing=0.2), draw_staff(120, 1, missing=0.1)
    found, _ = measure(reference, current, contract)
    for column in ("MonthlyIncome", "JobLevel", "JobSatisfaction"):
        test = found[column, Aspect.VALUES]
        known = reference[column].dropna(), current[column].dropna()
        assert test.effect == pytest.approx(stats.ks_2samp(*known).statistic)
        assert test.effect_measure == "KS distance"
        assert test.note == f"mean {known[0].mean():,.{2 * (column != 'MonthlyIncome')}f} to " + (
            f"{known[1].mean():,.{2 * (column != 'MonthlyIncome')}f}"
        )
    department = found["Department", Aspect.VALUES]
    totals = measure_totals(reference["Department"], current["Department"])
    assert department.effect == pytest.approx(totals)
    assert department.effect_measure == "total variation"


def test_effects_are_as_large_whichever_table_is_the_reference(contract: Contract) -> None:
    tables = draw_staff(200, 2), draw_staff(90, 3)
    there, _ = measure(*tables, contract)
    back, _ = measure(*tables[::-1], contract)
    for column in tables[0].columns:
        key = column, Aspect.VALUES
        assert there[key].effect == pytest.approx(back[key].effect, abs=1e-12)


def test_a_changed_share_of_a_level_is_told_in_words(contract: Contract) -> None:
    reference = pd.DataFrame({"OverTime": ["Yes"] * 30 + ["No"] * 70})
    current = pd.DataFrame({"OverTime": ["Yes"] * 20 + ["No"] * 20})
    found, _ = measure(reference, current, contract)
    assert found["OverTime", Aspect.VALUES].note == "Yes 30.0% to 50.0%"


def test_a_change_of_correlation_is_measured_as_one(contract: Contract) -> None:
    """Ages dealt anew: their relation to the years worked goes, in ranks, from .6 to 0."""
    reference, current = draw_staff(800, 4), draw_staff(500, 5)
    current["Age"] = current["Age"].sample(frac=1, random_state=0).to_numpy()
    found, _ = measure(reference, current, contract)
    test = found["Age", Aspect.RELATION]
    before, now = (
        stats.spearmanr(side["Age"], side["TotalWorkingYears"]).statistic
        for side in (reference, current)
    )
    assert test.note == "with TotalWorkingYears"
    assert test.effect_measure == "change of correlation"
    assert test.effect == pytest.approx(before - now, abs=0.1)
    assert get_adjusted(test) <= 0.01
    assert not test.used_by_model


def test_a_wider_spread_alone_is_no_change_of_correlation(contract: Contract) -> None:
    """Correlated by .8 in both tables, whose standard error is .02."""
    rng = np.random.default_rng(9)
    sides = []
    for rows, spread in ((900, 1.0), (900, 0.4)):
        x = rng.normal(size=rows)
        y = 0.8 * x + 0.6 * rng.normal(size=rows)
        sides.append(pd.DataFrame({"x": spread * x, "y": spread * y}))
    found, _ = measure(sides[0], sides[1], contract)
    assert get_adjusted(found["x", Aspect.VALUES]) <= 0.01
    assert found["x", Aspect.RELATION].effect == pytest.approx(0, abs=0.1)


def test_a_shift_given_the_other_columns_is_measured_in_deviations_of_what_they_leave(
    contract: Contract,
) -> None:
    rng = np.random.default_rng(6)
    sides = []
    for rows, shift in ((700, 0.0), (500, 0.3)):
        told = rng.uniform(size=rows)
        sides.append(pd.DataFrame({"told": told, "own": told + rng.normal(0.1 * shift, 0.1, rows)}))
    found, _ = measure(sides[0], sides[1], contract)
    test = found["own", Aspect.CONDITIONAL]
    assert test.method == "mean given others"
    assert test.effect_measure == "shift in standard deviations"
    # The standard error is .06.
    assert test.effect == pytest.approx(0.3, abs=0.2)


def test_all_rows_beyond_the_reference_are_counted_however_many(contract: Contract) -> None:
    """Those of a declared column lie in its range: they moved. Those of others are no one's."""
    rng = np.random.default_rng(7)
    reference = pd.DataFrame({"Age": rng.integers(20, 40, 300), "x": rng.uniform(0, 1, 300)})
    current = pd.DataFrame({"Age": rng.integers(41, 60, 200), "x": rng.uniform(-9, -1, 200)})
    found, faults = measure(reference, current, contract)
    assert found["Age", Aspect.VALUES].effect == 1.0
    beyond = [fault for fault in faults if (fault.p_value or 0) <= 0.05]
    assert [(fault.column, fault.fault, fault.share) for fault in beyond] == [
        ("x", FaultKind.OUT_OF_RANGE, 1.0)
    ]
    assert beyond[0].explanation == "200 rows lie beyond all of the reference"


def test_a_few_rows_at_one_end_are_a_test_of_the_values(contract: Contract) -> None:
    rng = np.random.default_rng(8)
    reference = pd.DataFrame({"Age": rng.integers(20, 60, 300)})
    current = pd.DataFrame({"Age": [*rng.integers(20, 60, 280), *[70] * 20]})
    found, faults = measure(reference, current, contract)
    test = found["Age", Aspect.VALUES]
    assert test.method == "rows beyond the reference's range, permuted"
    assert test.note == "20 current rows lie beyond all of the reference"
    assert get_adjusted(test) <= 0.01
    assert faults == []


def test_a_changed_rate_of_missing_values_is_a_likely_fault(contract: Contract) -> None:
    reference, current = draw_staff(300, 0, missing=0.1), draw_staff(200, 1, missing=0.1)
    current.loc[:59, "MonthlyIncome"] = np.nan
    _, faults = measure(reference, current, contract)
    rates = {fault.column: fault for fault in faults}
    assert set(rates) == {"MonthlyIncome", "JobSatisfaction"}
    pay = rates["MonthlyIncome"]
    before, now = (side["MonthlyIncome"].isna().mean() for side in (reference, current))
    assert pay.share == pytest.approx(now - before)
    assert pay.p_value is not None
    assert pay.p_value <= 0.01
    assert rates["JobSatisfaction"].p_value is not None
    assert rates["JobSatisfaction"].p_value > 0.05


def test_missing_shares_are_told_of_both_sides() -> None:
    fault = describe_missing("Pay", 0.1, 0.25, 0.003)
    assert (fault.fault, fault.p_value) == (FaultKind.MISSING_VALUES, 0.003)
    assert fault.share == pytest.approx(0.15)
    assert fault.explanation == "25.0% of the values are missing, 10.0% in the reference"
