"""The arithmetic that the benchmarks' figures rest on."""

import runpy
from typing import Any

import numpy as np
import pytest
from scipy import stats

from attrition_assets.settings import PROJECT_ROOT

MEASURES = runpy.run_path(str(PROJECT_ROOT / "scripts" / "model_measures.py"))


def make_folds(count: int, rows: int, seed: int = 0) -> list[Any]:
    """Folds of people who leave as often as their probability says."""
    rng = np.random.default_rng(seed)
    folds = []
    for _ in range(count):
        probability = rng.beta(1, 4, rows)
        left = (rng.random(rows) < probability).astype("int64")
        folds.append(MEASURES["Fold"](left, probability, probability > 0.2))
    return folds


def test_the_interval_knows_that_folds_learn_from_the_same_people() -> None:
    values = np.array([0.80, 0.84, 0.85, 0.81, 0.90])
    found = MEASURES["estimate_mean"](values, folds=5)
    independent = stats.t.ppf(0.975, 4) * values.std(ddof=1) / np.sqrt(5)
    assert found.value == pytest.approx(0.84)
    assert found.high - found.value == pytest.approx(1.5 * independent)  # sqrt(1 + 5 / 4)
    assert found.value - found.low == pytest.approx(1.5 * independent)


def test_more_repeats_of_the_same_folds_never_make_it_sure() -> None:
    values = np.random.default_rng(0).normal(0.8, 0.1, 100_000)
    found = MEASURES["estimate_mean"](values, folds=5)
    assert found.high - found.value == pytest.approx(1.96 * 0.1 * np.sqrt(1 / 4), rel=0.02)


def test_calibration_error_is_about_nothing_if_calibrated_and_the_bias_if_not() -> None:
    (fold,) = make_folds(1, 100_000)
    measure = MEASURES["measure_calibration_error"]
    assert measure(fold) < 0.01
    shifted = MEASURES["Fold"](fold.left, fold.probability + 0.1, fold.flagged)
    assert measure(shifted) == pytest.approx(0.1, abs=0.01)


def test_a_measure_of_all_folds_together_is_the_mean_of_its_values_a_fold() -> None:
    folds = make_folds(5, 200)
    whole = MEASURES["Fold"](
        *(np.concatenate([getattr(f, name) for f in folds]) for name in vars(folds[0]))
    )
    for name, measure in MEASURES["POOLED_MEASURES"].items():
        assert MEASURES["measure_folds"]([folds], name).mean() == pytest.approx(measure(whole))


def test_leaving_folds_out_gives_a_mean_its_own_values(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = make_folds(5, 200)
    monkeypatch.setitem(MEASURES["POOLED_MEASURES"], "rate", lambda fold: float(fold.left.mean()))
    found = MEASURES["measure_folds"]([folds], "rate")
    assert found == pytest.approx([fold.left.mean() for fold in folds])
