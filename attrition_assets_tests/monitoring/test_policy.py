import pytest
from pydantic import ValidationError

from attrition_assets.monitoring.policy import MonitoringPolicy


@pytest.mark.parametrize(
    "fault", [{"level": 0}, {"level": 1}, {"effect_floor": 1}, {"leval": 0.05}]
)
def test_a_limit_out_of_range_or_unknown_is_refused(fault: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(fault))):
        MonitoringPolicy.model_validate(fault)


def test_four_quarterly_evaluations_stay_within_five_percent_a_year() -> None:
    policy = MonitoringPolicy()
    assert 4 * policy.concept_level <= 0.05
    assert 4 * policy.performance_level <= 0.05
