"""Numbers about groups: what they say, and what nobody can find out from them."""

import numpy as np
import pandas as pd
import pytest

from attrition_assets.contract import read_contract
from attrition_assets.serving.aggregates import (
    OverviewPolicy,
    break_down,
    choose_columns,
    hide_flagged,
    hide_groups,
    share_flagged,
    summarize_month,
)


def people(**counts: tuple[int, int]) -> pd.DataFrame:
    """Scored people: by level how many there are, and how many of them are flagged."""
    levels = [level for level, (count, _) in counts.items() for _ in range(count)]
    flags = [at < flagged for count, flagged in counts.values() for at in range(count)]
    return pd.DataFrame(
        {"Site": levels, "flag": flags, "probability": np.where(flags, 0.5, 0.1)}
    ).assign(model_version=1)


def test_groups_are_told_in_the_order_of_the_contract() -> None:
    told = break_down(people(b=(20, 10), a=(10, 0)), "Site", ("a", "b"), foremost=True)
    assert [(each.level, each.people, each.flagged_share) for each in told.groups] == [
        ("a", 10, 0.0),
        ("b", 20, 0.5),
    ]
    assert told.groups[1].mean_probability == pytest.approx(0.3)
    assert told.hidden == 0


def test_a_group_of_fewer_than_five_is_hidden_together_with_the_next_smallest() -> None:
    told = break_down(people(a=(4, 0), b=(9, 0), c=(30, 0)), "Site", ("a", "b", "c"), foremost=True)
    assert [each.level for each in told.groups] == ["c"]
    assert told.hidden == 2


def test_small_groups_that_hide_each_other_need_no_further_one() -> None:
    assert hide_groups(pd.Series({"a": 4, "b": 3, "c": 30})) == {"a", "b"}
    assert hide_groups(pd.Series({"a": 2, "b": 1, "c": 30, "d": 40})) == {"a", "b", "c"}


def test_nothing_is_hidden_where_all_groups_are_large() -> None:
    assert hide_groups(pd.Series({"a": 5, "b": 300})) == set()


def test_a_share_of_few_flagged_is_not_told_nor_to_be_found_by_subtraction() -> None:
    told = break_down(
        people(a=(40, 3), b=(50, 10), c=(60, 20)), "Site", ("a", "b", "c"), foremost=True
    )
    assert [each.flagged_share for each in told.groups] == [None, None, pytest.approx(1 / 3)]


def test_nobody_flagged_can_be_told() -> None:
    told = break_down(people(a=(40, 0), b=(50, 10)), "Site", ("a", "b"), foremost=True)
    assert [each.flagged_share for each in told.groups] == [0.0, 0.2]


def test_in_no_drawn_company_can_a_small_group_be_found_out() -> None:
    """Whatever is not told is at least two unknowns, or of five people and more."""
    rng = np.random.default_rng(0)
    for _ in range(500):
        sizes = pd.Series(rng.integers(1, 12, rng.integers(1, 7)))
        flagged = pd.Series([int(rng.integers(0, size + 1)) for size in sizes])
        hidden = hide_groups(sizes)
        shown = [level for level in sizes.index if level not in hidden]
        assert all(sizes[level] >= 5 for level in shown)
        assert (
            not hidden
            or not shown
            or (len(hidden) > 1 and sizes[sizes.index.isin(list(hidden))].sum() >= 5)
        )
        untold = hide_flagged(flagged, hidden)
        assert not any(0 < flagged[level] < 5 for level in shown if level not in untold)
        unknown = len(untold) + bool(hidden)
        rest = flagged.sum() - sum(flagged[level] for level in shown if level not in untold)
        if unknown == 1 and len(shown) > len(untold):
            assert not 0 < rest < 5


def test_the_policy_names_the_columns_that_come_first() -> None:
    contract = read_contract()
    chosen = choose_columns(contract, OverviewPolicy(groups=("JobLevel", "Gender", "Department")))
    assert chosen[:2] == ("JobLevel", "Department")  # a protected attribute is for the audit
    assert "MonthlyIncome" not in chosen and "Age" not in chosen


def test_a_month_of_four_people_tells_nothing_of_them() -> None:
    told = summarize_month("2026-01", people(a=(4, 2)), read_contract(), OverviewPolicy())
    assert (told.mean_probability, told.flagged_share, told.breakdowns) == (None, None, ())


@pytest.mark.parametrize(
    ("flagged", "all_people", "share"), [(0, 10, 0.0), (4, 100, None), (5, 10, 0.5), (2, 4, None)]
)
def test_a_share_flagged_is_of_five_or_of_nobody(
    flagged: int, all_people: int, share: float | None
) -> None:
    assert share_flagged(flagged, all_people) == share
