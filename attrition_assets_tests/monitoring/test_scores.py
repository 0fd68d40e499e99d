from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attrition_assets.contract import Contract, Kind
from attrition_assets.monitoring.pairing import ColumnPair, pair_columns
from attrition_assets.monitoring.scores import Family, Scores, build_scores

from .conftest import draw_staff

ROWS = 240


def pair_at(
    table: pd.DataFrame, boundary: int, contract: Contract, kinds: Mapping[str, Kind] | None = None
) -> tuple[ColumnPair, ...]:
    """The first rows of a table as the reference, the others as the current table."""
    return pair_columns(table[:boundary], table[boundary:], contract, kinds or {})


def get_statistics(scores: Scores) -> dict[tuple[Family, str, str | None], float]:
    """The squared length of each test's summed scores of the current rows, standardised."""
    before, rows = scores.reference_rows, len(scores.blocks)
    sums = scores.blocks[before:].sum(axis=0) / np.sqrt((rows - before) * before / rows)
    lengths = np.add.reduceat(sums**2, scores.starts)
    return {
        (test.family, test.method, test.column): float(length)
        for test, length in zip(scores.tests, lengths, strict=True)
    }


@pytest.fixture(scope="module")
def scores(contract: Contract) -> Scores:
    return build_scores(pair_at(draw_staff(ROWS, 0, missing=0.1), 180, contract))


def test_each_kind_of_column_gets_its_tests(scores: Scores) -> None:
    numbers, nominal = ("Age", "MonthlyIncome", "TotalWorkingYears"), ("Gender", "Department")
    found = Counter((test.family, test.column) for test in scores.tests)
    values = {column for family, column in found if family == Family.VALUES}
    assert values == set(draw_staff(1, 0).columns)
    methods = {(test.column, test.method) for test in scores.tests if test.family == Family.VALUES}
    assert {(name, "Anderson-Darling, permuted") for name in numbers} <= methods
    assert {(name, "chi-square, permuted") for name in (*nominal, "JobLevel")} <= methods
    assert ("JobLevel", "trend, permuted") in methods
    missing = [column for family, column in found if family == Family.MISSING]
    assert missing == ["MonthlyIncome", "JobSatisfaction"]
    assert found[Family.CONDITIONAL, "JobLevel"] == 2
    assert found[Family.CONDITIONAL, "Department"] == 0
    assert found[Family.COMPONENTS, None] == 1
    assert sorted(tail.column for tail in scores.tails) == sorted(2 * numbers)


def test_only_what_the_model_uses_is_marked_so(scores: Scores) -> None:
    assert {test.column for test in scores.tests if not test.used} == {"Age", "Gender"}
    for test in scores.pair_tests:
        assert test.used == {"Age", "Gender"}.isdisjoint({test.column, test.other})


def test_scores_have_mean_0_and_those_of_relations_variance_1(scores: Scores) -> None:
    assert np.abs(scores.blocks.mean(axis=0)).max() < 1e-9
    assert np.abs(scores.pairs.mean(axis=0)).max() < 1e-9
    np.testing.assert_allclose(scores.pairs.std(axis=0), 1)
    assert len(scores.pair_tests) == scores.pairs.shape[1]
    assert len(scores.tests) == len(scores.starts)
    assert (np.diff(scores.starts) > 0).all()


def test_every_pair_of_columns_has_its_relation_and_no_column_one_with_itself(
    scores: Scores,
) -> None:
    columns = draw_staff(1, 0).columns
    related = {frozenset((test.column, test.other)) for test in scores.pair_tests}
    assert len(related) == len(columns) * (len(columns) - 1) / 2
    assert all(len(pair) == 2 for pair in related)


def test_which_rows_are_current_does_not_change_a_score(scores: Scores, contract: Contract) -> None:
    moved = build_scores(pair_at(draw_staff(ROWS, 0, missing=0.1), 90, contract))
    assert moved.reference_rows == 90
    np.testing.assert_allclose(moved.blocks, scores.blocks, atol=1e-9)
    np.testing.assert_allclose(moved.pairs, scores.pairs, atol=1e-9)
    for before, now in zip(scores.tails, moved.tails, strict=True):
        np.testing.assert_array_equal(before.rows, now.rows)


def test_the_order_of_columns_does_not_change_a_statistic(contract: Contract) -> None:
    table = draw_staff(ROWS, 1)
    before = get_statistics(build_scores(pair_at(table, 180, contract)))
    now = get_statistics(build_scores(pair_at(table[table.columns[::-1]], 180, contract)))
    assert now == pytest.approx(before, rel=1e-6)


def test_the_order_of_rows_within_a_table_does_not_change_a_statistic(contract: Contract) -> None:
    table = draw_staff(ROWS, 1, missing=0.1)
    shuffled = [part.sample(frac=1, random_state=0) for part in (table[:180], table[180:])]
    before = get_statistics(build_scores(pair_at(table, 180, contract)))
    now = get_statistics(build_scores(pair_at(pd.concat(shuffled), 180, contract)))
    assert now == pytest.approx(before, rel=1e-6)


def test_nominal_statistics_are_pearsons_chi_square_of_unknown_margins(contract: Contract) -> None:
    """Permuted, the variance has N - 1 in the place of N."""
    table = draw_staff(ROWS, 2)
    statistics = get_statistics(build_scores(pair_at(table, 180, contract)))
    counts = pd.crosstab(np.arange(ROWS) >= 180, table["Department"])
    expected = stats.chi2_contingency(counts, correction=False).statistic * (ROWS - 1) / ROWS
    found = statistics[Family.VALUES, "chi-square, permuted", "Department"]
    assert found == pytest.approx(expected, rel=1e-9)


def test_ordinal_trends_are_the_correlation_of_ranks_with_the_side(contract: Contract) -> None:
    table = draw_staff(ROWS, 3)
    statistics = get_statistics(build_scores(pair_at(table, 180, contract)))
    r = np.corrcoef(stats.rankdata(table["JobLevel"]), np.arange(ROWS) >= 180)[0, 1]
    found = statistics[Family.VALUES, "trend, permuted", "JobLevel"]
    assert found == pytest.approx((ROWS - 1) * r**2, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_continuous_statistics_are_anderson_darlings_but_for_the_last_components(
    shift: float, contract: Contract
) -> None:
    rng = np.random.default_rng(4)
    before, now = rng.normal(size=300), rng.normal(shift, 1 + shift, 100)
    table = pd.DataFrame({"x": np.append(before, now)})
    statistics = get_statistics(build_scores(pair_at(table, 300, contract)))
    place = np.arange(1, 400)
    below = np.searchsorted(np.sort(before), np.sort(table["x"])[:-1], side="right")
    exact = np.sum((400 * below - 300 * place) ** 2 / (place * (400 - place))) / (300 * 100)
    # Components beyond the eighth have weights that add up to one ninth.
    found = statistics[Family.VALUES, "Anderson-Darling, permuted", "x"]
    assert found + 1 / 9 == pytest.approx(exact, abs=0.15)


def test_missing_values_count_neither_for_nor_against_a_shift(contract: Contract) -> None:
    table = draw_staff(ROWS, 5)
    kept_rows = (table.index % 3 > 0) | (table.index < 90)
    lost = table.assign(MonthlyIncome=table["MonthlyIncome"].where(kept_rows))
    known = lost[lost["MonthlyIncome"].notna()][["MonthlyIncome"]]
    kept = int((known.index < 180).sum())
    key = (Family.VALUES, "Anderson-Darling, permuted", "MonthlyIncome")
    of_all = get_statistics(build_scores(pair_at(lost[["MonthlyIncome"]], 180, contract)))
    of_known = get_statistics(build_scores(pair_at(known, kept, contract)))
    # The same sum of scores, held against as many rows as there are.
    scale = 180 * (ROWS - 180) / ROWS / (kept * (len(known) - kept) / len(known))
    assert kept / 180 != (len(known) - kept) / (ROWS - 180)
    assert of_all[key] * scale == pytest.approx(of_known[key], rel=1e-9)


def test_what_other_columns_explain_is_taken_out_of_a_column(contract: Contract) -> None:
    """A small rise of pay, and no other change: clear given the level, not by itself."""
    table = draw_staff(1200, 6)
    raised = table["MonthlyIncome"].where(table.index < 900, table["MonthlyIncome"] * 1.08)
    statistics = get_statistics(
        build_scores(pair_at(table.assign(MonthlyIncome=raised), 900, contract))
    )
    given = statistics[Family.CONDITIONAL, "mean given others", "MonthlyIncome"]
    r = np.corrcoef(stats.rankdata(raised), table.index >= 900)[0, 1]
    assert given > 15
    assert given > 4 * 1199 * r**2


def test_the_outermost_rows_are_scanned_and_those_further_out_counted(contract: Contract) -> None:
    table = pd.DataFrame({"x": [5.0, 1, 9, 9, np.nan, 7]})
    scores = build_scores(pair_at(table, 3, contract))
    high, low = scores.tails
    assert high.rows.tolist() == [2, 3, 5, 0, 1]
    assert high.beyond.tolist() == [0, 0, 2, 3, 4]
    assert low.rows.tolist() == [1, 0, 5, 2, 3]
    assert low.beyond.tolist() == [0, 1, 2, 3, 3]


def test_a_single_column_of_rare_levels_alone_has_its_test_of_levels(contract: Contract) -> None:
    table = pd.DataFrame({"Town": [f"town {place % 50}" for place in range(200)]})
    scores = build_scores(pair_at(table, 120, contract))
    assert [test.family for test in scores.tests] == [Family.VALUES]
    assert scores.blocks.shape == (200, 49)


def test_scores_that_do_not_vary_are_no_test(contract: Contract) -> None:
    """Two columns in all combinations equally often: no spread given the other is left to test."""
    table = pd.DataFrame({"a": ["x", "y"] * 40, "b": ["u", "u", "v", "v"] * 20})
    scores = build_scores(pair_at(table, 48, contract))
    methods = [test.method for test in scores.tests if test.family == Family.CONDITIONAL]
    assert methods == ["mean given others"] * 2
    assert np.isfinite(list(get_statistics(scores).values())).all()
