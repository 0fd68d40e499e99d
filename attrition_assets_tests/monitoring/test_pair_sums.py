import numpy as np
import pandas as pd
import pytest

from attrition_assets.monitoring.pair_sums import PairSums, SampleSums
from attrition_assets.monitoring.table_summary import CODES


@pytest.fixture(params=["complete", "with missing values"])
def table(request: pytest.FixtureRequest) -> np.ndarray:
    """Codes that depend on each other; what is missing depends on the values too."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=(900, 4)) @ rng.normal(size=(4, 4)) + [0, 1, -2, 3]
    codes: np.ndarray = np.clip(np.round(60_000 + 2000 * values), 0, CODES - 1)
    if request.param == "with missing values":
        codes[codes[:, 1] > 64_000, 0] = np.nan
        codes[rng.random(900) < 0.3, 2] = np.nan
    return codes


def test_the_sums_of_two_parts_merged_are_those_of_the_whole(table: np.ndarray) -> None:
    for sums in (PairSums, SampleSums):
        assert sums.add_up(table[:300]).merge(sums.add_up(table[300:])) == sums.add_up(table)
        assert sums.add_up(np.tile(table, (3, 1))) == sums.add_up(table).multiply(3)


def test_sums_are_pythons_own_whole_numbers_up_to_the_fourth_power(table: np.ndarray) -> None:
    """The largest are some 10^22: no float holds them, and no 64 bits."""
    sums = SampleSums.add_up(table)
    for i, j in ((0, 0), (0, 1), (2, 0), (3, 2)):
        both = [(int(x), int(y)) for x, y in table[:, [i, j]] if not (np.isnan(x) or np.isnan(y))]
        assert sums.rows[i, j] == len(both)
        assert sums.sums[i, j] == sum(x for x, _ in both)
        assert sums.squares[i, j] == sum(x**2 for x, _ in both)
        assert sums.products[i, j] == sum(x * y for x, y in both)
        assert sums.cubes[i, j] == sum(x**3 for x, _ in both)
        assert sums.fourths[i, j] == sum(x**4 for x, _ in both)
        assert sums.square_firsts[i, j] == sum(x**2 * y for x, y in both)
        assert sums.cube_firsts[i, j] == sum(x**3 * y for x, y in both)
        assert sums.square_squares[i, j] == sum(x**2 * y**2 for x, y in both)
    assert SampleSums.from_lists(sums.to_lists()) == sums


def test_correlations_and_covariances_are_pandas_over_the_rows_that_have_both(
    table: np.ndarray,
) -> None:
    frame, sums = pd.DataFrame(table), PairSums.add_up(table)
    np.testing.assert_allclose(sums.means, frame.mean(), rtol=1e-12)
    np.testing.assert_allclose(sums.correlation, frame.corr(), rtol=1e-10)
    scale = ((sums.rows - 1) / sums.rows).astype(float)
    np.testing.assert_allclose(sums.covariance, frame.cov() * scale, rtol=1e-10)


def test_columns_that_vary_not_or_share_no_row_are_uncorrelated() -> None:
    nothing = np.nan
    table = np.array([[1.0, nothing, 5], [2, nothing, 5], [nothing, 3, 5], [nothing, 1, 5]])
    sums = PairSums.add_up(table)
    assert sums.correlation.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert np.isfinite(sums.covariance).all()


def test_nothing_is_said_of_pairs_that_share_few_rows_or_do_not_vary() -> None:
    rng = np.random.default_rng(2)
    table = rng.integers(0, 100, (5000, 4)).astype(float)
    table[10:, 0] = np.nan  # ten rows, which is enough
    table[4991:, 1] = np.nan
    table[:4991, 2] = np.nan  # nine rows, and none that has column 1
    table[:, 3] = 7
    sums = SampleSums.add_up(table)
    first, second = np.triu_indices(4, 1)
    found = sums.measure_influence(sums.correlation[first, second], first, second)
    assert np.isfinite(found).tolist() == [True, False, False, False, False, False]


def test_the_variance_of_a_correlation_is_that_of_its_influence_function(
    table: np.ndarray,
) -> None:
    """Over the rows that have both: z1 z2 - r (z1^2 + z2^2) / 2, of standardized values."""
    sums = SampleSums.add_up(table)
    first, second = np.triu_indices(4, 1)
    r = sums.correlation[first, second]
    found = sums.measure_influence(r, first, second)
    for place, (i, j) in enumerate(zip(first, second, strict=True)):
        both = table[~np.isnan(table[:, [i, j]]).any(axis=1)][:, [i, j]]
        z = (both - both.mean(axis=0)) / both.std(axis=0)
        influence = z[:, 0] * z[:, 1] - r[place] * (z**2).sum(axis=1) / 2
        assert found[place] == pytest.approx(influence.var(), abs=1e-9)
