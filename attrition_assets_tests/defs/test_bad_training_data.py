"""Data that teach nothing: the retraining says so by name, and the champion scores on."""

import pandas as pd
import pytest

from attrition_assets.contract import Contract
from attrition_assets.demo import Loop

from .conftest import UNSEEN, Place, Walked


def send(place: Place, table: pd.DataFrame, contract: Contract, leavers: int) -> Loop:
    """A month whose rows say who left, and a loop that learns from it alone."""
    left = ["Yes"] * leavers + ["No"] * (len(table) - leavers)
    place.sent(UNSEEN).unlink(missing_ok=True)
    table.assign(**{contract.label: left}).to_parquet(place.sent(UNSEEN), index=False)
    (place.settings.data / "departures.parquet").unlink()
    alone = place.settings.model_copy(update={"training_months": 1})
    return Loop(alone, lambda line: None)


@pytest.mark.parametrize(
    ("leavers", "constant", "said"),
    [
        (0, False, "both_outcomes_occur: 1 outcomes among the labelled rows; at least 2 are"),
        (29, False, "enough_leavers: 29 rows that left within the horizon; at least 30 are needed"),
        (60, True, "features_vary: 0 of 27 features have more than one value among the labelled"),
    ],
)
def test_what_teaches_nothing_trains_nothing_and_the_champion_scores_on(
    leavers: int, constant: bool, said: str, place: Place, walked: Walked, contract: Contract
) -> None:
    people = walked.unseen
    if constant:
        alike = {name: people[name].iloc[0] for name in contract.features}
        # Of other people: a person's value that leaps by a unit's factor would be refused.
        people = people.assign(**alike, **{contract.id: people[contract.id] + 1_000_000})
    place_with_month = Place(place.settings, send(place, people, contract, leavers), place.instance)
    done = place_with_month.run(UNSEEN, "employee_snapshot", "predictions")
    assert done.success, place_with_month.why(done)
    assert pd.read_parquet(place.asset("predictions", UNSEEN))["model_version"].eq(2).all()
    why = place_with_month.why(place_with_month.retrain("2025-09"))
    assert said in why
    assert place.loop.registry.versions() == [1, 2]
    assert place.loop.registry.champion_version() == 2
