import re
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from attrition_assets.contract import Contract
from attrition_assets.training import families, folds, search
from attrition_assets.training.evaluation import measure_calibration_slope
from attrition_assets.training.families import C_RANGE, Family, build_pipeline
from attrition_assets.training.features import select_features
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData
from attrition_assets.training.search import train_model
from attrition_assets_tests.conftest import declare_contract

JANUARY = pd.Period("2026-01", freq="M")
DATE = pd.Timestamp("2026-01-31")
CONTRACT = declare_contract(
    Team={"kind": "nominal", "role": "feature", "levels": ["a", "b", "c"]},
    **{f"X{i}": {"kind": "continuous", "role": "feature", "range": [-9, 9]} for i in range(3)},
)


train = partial(train_model, families=(Family.LOGISTIC,))


def make_reference(seed: int = 0, rows: int = 300) -> ReferenceData:
    """People who leave by X0 and their team; every tenth outcome is unknown, half of those
    are known within the step."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {"Id": np.arange(rows), "Team": rng.choice(list("abc"), rows)}
        | {f"X{i}": rng.normal(size=rows).clip(-9, 9) for i in range(3)}
    )
    odds = np.exp(-1 + table["X0"] + (table["Team"] == "b"))
    left = (rng.random(rows) < odds / (1 + odds)).astype("float64")
    labels = {LABEL: left.mask(table.index % 10 == 0), STEP_LABEL: left.mask(table.index % 20 == 0)}
    return ReferenceData(table.assign(**labels, Date=DATE), JANUARY, CONTRACT)


def test_same_data_and_seed_give_the_same_model_to_the_bit() -> None:
    models = [train(make_reference(), CONTRACT, trials=4, seed=7) for _ in range(2)]
    first, second = models
    assert first.params == second.params
    assert first.pipeline["model"].coef_.tobytes() == second.pipeline["model"].coef_.tobytes()
    assert first.pipeline["model"].intercept_.tobytes() == (
        second.pipeline["model"].intercept_.tobytes()
    )
    assert first.out_of_fold.tobytes() == second.out_of_fold.tobytes()


def test_another_seed_deals_other_folds() -> None:
    # One trial is of the defaults, so that the models differ by folds alone.
    first, second = (train(make_reference(), CONTRACT, trials=1, seed=each) for each in (0, 1))
    assert first.params == second.params
    assert (first.out_of_fold != second.out_of_fold).any()


def test_the_final_fit_is_on_all_labelled_rows_with_what_the_search_found() -> None:
    reference, lines = make_reference(), list[str]()
    trained = train(reference, CONTRACT, trials=6, report=lines.append)
    assert trained.params["C"] == trained.pipeline["model"].C
    assert trained.calibration is None
    rows = reference.labelled
    by_hand = build_pipeline(CONTRACT, trained.params).fit(
        select_features(rows, CONTRACT), rows[LABEL].to_numpy(dtype="int64")
    )
    assert trained.pipeline["model"].coef_.tobytes() == by_hand["model"].coef_.tobytes()
    found = [each for line in lines for each in re.findall(r"C=(\S+), log-loss (\S+)", line)]
    assert len(found) == 6
    best = min(found, key=lambda pair: float(pair[1]))
    assert f"{trained.params['C']:.4g}" == best[0]
    loss = log_loss(rows[LABEL], trained.out_of_fold)
    assert f"{loss:.4f}" == best[1]


def test_each_trial_reports_a_line_and_stays_in_its_range() -> None:
    lines: list[str] = []
    trained = train(make_reference(), CONTRACT, trials=3, report=lines.append)
    trials = [line.split(":")[0] for line in lines if line.startswith("trial")]
    assert trials == [f"trial {each} of 3" for each in (1, 2, 3)]
    assert C_RANGE[0] <= float(trained.params["C"]) <= C_RANGE[1]
    assert (trained.trials, trained.reproducible) == (3, True)


def test_rows_whose_outcome_is_unknown_train_nothing() -> None:
    reference = make_reference()
    moved = reference.table.copy()
    moved.loc[moved[LABEL].isna(), "X0"] = 9.0
    one, other = (
        train(ReferenceData(table, JANUARY, CONTRACT), CONTRACT, trials=1)
        for table in (reference.table, moved)
    )
    assert one.pipeline["model"].coef_.tobytes() == other.pipeline["model"].coef_.tobytes()
    assert len(one.out_of_fold) == 270


def make_twins() -> tuple[ReferenceData, Contract]:
    """Sixty people of forty noisy numbers, ten equal rows each, who leave by the toss of a coin.

    Whoever has seen a person knows the outcome; of the others nothing tells.
    """
    contract = declare_contract(
        **{f"X{i}": {"kind": "continuous", "role": "feature", "range": [-9, 9]} for i in range(40)}
    )
    rng = np.random.default_rng(0)
    people = pd.DataFrame(rng.normal(size=(60, 40)).clip(-9, 9), columns=list(contract.features))
    left = rng.permutation([0.0, 1.0] * 30)
    people = people.assign(Id=range(60), **{LABEL: left, STEP_LABEL: left})
    rows = pd.concat([people] * 10, ignore_index=True).assign(Date=DATE)
    return ReferenceData(rows, JANUARY, contract), contract


def test_nobody_stands_on_both_sides_of_a_fold() -> None:
    reference, contract = make_twins()
    left = reference.labelled[LABEL]
    trained = train(reference, contract, trials=2)
    seen = trained.pipeline.predict_proba(select_features(reference.labelled, contract))[:, 1]
    assert roc_auc_score(left, seen) > 0.9
    assert roc_auc_score(left, trained.out_of_fold) < 0.65


def test_the_same_rows_of_other_people_would_tell() -> None:
    reference, contract = make_twins()
    strangers = reference.table.assign(Id=range(600))
    trained = train(ReferenceData(strangers, JANUARY, contract), contract, trials=2)
    assert roc_auc_score(strangers[LABEL], trained.out_of_fold) > 0.9


def test_all_rows_of_a_person_are_scored_by_one_model_that_has_not_seen_them() -> None:
    reference, contract = make_twins()
    scores = train(reference, contract, trials=1).out_of_fold
    by_person = pd.Series(scores).groupby(reference.labelled["Id"]).nunique()
    assert by_person.eq(1).all()


def test_rows_between_are_scored_by_a_model_that_has_not_seen_the_person() -> None:
    reference, contract = make_twins()
    table = reference.table.assign(Row=np.arange(600) // 60)
    table.loc[table["Row"] == 9, LABEL] = np.nan
    strangers = table[table["Row"] == 9].assign(Id=range(1000, 1060))
    between = ReferenceData(pd.concat([table, strangers], ignore_index=True), JANUARY, contract)
    trained = train(between, contract, trials=1)
    outcomes = between.outcomes
    assert (len(trained.out_of_fold), len(trained.held_out)) == (540, 660)
    np.testing.assert_array_equal(trained.held_out[:540], trained.out_of_fold)
    scores = pd.Series(trained.held_out[:600]).groupby(outcomes["Id"].head(600))
    assert (scores.max() - scores.min()).max() < 1e-12
    assert outcomes["Id"].tail(60).tolist() == strangers["Id"].tolist()
    assert np.isfinite(trained.held_out).all()


def test_without_rows_between_the_held_out_scores_are_those_out_of_fold() -> None:
    reference, contract = make_twins()
    trained = train(reference, contract, trials=1)
    np.testing.assert_array_equal(trained.held_out, trained.out_of_fold)


@pytest.mark.parametrize("seconds", [1e-9, 0.05])
def test_a_search_cut_short_still_gives_a_model_and_says_so(seconds: float) -> None:
    trained = train(make_reference(), CONTRACT, trials=10_000, seconds=seconds)
    assert 1 <= trained.trials < 10_000
    assert not trained.reproducible
    assert trained.params["C"] == trained.pipeline["model"].C


def test_a_cap_that_was_not_hit_changes_nothing() -> None:
    capped, free = (
        train(make_reference(), CONTRACT, trials=3, seconds=each) for each in (3600, None)
    )
    assert capped.reproducible
    assert capped.params == free.params


def test_the_real_table_trains_a_model_that_is_better_than_chance(
    cast_ibm_table: pd.DataFrame, contract: Contract
) -> None:
    left = (cast_ibm_table["Attrition"] == "Yes").astype("float64")
    table = cast_ibm_table.assign(**{LABEL: left, STEP_LABEL: left})
    reference = ReferenceData(table, JANUARY, contract)
    trained = train(reference, contract, trials=2)
    assert roc_auc_score(left, trained.out_of_fold) > 0.75


def test_of_too_many_rows_a_model_learns_from_those_of_some_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference, contract = make_twins()
    whole = train(reference, contract, trials=1)
    monkeypatch.setattr(folds, "LEARNED_ROWS", 300)
    monkeypatch.setattr(search, "PART_ROWS", 70)
    lines: list[str] = []
    trained = train(reference, contract, trials=1, report=lines.append)
    assert (whole.learned_rows, trained.learned_rows) == (600, 300)
    assert lines[0] == "the model learns from 300 of 600 labelled rows"
    by_person = pd.Series(trained.out_of_fold).groupby(reference.labelled["Id"])
    assert (by_person.max() - by_person.min()).max() < 1e-12
    assert len(trained.held_out) == 600
    # Whom a model has learned it tells well: half of the people are strangers to it.
    scores = trained.pipeline.predict_proba(select_features(reference.labelled, contract))[:, 1]
    errors = np.abs(scores - reference.labelled[LABEL]).groupby(reference.labelled["Id"]).first()
    assert (errors < 0.5).sum() < 60
    assert roc_auc_score(reference.labelled[LABEL], trained.out_of_fold) < 0.65


def test_a_model_whose_slope_is_off_is_calibrated_and_its_held_out_scores_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Far too strong a penalty makes the scores too tame.
    monkeypatch.setitem(families.DEFAULTS, Family.LOGISTIC, {"family": "logistic", "C": 1e-3})
    reference = make_reference(seed=5, rows=2000)
    lines: list[str] = []
    trained = train(reference, CONTRACT, trials=1, report=lines.append)
    assert trained.calibration is not None
    assert trained.calibration[1] > 1.2
    assert any(line.startswith("calibrated: the out-of-fold slope was") for line in lines)
    left = reference.labelled[LABEL].to_numpy(dtype="int64")
    slope, error = measure_calibration_slope(left, logit(trained.out_of_fold))
    assert abs(slope - 1) < 2 * error
    scores = trained.pipeline.predict_proba(select_features(reference.labelled, CONTRACT))[:, 1]
    assert scores.mean() == pytest.approx(left.mean(), abs=0.02)


def test_a_model_that_tells_nothing_is_not_turned_round_by_calibration() -> None:
    reference, contract = make_twins()
    trained = train(reference, contract, trials=1)
    assert trained.calibration is None or trained.calibration[1] > 0


def test_old_rows_teach_less_the_shorter_the_half_life() -> None:
    rng = np.random.default_rng(0)
    reference = make_reference(seed=1, rows=1200)
    old = np.arange(1200) < 600
    dates = [pd.Timestamp("2024-01-31") if each else DATE for each in old]
    turned = np.where(old, -1.0, 1.0) * reference.table["X0"]
    left = (rng.random(1200) < 1 / (1 + np.exp(1 - 2 * turned))).astype("float64")
    table = reference.table.assign(Date=pd.to_datetime(dates), **{LABEL: left, STEP_LABEL: left})
    effects = []
    for half_life in (0, 12, 3):
        trained = train(
            ReferenceData(table, JANUARY, CONTRACT), CONTRACT, trials=1, half_life_months=half_life
        )
        newest = table[~old]
        scores = trained.pipeline.predict_proba(select_features(newest, CONTRACT))[:, 1]
        effects.append(np.corrcoef(scores, newest["X0"])[0, 1])
    assert effects[0] < effects[1] < effects[2]
    assert effects[2] > 0.9


def test_each_fit_learns_with_weights_of_one_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    means: list[float] = []

    class Watched(LogisticRegression):  # type: ignore[misc]  # scikit-learn has no types
        def fit(self, X: Any, y: Any, sample_weight: np.ndarray) -> Any:
            means.append(float(sample_weight.mean()))
            return super().fit(X, y, sample_weight)

    monkeypatch.setattr(families, "LogisticRegression", Watched)
    reference = make_reference(rows=1200)
    months = pd.date_range("2025-08-31", periods=6, freq="ME")
    table = reference.table.assign(Date=months[np.arange(1200) % 6])
    train(ReferenceData(table, JANUARY, CONTRACT), CONTRACT, trials=2, half_life_months=2)
    # Five folds a trial, five that score everyone out of fold, and the model itself.
    assert means == pytest.approx([1.0] * 16)


def test_another_family_is_chosen_only_where_it_is_clearly_better() -> None:
    plain = train_model(make_reference(rows=300), CONTRACT, trials=2)
    assert plain.recipe == "logistic-2"
    kept = train_model(
        make_reference(rows=300),
        CONTRACT,
        trials=2,
        first={"family": "boosting", "learning_rate": 0.1, "max_depth": 1},
    )
    assert kept.recipe == "boosting-2"
    rng = np.random.default_rng(0)
    reference = make_reference(rows=1000)
    together = reference.table["X0"] * reference.table["X1"] > 0
    left = (rng.random(1000) < np.where(together, 0.7, 0.1)).astype("float64")
    table = reference.table.assign(**{LABEL: left, STEP_LABEL: left})
    crossed = train_model(ReferenceData(table, JANUARY, CONTRACT), CONTRACT, trials=2)
    assert crossed.recipe == "boosting-2"
