"""Measures out of fold, held against scikit-learn's and against the bootstrap by person."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, fbeta_score, log_loss

from attrition_assets.governance import out_of_fold
from attrition_assets.governance.out_of_fold import (
    choose_rows,
    measure_merit,
    measure_out_of_fold,
    split_average_precision,
)

PEOPLE, ROWS, THRESHOLD = 300, 3, 0.2


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who left, tied probabilities and whose row it is; a person's rows resemble each other."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(PEOPLE), ROWS)
    true = 1 / (1 + np.exp(2 - rng.normal(size=PEOPLE)[people]))
    noisy = true + 0.1 * rng.normal(size=len(people))
    return rng.random(len(people)) < true, np.clip(np.round(noisy, 2), 0.01, 0.99), people


def test_the_values_are_those_of_scikit_learn() -> None:
    left, probability, people = draw(0)
    found = measure_out_of_fold(left, probability, people, THRESHOLD)
    flagged = probability >= THRESHOLD
    known = {
        "average precision": average_precision_score(left, probability),
        "log-loss": log_loss(left, probability),
        "Brier score": brier_score_loss(left, probability),
        "F2": fbeta_score(left, flagged, beta=2),
        "flagged": flagged.mean(),
    }
    assert {name: found[name].value for name in known} == pytest.approx(known)
    assert abs(split_average_precision(left, probability)[1].sum()) < 1e-9
    assert measure_merit(left.astype("int64"), probability, people, 0.2).measures == found


def test_the_intervals_are_about_those_of_the_bootstrap_by_person() -> None:
    left, probability, people = draw(1)
    found = measure_out_of_fold(left, probability, people, THRESHOLD)
    rng, drawn = np.random.default_rng(2), []
    for _ in range(200):
        chosen = rng.integers(0, PEOPLE, PEOPLE)
        rows = (chosen[:, None] * ROWS + np.arange(ROWS)).ravel()
        again = measure_out_of_fold(left[rows], probability[rows], people[rows], THRESHOLD)
        drawn.append({name: each.value for name, each in again.items()})
    # 200 draws know a width to about 5 %.
    widths = 2 * 1.96 * pd.DataFrame(drawn).std()
    ours = pd.Series({name: each.high - each.low for name, each in found.items()})
    assert (ours / widths).between(0.8, 1.25).all(), ours / widths


def test_without_anybody_flagged_there_is_no_precision() -> None:
    left, probability, people = draw(3)
    found = measure_out_of_fold(left, probability, people, 1.0)
    assert "precision" not in found
    assert found["recall"].value == 0


def test_of_very_many_rows_those_of_some_people_are_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = pd.Series(np.repeat(np.arange(PEOPLE), ROWS))
    assert len(choose_rows(people)) == len(people)
    monkeypatch.setattr(out_of_fold, "MOST_ROWS", 300)
    rows = choose_rows(people)
    assert len(rows) == 300
    assert (people[rows].value_counts() == ROWS).all()
