import numpy as np
import pandas as pd
import pytest

from attrition_assets.training.evaluation import Evaluation, evaluate
from attrition_assets.training.gates import LEAK_AUC, MODEL_CHECKS, check_model
from attrition_assets.training.reference import LABEL, ReferenceData
from attrition_assets.validation.verdicts import Verdict
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(
    Pay={"kind": "continuous", "role": "feature", "range": [-9, 9]},
    Team={"kind": "nominal", "role": "feature", "levels": ["a", "b"]},
)
PROBABILITY = 1 / (1 + np.exp(1.5 - np.random.default_rng(0).normal(size=2000)))
LEFT = (np.random.default_rng(1).random(2000) < PROBABILITY).astype("int64")
GOOD = evaluate(LEFT, PROBABILITY)


def check(evaluation: Evaluation = GOOD, /, **columns: object) -> dict[str, Verdict]:
    rng = np.random.default_rng(2)
    table = pd.DataFrame(
        {"Pay": rng.normal(size=2000), "Team": rng.choice(["a", "b"], 2000), **columns}
    )
    table[LABEL] = LEFT.astype("float64")
    unknown = table.head(50).assign(**{LABEL: np.nan})
    rows = pd.concat([table, unknown], ignore_index=True)
    reference = ReferenceData(rows, pd.Period("2026-01", freq="M"), CONTRACT)
    return check_model(evaluation, reference, CONTRACT)


def test_a_sound_model_passes_every_gate() -> None:
    verdicts = check()
    assert tuple(verdicts) == tuple(MODEL_CHECKS)
    assert all(verdict.holds for verdict in verdicts.values())


def test_a_model_no_better_than_the_base_rate_does_not_pass() -> None:
    shuffled = np.random.default_rng(3).permutation(PROBABILITY)
    verdict = check(evaluate(LEFT, shuffled))["better_than_base_rate"]
    assert not verdict.holds
    assert verdict.value is not None
    assert verdict.limit is not None
    assert verdict.value > verdict.limit
    assert verdict.explanation == (
        f"log-loss {verdict.value:.4f} out of fold; the base rate alone has {verdict.limit:.4f}"
    )


def test_the_base_rate_itself_is_not_better_than_itself() -> None:
    constant = evaluate(LEFT, np.full(2000, LEFT.mean()))
    assert not check(constant)["better_than_base_rate"].holds


@pytest.mark.parametrize(
    ("slope", "holds"),
    [(0.49, False), (0.51, True), (1.0, True), (1.59, True), (1.61, False), (-1.0, False)],
)
def test_the_slope_of_calibration_has_two_limits_that_its_interval_must_reach(
    slope: float, holds: bool
) -> None:
    measured = {"calibration_slope": slope, "calibration_slope_error": 0.2 / 1.96}
    verdict = check(GOOD.model_copy(update=measured))["calibrated"]
    assert verdict.holds == holds
    assert verdict.value == slope
    assert verdict.explanation.startswith(
        f"calibration slope {slope:.2f}, 95 % interval {slope - 0.2:.2f} to {slope + 0.2:.2f}, "
        "which must reach into 0.7 to 1.4"
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [("Pay", LEFT * 2.0), ("Pay", -LEFT * 2.0), ("Team", np.where(LEFT == 1, "a", "b"))],
)
def test_a_feature_that_tells_the_label_does_not_pass_and_is_named(
    name: str, values: np.ndarray
) -> None:
    verdicts = check(**{name: values})
    assert [each for each, verdict in verdicts.items() if not verdict.holds] == [
        "no_leaking_feature"
    ]
    verdict = verdicts["no_leaking_feature"]
    assert (verdict.value, verdict.limit) == (1, LEAK_AUC)
    assert verdict.explanation.startswith(
        f"{name} alone has an AUC of 1.000, the highest of 2 features; at most 0.95 is accepted"
    )
    assert "set its role to ignored" in verdict.explanation
