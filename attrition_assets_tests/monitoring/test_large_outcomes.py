import numpy as np
import pytest

from attrition_assets.contract import Contract
from attrition_assets.monitoring import concept_drift, large_outcomes
from attrition_assets.monitoring.concept_columns import build_columns
from attrition_assets.monitoring.concept_drift import detect_concept_drift
from attrition_assets.monitoring.large_outcomes import add_up_in_parts
from attrition_assets.monitoring.outcomes import OutcomeSample
from attrition_assets.monitoring.policy import MonitoringPolicy
from attrition_assets.monitoring.residual_sums import add_up

from .conftest import MakeOutcomes


@pytest.fixture
def samples(make_outcomes: MakeOutcomes) -> tuple[OutcomeSample, OutcomeSample]:
    reference, current = make_outcomes(900, 0), make_outcomes(500, 1)
    return reference, current


def lose_some(sample: OutcomeSample) -> OutcomeSample:
    features = sample.features.astype({"Age": float}).copy()
    features.loc[features.index % 7 == 0, "Age"] = np.nan
    features.loc[features.index % 5 == 0, "OverTime"] = None
    return OutcomeSample(features, sample.left, sample.probability)


@pytest.mark.parametrize("missing", [False, True])
def test_sums_of_parts_are_those_of_the_whole(
    missing: bool,
    samples: tuple[OutcomeSample, OutcomeSample],
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(large_outcomes, "PART_ROWS", 170)
    reference, current = map(lose_some, samples) if missing else samples
    names, columns = build_columns(reference, current, contract)
    left = np.concatenate([reference.left, current.left])
    errors = left - np.concatenate([reference.probability, current.probability])
    whole = add_up(errors[:, None] * columns, left, np.arange(len(left)) >= reference.rows)
    found, parts = add_up_in_parts(reference, current, contract)
    assert found == names
    assert (parts.current_rows, parts.light_rows) == (whole.current_rows, whole.light_rows)
    for name in ("observed", "heavy", "light_mean"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), atol=1e-9)
    scatter = [sums.light_root.T @ sums.light_root for sums in (whole, parts)]
    np.testing.assert_allclose(scatter[0], scatter[1], atol=1e-9)


def test_with_many_leavers_none_is_drawn_and_the_p_value_is_the_same(
    samples: tuple[OutcomeSample, OutcomeSample],
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reference, current = samples
    by_name = detect_concept_drift(reference, {3: current}, contract, MonitoringPolicy(), 0)
    monkeypatch.setattr(concept_drift, "WHOLE_ROWS", 1_000)
    monkeypatch.setattr(large_outcomes, "MANY_LEAVERS", 30)
    monkeypatch.setattr(large_outcomes, "HEAVY", 1.0)  # a few leavers are much of so small a sum
    _, sums = add_up_in_parts(reference, current, contract)
    assert not len(sums.heavy)
    together = detect_concept_drift(reference, {3: current}, contract, MonitoringPolicy(), 0)
    assert together.finding == by_name.finding
    assert together.windows[0].p_value == pytest.approx(by_name.windows[0].p_value, abs=0.1)
