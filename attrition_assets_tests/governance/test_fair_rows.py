from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from attrition_assets.errors import ComparisonError
from attrition_assets.governance.comparison import Recommendation, compare_models
from attrition_assets.governance.fair_rows import FairRows, select_fair_rows
from attrition_assets.months import last_day
from attrition_assets.training.reference import LABEL, STEP_LABEL, ReferenceData
from attrition_assets_tests.conftest import declare_contract

PAY = {"kind": "continuous", "role": "feature", "range": [0, 10]}
CONTRACT = declare_contract(Pay=PAY)
AS_OF = pd.Period("2025-12", freq="M")
QUARTERS = list(pd.period_range("2024-12", "2025-12", freq="M"))[::3]
SCORED = 0.9


def make_reference(people: int = 400, leavers: int = 60) -> ReferenceData:
    """The same people every quarter, each time others leave; the newest is not labelled yet."""
    parts = []
    for number, month in enumerate(QUARTERS):
        left = np.roll(np.arange(people) < leavers, number * leavers).astype("float64")
        known = left if month < AS_OF else np.nan
        table = {"Id": np.arange(people), "Date": last_day(month), "Pay": 5.0}
        parts.append(pd.DataFrame(table).assign(**{LABEL: known, STEP_LABEL: known}))
    return ReferenceData(pd.concat(parts, ignore_index=True), AS_OF, CONTRACT)


def hold_out(reference: ReferenceData, months: Iterable[pd.Period], offset: float) -> pd.DataFrame:
    """A table of held-out probabilities that tell the row: the id and the month."""
    rows = reference.table.loc[reference.table["Date"].isin([last_day(each) for each in months])]
    probability = rows["Id"] / 1000 + rows["Date"].dt.month / 10_000 + offset
    return rows[["Id", "Date"]].assign(probability=probability)


def score(table: pd.DataFrame) -> pd.Series:
    return pd.Series(SCORED + table["Id"] / 10_000, index=table.index)


def select(
    reference: ReferenceData,
    *,
    champion_as_of: str = "2025-06",
    champion_months: Iterable[pd.Period] = QUARTERS[:2],
) -> FairRows:
    return select_fair_rows(
        reference,
        hold_out(reference, QUARTERS[:-1], offset=0.0),
        champion_as_of=pd.Period(champion_as_of, freq="M"),
        champion_held_out=hold_out(reference, champion_months, offset=0.3),
        score=score,
    )


def months_of(rows: FairRows) -> list[str]:
    return [str(each) for each in rows.snapshots]


def test_the_champion_scores_what_is_later_and_its_held_out_probability_is_taken_before() -> None:
    rows = select(make_reference())
    # Two quarters hold 120 leavers, three 180: one of them is older than the champion.
    assert months_of(rows) == ["2025-03", "2025-06", "2025-09"]
    assert (len(rows.left), rows.left.sum(), rows.held_out, rows.left_out) == (1200, 180, 400, 0)
    people = np.arange(400)
    assert rows.people.tolist() == [*people, *people, *people]
    assert rows.champion[:400] == pytest.approx(people / 1000 + 0.0003 + 0.3)
    assert rows.champion[400:800] == pytest.approx(SCORED + people / 10_000)
    assert rows.challenger[:400] == pytest.approx(people / 1000 + 0.0003)
    assert rows.challenger[800:] == pytest.approx(people / 1000 + 0.0009)


def test_the_champions_own_month_is_later_and_the_month_before_is_not() -> None:
    assert select(make_reference(), champion_as_of="2025-03").held_out == 0
    assert select(make_reference(), champion_as_of="2025-04").held_out == 400


def test_rows_that_would_flatter_the_champion_are_left_out() -> None:
    reference = make_reference()
    part = hold_out(reference, [QUARTERS[1]], offset=0.3).query("Id < 100")
    rows = select_fair_rows(
        reference,
        hold_out(reference, QUARTERS[:-1], offset=0.0),
        champion_as_of=pd.Period("2025-06", freq="M"),
        champion_held_out=part,
        score=score,
    )
    assert (rows.held_out, rows.left_out, len(rows.left)) == (100, 300, 900)


@pytest.mark.parametrize(
    ("people", "leavers", "months"),
    [
        (640, 160, ["2025-09"]),
        (600, 150, ["2025-09"]),
        (640, 149, ["2025-06", "2025-09"]),
        (599, 150, ["2025-06", "2025-09"]),
        (400, 60, ["2025-03", "2025-06", "2025-09"]),
    ],
)
def test_snapshots_are_pooled_until_there_are_rows_and_leavers_enough(
    people: int, leavers: int, months: list[str]
) -> None:
    assert months_of(select(make_reference(people, leavers), champion_as_of="2024-12")) == months


def test_all_are_taken_where_there_are_never_enough_and_the_comparison_cannot_tell() -> None:
    rows = select(make_reference(100, 10))
    assert len(rows.snapshots) == 4
    found = compare_models(
        rows.left, rows.champion, rows.challenger, people=rows.people, same_recipe=True
    )
    assert found.verdict == Recommendation.CANNOT_TELL
    assert (found.people, found.rows, found.leavers) == (100, 400, 40)


def test_a_champion_of_the_same_month_is_compared_by_held_out_probabilities_alone() -> None:
    def refuse(table: pd.DataFrame) -> pd.Series:
        raise AssertionError(f"{len(table)} rows that the champion learned from were scored")

    reference = make_reference()
    rows = select_fair_rows(
        reference,
        hold_out(reference, QUARTERS[:-1], offset=0.0),
        champion_as_of=AS_OF,
        champion_held_out=hold_out(reference, QUARTERS[:-1], offset=0.3),
        score=refuse,
    )
    assert rows.held_out == len(rows.left) == 1200
    assert rows.champion == pytest.approx(rows.challenger + 0.3)


def test_without_a_fair_row_it_is_said_when_there_will_be_one() -> None:
    with pytest.raises(ComparisonError, match="learned as of 2025-12 and held none of them out"):
        select(make_reference(), champion_as_of="2025-12", champion_months=[])


def test_tables_of_another_training_are_refused() -> None:
    reference = make_reference()
    full = hold_out(reference, QUARTERS[:-1], offset=0.0)
    twice = pd.concat([full, full.head(3)])
    holed = full.assign(probability=full["probability"].where(full["Id"] > 0))
    for challenger, champion, told in (
        (full.head(1590), full, "challenger: 10 of 1600 labelled rows have no held-out"),
        (twice, full, "challenger: 3 held-out rows repeat Id and Date"),
        (full, twice, "champion: 3 held-out rows repeat Id and Date"),
        (full, holed, "champion: 4 held-out rows have no probability"),
    ):
        with pytest.raises(ComparisonError, match=told):
            select_fair_rows(
                reference,
                challenger,
                champion_as_of=AS_OF,
                champion_held_out=champion,
                score=score,
            )
