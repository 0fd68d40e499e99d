import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import log_loss, roc_auc_score

from attrition_assets.errors import ComparisonError
from attrition_assets.governance.paired import (
    PairedSample,
    measure_aucs,
    measure_loss_difference,
)

from .conftest import DrawModels, Drawn, Vector

FOUR = np.array([1, 1, 0, 0])
HALF = np.full(4, 0.5)


def measure_by_brute_force(drawn: Drawn) -> tuple[float, float]:
    """The paired difference and DeLong's error, from the kernel of every pair of rows."""

    def beats(probability: Vector) -> Vector:
        apart = probability[drawn.left][:, None] - probability[~drawn.left][None, :]
        return np.where(apart > 0, 1.0, np.where(apart == 0, 0.5, 0.0))

    pairs = beats(drawn.challenger) - beats(drawn.champion)
    of_leavers, of_stayers = pairs.mean(axis=1), pairs.mean(axis=0)
    variance = np.cov(of_leavers) / len(of_leavers) + np.cov(of_stayers) / len(of_stayers)
    return float(pairs.mean()), float(np.sqrt(variance))


@pytest.mark.parametrize("rounded", [False, True])
def test_one_row_a_person_gives_delongs_difference_and_error(
    rounded: bool, draw_models: DrawModels
) -> None:
    drawn = draw_models(0, -0.02)
    if rounded:  # so that there are ties
        drawn = drawn._replace(
            champion=drawn.champion.round(1), challenger=drawn.challenger.round(1)
        )
    champion, challenger, apart = measure_aucs(PairedSample.read(*drawn))
    assert champion[0] == pytest.approx(roc_auc_score(drawn.left, drawn.champion))
    assert challenger[0] == pytest.approx(roc_auc_score(drawn.left, drawn.challenger))
    assert apart == pytest.approx(measure_by_brute_force(drawn))


@pytest.mark.parametrize("repeats", [1, 4])
def test_the_errors_are_those_of_a_bootstrap_of_people(
    repeats: int, draw_models: DrawModels
) -> None:
    drawn = draw_models(1, leavers=150, stayers=300, repeats=repeats)
    sample = PairedSample.read(*drawn)
    rng, differences, losses = np.random.default_rng(0), [], []
    for _ in range(400):
        # Leavers and stayers apart, as their numbers are fixed in the draw.
        chosen = np.concatenate([rng.integers(0, 150, 150), rng.integers(150, 450, 300)])
        rows = (chosen[:, None] * repeats + np.arange(repeats)).ravel()
        again = PairedSample(
            drawn.left[rows], drawn.champion[rows], drawn.challenger[rows], drawn.people[rows]
        )
        differences.append(measure_aucs(again)[2][0])
        losses.append(measure_loss_difference(again)[0])
    # A bootstrap of 400 has a standard error of 3.5 %.
    assert measure_aucs(sample)[2][1] == pytest.approx(np.std(differences), rel=0.15)
    assert measure_loss_difference(sample)[1] == pytest.approx(np.std(losses), rel=0.15)


def test_a_leaver_who_stayed_before_counts_once_with_both_outcomes() -> None:
    # Persons 0 and 1 stay, then leave; 2 and 3 stay. Leavers' .9 and .2 beat 4 and 1 of the four
    # stayers' .5, .1, .3, .4, which are beaten by 1, 2, 1 and 1 of two.
    left = np.array([0, 1, 0, 1, 0, 0])
    champion = np.array([0.5, 0.9, 0.1, 0.2, 0.3, 0.4])
    people = np.array([0, 0, 1, 1, 2, 3])
    champions, challengers, apart = measure_aucs(
        PairedSample.read(left, champion, np.full(6, 0.5), people)
    )
    rising = np.array([1 - 0.625, 0.25 - 0.625, 0, 0]) / 2
    falling = np.array([0.5, 1, 0.5, 0.5]) / 4 - 0.625 / 4
    variance = (
        2 / 1 * (rising**2).sum() + 4 / 3 * (falling**2).sum() + 2 * 4 / 3 * (rising @ falling)
    )
    assert champions == pytest.approx((0.625, np.sqrt(variance)))
    assert challengers == (0.5, 0.0)
    assert apart == pytest.approx((-0.125, np.sqrt(variance)))


def test_doubled_rows_tell_no_more_by_person_and_seem_to_by_row(draw_models: DrawModels) -> None:
    once = draw_models(2)
    left, champion, challenger, people = (np.repeat(each, 2) for each in once)
    sample = PairedSample.read(*once)
    doubled = PairedSample.read(left, champion, challenger, people)
    strangers = PairedSample.read(left, champion, challenger, np.arange(len(left)))
    for measure in (lambda each: measure_aucs(each)[2], measure_loss_difference):
        assert measure(doubled) == pytest.approx(measure(sample))
        assert measure(strangers)[1] == pytest.approx(measure(sample)[1] / np.sqrt(2), rel=0.01)


def test_the_loss_difference_is_that_of_sklearn_with_the_error_of_the_mean_of_pairs(
    draw_models: DrawModels,
) -> None:
    left, champion, challenger, _ = drawn = draw_models(3)
    value, error = measure_loss_difference(PairedSample.read(*drawn))
    assert value == pytest.approx(log_loss(left, challenger) - log_loss(left, champion))
    before, after = (-np.log(np.where(left, each, 1 - each)) for each in (champion, challenger))
    assert error == pytest.approx(stats.sem(after - before))


@pytest.mark.parametrize(
    ("left", "champion", "challenger", "people", "told"),
    [
        (FOUR, HALF[:3], HALF, FOUR, "left 4, champion 3, challenger 4, people 4"),
        (FOUR, HALF, HALF, FOUR[:2], "left 4, champion 4, challenger 4, people 2"),
        (FOUR, HALF.reshape(2, 2), HALF, FOUR, r"champion \(2, 2\): give one value a row"),
        ([1, 0, 2, np.nan], HALF, HALF, FOUR, "left: 2 of 4 values are neither 0 nor 1"),
        (["Yes", "No", "No", "No"], HALF, HALF, FOUR, "left: holds <U3, not numbers"),
        (FOUR, [0.1, np.nan, 0.1, 0.1], HALF, FOUR, "champion: 1 of 4 .* missing or outside"),
        (FOUR, HALF, [0.1, 1.1, -0.1, np.inf], FOUR, "challenger: 3 of 4 .* missing or outside"),
        (FOUR, HALF, HALF, [1, 2, None, 4], "people: 1 of 4 rows have no id"),
    ],
)
def test_what_cannot_be_compared_is_named(
    left: object, champion: object, challenger: object, people: object, told: str
) -> None:
    with pytest.raises(ComparisonError, match=told):
        PairedSample.read(left, champion, challenger, people)  # type: ignore[arg-type]
