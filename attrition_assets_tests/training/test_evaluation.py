import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from attrition_assets.contract import Contract
from attrition_assets.training.evaluation import choose_threshold, evaluate, find_leaks
from attrition_assets_tests.conftest import MakeSnapshot, declare_contract


def draw(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities around 20 %, and outcomes that happen with exactly these."""
    rng = np.random.default_rng(seed)
    probability = 1 / (1 + np.exp(1.5 - rng.normal(size=rows)))
    return (rng.random(rows) < probability).astype("int64"), probability


def test_every_metric_is_that_of_sklearn() -> None:
    left, probability = draw(500)
    evaluation = evaluate(left, probability)
    flagged = probability >= evaluation.threshold
    assert (evaluation.rows, evaluation.leavers) == (500, left.sum())
    assert evaluation.auc == metrics.roc_auc_score(left, probability)
    assert evaluation.average_precision == metrics.average_precision_score(left, probability)
    assert evaluation.log_loss == metrics.log_loss(left, probability)
    assert evaluation.brier == metrics.brier_score_loss(left, probability)
    assert evaluation.precision == metrics.precision_score(left, flagged)
    assert evaluation.recall == metrics.recall_score(left, flagged)
    assert evaluation.f2 == metrics.fbeta_score(left, flagged, beta=2)


def test_metrics_are_those_of_an_example_by_hand() -> None:
    left = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    probability = np.array([0.9, 0.8, 0.7, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
    evaluation = evaluate(left, probability)
    assert evaluation.auc == pytest.approx((8 + 7) / 16)
    assert evaluation.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    # Flagged are the first three: two leavers of three, none missed; F2 is 5 x 2/3 / (4 x 2/3 + 1).
    assert 0.1 < evaluation.threshold <= 0.7
    assert (evaluation.precision, evaluation.recall) == pytest.approx((2 / 3, 1))
    assert evaluation.f2 == pytest.approx(10 / 11)
    assert evaluation.brier == pytest.approx((0.01 + 0.64 + 0.09 + 7 * 0.01) / 10)
    assert evaluation.log_loss == pytest.approx(
        -(np.log(0.9) + np.log(0.2) + np.log(0.7) + 7 * np.log(0.9)) / 10
    )
    assert evaluation.base_rate_log_loss == pytest.approx(-0.2 * np.log(0.2) - 0.8 * np.log(0.8))
    # A row a bin.
    assert evaluation.calibration_error == pytest.approx((0.1 + 0.8 + 0.3 + 7 * 0.1) / 10)


def test_right_probabilities_are_calibrated_and_distorted_ones_have_their_slope() -> None:
    left, probability = draw(20_000)
    logit = np.log(probability / (1 - probability))
    assert evaluate(left, probability).calibration_slope == pytest.approx(1, abs=0.06)
    assert evaluate(left, probability).calibration_error < 0.02
    for factor in (2.0, 0.5):
        distorted = 1 / (1 + np.exp(-factor * logit))
        evaluation = evaluate(left, distorted)
        assert evaluation.calibration_slope == pytest.approx(1 / factor, rel=0.06)
        assert evaluation.calibration_error > 0.05


def test_the_slope_and_its_error_are_those_of_two_groups_by_hand() -> None:
    left = np.array([1] * 20 + [0] * 80 + [1] * 50 + [0] * 50)
    probability = np.repeat([0.2, 0.5], 100)
    evaluation = evaluate(left, probability)
    assert evaluation.calibration_slope == pytest.approx(1, abs=1e-3)
    # Each group's log-odds vary by 1 / (n p (1 - p)); between 0.2 and 0.5 lie log(4).
    by_hand = np.sqrt(1 / 16 + 1 / 25) / np.log(4)
    assert evaluation.calibration_slope_error == pytest.approx(by_hand, rel=1e-3)


def test_probabilities_of_zero_and_one_and_a_perfect_ranking_are_evaluated() -> None:
    left = np.array([0] * 180 + [1] * 20)
    evaluation = evaluate(left, left.astype("float64"))
    assert (evaluation.auc, evaluation.precision, evaluation.recall) == (1, 1, 1)
    assert np.isfinite(list(evaluation.model_dump().values())).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_percentile_has_a_better_f2_than_the_threshold(seed: int) -> None:
    left, probability = draw(300, seed)
    threshold = choose_threshold(left, probability)
    best = metrics.fbeta_score(left, probability >= threshold, beta=2)
    for percentile in range(50, 100):
        flagged = probability >= np.percentile(probability, percentile)
        assert metrics.fbeta_score(left, flagged, beta=2) <= best


SMALL = declare_contract(
    Clean={"kind": "continuous", "role": "feature", "range": [-10, 10], "missing": True},
    Rank={"kind": "ordinal", "role": "feature", "levels": [1, 2, 3]},
    Team={"kind": "nominal", "role": "feature", "levels": ["a", "b", "c"], "missing": True},
    Age={"kind": "continuous", "role": "protected", "range": [0, 99]},
)
LEFT = np.array([0, 0, 0, 0, 1, 1] * 50)


def small_table(**columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = {
        "Clean": rng.uniform(-10, 10, 300),
        "Rank": rng.integers(1, 4, 300),
        "Team": rng.choice(list("abc"), 300),
        "Age": LEFT,
    }
    return pd.DataFrame({**table, **columns}, index=range(1000, 1300))


def test_features_that_tell_nothing_are_no_leaks_and_others_are_not_looked_at() -> None:
    leaks = find_leaks(small_table(), LEFT, SMALL)
    assert set(leaks) == {"Clean", "Rank", "Team"}
    assert max(leaks.values()) < 0.6


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("Clean", LEFT * 3.0 + 1),
        ("Clean", -LEFT * 3.0),
        ("Clean", np.where(LEFT == 1, np.nan, np.linspace(-10, 10, 300))),
        ("Clean", np.where(LEFT == 0, np.nan, np.linspace(-10, 10, 300))),
        ("Rank", LEFT + 2),
        ("Rank", 3 - LEFT),
        ("Team", np.where(LEFT == 1, "b", "a")),
        ("Team", np.where(LEFT == 1, "b", np.tile(["a", "c"], 150))),
        ("Team", np.array([None if each else "a" for each in LEFT])),
    ],
)
def test_a_feature_that_tells_the_label_is_first_whichever_way_it_tells(
    column: str, values: np.ndarray
) -> None:
    leaks = find_leaks(small_table(**{column: values}), LEFT, SMALL)
    assert next(iter(leaks)) == column
    assert leaks[column] == 1
    assert max(auc for name, auc in leaks.items() if name != column) < 0.6


def test_a_leak_need_not_be_perfect_to_be_measured() -> None:
    noisy = np.where(np.arange(300) % 30 == 0, 1 - LEFT, LEFT)
    leaks = find_leaks(small_table(Rank=noisy + 1), LEFT, SMALL)
    assert leaks["Rank"] == pytest.approx(metrics.roc_auc_score(LEFT, noisy))


def test_a_feature_that_is_always_missing_tells_nothing() -> None:
    leaks = find_leaks(small_table(Clean=np.nan, Team=None), LEFT, SMALL)
    assert (leaks["Clean"], leaks["Team"]) == (0.5, 0.5)


def test_every_feature_of_a_month_is_measured(
    make_snapshot: MakeSnapshot, contract: Contract
) -> None:
    table = make_snapshot("2026-01", 400, 0)
    left = (table["Attrition"] == "Yes").to_numpy().astype("int64")
    leaks = find_leaks(table, left, contract)
    assert set(leaks) == set(contract.features)
    assert list(leaks.values()) == sorted(leaks.values(), reverse=True)
    auc = metrics.roc_auc_score(left, table["DailyRate"])
    assert leaks["DailyRate"] == pytest.approx(max(auc, 1 - auc))
