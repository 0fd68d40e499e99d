import doctest

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.governance import groups
from attrition_assets.governance.groups import cut_at, form_groups
from attrition_assets_tests.conftest import declare_contract


@pytest.fixture
def mixed() -> Contract:
    return declare_contract(
        Age={"kind": "continuous", "role": "protected", "range": [18, 75], "missing": True},
        Grade={"kind": "ordinal", "role": "protected", "levels": [1, 2, 3], "missing": True},
        Pay={"kind": "continuous", "role": "feature", "range": [0, 1]},
    )


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(groups) == doctest.TestResults(failed=0, attempted=1)


@pytest.mark.parametrize(
    ("edges", "integer", "names"),
    [
        ((30.0,), True, ("under 30", "30 and over")),
        ((30.0, 31.0), True, ("under 30", "30", "31 and over")),
        ((1.5, 2.5), False, ("under 1.5", "1.5 to under 2.5", "2.5 and over")),
    ],
)
def test_groups_of_numbers_are_named_by_what_they_hold(
    edges: tuple[float, ...], integer: bool, names: tuple[str, ...]
) -> None:
    assert cut_at(edges, integer=integer) == names


def test_everybody_is_in_one_group_of_each_partition(mixed: Contract) -> None:
    table = pd.DataFrame({"Age": [20.0, 29.9, 30.0, None, 50.0], "Grade": [1, 3, None, 2, 3]})
    age, grade, pair = form_groups(table, mixed, {"Age": (30,)})
    assert [age.groups[code] for code in age.codes] == [
        "under 30",
        "under 30",
        "30 and over",
        "unknown",
        "30 and over",
    ]
    assert [grade.groups[code] for code in grade.codes] == ["1", "3", "unknown", "2", "3"]
    assert [pair.groups[code] for code in pair.codes] == [
        "under 30, 1",
        "under 30, 3",
        "unknown",
        "unknown",
        "30 and over, 3",
    ]
    assert pair.name == "Age x Grade"
    assert list(pair.known) == [True, True, True, False]
    assert all(part.sizes.sum() == 5 for part in (age, grade, pair))


def test_ordinal_levels_are_groups_unless_edges_are_declared(mixed: Contract) -> None:
    table = pd.DataFrame({"Age": np.full(3, 40.0), "Grade": [1, 2, 3]})
    assert form_groups(table, mixed, {})[1].groups == ("1", "2", "3")
    assert form_groups(table, mixed, {"Grade": (3,)})[1].groups == ("under 3", "3 and over")


def test_an_attribute_of_one_value_or_of_none_is_one_group(mixed: Contract) -> None:
    table = pd.DataFrame({"Age": np.full(3, 40.0), "Grade": pd.array([None] * 3, "Int64")})
    age, grade, pair = form_groups(table, mixed, {})
    assert (len(age.groups), grade.groups, pair.groups) == (1, ("unknown",), ("unknown",))
