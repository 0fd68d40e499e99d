import numpy as np
import pytest
from scipy import stats

from attrition_assets.governance.chance import Cells, adjust_for_chance, tell_counts


def deal(seed: int, people: int = 120) -> tuple[np.ndarray, Cells]:
    """Flags that have nothing to do with three groups and a fourth that overlaps them."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, people)
    members = np.column_stack([*(group == each for each in range(3)), rng.random(people) < 0.3])
    return rng.random(people) < 0.3, Cells(members, family=np.array([1, 1, 1, 2]))


def test_a_count_is_told_by_the_tails_of_the_hypergeometric_distribution() -> None:
    people, flagged, group = 50, 20, 15
    count = np.arange(group + 1)
    known = stats.hypergeom(people, flagged, group)
    expected = np.minimum(1, 2 * np.minimum(known.cdf(count), known.sf(count - 1)))
    assert tell_counts(people, flagged, group) == pytest.approx(expected)


@pytest.mark.parametrize("flagged", [0, 20])
def test_where_nobody_or_everybody_is_flagged_nothing_is_told(flagged: int) -> None:
    assert tell_counts(20, flagged, 5)[5 if flagged else 0] == pytest.approx(1)


def test_dealing_flags_by_combination_is_dealing_them_person_by_person() -> None:
    flagged, cells = deal(seed=4)
    found = adjust_for_chance(flagged, cells, level=0.05, permutations=4999, seed=0)
    rng = np.random.default_rng(1)
    dealt = np.vstack([flagged, rng.permuted(np.tile(flagged, (4999, 1)), axis=1)])
    counts = dealt.astype(int) @ cells.members.astype(int)
    weight = np.array([3, 3, 3, 1]) * 2
    tells = [
        tell_counts(len(flagged), int(flagged.sum()), int(size))[count]
        for size, count in zip(cells.members.sum(axis=0), counts.T, strict=True)
    ]
    smallest = np.column_stack(tells) * weight
    by_hand = (smallest.min(axis=1)[:, None] <= smallest[0] * (1 + 1e-9)).mean(axis=0)
    assert found.p_values == pytest.approx(by_hand, abs=0.03)
    assert (found.p_values < 1).any()


def test_under_no_difference_some_group_stands_out_in_one_deal_of_twenty() -> None:
    smallest = []
    for seed in range(400):
        flagged, cells = deal(seed)
        found = adjust_for_chance(flagged, cells, level=0.05, permutations=199, seed=0)
        smallest.append(found.p_values.min())
    for level in (0.05, 0.2):
        low, high = stats.binom.interval(0.999, 400, level)
        assert (np.array(smallest) <= level).sum() <= high
        assert (np.array(smallest) <= 2 * level).sum() >= low


def test_what_stands_out_is_below_the_limit_of_its_group() -> None:
    rng = np.random.default_rng(0)
    _, cells = deal(seed=0, people=400)
    flagged = rng.random(400) < np.where(cells.members[:, 0], 0.15, 0.4)
    found = adjust_for_chance(flagged, cells, level=0.05, permutations=999, seed=0)
    own = [
        tell_counts(400, int(flagged.sum()), int(inside.sum()))[int(flagged[inside].sum())]
        for inside in cells.members.T
    ]
    assert found.p_values[0] <= 0.05
    assert list(np.array(own) <= found.limits * (1 + 1e-9)) == list(found.p_values <= 0.05)


def test_what_the_outcome_explains_is_no_difference_in_odds() -> None:
    rng = np.random.default_rng(0)
    _, cells = deal(seed=0, people=2000)
    left = (rng.random(2000) < np.where(cells.members[:, 0], 0.5, 0.1)).astype("int64")
    flagged = rng.random(2000) < np.where(left == 1, 0.8, 0.2)

    def adjust(flagged: np.ndarray, strata: np.ndarray | None) -> np.ndarray:
        return adjust_for_chance(
            flagged, cells, strata=strata, level=0.05, permutations=999, seed=0
        ).p_values

    assert adjust(flagged, None)[0] == pytest.approx(0.001)
    assert adjust(flagged, left).min() > 0.05
    missed = flagged & ~((left == 1) & cells.members[:, 1])
    assert adjust(missed, left)[1] == pytest.approx(0.001)
