import numpy as np
import pandas as pd
import pytest

from attrition_assets.governance.behaviour import Behaviour, compare_behaviour
from attrition_assets_tests.conftest import declare_contract

CONTRACT = declare_contract(
    Team={"kind": "nominal", "role": "protected", "levels": ["A", "B", "C"]},
    Pay={"kind": "continuous", "role": "feature", "range": [0, 1]},
)
PEOPLE = pd.DataFrame({"Team": ["A"] * 50 + ["B"] * 40 + ["C"] * 10, "Pay": 0.5})


def compare(
    before: np.ndarray,
    after: np.ndarray,
    weighed: dict[str, float] | None = None,
    weighs: dict[str, float] | None = None,
) -> Behaviour:
    return compare_behaviour(
        PEOPLE,
        before,
        after,
        contract=CONTRACT,
        edges={},
        min_people=30,
        importance_before=weighed or {},
        importance_after=weighs or {},
    )


def test_flags_that_turn_are_counted_in_all_and_by_group() -> None:
    before, after = np.arange(100) < 20, (np.arange(100) >= 10) & (np.arange(100) < 55)
    found = compare(before, after)
    assert (found.everyone.on, found.everyone.off, found.everyone.share) == (35, 10, 0.45)
    by_group = {each.group: (each.people, each.on, each.off) for each in found.groups}
    assert by_group == {"Team: A": (50, 30, 10), "Team: B": (40, 5, 0)}
    table = found.render().splitlines()
    assert table[2] == "| everyone | 100 | 35 | 10 | 45.0% |"
    assert table[3].startswith("| Team: A | 50 | 30 | 10 | 80.0% |")


def test_the_same_flags_turn_nobody() -> None:
    flags = np.arange(100) % 2 == 0
    found = compare(flags, flags, {"A": 1.0, "B": 0.5}, {"A": 2.0, "B": 0.1})
    assert found.everyone.share == 0
    assert found.importance_correlation == pytest.approx(1)


def test_weights_that_are_not_on_record_are_not_compared() -> None:
    flags = np.ones(100, dtype=bool)
    assert compare(flags, flags, weighs={"A": 2.0}).importance_correlation is None
