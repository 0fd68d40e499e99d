import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from sklearn.metrics import roc_auc_score

from attrition_assets.errors import ComparisonError
from attrition_assets.governance.comparison import (
    Comparison,
    Recommendation,
    accept_loss,
    compare_models,
)

from .conftest import DrawModels, Drawn

KEEP, PROMOTE, CANNOT_TELL = (
    Recommendation.KEEP,
    Recommendation.PROMOTE,
    Recommendation.CANNOT_TELL,
)


def compare(drawn: Drawn, *, same_recipe: bool = True) -> Comparison:
    left, champion, challenger, people = drawn
    return compare_models(left, champion, challenger, people=people, same_recipe=same_recipe)


def count_promotions(
    draw_models: DrawModels, difference: float, tries: int, *, same_recipe: bool
) -> int:
    return sum(
        compare(draw_models(seed, difference), same_recipe=same_recipe).verdict == PROMOTE
        for seed in range(tries)
    )


def test_a_better_retrain_is_promoted_with_its_numbers_in_words(draw_models: DrawModels) -> None:
    drawn = draw_models(0, 0.03)
    found = compare(drawn)
    assert found.verdict == PROMOTE
    assert (found.people, found.rows, found.leavers) == (600, 600, 150)
    assert found.champion_auc is not None
    assert found.challenger_auc is not None
    assert found.auc_difference is not None
    assert found.champion_auc.value == pytest.approx(roc_auc_score(drawn.left, drawn.champion))
    assert found.challenger_auc.value == pytest.approx(roc_auc_score(drawn.left, drawn.challenger))
    assert found.auc_difference.value == pytest.approx(
        found.challenger_auc.value - found.champion_auc.value
    )
    width = stats.norm.ppf(0.975) * found.auc_difference.error
    assert found.auc_difference.high - found.auc_difference.value == pytest.approx(width)
    assert found.auc_difference.value - found.auc_difference.low == pytest.approx(width)
    assert found.reasons == (
        f"AUC {found.challenger_auc} against the champion's {found.champion_auc}, difference "
        f"{found.auc_difference}: not worse by 0.01, the margin of a retrain of the same recipe "
        f"(one-sided p = {found.p_value:.2g}, limit 0.05)",
        f"log-loss {found.log_loss_difference}: within the 0.0100 accepted",
        "150 leavers among 600 people, 600 rows",
    )


def test_a_worse_challenger_is_kept_out_whatever_its_recipe(draw_models: DrawModels) -> None:
    for same_recipe, told in ((True, "may be worse by 0.01"), (False, "not shown to be better")):
        found = compare(draw_models(0, -0.03), same_recipe=same_recipe)
        assert found.verdict == KEEP
        assert told in found.reasons[0]


def test_a_retrain_is_held_against_the_margin_and_a_new_recipe_against_the_champion(
    draw_models: DrawModels,
) -> None:
    drawn = draw_models(0)
    # The same ranks: no difference, and none of its errors.
    same = drawn._replace(challenger=drawn.champion)
    assert compare(same, same_recipe=True).verdict == PROMOTE
    assert compare(same, same_recipe=False).verdict == KEEP
    for same_recipe, limit in ((True, -0.01), (False, 0.0)):
        found = compare(drawn, same_recipe=same_recipe)
        assert found.auc_difference is not None
        z = (found.auc_difference.value - limit) / found.auc_difference.error
        assert found.p_value == pytest.approx(stats.norm.sf(z))


def test_a_challenger_that_ranks_better_but_doubles_the_odds_is_kept_out(
    draw_models: DrawModels,
) -> None:
    found = compare(draw_models(0, 0.02, shift=1.0))
    assert found.p_value is not None
    assert found.p_value < 0.05
    assert found.verdict == KEEP
    assert "higher by more than the 0.0100 accepted" in found.reasons[1]


def test_less_log_loss_is_accepted_at_a_low_base_rate_and_never_above_a_hundredth() -> None:
    assert accept_loss(0.05) == pytest.approx(0.0225 * 0.1985, abs=1e-5)
    assert accept_loss(0.16) == pytest.approx(0.0099, abs=1e-4)
    assert accept_loss(0.5) == 0.01


def test_149_leavers_cannot_tell_and_150_can(draw_models: DrawModels) -> None:
    drawn = draw_models(0, 0.05)
    assert compare(drawn).verdict == PROMOTE
    found = compare(
        Drawn(drawn.left[1:], drawn.champion[1:], drawn.challenger[1:], drawn.people[1:])
    )
    assert found.verdict == CANNOT_TELL
    assert found.leavers == 149
    assert found.auc_difference is not None
    assert found.reasons == (
        "149 distinct people who left, in 599 rows; 150 are needed: wait for more outcomes",
    )


def test_leavers_are_counted_by_person_and_not_by_row(draw_models: DrawModels) -> None:
    found = compare(draw_models(0, 0.05, leavers=100, stayers=300, repeats=4))
    assert found.verdict == CANNOT_TELL
    assert (found.people, found.rows, found.leavers) == (400, 1600, 100)


@pytest.mark.parametrize("everyone", [0, 1])
def test_one_outcome_alone_cannot_tell(everyone: int, draw_models: DrawModels) -> None:
    drawn = draw_models(0, 0.05)
    found = compare(drawn._replace(left=np.full(600, everyone, dtype=bool)))
    assert found.verdict == CANNOT_TELL
    assert found.reasons[0].startswith("0 distinct people who ")
    assert found.auc_difference is None


def test_nobody_at_all_cannot_tell() -> None:
    nothing = np.empty(0)
    found = compare_models(nothing, nothing, nothing, people=nothing, same_recipe=True)
    assert found.verdict == CANNOT_TELL
    assert (found.people, found.rows, found.leavers) == (0, 0, 0)


@pytest.mark.parametrize("whose", ["champion", "challenger"])
@pytest.mark.parametrize("same_recipe", [True, False])
def test_constant_probabilities_cannot_tell(
    whose: str, same_recipe: bool, draw_models: DrawModels
) -> None:
    drawn = draw_models(0, 0.05)._replace(**{whose: np.full(600, 0.25)})
    found = compare(drawn, same_recipe=same_recipe)
    assert found.verdict == CANNOT_TELL
    assert found.reasons == (f"the {whose} gives everyone the same probability",)


def test_a_difference_without_spread_cannot_tell(draw_models: DrawModels) -> None:
    left = draw_models(0).left
    drawn = Drawn(left, np.where(left, 0.2, 0.3), np.where(left, 0.3, 0.2), np.arange(600))
    assert compare(drawn).verdict == CANNOT_TELL
    assert "without any spread" in compare(drawn).reasons[0]


@pytest.mark.parametrize("whose", ["champion", "challenger"])
def test_a_missing_probability_is_an_error(whose: str, draw_models: DrawModels) -> None:
    drawn = draw_models(0, 0.05)
    holed = np.where(np.arange(600) == 7, np.nan, drawn.champion)
    with pytest.raises(ComparisonError, match=f"{whose}: 1 of 600 probabilities are missing"):
        compare(drawn._replace(**{whose: holed}))


def test_nothing_is_promoted_without_numbers() -> None:
    with pytest.raises(ValidationError, match="without a measured difference"):
        Comparison(verdict=PROMOTE, reasons=(), same_recipe=True, people=9, rows=9, leavers=9)


def test_the_order_of_the_rows_changes_nothing(draw_models: DrawModels) -> None:
    drawn = draw_models(0, 0.01, repeats=3)
    order = np.random.default_rng(0).permutation(len(drawn.left))
    named = np.array([f"person {each}" for each in drawn.people])
    before, after = (
        compare(drawn),
        compare_models(*(each[order] for each in drawn[:3]), people=named[order], same_recipe=True),
    )
    assert after.reasons == before.reasons
    assert after.auc_difference is not None
    assert before.auc_difference is not None
    assert after.auc_difference.model_dump() == pytest.approx(before.auc_difference.model_dump())


@pytest.mark.parametrize("repeats", [1, 3])
def test_the_interval_holds_the_truth_as_often_as_it_says(
    repeats: int, draw_models: DrawModels
) -> None:
    tries, held = 150, 0
    for seed in range(tries):
        apart = compare(draw_models(seed, -0.02, stayers=300, repeats=repeats)).auc_difference
        assert apart is not None
        held += apart.low <= -0.02 <= apart.high
    # An interval of 95 % leaves these bounds once in 10,000 choices of seeds, either way.
    low, high = stats.binom.ppf(1e-4, tries, 0.95), stats.binom.isf(1e-4, tries, 0.95)
    assert low <= held <= high


def test_a_loss_of_the_margin_or_more_is_promoted_as_rarely_as_declared(
    draw_models: DrawModels,
) -> None:
    tries = 150
    at_margin, beyond = (
        count_promotions(draw_models, difference, tries, same_recipe=True)
        for difference in (-0.01, -0.02)
    )
    # 5 % at the margin, which is passed once in 10,000 choices of seeds; beyond it, far fewer.
    assert at_margin <= stats.binom.isf(1e-4, tries, 0.05)
    assert beyond <= 0.05 * tries


def test_a_new_recipe_that_is_no_better_is_promoted_as_rarely_as_declared(
    draw_models: DrawModels,
) -> None:
    tries = 150
    promoted = count_promotions(draw_models, 0.0, tries, same_recipe=False)
    # A right test leaves this interval once in 10,000 choices of seeds, either way.
    low, high = stats.binom.ppf(1e-4, tries, 0.05), stats.binom.isf(1e-4, tries, 0.05)
    assert low <= promoted <= high


def test_a_gain_of_three_hundredths_is_seldom_missed(draw_models: DrawModels) -> None:
    tries = 60
    for same_recipe in (True, False):
        promoted = count_promotions(draw_models, 0.03, tries, same_recipe=same_recipe)
        # Measured at 97 % and more; below 80 % is less than one in 10,000 choices of seeds.
        assert promoted >= 0.8 * tries
